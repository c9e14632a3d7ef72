"""Every fault preset of the strict upstream, told to every entry as its clients need it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec import Struct

from tests.dialects import CHAT, MESSAGES, RESPONSES, Dialect, events
from tests.e2e.strict import KEY, UPSTREAM, StrictUpstream, needs_upstream, strict_upstream
from tests.harness import Daemon, config, daemon, wait_for

ENTRIES = {"messages": MESSAGES, "chat": CHAT, "responses": RESPONSES}

pytestmark = needs_upstream


class Told(Struct, frozen=True):
    """What a failure is told as: status, ``type`` and ``code`` by entry, what the message holds, headers."""

    status: int
    type: str
    anthropic_type: str
    text: str
    code: str | None = None
    anthropic_status: int | None = None
    retry_after: str | None = None
    should_retry: str | None = None


RATE = Told(429, "rate_limit_error", "rate_limit_error", "Rate limit reached", "rate_limit_exceeded", None, "1")
CONTEXT = Told(
    400, "invalid_request_error", "invalid_request_error", "exceeds the context window", "context_length_exceeded"
)
SERVER = Told(500, "server_error", "api_error", "The server had an error", "server_error")
CUT = Told(502, "server_error", "api_error", "cut its answer", "server_error")
FAILURES: dict[str, Told] = {
    "rate_limit": RATE,
    "quota": Told(
        429,
        "insufficient_quota",
        "rate_limit_error",
        "exceeded your current quota",
        "insufficient_quota",
        should_retry="false",
    ),
    "usage_limit": Told(
        429, "usage_limit_reached", "rate_limit_error", "usage limit", "usage_limit_reached", None, "3600", "false"
    ),
    "overloaded": Told(
        503, "service_unavailable_error", "overloaded_error", "overloaded", "server_is_overloaded", 529, "1"
    ),
    "server_error": SERVER,
    "invalid_key": Told(
        401,
        "invalid_request_error",
        "authentication_error",
        "Incorrect API key provided",
        "invalid_api_key",
        should_retry="false",
    ),
    "forbidden": Told(404, "invalid_request_error", "not_found_error", "do not have access", "model_not_found"),
    "context_length": CONTEXT,
    "model_not_found": Told(404, "invalid_request_error", "not_found_error", "does not exist", "model_not_found"),
    "bad_gateway": Told(502, "server_error", "api_error", "HTML page", "server_error"),
    "stream_error": Told(502, "server_error", "api_error", "error"),
    "stream_failed": Told(502, "server_error", "api_error", "error", "server_error"),
    "stream_rate_limit": Told(
        429, "rate_limit_error", "rate_limit_error", "Rate limit reached", "rate_limit_exceeded", None, "2"
    ),
    "stream_context_length": CONTEXT,
    "stream_cut": CUT,
    "drop_connection": Told(502, "server_error", "api_error", "closed the connection", "server_error"),
}
ENDINGS: dict[str, tuple[str, str, str]] = {
    "hang": ("end_turn", "stop", "completed"),
    "incomplete": ("max_tokens", "length", "incomplete"),
    "content_filter": ("refusal", "content_filter", "incomplete"),
    "refusal": ("refusal", "content_filter", "completed"),
    "no_usage": ("end_turn", "stop", "completed"),
    "empty_output": ("end_turn", "stop", "completed"),
}
"""How answers end that are no failure: stop_reason, finish_reason, status."""


@pytest.fixture(scope="module")
def strict() -> Iterator[StrictUpstream]:
    with strict_upstream() as running:
        yield running


@pytest.fixture(scope="module")
def faulty(strict: StrictUpstream) -> Iterator[Daemon]:
    entry = {"name": "fox", "enabled": True, "base-url": f"{strict.url}/v1", "api-key": KEY}
    with daemon(config(entry, disable_cooling=True, request_retry=0)) as running:
        yield running


@pytest.fixture(params=ENTRIES)
def entry(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def fail(strict: StrictUpstream, preset: str) -> None:
    strict.fail({"preset": preset, "seconds": 0.2} if preset == "hang" else preset)


def test_every_preset_is_in_a_table() -> None:
    namespace: dict[str, Any] = {"__name__": "upstream"}
    exec(compile(UPSTREAM.read_text("utf-8"), UPSTREAM, "exec"), namespace)
    assert namespace["PRESETS"].keys() == FAILURES.keys() | ENDINGS.keys()


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("preset", FAILURES)
def test_a_failure_is_told_as_the_client_acts_on_it(
    strict: StrictUpstream, faulty: Daemon, entry: str, preset: str, stream: bool
) -> None:
    dialect, told = ENTRIES[entry], FAILURES[preset]
    fail(strict, preset)
    answer = faulty.post(dialect.path, dialect.request("hello", stream=stream))
    error = answer.json()["error"]
    if entry == "messages":
        assert (answer.status_code, error["type"]) == (told.anthropic_status or told.status, told.anthropic_type)
        assert answer.json()["type"] == "error"
        assert answer.json()["request_id"] == answer.headers["request-id"]
    else:
        assert (answer.status_code, error["type"]) == (told.status, told.type)
        assert told.code is None or error["code"] == told.code
    assert told.text.lower() in error["message"].lower()
    assert answer.headers.get("retry-after") == told.retry_after
    assert answer.headers.get("x-should-retry") == told.should_retry
    assert KEY not in answer.text
    if told is CONTEXT:
        assert error["message"].startswith("prompt is too long: ") is (entry == "messages")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("preset", ENDINGS)
def test_an_answer_that_ends_otherwise_is_no_failure(
    strict: StrictUpstream, faulty: Daemon, entry: str, preset: str, stream: bool
) -> None:
    dialect = ENTRIES[entry]
    fail(strict, preset)
    body = dialect.request("hello", stream=stream)
    if not stream:
        said = faulty.post(dialect.path, body).json()
    else:
        with faulty.stream(dialect.path, body) as response:
            said = _last(entry, list(events(response)))
    assert _ending(entry, said) == ENDINGS[preset][list(ENTRIES).index(entry)]
    if preset == "refusal":
        assert stream or "I can't help with that" in json.dumps(said)


def _last(entry: str, seen: list[dict[str, Any]]) -> dict[str, Any]:
    """What a stream says of its end, in the shape of a whole answer."""
    match entry:
        case "messages":
            assert seen[-1]["type"] == "message_stop"
            return next(event["delta"] for event in seen if event["type"] == "message_delta")
        case "chat":
            assert seen[-1]["type"] == "[DONE]"
            return next(event for event in reversed(seen[:-1]) if event["choices"])
        case _:
            return dict(seen[-1]["response"])


def _ending(entry: str, said: dict[str, Any]) -> str:
    match entry:
        case "messages":
            return str(said["stop_reason"])
        case "chat":
            return str(said["choices"][0]["finish_reason"])
        case _:
            return str(said["status"])


def test_after_all_that_it_still_answers(faulty: Daemon, entry: str) -> None:
    answer = wait_for(lambda: faulty.post(ENTRIES[entry].path, ENTRIES[entry].request("hello")), "an answer")
    assert (answer.status_code, isinstance(ENTRIES[entry], Dialect)) == (200, True)
