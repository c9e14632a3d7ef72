"""A prompt that is too long is worded in the sentence that Claude Code acts on."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from daemon.errors import ErrorKind, GatewayError, RemoteError
from daemon.gateway.wording import ADVICE, ADVISED, for_client
from tests.gateway.client_requests import client_request

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
    worded = for_client(error, client_request("messages"), served)
    assert (worded.message, worded.status, worded.code) == (expected, 400, "context_length_exceeded")


@pytest.mark.parametrize("wire", ["chat", "responses"])
def test_openai_entries_hear_the_upstreams_words(wire: str) -> None:
    error = RemoteError(ErrorKind.CONTEXT_LENGTH, TEXT)
    assert for_client(error, client_request(wire), "gpt-5") is error


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
    assert (
        for_client(RemoteError(ErrorKind.RATE_LIMIT, "slow down", **fields), client_request(wire)).retry_after == wait
    )


def test_other_errors_are_left_alone() -> None:
    error = GatewayError(ErrorKind.RATE_LIMIT, "slow down")
    assert for_client(error, client_request("messages"), "gpt-5") is error


@pytest.mark.parametrize(
    ("wait", "moment", "fields", "resets_at"),
    [
        (2520.0, 1_700_002_520.0, {"retry_after": 2520.0}, None),
        (60.0, 1_700_000_060.0, {}, 1_700_000_060.0),
        (0.0, 1_600_000_000.0, {}, 1_600_000_000.0),
        (30.0, 1_999_999_999.0, {"retry_after": 30.0}, 1_999_999_999.0),
        (86_400.0, 1_700_500_000.0, {}, 1_700_500_000.0),
        (None, None, {}, None),
    ],
)
def test_the_end_of_a_limit_is_a_wait_and_a_moment(
    wait: float | None, moment: float | None, fields: dict[str, Any], resets_at: float | None
) -> None:
    error = RemoteError(ErrorKind.QUOTA, "used up", **fields)
    error.resets_at = resets_at
    worded = for_client(error, client_request("responses"), now=1_700_000_000.0)
    assert (worded.retry_after, worded.resets_at) == (wait, moment)


@pytest.mark.parametrize(
    ("kind", "text", "setting"),
    [
        (ErrorKind.WRONG_CLIENT, "请使用最新版的codex客户端", "`headers`"),
        (ErrorKind.MODEL_NOT_FOUND, "无可用渠道, try again", "`defaults.model`"),
        (ErrorKind.FIREWALL, "Just a moment...", "`proxy-url`"),
        (ErrorKind.CONTENT, "sensitive_words_detected", "/compact"),
        (
            ErrorKind.AUTHENTICATION,
            "Invalid API key, try again",
            "provider's key in config.yaml was refused, not your own",
        ),
        (ErrorKind.PERMISSION, "分组已被禁用", "provider's key in config.yaml was refused, not your own"),
        (ErrorKind.BILLING, "余额不足，请充值", "provider's key in config.yaml was refused, not your own"),
        (ErrorKind.INVALID_REQUEST, "Instructions are not valid", "`instructions: file:/path`"),
    ],
)
def test_a_setting_is_named_behind_any_words(kind: ErrorKind, text: str, setting: str) -> None:
    message = for_client(RemoteError(kind, text), client_request("chat")).message
    assert message.startswith(f"{text} (") and setting in message


@pytest.mark.parametrize(
    ("kind", "text", "worded"),
    [
        (ErrorKind.RATE_LIMIT, "请求过于频繁，请稍后重试", "请求过于频繁，请稍后重试"),
        (ErrorKind.API, "the stream ended", "the stream ended (retry, or switch to another provider)"),
        (ErrorKind.OVERLOADED, "Overloaded", "Overloaded (retry in a moment, or switch to another provider)"),
        (ErrorKind.RATE_LIMIT, "Please try again in 1s.", "Please try again in 1s."),
        (ErrorKind.INVALID_REQUEST, "temperature must be below 2", "temperature must be below 2"),
    ],
)
def test_what_to_do_is_added_where_an_upstreams_words_do_not_say_it(kind: ErrorKind, text: str, worded: str) -> None:
    assert for_client(RemoteError(kind, text), client_request("chat")).message == worded


def test_our_own_failures_say_what_to_do_themselves() -> None:
    assert for_client(GatewayError(ErrorKind.API, "no"), client_request("chat")).message == "no"
    assert all(ADVISED.search(advice) or kind is ErrorKind.TOO_LARGE for kind, advice in ADVICE.items())


@pytest.mark.parametrize(
    ("expected", "kind", "entry", "agent"),
    [
        ("billing_error", ErrorKind.WRONG_CLIENT, "messages", "claude-cli/2.1.332 (external, cli)"),
        ("billing_error", ErrorKind.CONTENT, "messages", "claude-cli/2.1.332 (external, cli)"),
        (None, ErrorKind.INVALID_REQUEST, "messages", "claude-cli/2.1.332 (external, cli)"),
        (None, ErrorKind.WRONG_CLIENT, "messages", "Anthropic/Python 1.0"),
        (None, ErrorKind.WRONG_CLIENT, "responses", "claude-cli/2.1.332 (external, cli)"),
    ],
)
def test_claude_code_is_kept_from_asking_again_with_fewer_features(
    expected: str | None, kind: ErrorKind, entry: str, agent: str
) -> None:
    request = replace(client_request(entry), headers={"user-agent": agent})
    assert for_client(RemoteError(kind, "no"), request).messages_type == expected
