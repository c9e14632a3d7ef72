"""Requests to providers of the store: every type, its defaults, its fallback models and its timeout, over real HTTP.

The rows are there before the daemon starts.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from daemon.simulate.ledger import fingerprint
from daemon.store.database import Database
from daemon.store.encryption import generated_keys
from daemon.store.place import database_place
from daemon.store.provider_fields import fields_of
from daemon.store.repository import ProviderRepository
from tests.dialects import CHAT, DIALECTS, MESSAGES, Dialect, events, script, streamed_text
from tests.harness import Daemon, Simulator, config, daemon, provider

KEY = "sk-planted-store-0123456789"
TYPES = {"openai": "chat", "vllm": "chat", "codex": "responses", "messages": "messages"}
WORDS = script({"text": "word " * 60})


def row(name: str, upstream: Simulator | str, **fields: Any) -> dict[str, Any]:
    """What is posted to create it; its one model is called like it, unless said otherwise."""
    url = upstream if isinstance(upstream, str) else f"{upstream.url}/v1"
    return {"name": name, "type": "openai", "base_url": url, "api_key": KEY, "models": [name]} | fields


@contextmanager
def gateway_of(*rows: dict[str, Any], text: str | None = None) -> Iterator[Daemon]:
    """A daemon with these rows in its store."""
    home = Path(tempfile.mkdtemp(prefix="tppcd-"))
    try:
        state = home / "state"
        state.mkdir()
        database = Database(database_place("", state))
        repository = ProviderRepository(database, lambda make: generated_keys(state, make=make))
        try:
            database.prepare()
            for each in rows:
                repository.create(fields_of(each))
        finally:
            database.close()
        with daemon(text or config(disable_cooling=True, request_retry=0), home=home) as running:
            yield running
    finally:
        shutil.rmtree(home, ignore_errors=True)


def asked_bodies(upstream: Simulator) -> list[dict[str, Any]]:
    return [each["body"] for each in upstream.requests]


@pytest.fixture(scope="module")
def every_type(_first: Simulator) -> Iterator[Daemon]:
    """A provider of each type, named like it; the vllm one has no key."""
    rows = [row(kind, _first, type=kind) | ({"api_key": None} if kind == "vllm" else {}) for kind in TYPES]
    with gateway_of(*rows) as running:
        yield running


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("entry", DIALECTS)
@pytest.mark.parametrize("kind", TYPES)
def test_every_type_serves_every_entry(
    upstream: Simulator, every_type: Daemon, kind: str, entry: str, stream: bool
) -> None:
    dialect = DIALECTS[entry]
    prompt = script({"text": f"said by {kind}"})
    if stream:
        with every_type.stream(dialect.path, dialect.request(prompt, model=kind, stream=True)) as response:
            assert streamed_text(dialect, list(events(response))) == f"said by {kind}"
            provider_name = response.headers["x-tppcd-provider"]
    else:
        answer = every_type.post(dialect.path, dialect.request(prompt, model=kind))
        assert dialect.text(answer.raise_for_status().json()) == f"said by {kind}"
        provider_name = answer.headers["x-tppcd-provider"]
    assert provider_name == kind
    (asked,) = upstream.requests
    assert (asked["wire"], asked["model"]) == (TYPES[kind], kind)
    assert asked["key"] == ("" if kind == "vllm" else fingerprint(KEY))


ENDINGS = ["", "/", "/v1", "/v1/", "/v1/chat/completions", "/v1/chat/completions/", "/api/paas/v4"]


def test_a_base_url_may_be_the_host_the_api_or_the_endpoint(upstream: Simulator) -> None:
    rows = [row(f"fox-{number}", f"{upstream.url}{ending}") for number, ending in enumerate(ENDINGS)]
    with gateway_of(*rows) as gateway:
        for each in rows:
            gateway.post(MESSAGES.path, MESSAGES.request("x", model=each["name"])).raise_for_status()
    assert [each["path"] for each in upstream.requests] == [
        *["/v1/chat/completions"] * 6,
        "/api/paas/v4/chat/completions",
    ]


DEFAULTS = {"temperature": 0.3, "max_tokens": 777, "top_p": 0.8, "headers": {"user-agent": "mine/1"}}


@pytest.fixture(scope="module")
def with_defaults(_first: Simulator) -> Iterator[Daemon]:
    with gateway_of(*(row(kind, _first, type=kind, extra_config=DEFAULTS) for kind in ("openai", "codex"))) as running:
        yield running


@pytest.mark.parametrize("entry", DIALECTS)
@pytest.mark.parametrize("kind", ["openai", "codex"])
def test_a_request_gets_the_defaults_that_it_lacks_and_keeps_its_own_values(
    upstream: Simulator, with_defaults: Daemon, kind: str, entry: str
) -> None:
    dialect = DIALECTS[entry]
    limit = "max_output_tokens" if kind == "codex" else "max_tokens"
    own = {"max_tokens": 55} if entry == "messages" else {}  # which that wire requires
    answer = with_defaults.post(dialect.path, dialect.request("x", model=kind, **own)).raise_for_status()
    assert "x-tppcd-lost" not in answer.headers
    with_defaults.post(dialect.path, dialect.request("x", model=kind, temperature=0.9, **own)).raise_for_status()
    first, second = asked_bodies(upstream)
    assert (first["temperature"], first["top_p"], first[limit]) == (0.3, 0.8, own.get("max_tokens", 777))
    assert (second["temperature"], second["top_p"]) == (0.9, 0.8)
    assert upstream.requests[0]["client"] == "mine"


def test_a_profile_that_takes_no_parameters_gets_no_defaults(upstream: Simulator) -> None:
    extra = DEFAULTS | {"profile": "codex-relay"}
    with gateway_of(row("fox", upstream, type="codex", extra_config=extra)) as gateway:
        answer = gateway.post(MESSAGES.path, MESSAGES.request("x", model="fox")).raise_for_status()
    (body,) = asked_bodies(upstream)
    assert not {"temperature", "top_p", "max_output_tokens"} & body.keys()
    assert "temperature" not in answer.headers.get("x-tppcd-lost", "")


# --- fallback models ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def with_fallbacks(_first: Simulator, _second: Simulator) -> Iterator[Daemon]:
    """``fox`` of the store with two fallback models, then ``wolf`` of the file; both serve ``fox``."""
    text = config(
        provider("wolf", _second, wire_api="chat", models=["fox"], priority=-1), disable_cooling=True, request_retry=0
    )
    with gateway_of(row("fox", _first, fallback_models=["small", "tiny"]), text=text) as running:
        yield running


@pytest.fixture(params=list(DIALECTS))
def dialect(request: pytest.FixtureRequest) -> Dialect:
    return DIALECTS[request.param]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    "fault",
    ["rate_limit", "not_found", "server_error", "overloaded", {"fault": "cut", "after": 1}],
    ids=lambda fault: fault if isinstance(fault, str) else fault["fault"],
)
def test_a_failure_that_may_be_the_models_goes_to_the_fallback_models_in_their_order(
    upstream: Simulator,
    other_upstream: Simulator,
    with_fallbacks: Daemon,
    dialect: Dialect,
    fault: object,
    stream: bool,
) -> None:
    upstream.fail(fault, "server_error")
    answer = with_fallbacks.post(dialect.path, dialect.request("x", model="fox", stream=stream))
    assert (answer.status_code, answer.headers["x-tppcd-attempts"]) == (200, "3"), answer.text
    assert [body["model"] for body in asked_bodies(upstream)] == ["fox", "small", "tiny"]
    assert other_upstream.requests == []
    with_fallbacks.wait_log(rf"request_id={answer.headers['x-request-id']} .*model=fox served=tiny .*attempts=3")


def test_after_all_of_them_the_next_provider_is_asked(
    upstream: Simulator, other_upstream: Simulator, with_fallbacks: Daemon, dialect: Dialect
) -> None:
    upstream.fail("overloaded", "overloaded", "overloaded")
    answer = with_fallbacks.post(dialect.path, dialect.request("x", model="fox"))
    assert (answer.status_code, answer.headers["x-tppcd-provider"]) == (200, "wolf")
    assert len(upstream.requests) == 3 and other_upstream.requests[-1]["model"] == "fox"


@pytest.mark.parametrize(("fault", "status", "others"), [("context_length", 400, 0), ("unauthorized", 200, 1)])
def test_no_other_4xx_goes_on_to_them(
    upstream: Simulator, other_upstream: Simulator, with_fallbacks: Daemon, fault: str, status: int, others: int
) -> None:
    """A key that is refused is the next provider's turn, as ever."""
    upstream.fail(fault)
    assert with_fallbacks.post(MESSAGES.path, MESSAGES.request("x", model="fox")).status_code == status
    assert (len(upstream.requests), len(other_upstream.requests)) == (1, others)


# --- timeout --------------------------------------------------------------------------------------


def test_timeout_ends_a_whole_answer_but_no_stream_that_flows(upstream: Simulator, dialect: Dialect) -> None:
    """The same slow answer, which takes far longer than the timeout, though each event comes in time."""
    with gateway_of(row("fox", upstream, timeout=1)) as gateway:
        upstream.control(delay_ms=40)
        with gateway.stream(dialect.path, dialect.request(WORDS, model="fox", stream=True)) as response:
            seen = list(events(response))
        assert dialect.terminal(seen[-1]) and streamed_text(dialect, seen).count("word") == 60
        if dialect is CHAT:  # passed through, it is one JSON body, which the simulator sends at once
            upstream.fail({"fault": "stall_head", "seconds": 20})
        answer = gateway.post(dialect.path, dialect.request(WORDS, model="fox"))
    assert answer.status_code == 504
    assert "within 1 s (timeout)" in answer.text


def test_the_list_shows_how_an_upstream_failed_until_it_answers(upstream: Simulator) -> None:
    key = {"x-management-key": "the-management-key"}
    text = config(remote_management={"secret-key": key["x-management-key"]}, disable_cooling=True, request_retry=0)
    with gateway_of(row("fox", upstream), text=text) as running:

        def shown() -> list[object]:
            entry = running.get("/api/v1/providers", headers=key).json()["providers"][0]
            single = running.get("/api/v1/providers/fox", headers=key).json()
            assert (entry["is_running"], entry["error"]) == (True, single["error"])
            return [entry["error"], running.get("/v0/management/auths", headers=key).json()["auths"][0]["last-error"]]

        assert shown() == [None, None]
        upstream.fail("unauthorized")
        assert running.post(CHAT.path, CHAT.request("x", model="fox")).status_code == 401
        assert shown() == ["key refused (authentication, http_401)"] * 2
        # A failed request is no reason not to initialise it again.
        assert running.post("/api/v1/admin/providers/fox/reload", {}, headers=key).status_code == 200
        assert running.post(CHAT.path, CHAT.request("x", model="fox")).status_code == 200
        assert shown() == [None, None]
