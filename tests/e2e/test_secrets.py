"""Keys, the user's words and the model's words, planted and then looked for, after every way to fail."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from tests.dialects import CHAT, DIALECTS, MESSAGES, RESPONSES, events, script
from tests.e2e.echoing import PLACES, SILENT, EchoingServer, echoing, odd_answer
from tests.harness import Daemon, Simulator, config, daemon, provider, tppcd, wait_for

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


# --- upstreams that quote what was sent to them -----------------------------------------------------

PASSWORD = "pr#xy p@ss-11ff"
QUOTED = {
    "the key": "sk-planted-5f1d/q+z=77",
    "a header": "hdr-literal-91be77aa",
    "a header of the environment": 'hdr-env "3c4d" & more',
    "a header of a file": "hdr-file-8877dd",
    "what follows a scheme": "hdr-scheme-66cc",
    "a cookie": "cookie-value-2277",
    "the client's header": "client-copied-55aa",
    "the proxy's password": PASSWORD,
    "the path": "PATHKEY-secret99",
    "the query": "query-secret-4477",
    "a short header": "tok-7",
}
"""Where it is configured -> the secret."""

OF_THE_REQUEST = ("the client's header",)
"""What no check of ours sends."""

FORMS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "URL-encoded": lambda text: quote(text, safe=""),
    "in base64": lambda text: b64encode(text.encode()).decode(),
    "with its scheme in base64": lambda text: b64encode(f"Bearer {text}".encode()).decode(),
}
WIRES = ("responses", "chat", "messages")


def said() -> str:
    """Every secret in every form, in an order in which none of them hides another."""
    texts = [form(secret) for form in FORMS.values() for secret in QUOTED.values()]
    user = b64encode(f"user:{PASSWORD}".encode()).decode()
    return " ".join(["said", *texts]) + f" Basic {user}"


def leaks(text: str, *but: str) -> list[str]:
    found = [
        f"{place}, {name}"
        for place, secret in QUOTED.items()
        for name, form in FORMS.items()
        if place not in but and (form(secret) in text or json.dumps(form(secret))[1:-1] in text)
    ]
    pair = b64encode(f"user:{PASSWORD}".encode()).decode()
    return found + ["user and password in base64"] * (pair in text)


def quoting_config(url: str, file: Path) -> str:
    file.write_text(QUOTED["a header of a file"])
    return config(
        *(
            provider(
                wire,
                f"http://{url}/{QUOTED['the path']}/v1?token={QUOTED['the query']}",
                api_key="env:FOX_KEY",
                wire_api=wire,
                models=["m"],
                timeouts={"first-event": 20, "idle": 20},
                proxy_url=f"http://user:{quote(PASSWORD, safe='')}@{url}",
                headers={
                    "x-literal": QUOTED["a header"],
                    "x-env": "env:HEADER",
                    "x-file": f"file:{file}",
                    "x-auth": f"Bearer {QUOTED['what follows a scheme']}",
                    "cookie": f"a=1; session={QUOTED['a cookie']}",
                    "x-copy": "$X-Client-Token",
                    "x-short": QUOTED["a short header"],
                },
            )
            for wire in WIRES
        ),
        disable_cooling=True,
        request_retry=0,
        remote_management={"secret-key": "env:MANAGEMENT_KEY"},
    )


ENVIRONMENT = {
    "FOX_KEY": QUOTED["the key"],
    "HEADER": QUOTED["a header of the environment"],
    "MANAGEMENT_KEY": MANAGEMENT_KEY,
}


@pytest.fixture(scope="module")
def quoting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EchoingServer, Daemon]]:
    with echoing() as upstream:
        text = quoting_config(upstream.url, tmp_path_factory.mktemp("header") / "header.txt")
        with daemon(text, "--log-level", "debug", env=ENVIRONMENT) as running:
            yield upstream, running


@pytest.mark.parametrize("place", PLACES)
def test_no_secret_that_an_upstream_quotes_comes_out(quoting: tuple[EchoingServer, Daemon], place: str) -> None:
    """On three entries and three wires, streamed and not: in no body, event or header, nor in what is shown beside."""
    upstream, gateway = quoting
    upstream.say(said(), place)
    outputs: dict[str, str] = {}
    for entry, dialect in DIALECTS.items():
        for wire in WIRES:
            for stream in (False, True):
                body = dialect.request("hello", stream=stream) | {"model": f"{wire}/m"}
                answer = gateway.post(dialect.path, body, headers={"x-client-token": QUOTED["the client's header"]})
                assert "said" in answer.text or place in SILENT
                outputs[f"{entry} over {wire}, streamed: {stream}"] = f"{answer.text}\n{answer.headers!r}"
    tests = [gateway.post(f"/v0/management/providers/{wire}/test", {}, headers=MANAGED) for wire in WIRES]
    outputs |= {path: gateway.get(path).text for path in ("/metrics", "/healthz", "/v1/models")}
    outputs["the log"] = gateway.log
    outputs["audit.jsonl"] = (gateway.state_directory / "audit.jsonl").read_text()
    found = {name: leaks(text) for name, text in outputs.items()}
    # Who manages sees the provider's address.
    found["the provider test"] = [
        leak for test in tests for leak in leaks(test.raise_for_status().text, *OF_THE_REQUEST, "the path")
    ]
    found["/auths"] = leaks(gateway.get("/v0/management/auths", headers=MANAGED).text, "the path")
    assert {name: leaks for name, leaks in found.items() if leaks} == {}


@pytest.mark.parametrize("wire", ["responses", "messages"])
def test_the_name_of_what_is_lost_of_an_answer_is_no_secret(quoting: tuple[EchoingServer, Daemon], wire: str) -> None:
    upstream, gateway = quoting
    upstream.text, upstream.place = f"{QUOTED['a header']} {QUOTED['the path']} odd_item", odd_answer
    gateway.post(CHAT.path, CHAT.request("hello", stream=True) | {"model": f"{wire}/m"}).raise_for_status()
    gateway.wait_log("answer.odd_item")
    assert "answer.odd_item" in gateway.get("/metrics").text
    assert leaks(gateway.get("/metrics").text + gateway.log) == []


def test_what_is_quoted_was_sent(quoting: tuple[EchoingServer, Daemon]) -> None:
    upstream, gateway = quoting
    upstream.say("", "an error body")
    upstream.heads.clear()
    gateway.post(
        RESPONSES.path,
        RESPONSES.request("hello") | {"model": "responses/m"},
        headers={"x-client-token": QUOTED["the client's header"]},
    )
    sent = "".join(upstream.heads)
    assert [place for place, secret in QUOTED.items() if secret not in sent and secret != PASSWORD] == []


def test_doctor_shows_no_secret_that_an_upstream_quotes(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    with echoing() as upstream:
        (tmp_path / "c" / "config.yaml").write_text(quoting_config(upstream.url, tmp_path / "header.txt"))
        (tmp_path / "c" / "config.yaml").chmod(0o600)
        upstream.say(said(), "JSON inside a string")
        shown = tppcd("doctor", "--config", str(tmp_path / "c" / "config.yaml"), home=tmp_path, env=ENVIRONMENT)
    assert "it says" in shown.stdout
    assert leaks(shown.stdout + shown.stderr, *OF_THE_REQUEST) == []
