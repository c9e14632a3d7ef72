"""Errors in the words that a client acts on.

Claude Code compacts the conversation only when it reads ``prompt is too long: A tokens > B maximum``
(2.1.197, 2026-11); what an upstream says of the same thing it does not recognise. Codex CLI ends its turn
at a 429 without ``retry-after`` (0.169.0); the others have a back-off of their own, which a number would
only shorten. Who reads an upstream's words learns what happened, seldom what to do: that is added where
nothing in them says it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from daemon.errors import ErrorKind, GatewayError, RemoteError
from daemon.gateway.inbound import Inbound
from daemon.wires.anthropic_messages.errors import reword_context_length

CONTEXT_LIMITS = (("gpt-5", 272_000), ("codex", 200_000), ("", 200_000))
"""Input limits in tokens by the beginning of the model's name, for upstreams that do not say theirs."""

UNSAID_WAIT = 5.0
"""Seconds to wait out a rate limit of which the upstream has not said when it ends."""

ADVICE: Final[Mapping[ErrorKind, str]] = {
    ErrorKind.RATE_LIMIT: "retry later, or switch to another provider",
    ErrorKind.QUOTA: "switch to another provider, or wait for the quota",
    ErrorKind.BILLING: "check the account at the provider, or switch to another provider",
    ErrorKind.OVERLOADED: "retry in a moment, or switch to another provider",
    ErrorKind.TIMEOUT: "retry, or switch to another provider",
    ErrorKind.API: "retry, or switch to another provider",
    ErrorKind.NOT_FOUND: "check the provider's base-url",
    ErrorKind.MODEL_NOT_FOUND: "switch to another model; GET /v1/models lists them",
    ErrorKind.TOO_LARGE: "send less",
}
"""What to do about an upstream's failure."""

ADVISED: Final = re.compile(r"\b(retry|try|retrying|again|wait|switch|check|raise|adjust|reduce)\b", re.IGNORECASE)
"""Words by which a message says what to do."""


def for_client(error: GatewayError, inbound: Inbound, served: str = "") -> GatewayError:
    """The error as the entry's clients need it worded; most are returned as they are. ``served`` is the
    upstream's model, whose limit is meant; '' where none was asked."""
    if error.kind is ErrorKind.RATE_LIMIT and inbound.wire.name == "responses" and error.should_retry is not False:
        error.retry_after = UNSAID_WAIT if error.retry_after is None else error.retry_after
    if error.kind is not ErrorKind.CONTEXT_LENGTH or inbound.wire.name != "messages":
        if isinstance(error, RemoteError):
            error.message = advised(error.message, error.kind)
        return error
    limit = _limit(served or inbound.request.model)
    message = reword_context_length(error.message, inbound.input_estimate, limit)
    return RemoteError(error.kind, message, code=error.code, param=error.param)


def advised(message: str, kind: ErrorKind) -> str:
    """An upstream's message with what to do, in parentheses behind it, unless it says so itself."""
    advice = ADVICE.get(kind, "")
    return message if not advice or ADVISED.search(message) else f"{message} ({advice})"


def _limit(model: str) -> int:
    name = model.rpartition("/")[2]
    return next(limit for prefix, limit in CONTEXT_LIMITS if name.startswith(prefix))
