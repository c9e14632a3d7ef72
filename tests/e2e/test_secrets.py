"""Keys, the user's words and the model's words, planted and then looked for, after every way to fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.dialects import MESSAGES, RESPONSES, events, script
from tests.harness import Daemon, Simulator, config, daemon, provider, wait_for

UPSTREAM_KEY = "sk-upstream-canary-5f1d"
CLIENT_KEY = "sk-client-canary-77a0"
MANAGEMENT_KEY = "sk-management-canary-c3"
HEADER = "header-canary-91be"
USER = "user-canary-tells-a-story"
MODEL = "model-canary-sings-a-song"
CANARIES = (UPSTREAM_KEY, CLIENT_KEY, MANAGEMENT_KEY, HEADER, USER, MODEL)

PROMPT = f"{USER} {script({'text': f'{MODEL} ' * 40})}"
HEADERS = {"authorization": f"Bearer {CLIENT_KEY}", "x-custom": HEADER}
MANAGED = {"authorization": f"Bearer {MANAGEMENT_KEY}"}
PAGES = ("/healthz", "/readyz", "/metrics", "/v1/models")
MANAGEMENT = ("auths", "models", "providers", "packycode", "tppc")


def config_text(upstream: Simulator, **settings: object) -> str:
    return config(
        provider("fox", upstream, api_key="env:FOX_KEY", **settings),
        disable_cooling=True,
        request_retry=0,
        api_keys=["env:CLIENT_KEY"],
        remote_management={"secret-key": "env:MANAGEMENT_KEY"},
    )


@pytest.fixture(scope="module")
def planted(_first: Simulator) -> Iterator[Daemon]:
    env = {"FOX_KEY": UPSTREAM_KEY, "CLIENT_KEY": CLIENT_KEY, "MANAGEMENT_KEY": MANAGEMENT_KEY}
    with daemon(config_text(_first), "--log-level", "debug", env=env) as running:
        yield running


def ask(gateway: Daemon, **fields: object) -> httpx.Response:
    return gateway.post(MESSAGES.path, MESSAGES.request(PROMPT, **fields), headers=HEADERS)


def stream(gateway: Daemon) -> None:
    with gateway.stream(MESSAGES.path, MESSAGES.request(PROMPT, stream=True), headers=HEADERS) as response:
        for _ in events(response):
            pass


def _status(upstream: Simulator, gateway: Daemon) -> str:
    upstream.fail("server_error", "rate_limit", "overloaded", "html", "bad_gateway")
    return "".join(ask(gateway).text for _ in range(5))


def _refused_key(upstream: Simulator, gateway: Daemon) -> str:
    told = {"fault": "unauthorized", "message": f"Incorrect API key provided: {UPSTREAM_KEY}."}
    upstream.fail(told, told | {"fault": "forbidden"})
    return "".join(ask(gateway).text for _ in range(2))


def _echoed_key(upstream: Simulator, gateway: Daemon) -> str:
    upstream.fail({"fault": "server_error", "message": f"cannot use {UPSTREAM_KEY} now"})
    return ask(gateway).text


def _broken_stream(upstream: Simulator, gateway: Daemon) -> str:
    late = [{"fault": fault, "after": 30} for fault in ("cut", "end", "error_event", "failed", "malformed")]
    upstream.fail(*late)
    for _ in late:
        stream(gateway)
    return ""


def _early_break(upstream: Simulator, gateway: Daemon) -> str:
    early = [{"fault": fault, "after": 2} for fault in ("cut", "end", "error_event", "failed", "malformed")]
    upstream.fail(*early)
    return "".join(ask(gateway).text for fault in early if fault["fault"] != "malformed")


def _hang_up(upstream: Simulator, gateway: Daemon) -> str:
    upstream.fail({"fault": "stall", "after": 40, "seconds": 600})
    body = MESSAGES.request(PROMPT, stream=True)
    with gateway.stream(MESSAGES.path, body, headers=HEADERS) as response:
        flow = events(response)
        next(flow)
    wait_for(lambda: upstream.open_requests() == 0, "the hang-up to be seen")
    return ""


def _wrong_client_key(upstream: Simulator, gateway: Daemon) -> str:
    wrong = {"authorization": f"Bearer {HEADER}", "x-api-key": HEADER}
    answer = gateway.post(MESSAGES.path, MESSAGES.request(PROMPT), headers=wrong)
    assert answer.status_code == 401
    return answer.text


def _nonsense(upstream: Simulator, gateway: Daemon) -> str:
    bodies = (f'{{"messages": "{USER}', f'{{"model": "gpt-5", "max_tokens": 9, "messages": "{USER}"}}', f'["{USER}"]')
    answers = [
        gateway.http.post(gateway.url + path, content=body.encode(), headers=HEADERS)
        for body in bodies
        for path in (MESSAGES.path, RESPONSES.path)
    ]
    return "".join(answer.text for answer in answers)


def _bad_request(upstream: Simulator, gateway: Daemon) -> str:
    fields: list[dict[str, object]] = [
        {"thread": {"type": USER}},
        {"max_tokens": USER},
        {"model": 7, "metadata": {"user_id": USER}},
        {"messages": [{"role": "narrator", "content": USER}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": {USER: MODEL}}]}]},
    ]
    answers = [ask(gateway, **each) for each in fields]
    assert all(answer.status_code == 400 for answer in answers)
    return "".join(answer.text for answer in answers)


def _broken_config(upstream: Simulator, gateway: Daemon) -> str:
    good = gateway.config.read_text("utf-8")
    for broken in (f"tppc: {{api-key: {UPSTREAM_KEY}", f"api-keys: {{x: {CLIENT_KEY}}}\n", f"port: {UPSTREAM_KEY}\n"):
        gateway.save(broken)
        wait_for(lambda: "successful 0.0" in gateway.get("/metrics").text, "the refusal")
        health = gateway.get("/healthz").text
        gateway.save(good)
        wait_for(lambda: "successful 1.0" in gateway.get("/metrics").text, "the recovery")
    return health


def _unresolved_reference(upstream: Simulator, gateway: Daemon) -> str:
    good = gateway.config.read_text("utf-8")
    gateway.save(good.replace("env:FOX_KEY", "file:/nowhere/at/all"))
    wait_for(lambda: "successful 0.0" in gateway.get("/metrics").text, "the refusal")
    gateway.save(good)
    wait_for(lambda: "successful 1.0" in gateway.get("/metrics").text, "the recovery")
    return ""


def _reload(upstream: Simulator, gateway: Daemon) -> str:
    good = gateway.config.read_text("utf-8")
    gateway.reload(config_text(upstream, headers={"x-extra": HEADER}))
    gateway.reload(good)
    return ""


FAILURES: dict[str, Callable[[Simulator, Daemon], str]] = {
    "statuses": _status,
    "a key refused by name": _refused_key,
    "a key echoed in an error": _echoed_key,
    "streams that break": _broken_stream,
    "answers that break early": _early_break,
    "a client that hangs up": _hang_up,
    "a wrong client key": _wrong_client_key,
    "bodies that make no sense": _nonsense,
    "requests that are refused": _bad_request,
    "a broken config.yaml": _broken_config,
    "a reference to nowhere": _unresolved_reference,
    "reloads": _reload,
}


@pytest.mark.parametrize("failure", FAILURES)
def test_nothing_planted_is_found_anywhere(upstream: Simulator, planted: Daemon, failure: str) -> None:
    answers = FAILURES[failure](upstream, planted)
    pages = [planted.get(path, headers=HEADERS).text for path in PAGES]
    pages += [planted.get(f"/v0/management/{name}", headers=MANAGED).text for name in MANAGEMENT]
    files = [
        path.read_bytes().decode("utf-8", "replace") for path in planted.state_directory.rglob("*") if path.is_file()
    ]
    places = {"an answer": answers, "the log": planted.log, "a page": "".join(pages), "a file": "".join(files)}
    found = [(canary, place) for canary in CANARIES for place, text in places.items() if canary in text]
    assert found == []


def test_what_was_planted_did_reach_where_it_belongs(upstream: Simulator, planted: Daemon) -> None:
    answer = ask(planted)
    assert MODEL in answer.text
    assert USER in str(upstream.requests[-1]["body"])
