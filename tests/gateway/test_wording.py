"""A prompt that is too long is told in the sentence that Claude Code acts on."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.errors import ErrorKind, GatewayError, RemoteError
from daemon.gateway.wording import ADVICE, ADVISED, for_client
from tests.gateway.inbounds import inbound

TEXT = "Your input exceeds the context window of this model."


@pytest.mark.parametrize(
    ("expected", "served", "text"),
    [
        (f"prompt is too long: 272001 tokens > 272000 maximum (upstream: {TEXT})", "gpt-5.1", TEXT),
        (f"prompt is too long: 200001 tokens > 200000 maximum (upstream: {TEXT})", "some-model", TEXT),
        ("prompt is too long: 5 tokens > 4 maximum", "gpt-5", "prompt is too long: 5 tokens > 4 maximum"),
    ],
)
def test_for_the_messages_entry(expected: str, served: str, text: str) -> None:
    error = RemoteError(ErrorKind.CONTEXT_LENGTH, text, code="context_length_exceeded")
    told = for_client(error, inbound("messages"), served)
    assert (told.message, told.status, told.code) == (expected, 400, "context_length_exceeded")


@pytest.mark.parametrize("wire", ["chat", "responses"])
def test_openai_entries_hear_the_upstreams_words(wire: str) -> None:
    error = RemoteError(ErrorKind.CONTEXT_LENGTH, TEXT)
    assert for_client(error, inbound(wire), "gpt-5") is error


@pytest.mark.parametrize(
    ("wait", "wire", "fields"),
    [
        (5.0, "responses", {}),
        (0.0, "responses", {"retry_after": 0.0}),
        (30.0, "responses", {"retry_after": 30.0}),
        (None, "responses", {"should_retry": False}),
        (None, "messages", {}),
        (None, "chat", {}),
    ],
)
def test_a_rate_limit_without_a_time_gets_one_where_the_client_would_give_up(
    wait: float | None, wire: str, fields: dict[str, Any]
) -> None:
    assert for_client(RemoteError(ErrorKind.RATE_LIMIT, "slow down", **fields), inbound(wire)).retry_after == wait


def test_other_errors_are_left_alone() -> None:
    error = GatewayError(ErrorKind.RATE_LIMIT, "slow down")
    assert for_client(error, inbound("messages"), "gpt-5") is error


@pytest.mark.parametrize(
    ("kind", "text", "told"),
    [
        (ErrorKind.API, "the stream ended", "the stream ended (retry, or switch to another provider)"),
        (ErrorKind.OVERLOADED, "Overloaded", "Overloaded (retry in a moment, or switch to another provider)"),
        (ErrorKind.RATE_LIMIT, "Please try again in 1s.", "Please try again in 1s."),
        (ErrorKind.INVALID_REQUEST, "temperature must be below 2", "temperature must be below 2"),
    ],
)
def test_what_to_do_is_added_where_an_upstreams_words_do_not_say_it(kind: ErrorKind, text: str, told: str) -> None:
    assert for_client(RemoteError(kind, text), inbound("chat")).message == told


def test_our_own_failures_say_what_to_do_themselves() -> None:
    assert for_client(GatewayError(ErrorKind.API, "no"), inbound("chat")).message == "no"
    assert all(ADVISED.search(advice) or kind is ErrorKind.TOO_LARGE for kind, advice in ADVICE.items())
