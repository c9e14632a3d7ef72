"""Errors as the clients act on them, and what an upstream's mean."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from daemon.errors import ErrorKind, LocalError, RemoteError, Scope
from daemon.masks import Masks
from daemon.upstream.privacy import mask_error
from daemon.wires.anthropic_messages import WIRE, reword_context_length
from tests.wires.anthropic_messages.world import recordings

TABLE = [
    (ErrorKind.INVALID_REQUEST, 400, "invalid_request_error"),
    (ErrorKind.AUTHENTICATION, 401, "authentication_error"),
    (ErrorKind.BILLING, 402, "billing_error"),
    (ErrorKind.PERMISSION, 403, "permission_error"),
    (ErrorKind.NOT_FOUND, 404, "not_found_error"),
    (ErrorKind.MODEL_NOT_FOUND, 404, "not_found_error"),
    (ErrorKind.TOO_LARGE, 413, "request_too_large"),
    (ErrorKind.CONTEXT_LENGTH, 400, "invalid_request_error"),
    (ErrorKind.RATE_LIMIT, 429, "rate_limit_error"),
    (ErrorKind.QUOTA, 429, "rate_limit_error"),
    (ErrorKind.OVERLOADED, 529, "overloaded_error"),
    (ErrorKind.MAINTENANCE, 529, "overloaded_error"),
    (ErrorKind.WRONG_CLIENT, 400, "invalid_request_error"),
    (ErrorKind.FIREWALL, 403, "permission_error"),
    (ErrorKind.CONTENT, 400, "invalid_request_error"),
    (ErrorKind.TIMEOUT, 504, "timeout_error"),
    (ErrorKind.API, 502, "api_error"),
]


@pytest.mark.parametrize(("kind", "status", "word"), TABLE)
def test_every_kind(kind: ErrorKind, status: int, word: str) -> None:
    given, _, body = WIRE.encode_error(LocalError(kind, "prompt is too long: said"), "req_1")
    assert given == status
    assert json.loads(body) == {
        "type": "error",
        "error": {"type": word, "message": "prompt is too long: said"},
        "request_id": "req_1",
    }


def test_the_table_is_whole() -> None:
    assert {row[0] for row in TABLE} == set(ErrorKind)


def test_details_and_status_go_through() -> None:
    error = LocalError(ErrorKind.INVALID_REQUEST, "m", status=426, details={"error_code": "x"})
    status, _, body = WIRE.encode_error(error, "r")
    assert (status, json.loads(body)["error"]["details"]) == (426, {"error_code": "x"})


@pytest.mark.parametrize(
    ("error", "headers"),
    [
        (LocalError(ErrorKind.API, "m"), {}),
        (LocalError(ErrorKind.RATE_LIMIT, "m", retry_after=60.0), {"retry-after": "60"}),
        (LocalError(ErrorKind.QUOTA, "m", retry_after=9.0), {"retry-after": "9"}),
        (LocalError(ErrorKind.RATE_LIMIT, "m", retry_after=61.0), {"retry-after": "61", "x-should-retry": "false"}),
        (
            LocalError(ErrorKind.QUOTA, "m", retry_after=2520.0, should_retry=True),
            {"retry-after": "2520", "x-should-retry": "false"},
        ),
        (LocalError(ErrorKind.RATE_LIMIT, "m", retry_after=1.2), {"retry-after": "2"}),
        (LocalError(ErrorKind.RATE_LIMIT, "m", retry_after=0.0), {"retry-after": "0"}),
        (LocalError(ErrorKind.QUOTA, "m"), {"x-should-retry": "false"}),
        (LocalError(ErrorKind.API, "m", should_retry=False), {"x-should-retry": "false"}),
        (LocalError(ErrorKind.API, "m", should_retry=True), {"x-should-retry": "true"}),
    ],
)
def test_headers(error: LocalError, headers: dict[str, str]) -> None:
    assert WIRE.encode_error(error, "r")[1] == headers


OPENAI = "This model's maximum context length is 128000 tokens. However, your messages resulted in 130,500 tokens."
OUTPUT = (
    "input length and `max_tokens` exceed context limit: 190000 + 32000 > 200000, decrease input length or `max_tokens`"
)
VLLM = (
    "'max_tokens' or 'max_completion_tokens' is too large: 32000. This model's maximum context length is 40960 tokens"
    " and your request has 19110 input tokens (32000 > 40960 - 19110). None"
)
SMALL = (
    "This model's maximum context length is 8192 tokens. However, you requested 8203 tokens (7691 in the messages, "
    "512 in the completion)."
)
UNCOUNTED = "max_tokens is too large: 32000 exceeds the context window of 32768"
SGLANG = "The input (345516 tokens) is longer than the model's context length (262144 tokens)."
MINIMAX = "invalid params, context window exceeds limit (2013)"
WINDOW = "Your input exceeds the context window of this model."


@pytest.mark.parametrize(
    ("message", "estimate", "limit", "expected"),
    [
        (OPENAI, None, None, f"prompt is too long: 130500 tokens > 128000 maximum (upstream: {OPENAI})"),
        (OPENAI, 1, 2, f"prompt is too long: 130500 tokens > 128000 maximum (upstream: {OPENAI})"),
        (WINDOW, 300_000, 272_000, f"prompt is too long: 300000 tokens > 272000 maximum (upstream: {WINDOW})"),
        (WINDOW, 100, 272_000, f"prompt is too long: 272001 tokens > 272000 maximum (upstream: {WINDOW})"),
        (WINDOW, None, 272_000, f"prompt is too long (upstream: {WINDOW})"),
        (WINDOW, None, None, f"prompt is too long (upstream: {WINDOW})"),
        (OUTPUT, 9, 8, OUTPUT),
        ("prompt is too long: 5 tokens > 4 maximum", 9, 8, "prompt is too long: 5 tokens > 4 maximum"),
        (
            VLLM,
            9,
            8,
            "input length and `max_tokens` exceed context limit: 19110 + 32000 > 40960, decrease input length or "
            f"`max_tokens` and try again (upstream: {VLLM})",
        ),
        (
            UNCOUNTED,
            7000,
            None,
            "input length and `max_tokens` exceed context limit: 7000 + 32000 > 32768, decrease input length or "
            f"`max_tokens` and try again (upstream: {UNCOUNTED})",
        ),
        (
            SMALL,
            None,
            None,
            "input length and `max_tokens` exceed context limit: 7691 + 512 > 8192, decrease input length or "
            f"`max_tokens` and try again: input is too long for requested model (upstream: {SMALL})",
        ),
        (SGLANG, None, None, f"prompt is too long: 345516 tokens > 262144 maximum (upstream: {SGLANG})"),
        (MINIMAX, 250_000, 200_000, f"prompt is too long: 250000 tokens > 200000 maximum (upstream: {MINIMAX})"),
        ("Prompt is too long", None, None, "Prompt is too long"),
        (
            "12 tokens > 9 maximum",
            None,
            None,
            "prompt is too long: 12 tokens > 9 maximum (upstream: 12 tokens > 9 maximum)",
        ),
    ],
)
def test_context_length_in_the_words_claude_code_reads(
    message: str, estimate: int | None, limit: int | None, expected: str
) -> None:
    assert reword_context_length(message, estimate, limit) == expected


def test_context_length_is_reworded_in_every_error() -> None:
    _, _, body = WIRE.encode_error(RemoteError(ErrorKind.CONTEXT_LENGTH, WINDOW), "r")
    assert json.loads(body)["error"]["message"].startswith("prompt is too long")


# What an upstream says ------------------------------------------------------------------------------


def envelope(kind: str, message: str = "why") -> bytes:
    return json.dumps({"type": "error", "error": {"type": kind, "message": message}}).encode()


@pytest.mark.parametrize(
    ("status", "body", "kind", "scope"),
    [
        (400, envelope("invalid_request_error"), ErrorKind.INVALID_REQUEST, Scope.REQUEST),
        (
            400,
            envelope("invalid_request_error", "prompt is too long: 2 tokens > 1 maximum"),
            ErrorKind.CONTEXT_LENGTH,
            Scope.REQUEST,
        ),
        (400, envelope("invalid_request_error", "Your credit balance is too low"), ErrorKind.BILLING, Scope.CREDENTIAL),
        (401, envelope("authentication_error"), ErrorKind.AUTHENTICATION, Scope.CREDENTIAL),
        (403, envelope("permission_error"), ErrorKind.PERMISSION, Scope.CREDENTIAL),
        (404, envelope("not_found_error", "model: claude-x"), ErrorKind.MODEL_NOT_FOUND, Scope.MODEL),
        (404, envelope("not_found_error"), ErrorKind.NOT_FOUND, Scope.PROVIDER),
        (413, envelope("request_too_large"), ErrorKind.TOO_LARGE, Scope.REQUEST),
        (429, envelope("rate_limit_error"), ErrorKind.RATE_LIMIT, Scope.CREDENTIAL),
        (500, envelope("api_error"), ErrorKind.API, Scope.PROVIDER),
        (529, envelope("overloaded_error"), ErrorKind.OVERLOADED, Scope.PROVIDER),
        (503, b"", ErrorKind.OVERLOADED, Scope.PROVIDER),
        (504, b"<html>", ErrorKind.TIMEOUT, Scope.PROVIDER),
        (422, b'{"error":"nope"}', ErrorKind.INVALID_REQUEST, Scope.REQUEST),
        (418, b"[]", ErrorKind.INVALID_REQUEST, Scope.REQUEST),
        (520, b"\xff\x00", ErrorKind.API, Scope.PROVIDER),
    ],
)
def test_an_upstreams_error(status: int, body: bytes, kind: ErrorKind, scope: Scope) -> None:
    error = WIRE.decode_error(status, {}, body)
    assert isinstance(error, RemoteError)
    assert (error.kind, error.scope, error.upstream_status) == (kind, scope, status)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (envelope("api_error", "it broke"), "it broke"),
        (b'{"error":"nope"}', "nope"),
        (b"upstream connect error\n or reset", "upstream connect error or reset"),
        (b"<html><h1>502</h1></html>", "the upstream sent an HTML page (HTTP 500): 502"),
        (b"", "the upstream answered HTTP 500 without saying why"),
    ],
)
def test_the_upstreams_own_words_are_kept(body: bytes, message: str) -> None:
    assert WIRE.decode_error(500, {}, body).message == message


@pytest.mark.parametrize("status", [401, 403])
def test_words_about_a_key_are_passed_on_without_the_key(status: int) -> None:
    error = WIRE.decode_error(status, {}, envelope("authentication_error", "invalid x-api-key sk-planted"))
    assert isinstance(error, RemoteError)
    mask_error(error, Masks(()))
    assert error.message == "invalid x-api-key sk-***"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "1500", "retry-after": "7"}, 1.5),
        ({"retry-after": "Sat, 21 Nov 2026 10:00:30 GMT", "date": "Sat, 21 Nov 2026 10:00:00 GMT"}, 30.0),
        ({"retry-after": "Sat, 21 Nov 2026 09:00:00 GMT", "date": "Sat, 21 Nov 2026 10:00:00 GMT"}, None),
        ({"retry-after": "Sat, 21 Nov 2026 10:00:30 GMT"}, None),
        ({"retry-after": "soon", "date": "now"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert WIRE.decode_error(429, headers, envelope("rate_limit_error")).retry_after == seconds


def test_should_retry() -> None:
    assert WIRE.decode_error(429, {"x-should-retry": "false"}, b"").should_retry is False
    assert WIRE.decode_error(429, {}, b"").should_retry is None


@pytest.mark.parametrize("path", recordings("e-", ".response.json"))
def test_recorded_errors_keep_status_type_and_words(path: Path) -> None:
    given = json.loads(path.read_bytes())["error"]
    status = int(path.name.split("-")[1].split(".")[0])
    sent_status, _, body = WIRE.encode_error(WIRE.decode_error(status, {}, path.read_bytes()), "r")
    error = json.loads(body)["error"]
    assert (sent_status, error["type"]) == (status, given["type"])
    assert error["message"] == given["message"]
