"""Errors read from upstreams and sent to clients, in OpenAI's dialect."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daemon.errors import STATUS, ErrorKind, GatewayError, LocalError, RemoteError, Scope
from daemon.masks import Masks
from daemon.upstream.privacy import mask_error
from daemon.wires.openai_responses import WIRE
from daemon.wires.openai_responses.errors import failure_code, failure_message
from tests.wires.openai_responses.world import SHARED, load


def read(status: int, body: object, **headers: str) -> RemoteError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    error = WIRE.decode_error(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)
    assert isinstance(error, RemoteError)
    assert error.upstream_status == status
    return error


def openai(message: str = "words", **fields: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": None, "param": None, "code": None, **fields}}


@pytest.mark.parametrize(
    ("kind", "scope", "shown", "status", "fields"),
    [
        (ErrorKind.INVALID_REQUEST, Scope.REQUEST, 400, 400, {"type": "invalid_request_error", "param": "tools"}),
        (ErrorKind.CONTEXT_LENGTH, Scope.REQUEST, 400, 400, {"code": "context_length_exceeded"}),
        (ErrorKind.CONTEXT_LENGTH, Scope.REQUEST, 413, 413, {"code": "context_length_exceeded"}),
        (ErrorKind.CONTEXT_LENGTH, Scope.REQUEST, 400, 500, {"type": "exceed_context_size_error"}),
        (ErrorKind.CONTEXT_LENGTH, Scope.REQUEST, 400, 400, {"message": "This model's maximum context length is 8192"}),
        (ErrorKind.BILLING, Scope.CREDENTIAL, 402, 402, {}),
        (ErrorKind.NOT_FOUND, Scope.REQUEST, 404, 404, {}),
        (ErrorKind.MODEL_NOT_FOUND, Scope.MODEL, 404, 404, {"code": "model_not_found"}),
        (ErrorKind.MODEL_NOT_FOUND, Scope.MODEL, 404, 400, {"message": "The requested model is not supported."}),
        (
            ErrorKind.MODEL_NOT_FOUND,
            Scope.MODEL,
            404,
            400,
            {"message": "The 'gpt-5.5' model is not supported when using Codex", "type": "invalid_request_error"},
        ),
        (
            ErrorKind.INVALID_REQUEST,
            Scope.REQUEST,
            400,
            400,
            {"message": "'temperature' is not supported with this model", "param": "temperature"},
        ),
        (
            ErrorKind.INVALID_REQUEST,
            Scope.REQUEST,
            400,
            400,
            {"code": "unsupported_value", "message": "this model: not found"},
        ),
        (ErrorKind.TIMEOUT, Scope.PROVIDER, 408, 408, {}),
        (ErrorKind.INVALID_REQUEST, Scope.REQUEST, 409, 409, {}),
        (ErrorKind.TOO_LARGE, Scope.REQUEST, 413, 413, {}),
        (ErrorKind.INVALID_REQUEST, Scope.REQUEST, 422, 422, {}),
        (ErrorKind.RATE_LIMIT, Scope.CREDENTIAL, 429, 429, {}),
        (ErrorKind.RATE_LIMIT, Scope.CREDENTIAL, 429, 429, {"code": "invalid_request_error"}),
        (ErrorKind.QUOTA, Scope.CREDENTIAL, 429, 429, {"type": "insufficient_quota"}),
        (ErrorKind.QUOTA, Scope.CREDENTIAL, 429, 400, {"type": "usage_limit_reached"}),
        (ErrorKind.OVERLOADED, Scope.PROVIDER, 529, 429, {"message": "The model is at capacity"}),
        (ErrorKind.API, Scope.PROVIDER, 500, 500, {"type": "server_error"}),
        (ErrorKind.API, Scope.PROVIDER, 502, 502, {}),
        (ErrorKind.OVERLOADED, Scope.PROVIDER, 529, 503, {"code": "server_is_overloaded"}),
        (ErrorKind.OVERLOADED, Scope.PROVIDER, 529, 503, {}),
        (ErrorKind.OVERLOADED, Scope.PROVIDER, 529, 529, {}),
        (ErrorKind.TIMEOUT, Scope.PROVIDER, 504, 504, {}),
    ],
)
def test_upstream_errors(kind: ErrorKind, scope: Scope, shown: int, status: int, fields: dict[str, Any]) -> None:
    body = openai(**fields)
    error = read(status, body)
    assert (error.kind, error.scope, error.status) == (kind, scope, shown)
    assert error.message == body["error"]["message"]
    assert (error.param, error.upstream_type) == (body["error"]["param"], body["error"]["type"])


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    "body", [openai("Incorrect key: sk-secret"), b"<html><title>Incorrect key: sk-secret</title></html>"]
)
def test_a_refused_key_is_masked_and_the_words_around_it_stay(status: int, body: object) -> None:
    error = read(status, body)
    mask_error(error, Masks(()))
    assert "sk-secret" not in error.message and "Incorrect key: sk-***" in error.message
    assert error.should_retry is False


def test_a_refused_key_rests_that_credential() -> None:
    assert {read(status, openai()).scope for status in (401, 403)} == {Scope.CREDENTIAL}


def test_the_upstreams_code_is_kept() -> None:
    assert read(400, openai(code="unknown_parameter", param="x")).code == "unknown_parameter"
    assert read(429, {"error": {"type": "usage_limit_reached", "message": "m"}}).code == "usage_limit_reached"


@pytest.mark.parametrize(
    ("message", "body"),
    [
        ("plain words", b"plain words"),
        ("words", {"error": "words"}),
        ("words", {"detail": "words"}),
        ('{"code":5}', {"error": {"code": 5}}),
        ("[1]", [1]),
        ("the upstream answered HTTP 500 without saying why", b""),
    ],
)
def test_any_body_is_passed_on(message: str, body: object) -> None:
    assert read(500, body).message == message


@pytest.mark.parametrize("status", [200, 302, 400, 404, 405])
def test_a_web_page_means_a_wrong_address(status: int) -> None:
    error = read(status, b"<!DOCTYPE html><title>Welcome</title>")
    assert error.scope is Scope.PROVIDER and error.status == 502 and error.should_retry is False
    assert "HTML page" in error.message and "<" not in error.message
    assert error.message.endswith(": Welcome")
    assert ("/v1" in error.message) is (status != 403)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (ErrorKind.API, 502),
        (ErrorKind.OVERLOADED, 503),
        (ErrorKind.TIMEOUT, 504),
        (ErrorKind.TOO_LARGE, 413),
        (ErrorKind.RATE_LIMIT, 429),
    ],
)
def test_a_proxys_own_page_means_what_its_status_says(kind: ErrorKind, status: int) -> None:
    error = read(status, b"<html><h1>nginx</h1></html>")
    assert error.kind is kind
    assert "/v1" not in error.message and error.message.endswith(": nginx")


DATE = "Fri, 21 Nov 2025 00:00:00 GMT"
EPOCH = 1763683200


@pytest.mark.parametrize(
    ("expected", "headers", "error"),
    [
        (None, {}, {}),
        (1.0, {"retry_after": "1"}, {}),
        (0.9, {"retry_after": "1", "retry_after_ms": "900"}, {}),
        (30.0, {"retry_after": "Fri, 21 Nov 2025 00:00:30 GMT", "date": DATE}, {}),
        (None, {"retry_after": "Fri, 21 Nov 2025 00:00:30 GMT"}, {}),
        (None, {"retry_after": "Thu, 20 Nov 2025 00:00:30 GMT", "date": DATE}, {}),
        (None, {"retry_after": "soon"}, {}),
        (None, {"retry_after": "-5"}, {}),
        (None, {"retry_after": "nan"}, {}),
        (0.9, {}, {"message": "Please try again in 900ms."}),
        (363.5, {}, {"message": "Please try again in 6m3.5s."}),
        (123.0, {"retry_after": "1"}, {"resets_in_seconds": 123}),
        (60.0, {"date": DATE}, {"resets_at": EPOCH + 60}),
        (2.0, {"date": DATE, "retry_after": "2"}, {"resets_at": EPOCH - 60}),
        (123.0, {"date": DATE}, {"resets_at": EPOCH + 60, "resets_in_seconds": 123}),
    ],
)
def test_when_to_come_back(expected: float | None, headers: dict[str, str], error: dict[str, Any]) -> None:
    assert read(429, openai(**error), **headers).retry_after == (None if expected is None else pytest.approx(expected))


def test_the_strict_upstreams_faults_are_understood() -> None:
    presets = load(SHARED / "clients" / "upstream_responses.py").PRESETS
    kinds = {}
    for name, preset in presets.items():
        if "http" in preset:
            body = preset["body"]
            raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            kinds[name] = WIRE.decode_error(preset["http"], preset.get("headers", {}), raw).kind
    assert kinds == {
        "rate_limit": ErrorKind.RATE_LIMIT,
        "quota": ErrorKind.QUOTA,
        "usage_limit": ErrorKind.QUOTA,
        "overloaded": ErrorKind.OVERLOADED,
        "server_error": ErrorKind.API,
        "invalid_key": ErrorKind.AUTHENTICATION,
        "forbidden": ErrorKind.MODEL_NOT_FOUND,
        "context_length": ErrorKind.CONTEXT_LENGTH,
        "model_not_found": ErrorKind.MODEL_NOT_FOUND,
        "bad_gateway": ErrorKind.API,
    }


# --- sent to a client ---


def sent(error: GatewayError) -> tuple[int, dict[str, str], dict[str, Any]]:
    status, headers, body = WIRE.encode_error(error, "req_1")
    return status, headers, json.loads(body)["error"]


@pytest.mark.parametrize("kind", list(ErrorKind))
def test_every_kind_has_its_words(kind: ErrorKind) -> None:
    status, headers, error = sent(LocalError(kind, "words", param="p"))
    own = {ErrorKind.OVERLOADED: 503, ErrorKind.MAINTENANCE: 503, ErrorKind.BILLING: 429}
    assert status == own.get(kind, STATUS[kind])
    assert (error["message"], error["param"], headers) == ("words", "p", {})
    assert error["type"] and "code" in error


@pytest.mark.parametrize(
    ("type_", "code", "kind", "own"),
    [
        ("invalid_request_error", "context_length_exceeded", ErrorKind.CONTEXT_LENGTH, "context_too_large"),
        ("rate_limit_error", "rate_limit_exceeded", ErrorKind.RATE_LIMIT, "tokens"),
        ("insufficient_quota", "insufficient_quota", ErrorKind.QUOTA, None),
        ("usage_limit_reached", "usage_limit_reached", ErrorKind.QUOTA, "usage_limit_reached"),
        ("invalid_request_error", "unknown_parameter", ErrorKind.INVALID_REQUEST, "unknown_parameter"),
        ("invalid_request_error", "model_not_found", ErrorKind.MODEL_NOT_FOUND, None),
        ("insufficient_quota", "insufficient_quota", ErrorKind.QUOTA, "daily_cost_limit_exceeded"),
        ("insufficient_quota", "insufficient_quota", ErrorKind.BILLING, "1113"),
        ("service_unavailable_error", "server_is_overloaded", ErrorKind.MAINTENANCE, None),
        ("invalid_request_error", "model_not_found", ErrorKind.MODEL_NOT_FOUND, "unsupported_model"),
        ("invalid_request_error", "invalid_api_key", ErrorKind.AUTHENTICATION, "token_expired"),
        ("invalid_request_error", "content_policy_violation", ErrorKind.CONTENT, "sensitive_words_detected"),
        ("invalid_request_error", "cyber_policy", ErrorKind.CONTENT, "cyber_policy"),
        ("invalid_request_error", "codex_access_restricted", ErrorKind.WRONG_CLIENT, "codex_access_restricted"),
        ("server_error", "server_error", ErrorKind.API, None),
    ],
)
def test_type_and_code(type_: str, code: str, kind: ErrorKind, own: str | None) -> None:
    error = sent(RemoteError(kind, "m", code=own))[2]
    assert (error["type"], error["code"]) == (type_, code)


@pytest.mark.parametrize(
    ("expected", "fields"),
    [
        ({}, {}),
        ({"retry-after": "3"}, {"retry_after": 3.0}),
        ({"retry-after": "2", "retry-after-ms": "1500"}, {"retry_after": 1.5}),
        ({"retry-after": "91", "x-should-retry": "false"}, {"retry_after": 90.2}),
        ({"x-should-retry": "false"}, {"should_retry": False}),
        ({"x-should-retry": "true"}, {"should_retry": True}),
    ],
)
def test_retry_headers(expected: dict[str, str], fields: dict[str, Any]) -> None:
    assert sent(RemoteError(ErrorKind.RATE_LIMIT, "m", **fields))[1] == expected


@pytest.mark.parametrize("kind", [ErrorKind.QUOTA, ErrorKind.RATE_LIMIT])
def test_codex_learns_when_a_limit_ends(kind: ErrorKind) -> None:
    failure = RemoteError(kind, "m", retry_after=2519.5)
    failure.resets_at, failure.plan_type = 1_999_999_999.2, "plus"
    _, headers, error = sent(failure)
    assert error == {
        "message": "m",
        "type": "usage_limit_reached",
        "param": None,
        "code": "usage_limit_reached",
        "plan_type": "plus",
        "resets_at": 2_000_000_000,
        "resets_in_seconds": 2520,
    }
    assert headers == {"retry-after": "2520", "x-should-retry": "false"}


def test_a_plan_is_named_only_where_the_upstream_has_named_one() -> None:
    error = sent(RemoteError(ErrorKind.QUOTA, "m", code="usage_limit_reached", retry_after=59.5))[2]
    assert error["resets_in_seconds"] == 60 and "plan_type" not in error and "resets_at" not in error


@pytest.mark.parametrize(
    ("code", "kind", "wait"),
    [
        ("server_error", ErrorKind.OVERLOADED, None),
        ("server_error", ErrorKind.MAINTENANCE, None),
        ("rate_limit_exceeded", ErrorKind.RATE_LIMIT, 5.0),
        ("insufficient_quota", ErrorKind.RATE_LIMIT, 2520.0),
        ("insufficient_quota", ErrorKind.BILLING, None),
    ],
)
def test_the_code_inside_a_stream(code: str, kind: ErrorKind, wait: float | None) -> None:
    assert failure_code(RemoteError(kind, "m", retry_after=wait)) == code


@pytest.mark.parametrize(
    ("expected", "message", "kind", "wait"),
    [
        ("slow. Please try again in 1.5s.", "slow.", ErrorKind.RATE_LIMIT, 1.5),
        ("Try again in 2s.", "Try again in 2s.", ErrorKind.RATE_LIMIT, 1.5),
        ("slow", "slow", ErrorKind.RATE_LIMIT, None),
        ("gone", "gone", ErrorKind.QUOTA, 1.5),
        ("1.5 秒后重试 Please try again in 1.5s.", "1.5 秒后重试", ErrorKind.RATE_LIMIT, 1.5),
        ("slow", "slow", ErrorKind.RATE_LIMIT, 2520.0),
    ],
)
def test_a_stream_says_the_wait_in_words(expected: str, message: str, kind: ErrorKind, wait: float | None) -> None:
    assert failure_message(RemoteError(kind, message, retry_after=wait)) == expected
