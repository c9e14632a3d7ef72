"""An upstream's failures, read in the dialect that OpenAI's two wires share. How one is told: ``openai_error_body``.

    HTTP error                       decode_error  ─┐
    error event, response.failed     remote_error  ─┼─▶ RemoteError
    body that is no JSON             not_json      ─┤
    JSON that is no answer           no_answer     ─┘

What decides, in this order: 401 and 403 by status alone (their text may hold a piece of the key and
is not passed on), then the upstream's ``code``, its ``type``, telling words of its message, the status.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from daemon.errors import ErrorKind, RemoteError, Scope
from daemon.wires.context_length import speaks_of_context_length
from daemon.wires.raw_json import NOT_JSON
from daemon.wires.retry_after import retry_after
from daemon.wires.upstream_failures import KIND_OF_STATUS, SCOPE_OF_KIND

_SHOWN = 4096
"""Characters of a body without an error object that are put into the message."""

_KIND_OF_WORD: dict[str, ErrorKind] = {
    "context_length_exceeded": ErrorKind.CONTEXT_LENGTH,
    "context_too_large": ErrorKind.CONTEXT_LENGTH,
    "exceed_context_size_error": ErrorKind.CONTEXT_LENGTH,
    "model_context_window_exceeded": ErrorKind.CONTEXT_LENGTH,
    "string_above_max_length": ErrorKind.INVALID_REQUEST,
    "rate_limit_exceeded": ErrorKind.RATE_LIMIT,
    "rate_limit_error": ErrorKind.RATE_LIMIT,
    "insufficient_quota": ErrorKind.QUOTA,
    "usage_limit_reached": ErrorKind.QUOTA,
    "usage_not_included": ErrorKind.QUOTA,
    "quota_exceeded": ErrorKind.QUOTA,
    "billing_hard_limit_reached": ErrorKind.BILLING,
    "billing_not_active": ErrorKind.BILLING,
    "server_is_overloaded": ErrorKind.OVERLOADED,
    "slow_down": ErrorKind.OVERLOADED,
    "overloaded_error": ErrorKind.OVERLOADED,
    "service_unavailable_error": ErrorKind.OVERLOADED,
    "model_not_found": ErrorKind.MODEL_NOT_FOUND,
    "invalid_api_key": ErrorKind.AUTHENTICATION,
    "authentication_error": ErrorKind.AUTHENTICATION,
    "permission_error": ErrorKind.PERMISSION,
    "permission_denied": ErrorKind.PERMISSION,
    "not_found_error": ErrorKind.NOT_FOUND,
    "request_too_large": ErrorKind.TOO_LARGE,
    "model_not_supported": ErrorKind.MODEL_NOT_FOUND,
    "invalid_prompt": ErrorKind.INVALID_REQUEST,
    "invalid_value": ErrorKind.INVALID_REQUEST,
    "unknown_parameter": ErrorKind.INVALID_REQUEST,
    "unsupported_parameter": ErrorKind.INVALID_REQUEST,
    "unsupported_value": ErrorKind.INVALID_REQUEST,
    "invalid_request": ErrorKind.INVALID_REQUEST,
    "invalid_request_error": ErrorKind.INVALID_REQUEST,
    "bad_request": ErrorKind.INVALID_REQUEST,
    "cyber_policy": ErrorKind.INVALID_REQUEST,
    "content_policy_violation": ErrorKind.INVALID_REQUEST,
    "vector_store_timeout": ErrorKind.TIMEOUT,
    "timeout": ErrorKind.TIMEOUT,
    "server_error": ErrorKind.API,
    "internal_error": ErrorKind.API,
    "internal_server_error": ErrorKind.API,
    "api_error": ErrorKind.API,
}

_VAGUE_WORDS = frozenset({"invalid_request_error", "invalid_request", "bad_request", "api_error", "server_error"})
"""Types that relays put on anything: the message or the status knows better."""

_OVERLOADED = re.compile(r"model is at capacity|currently overloaded", re.I)

_MODEL_MISSING = re.compile(
    r"\bmodel\b.{0,80}(is not supported|not available|does not exist|not found)|unsupported model\b", re.I
)
"""Believed only where ``param`` names no other field: "… is not supported" is said of parameters too."""

_SCOPE_OF_KIND = {**SCOPE_OF_KIND, ErrorKind.NOT_FOUND: Scope.REQUEST}
"""What these wires look up (files, earlier responses) is named by the request: its provider is well."""

_FINAL = frozenset({ErrorKind.AUTHENTICATION, ErrorKind.PERMISSION, ErrorKind.BILLING, ErrorKind.QUOTA})
"""Waiting a few seconds does not help: clients are told not to retry."""

_OWN_STATUS = frozenset({ErrorKind.QUOTA, ErrorKind.OVERLOADED, ErrorKind.RATE_LIMIT})
"""Kinds whose usual status beats the upstream's: a usage limit told as 400 is a 429 all the same."""


def decode_error(status: int, headers: Mapping[str, str], body: bytes) -> RemoteError:
    """An HTTP error of an upstream. ``headers`` are lower-case; any body is understood."""
    text = body.decode("utf-8", "replace").strip()
    if status < 400 or (_is_html(text) and status != 401):
        return not_json(body, status, headers)
    return remote_error(_error_object(body, text), status=status, headers=headers)


def remote_error(
    error: Mapping[str, object], *, status: int | None = None, headers: Mapping[str, str] | None = None
) -> RemoteError:
    """An error object, from wherever it came, as what it means. ``status`` None = told inside a 200 stream."""
    headers = headers or {}
    status = status or _status_inside(error)
    message = _word(error, "message") or "the upstream failed without saying why"
    code, type_ = _word(error, "code"), _word(error, "type")
    kind = _kind(status, code, type_, message, _word(error, "param"))
    return RemoteError(
        kind,
        _public_message(kind, status, message),
        scope=_SCOPE_OF_KIND.get(kind, Scope.PROVIDER),
        status=_status(kind, status),
        upstream_status=status,
        upstream_type=type_,
        code=code or _only_code(type_),
        param=_word(error, "param"),
        retry_after=retry_after(error, headers, message),
        should_retry=False if kind in _FINAL else None,
    )


def not_json(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> RemoteError:
    """An answer that is not this wire's at all: a login page, a proxy's own error page, nothing."""
    text = body.decode("utf-8", "replace").strip()
    what = "an HTML page" if _is_html(text) else "an answer that is not JSON" if text else "an empty answer"
    message = f"the upstream sent {what} (HTTP {status})"
    kind = ErrorKind.API if status == 403 else KIND_OF_STATUS.get(status, ErrorKind.API)
    wrong_door = status < 500 and kind in (ErrorKind.API, ErrorKind.NOT_FOUND)
    if wrong_door:
        kind = ErrorKind.API
        message += ": its base-url may be wrong or lack /v1"
    if text and status != 403:
        message = f"{message}: {text[:_SHOWN]}"
    return RemoteError(
        kind,
        message,
        scope=_SCOPE_OF_KIND.get(kind, Scope.PROVIDER),
        upstream_status=status,
        retry_after=retry_after({}, headers or {}, ""),
        should_retry=False if wrong_door else None,
    )


def no_answer(error: object, lacking: str) -> RemoteError:
    """JSON that is not this wire's answer: a relay's ``error`` under a 200, or another API's answer."""
    if isinstance(error, dict):
        return remote_error(error)
    if isinstance(error, str):
        return remote_error({"message": error})
    return RemoteError(ErrorKind.API, f"the upstream sent JSON {lacking}: its base-url may be wrong")


def _kind(status: int | None, code: str | None, type_: str | None, message: str, param: str | None) -> ErrorKind:
    if status in (401, 403):
        return KIND_OF_STATUS[status]
    for word in (code, type_):
        if word in _KIND_OF_WORD and word not in _VAGUE_WORDS:
            return _KIND_OF_WORD[word]
    if speaks_of_context_length(message):
        return ErrorKind.CONTEXT_LENGTH
    if _OVERLOADED.search(message):
        return ErrorKind.OVERLOADED
    if param in (None, "model") and _MODEL_MISSING.search(message):
        return ErrorKind.MODEL_NOT_FOUND
    if status is not None:
        return KIND_OF_STATUS.get(status, ErrorKind.API if status >= 500 else ErrorKind.INVALID_REQUEST)
    for word in (code, type_):
        if word is not None:
            return _KIND_OF_WORD.get(word) or _kind_of_family(word)
    return ErrorKind.API


def _kind_of_family(word: str) -> ErrorKind:
    """``invalid_image_url``, ``image_too_large`` …: the request's own fault, by the look of the word."""
    return ErrorKind.INVALID_REQUEST if word.startswith("invalid_") or "image" in word else ErrorKind.API


def _status(kind: ErrorKind, status: int | None) -> int | None:
    """A prompt that does not fit is no server's failure, which clients would repeat."""
    too_long = kind is ErrorKind.CONTEXT_LENGTH and status is not None and status >= 500
    return None if kind in _OWN_STATUS or too_long else status


def _public_message(kind: ErrorKind, status: int | None, message: str) -> str:
    if kind in (ErrorKind.AUTHENTICATION, ErrorKind.PERMISSION):
        told = f" (HTTP {status})" if status else ""
        return f"the upstream refused this gateway's key{told}: check the provider's api-key and what it may use"
    return message


def _only_code(type_: str | None) -> str | None:
    """Some errors say in ``type`` what OpenAI's clients look for in ``code`` (``usage_limit_reached``)."""
    return type_ if type_ in _KIND_OF_WORD and type_ not in _VAGUE_WORDS else None


def _error_object(body: bytes, text: str) -> dict[str, object]:
    try:
        whole = msgspec.json.decode(body)
    except NOT_JSON:
        whole = None
    found = whole.get("error") if isinstance(whole, dict) else None
    if isinstance(found, dict):
        return found if _word(found, "message") else {**found, "message": text[:_SHOWN]}
    return {"message": found if isinstance(found, str) and found else text[:_SHOWN]}


def _word(error: Mapping[str, object], name: str) -> str | None:
    value = error.get(name)
    return value if isinstance(value, str) and value else None


def _status_inside(error: Mapping[str, object]) -> int | None:
    for name in ("status", "status_code", "code"):
        value = error.get(name)
        if isinstance(value, int) and 400 <= value <= 599:
            return value
    return None


def _is_html(text: str) -> bool:
    return text[:64].lower().startswith(("<!doctype", "<html", "<head", "<?xml"))
