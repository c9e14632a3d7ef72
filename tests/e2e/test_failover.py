"""Two providers: the second answers where the first fails, as long as the client has seen nothing; no key strays."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from daemon.simulate.ledger import fingerprint
from tests.dialects import MESSAGES, RESPONSES, Dialect, events, script, streamed_text
from tests.harness import Daemon, Simulator, config, daemon, provider

MARK = "DONE-42"
LONG = script({"text": "word " * 200})
ENTRIES = {"messages": MESSAGES, "responses": RESPONSES}
FAILS_OVER = (
    "rate_limit",
    "quota",
    "overloaded",
    "unavailable",
    "server_error",
    "unauthorized",
    "forbidden",
    "bad_gateway",
    "html",
    {"fault": "cut", "after": 3},
    {"fault": "end", "after": 3},
    {"fault": "error_event", "after": 3},
    {"fault": "failed", "after": 3},
    {"fault": "failed_rate_limit", "after": 2},
)


@pytest.fixture(scope="module")
def pair(_first: Simulator, _second: Simulator) -> Iterator[Daemon]:
    turns = {"session-affinity": False}
    text = config(
        provider("fox", _first), provider("wolf", _second), request_retry=0, routing=turns, disable_cooling=True
    )
    with daemon(text) as running:
        yield running


@pytest.fixture(params=ENTRIES)
def dialect(request: pytest.FixtureRequest) -> Dialect:
    return ENTRIES[request.param]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("fault", FAILS_OVER, ids=lambda fault: fault if isinstance(fault, str) else fault["fault"])
def test_the_next_provider_answers_while_the_client_has_seen_nothing(
    upstream: Simulator, other_upstream: Simulator, pair: Daemon, dialect: Dialect, fault: object, stream: bool
) -> None:
    upstream.fail(fault)
    # Whichever provider's turn it is: one of two requests meets the fault.
    for _ in range(2):
        answer = pair.post(dialect.path, dialect.request("x", stream=stream))
        assert answer.status_code == 200, answer.text
        assert MARK.split("-", maxsplit=1)[0] in answer.text
        if answer.headers["x-tppcd-attempts"] == "2":
            assert answer.headers["x-tppcd-provider"] == "wolf"
            break
    assert upstream.state()["faults"] == []


def test_a_fault_of_the_request_itself_is_final(
    upstream: Simulator, other_upstream: Simulator, pair: Daemon, dialect: Dialect
) -> None:
    upstream.fail("context_length")
    other_upstream.fail("context_length")
    assert pair.post(dialect.path, dialect.request("x")).status_code == 400
    assert upstream.state()["requests"]["total"] + other_upstream.state()["requests"]["total"] == 1


def test_once_words_were_seen_the_stream_is_not_begun_anew(
    upstream: Simulator, other_upstream: Simulator, pair: Daemon, dialect: Dialect
) -> None:
    for simulator in (upstream, other_upstream):
        simulator.fail({"fault": "cut", "after": 60})
    with pair.stream(dialect.path, dialect.request(LONG, stream=True)) as response:
        seen = list(events(response))
    assert streamed_text(dialect, seen).startswith("word word")
    assert dialect.failure(seen[-1])
    assert upstream.state()["requests"]["total"] + other_upstream.state()["requests"]["total"] == 1


def test_when_all_fail_the_client_is_told(
    upstream: Simulator, other_upstream: Simulator, pair: Daemon, dialect: Dialect
) -> None:
    upstream.fail("overloaded")
    other_upstream.fail("overloaded")
    answer = pair.post(dialect.path, dialect.request("x"))
    assert answer.status_code in (503, 529)
    assert dialect.failure({"type": "error", **answer.json()})


def test_a_provider_named_in_the_model_is_the_only_one_asked(
    upstream: Simulator, other_upstream: Simulator, pair: Daemon
) -> None:
    upstream.fail("server_error")
    named = pair.post(MESSAGES.path, MESSAGES.request("x", model="fox/gpt-5"))
    assert named.status_code >= 500
    assert other_upstream.state()["requests"]["total"] == 0


def test_requests_take_turns(upstream: Simulator, other_upstream: Simulator, pair: Daemon) -> None:
    for _ in range(4):
        pair.post(MESSAGES.path, MESSAGES.request("x"))
    assert [s.state()["requests"]["total"] for s in (upstream, other_upstream)] == [2, 2]


def test_a_provider_gets_its_own_key_and_no_other(
    upstream: Simulator, other_upstream: Simulator, pair: Daemon, dialect: Dialect
) -> None:
    upstream.fail("ok", "server_error", "unauthorized", "rate_limit")
    other_upstream.fail("unauthorized", "ok", "server_error")
    for _ in range(8):
        pair.post(dialect.path, dialect.request("x"), headers={"authorization": "Bearer the-clients-own"})
    for simulator, name in ((upstream, "fox"), (other_upstream, "wolf")):
        assert {request["key"] for request in simulator.requests} == {fingerprint(f"key-of-{name}")}


def test_a_provider_that_cannot_be_reached_is_passed_over(upstream: Simulator) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    text = config(provider("gone", closed), provider("fox", upstream), disable_cooling=True)
    with daemon(text) as gateway:
        for _ in range(2):
            answer = gateway.post(MESSAGES.path, MESSAGES.request("x"))
            assert (answer.status_code, answer.headers["x-tppcd-provider"]) == (200, "fox")
