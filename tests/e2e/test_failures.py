"""What a client is told when its only upstream fails: status, dialect, and an end that cannot be mistaken."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.gateway.wording import ADVISED
from tests.dialects import MESSAGES, RESPONSES, Dialect, events, script, streamed_text
from tests.harness import Daemon, Simulator

ENTRIES = {"messages": MESSAGES, "responses": RESPONSES}
LONG = script({"text": "word " * 200})
LATE = 60
"""Events before a late fault: past the opening of the stream, in the middle of the text."""


@pytest.fixture(params=ENTRIES)
def dialect(request: pytest.FixtureRequest) -> Dialect:
    return ENTRIES[request.param]


def told(dialect: Dialect, answer: Any) -> str:
    message = dialect.failure({"type": "error", **answer.json()})
    assert message, answer.text
    return message


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        ("rate_limit", 429, "Rate limit reached"),
        ("quota", 429, "exceeded your current quota"),
        ("overloaded", (503, 529), "overloaded"),
        ("unavailable", (503, 529), "overloaded"),
        ("server_error", (500, 502), "An error occurred"),
        ("not_found", 404, "does not exist"),
        ("bad_gateway", 502, ""),
        ("html", 502, ""),
    ],
)
def test_an_upstreams_error_keeps_its_meaning_and_its_words(
    upstream: Simulator,
    gateway: Daemon,
    dialect: Dialect,
    stream: bool,
    fault: str,
    status: int | tuple[int, ...],
    words: str,
) -> None:
    upstream.fail(fault)
    answer = gateway.post(dialect.path, dialect.request("x", stream=stream))
    assert answer.status_code in (status if isinstance(status, tuple) else (status,)), answer.text
    assert words in told(dialect, answer)
    assert ADVISED.search(told(dialect, answer)), "says what to do"
    assert answer.headers["content-type"].startswith("application/json")
    gateway.wait_log(rf"request_id={answer.headers['request-id']} .* status={answer.status_code} ")


@pytest.mark.parametrize("fault", ["unauthorized", "forbidden"])
def test_a_refused_key_is_masked_and_the_words_around_it_reach_the_client(
    upstream: Simulator, gateway: Daemon, dialect: Dialect, fault: str
) -> None:
    upstream.fail({"fault": fault, "message": "Incorrect API key provided: sk-planted."})
    answer = gateway.post(dialect.path, dialect.request("x"))
    assert answer.status_code >= 400
    assert "Incorrect API key provided: sk-***" in told(dialect, answer)


def test_retry_after_is_passed_on(upstream: Simulator, gateway: Daemon, dialect: Dialect) -> None:
    upstream.fail({"fault": "rate_limit", "retry-after": 7})
    answer = gateway.post(dialect.path, dialect.request("x"))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")


def test_a_prompt_that_is_too_long_is_worded_so_that_claude_code_compacts(upstream: Simulator, gateway: Daemon) -> None:
    upstream.fail("context_length", {"fault": "failed_context_length", "after": 2})
    for stream in (False, True):
        answer = gateway.post(MESSAGES.path, MESSAGES.request("x", stream=stream))
        assert answer.status_code == 400
        assert "prompt is too long" in told(MESSAGES, answer)


@pytest.mark.parametrize("fault", ["cut", "end", "error_event", "failed"])
def test_a_stream_that_breaks_after_its_first_words_ends_with_an_error_of_the_dialect(
    upstream: Simulator, gateway: Daemon, dialect: Dialect, fault: str
) -> None:
    upstream.fail({"fault": fault, "after": LATE})
    with gateway.stream(dialect.path, dialect.request(LONG, stream=True)) as response:
        seen = list(events(response))
    assert streamed_text(dialect, seen).startswith("word word")
    assert dialect.failure(seen[-1]), seen[-1]
    assert not any(event["type"] in ("content_block_stop", "response.output_item.done") for event in seen[-2:])


@pytest.mark.parametrize("after", [2, LATE])
def test_a_frame_that_is_not_json_ends_no_answer(
    upstream: Simulator, gateway: Daemon, dialect: Dialect, after: int
) -> None:
    upstream.fail({"fault": "malformed", "after": after})
    with gateway.stream(dialect.path, dialect.request(LONG, stream=True)) as response:
        seen = list(events(response))
    assert streamed_text(dialect, seen) == dialect.text(gateway.post(dialect.path, dialect.request(LONG)).json())
    assert dialect.terminal(seen[-1]), seen[-1]


@pytest.mark.parametrize("fault", ["cut", "end", "error_event", "failed"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_an_answer_that_breaks_before_its_first_words_is_an_http_error(
    upstream: Simulator, gateway: Daemon, dialect: Dialect, fault: str, stream: bool
) -> None:
    upstream.fail({"fault": fault, "after": 2})
    answer = gateway.post(dialect.path, dialect.request("x", stream=stream))
    assert answer.status_code >= 500
    assert told(dialect, answer)


@pytest.mark.parametrize("body", [b"{", b"[]", b"", b'{"model": 7}', b'{"messages": "x", "input": {}}'])
def test_a_request_that_makes_no_sense_is_refused_here(
    upstream: Simulator, gateway: Daemon, dialect: Dialect, body: bytes
) -> None:
    answer = gateway.http.post(gateway.url + dialect.path, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert told(dialect, answer)
    assert upstream.state()["requests"]["total"] == 0
