"""Errors in the words that a client acts on.

Claude Code compacts the conversation only when it reads ``prompt is too long: A tokens > B maximum``
(2.1.197, 2026-11); what an upstream says of the same thing it does not recognise. Codex CLI ends its turn
at a 429 without ``retry-after`` (0.169.0); the others have a back-off of their own, which a number would
only shorten. Who reads an upstream's words learns what happened, seldom what to do: that is added behind
them, in parentheses. When a limit ends is said as a moment too, since Codex prints that.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Final

from daemon.errors import ErrorKind, GatewayError, RemoteError
from daemon.gateway.client_request import ClientRequest
from daemon.router.exhausted import CREDENTIAL_ADVICE
from daemon.telemetry.failure_cause import reason_of
from daemon.wires.failures.retry_after import bounded

CONTEXT_LIMITS = (("gpt-5", 272_000), ("codex", 200_000), ("", 200_000))
"""Input limits in tokens by the beginning of the model's name, for upstreams that do not say theirs."""

ADVICE: Final[Mapping[ErrorKind, str]] = {
    ErrorKind.RATE_LIMIT: "retry later, or switch to another provider",
    ErrorKind.QUOTA: "switch to another provider, or wait for the quota",
    ErrorKind.OVERLOADED: "retry in a moment, or switch to another provider",
    ErrorKind.MAINTENANCE: "retry later, or switch to another provider",
    ErrorKind.TIMEOUT: "retry, or switch to another provider",
    ErrorKind.API: "retry, or switch to another provider",
    ErrorKind.NOT_FOUND: "check the provider's base-url",
    ErrorKind.TOO_LARGE: "send less",
}
"""What to do about an upstream's failure, unless its words say it."""

SETTINGS: Final[Mapping[ErrorKind, str]] = {
    **CREDENTIAL_ADVICE,
    ErrorKind.MODEL_NOT_FOUND: "check `defaults.model` and `models`; GET /v1/models lists them",
    ErrorKind.WRONG_CLIENT: "this provider serves certain clients only: see `headers`",
    ErrorKind.FIREWALL: "ask the provider for an API host, or set `proxy-url` or `headers: user-agent`",
    ErrorKind.CONTENT: "the provider's word filter; the text stays in the conversation: "
    "use /compact, or start a new one",
}
"""What to do that no upstream can know, since it is a setting of ours or the client's; always added."""

INSTRUCTIONS: Final = re.compile(r"instructions are not valid", re.IGNORECASE)
OWN_INSTRUCTIONS: Final = "this provider requires its own instructions: `instructions: file:/path` sends a fixed text"

ADVISED: Final = re.compile(
    r"\b(retry|try|retrying|again|wait|switch|check|raise|adjust|reduce)\b|base-url|充值|续费|重试|再试|联系",
    re.IGNORECASE,
)
"""Words by which a message says what to do."""


def for_client(
    error: GatewayError, client_request: ClientRequest, served: str = "", now: float | None = None
) -> GatewayError:
    """The error as the entry's clients need it worded; most are returned as they are. ``served`` is the
    upstream's model, whose limit is meant; '' where none was asked. ``now`` is in epoch seconds."""
    _time_limit(error, time.time() if now is None else now)
    if isinstance(error, RemoteError):
        _final(error, client_request)
    wire = client_request.wire
    if error.kind is ErrorKind.RATE_LIMIT and error.retry_after is None and error.should_retry is not False:
        error.retry_after = wire.unsaid_wait
    if error.kind is not ErrorKind.CONTEXT_LENGTH or wire.reword_context_length is None:
        if isinstance(error, RemoteError):
            error.message = advised(error.message, error.kind)
        return error
    limit = _limit(served or client_request.request.model)
    message = wire.reword_context_length(error.message, client_request.input_estimate, limit)
    return RemoteError(error.kind, message, code=error.code, param=error.param, reason=reason_of(error))


def _final(error: RemoteError, client_request: ClientRequest) -> None:
    """Some clients repeat a request without parts of it after certain error types. Where that cannot help, the error
    gets the type that they do not repeat."""
    final = error.kind in (ErrorKind.WRONG_CLIENT, ErrorKind.CONTENT) or INSTRUCTIONS.search(error.message)
    if final and client_request.wire.final_type is not None:
        error.messages_type = client_request.wire.final_type(client_request.headers) or error.messages_type


def _time_limit(error: GatewayError, now: float) -> None:
    """When a limit ends, both ways: as a wait and as a moment. An upstream says only one of them."""
    if error.kind not in (ErrorKind.QUOTA, ErrorKind.RATE_LIMIT):
        return
    if error.retry_after is None and error.resets_at is not None:
        error.retry_after = bounded(max(0.0, error.resets_at - now))
    elif error.resets_at is None and error.retry_after is not None:
        error.resets_at = now + error.retry_after


def advised(message: str, kind: ErrorKind) -> str:
    """An upstream's message with what to do, in parentheses behind it."""
    advice = SETTINGS.get(kind) or (OWN_INSTRUCTIONS if INSTRUCTIONS.search(message) else "")
    if not advice and not ADVISED.search(message):
        advice = ADVICE.get(kind, "")
    return f"{message} ({advice})" if advice else message


def _limit(model: str) -> int:
    name = model.rpartition("/")[2]
    return next(limit for prefix, limit in CONTEXT_LIMITS if name.startswith(prefix))
