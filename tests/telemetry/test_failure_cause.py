"""Every failure has one word for the log and one cause for the counter, both from closed lists."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from daemon.errors import STATUS, ErrorKind, Failure, GatewayError, LocalError, RemoteError
from daemon.telemetry.failure_cause import OF_KIND, REASONS, Cause, Reason, cause_of, level_of, reason_of
from daemon.wires.failures.remote_errors import decode_error, no_answer, not_json

CLIENT, CONFIGURATION, UPSTREAM, LIMIT, GATEWAY = Cause
DAEMON = Path(__file__).resolve().parents[2] / "daemon"


def test_every_word_and_every_class_has_its_cause() -> None:
    """``api`` is the one class that says nothing."""
    assert set(REASONS) == set(Reason)
    assert set(ErrorKind) - set(OF_KIND) == {ErrorKind.API}
    assert {cause for _, cause in REASONS.values()} == set(Cause)


@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        (ErrorKind.INVALID_REQUEST, CLIENT),
        (ErrorKind.AUTHENTICATION, CONFIGURATION),
        (ErrorKind.BILLING, LIMIT),
        (ErrorKind.PERMISSION, CONFIGURATION),
        (ErrorKind.NOT_FOUND, CONFIGURATION),
        (ErrorKind.MODEL_NOT_FOUND, CONFIGURATION),
        (ErrorKind.TOO_LARGE, CLIENT),
        (ErrorKind.CONTEXT_LENGTH, CLIENT),
        (ErrorKind.RATE_LIMIT, LIMIT),
        (ErrorKind.QUOTA, LIMIT),
        (ErrorKind.OVERLOADED, UPSTREAM),
        (ErrorKind.MAINTENANCE, UPSTREAM),
        (ErrorKind.WRONG_CLIENT, CONFIGURATION),
        (ErrorKind.FIREWALL, UPSTREAM),
        (ErrorKind.CONTENT, CLIENT),
        (ErrorKind.TIMEOUT, UPSTREAM),
        (ErrorKind.API, UPSTREAM),
    ],
)
def test_an_upstreams_class_says_whose_failure_it_is(kind: ErrorKind, cause: Cause) -> None:
    """Whatever the status it came with: relays say everything with 403."""
    assert cause_of(RemoteError(kind, "no", upstream_status=STATUS[kind])) == cause
    assert cause_of(RemoteError(kind, "no", upstream_status=403)) == cause


@pytest.mark.parametrize(
    ("error", "reason", "cause"),
    [
        (RemoteError(ErrorKind.API, "", reason="dns"), "dns", CONFIGURATION),
        (RemoteError(ErrorKind.API, "", reason="tls"), "tls", CONFIGURATION),
        (RemoteError(ErrorKind.API, "", reason="proxy"), "proxy", CONFIGURATION),
        (RemoteError(ErrorKind.API, "", reason="not_http"), "not_http", CONFIGURATION),
        (RemoteError(ErrorKind.API, "", reason="redirect"), "redirect", CONFIGURATION),
        (RemoteError(ErrorKind.API, "", reason="refused"), "refused", UPSTREAM),
        (RemoteError(ErrorKind.API, "", reason="unreachable"), "unreachable", UPSTREAM),
        (RemoteError(ErrorKind.API, "", reason="cut"), "cut", UPSTREAM),
        (RemoteError(ErrorKind.TIMEOUT, ""), "timeout", UPSTREAM),
        (RemoteError(ErrorKind.API, ""), "invalid_answer", UPSTREAM),
        (RemoteError(ErrorKind.API, "", failure=Failure()), "error_event", UPSTREAM),
        (RemoteError(ErrorKind.OVERLOADED, "", upstream_status=1 << 80, failure=Failure()), "error_event", UPSTREAM),
        (decode_error(502, {}, b"<html><title>Bad gateway</title></html>"), "http_502", UPSTREAM),
        (decode_error(404, {}, b"<html><title>Not found</title></html>"), "http_404", CONFIGURATION),
        (decode_error(302, {"location": "https://new.example/v1"}, b""), "redirect", CONFIGURATION),
        (decode_error(401, {}, b'{"error":{"message":"bad key"}}'), "http_401", CONFIGURATION),
        (decode_error(429, {}, b'{"error":{"message":"slow down"}}'), "http_429", LIMIT),
        (decode_error(400, {}, b'{"error":{"message":"temperature"}}'), "http_400", CLIENT),
        (not_json(b"<html><title>Sign in</title></html>"), "page", CONFIGURATION),
        (no_answer({"id": 1}, "without choices"), "invalid_answer", UPSTREAM),
        (LocalError(ErrorKind.INVALID_REQUEST, ""), "bad_request", CLIENT),
        (LocalError(ErrorKind.AUTHENTICATION, ""), "unauthorized", CLIENT),
        (LocalError(ErrorKind.PERMISSION, "", reason="forbidden_host"), "forbidden_host", CLIENT),
        (LocalError(ErrorKind.NOT_FOUND, ""), "no_route", CLIENT),
        (LocalError(ErrorKind.MODEL_NOT_FOUND, ""), "unknown_model", CONFIGURATION),
        (LocalError(ErrorKind.INVALID_REQUEST, "", status=405), "wrong_method", CLIENT),
        (LocalError(ErrorKind.TIMEOUT, "", status=408), "timeout", CLIENT),
        (LocalError(ErrorKind.TOO_LARGE, ""), "too_large", CLIENT),
        (LocalError(ErrorKind.INVALID_REQUEST, "", status=415), "unsupported_encoding", CLIENT),
        (LocalError(ErrorKind.INVALID_REQUEST, "", status=426), "websocket", CLIENT),
        (LocalError(ErrorKind.RATE_LIMIT, ""), "too_many", LIMIT),
        (LocalError(ErrorKind.INVALID_REQUEST, "", status=431), "head_too_large", CLIENT),
        (LocalError(ErrorKind.TIMEOUT, ""), "client_stalled", CLIENT),
        (LocalError(ErrorKind.OVERLOADED, "", status=503, reason="no_provider"), "no_provider", CONFIGURATION),
        (LocalError(ErrorKind.OVERLOADED, "", status=503, reason="unresolved"), "unresolved", CONFIGURATION),
        (LocalError(ErrorKind.OVERLOADED, "", status=503, reason="stopping"), "stopping", GATEWAY),
        (LocalError(ErrorKind.API, "", status=500), "internal", GATEWAY),
    ],
)
def test_what_is_known_of_a_failure_gives_its_word(error: GatewayError, reason: str, cause: Cause) -> None:
    assert (reason_of(error), cause_of(error)) == (reason, cause)


def test_no_error_brings_a_word_of_its_own() -> None:
    """Every ``reason`` that is written in the source is one of the list, or says the HTTP status."""
    calls = (node for path in DAEMON.rglob("*.py") for node in ast.walk(ast.parse(path.read_text("utf-8"))))
    found = {
        word.value.value
        for call in calls
        if isinstance(call, ast.Call)
        for word in call.keywords
        if word.arg == "reason" and _is_error(call.func) and isinstance(word.value, ast.Constant)
    }
    assert "cut" in found
    assert {word for word in found if word not in set(Reason)} == set()


def _is_error(function: ast.expr) -> bool:
    return isinstance(function, ast.Name) and function.id.endswith("Error")


@pytest.mark.parametrize(
    ("status", "error", "level"),
    [
        (200, None, "INFO"),
        (499, None, "INFO"),
        (400, LocalError(ErrorKind.INVALID_REQUEST, ""), "INFO"),
        (404, LocalError(ErrorKind.MODEL_NOT_FOUND, ""), "INFO"),
        (400, RemoteError(ErrorKind.INVALID_REQUEST, ""), "WARNING"),
        (401, RemoteError(ErrorKind.AUTHENTICATION, ""), "WARNING"),
        (429, RemoteError(ErrorKind.RATE_LIMIT, ""), "WARNING"),
        (500, LocalError(ErrorKind.API, "", status=500), "ERROR"),
        (502, RemoteError(ErrorKind.API, ""), "ERROR"),
        (503, LocalError(ErrorKind.OVERLOADED, "", status=503), "ERROR"),
        (529, RemoteError(ErrorKind.OVERLOADED, ""), "ERROR"),
    ],
)
def test_the_level_is_by_status_and_by_who_refused(status: int, error: GatewayError | None, level: str) -> None:
    assert level_of(status, error) == level
