"""Errors of the Messages API, both ways: our errors in its envelope, an upstream's envelope as ours.

Claude Code and the SDKs act on three things: the status, the ``type``, and for a prompt that is too
long on the sentence ``prompt is too long: A tokens > B maximum`` (reactive compaction).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from daemon.errors import ErrorKind, GatewayError, RemoteError, Scope
from daemon.wires.failures.body import failure_of, failure_of_answer, is_failure
from daemon.wires.failures.context_length import token_numbers
from daemon.wires.failures.judge import is_long_wait, judge
from daemon.wires.failures.remote_errors import no_answer, not_json
from daemon.wires.json import NOT_JSON

__all__ = [
    "decode_error",
    "encode_error",
    "error_event",
    "error_object",
    "final_type",
    "no_answer",
    "not_json",
    "remote_error",
    "reword_context_length",
    "streamed_error",
]

TYPES: Mapping[ErrorKind, str] = {
    ErrorKind.INVALID_REQUEST: "invalid_request_error",
    ErrorKind.AUTHENTICATION: "authentication_error",
    ErrorKind.BILLING: "billing_error",
    ErrorKind.PERMISSION: "permission_error",
    ErrorKind.NOT_FOUND: "not_found_error",
    ErrorKind.MODEL_NOT_FOUND: "not_found_error",
    ErrorKind.TOO_LARGE: "request_too_large",
    ErrorKind.CONTEXT_LENGTH: "invalid_request_error",
    ErrorKind.RATE_LIMIT: "rate_limit_error",
    ErrorKind.QUOTA: "rate_limit_error",
    ErrorKind.OVERLOADED: "overloaded_error",
    ErrorKind.MAINTENANCE: "overloaded_error",
    ErrorKind.WRONG_CLIENT: "invalid_request_error",
    ErrorKind.FIREWALL: "permission_error",
    ErrorKind.CONTENT: "invalid_request_error",
    ErrorKind.TIMEOUT: "timeout_error",
    ErrorKind.API: "api_error",
}

_TOO_LONG = "prompt is too long"
"""Matched by Claude Code 2.1.197 (2026-11), which compacts the conversation when it reads it; from the numbers
behind it, ``: A tokens > B maximum``, it computes how much."""

_TOO_LONG_BY = "prompt is too long: {} tokens > {} maximum"
"""Matched by Claude Code 2.1.197 (2026-11), as above."""

_LIMIT_OF_OUTPUT = "input length and `max_tokens`"
"""Matched by Claude Code 2.1.197 (2026-11): how the API begins where a smaller ``max_tokens`` would fit; it lowers
it when it reads that."""

_LIMIT_OF_OUTPUT_BY = _LIMIT_OF_OUTPUT + (
    " exceed context limit: {} + {} > {}, decrease input length or `max_tokens` and try again"
)
"""Matched by Claude Code 2.1.197 (2026-11), as above; from the numbers it computes the new ``max_tokens``."""

_LEAST_ROOM = 4000
"""Tokens. Claude Code 2.1.332 gives up where less would be left: it keeps 1,000 free and asks for 3,000 at least."""

_COMPACTED = "input is too long for requested model"
"""Matched by Claude Code 2.1.332 (2026-11, run): Bedrock's words, upon which it compacts the conversation as well."""


def encode_error(error: GatewayError, request_id: str) -> tuple[int, dict[str, str], bytes]:
    """(status, extra headers, body) of a failed request."""
    headers: dict[str, str] = {}
    if error.retry_after is not None:
        headers["retry-after"] = str(max(0, math.ceil(error.retry_after)))
    should_retry = False if is_long_wait(error) else error.should_retry
    if should_retry is None and error.kind is ErrorKind.QUOTA and error.retry_after is None:
        should_retry = False
    if should_retry is not None:
        headers["x-should-retry"] = "true" if should_retry else "false"
    body = {"type": "error", "error": error_object(error), "request_id": request_id}
    return error.status, headers, msgspec.json.encode(body)


def error_object(error: GatewayError) -> dict[str, object]:
    """The ``error`` of an envelope."""
    message = error.message
    if error.kind is ErrorKind.CONTEXT_LENGTH:
        message = reword_context_length(message, None, None)
    body: dict[str, object] = {"type": error.messages_type or TYPES[error.kind], "message": message}
    if error.details is not None:
        body["details"] = error.details
    return body


def streamed_error(error: GatewayError) -> dict[str, object]:
    """The ``error`` of an ``error`` event, where no status goes with it. Claude Code ends its turn at a
    ``rate_limit_error`` inside a stream and asks again at an ``overloaded_error`` (2.1.332, run); another provider
    then answers, or a 429 that says when to come back."""
    body = error_object(error)
    return body | {"type": "overloaded_error"} if body["type"] == "rate_limit_error" else body


def reword_context_length(message: str, estimate: int | None, limit: int | None) -> str:
    """An upstream's words for a prompt that does not fit, as the sentence that Claude Code acts on: one where the
    prompt is too long, another where only the answer that was asked for is.

    The upstream's own numbers win; ``estimate`` (of the prompt) and ``limit`` (of the model) fill
    in for what it does not say. The upstream's text is kept at the end.
    """
    if message.lower().startswith((_TOO_LONG, _LIMIT_OF_OUTPUT)) and " > " in message:
        return message
    numbers = token_numbers(message)
    room = numbers.room(estimate)
    if room is not None and numbers.limit is not None:
        sentence = _LIMIT_OF_OUTPUT_BY.format(numbers.limit - room, numbers.output, numbers.limit)
        if room < _LEAST_ROOM:
            sentence = f"{sentence}: {_COMPACTED}"
        return f"{sentence} (upstream: {message})"
    asked, maximum = numbers.prompt or estimate, numbers.limit or limit
    if asked is not None and maximum is not None:
        # Claude Code computes what to cut from A - B; an estimate below the limit would make no sense.
        return f"{_TOO_LONG_BY.format(max(asked, maximum + 1), maximum)} (upstream: {message})"
    return message if message.lower().startswith(_TOO_LONG) else f"{_TOO_LONG} (upstream: {message})"


def decode_error(status: int, headers: Mapping[str, str], body: bytes) -> RemoteError:
    """What an upstream's HTTP error means. ``headers`` have lower-case names. This API stores nothing that a
    request could name: a plain 404 is the address's fault."""
    return judge(failure_of_answer(status, headers, body, not_found=Scope.PROVIDER))


def error_event(payload: bytes) -> RemoteError | None:
    """The failure that the payload of an event is, whatever its shape; None where it is none."""
    try:
        value = msgspec.json.decode(payload)
    except NOT_JSON:
        return None
    return remote_error(value) if is_failure(value) else None


def remote_error(value: object) -> RemoteError:
    """What an error means that came inside a 200: the error object, or the JSON value around it."""
    return judge(failure_of(value, not_found=Scope.PROVIDER))


def final_type(headers: Mapping[str, str]) -> str | None:
    """Claude Code 2.1.332 repeats a request up to five times after a 400 that it does not know, each time with fewer
    of its beta features, whatever ``x-should-retry`` says (2.1.197: once). Of the types that it takes as final under
    a 400 this one makes it print the words alone (measured 2026-11-28)."""
    return TYPES[ErrorKind.BILLING] if headers.get("user-agent", "").startswith("claude-cli") else None
