"""An upstream's failure in a few words of ours: for the log, ``last-error`` and events, which quote nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from daemon.errors import ErrorKind, RemoteError
from daemon.telemetry.failure_cause import REASONS, Reason, reason_of

WORDS: Final[Mapping[ErrorKind, str]] = {
    ErrorKind.INVALID_REQUEST: "request refused",
    ErrorKind.AUTHENTICATION: "key refused",
    ErrorKind.BILLING: "account not paid",
    ErrorKind.PERMISSION: "access refused",
    ErrorKind.NOT_FOUND: "address not found",
    ErrorKind.MODEL_NOT_FOUND: "model not found",
    ErrorKind.TOO_LARGE: "request too large",
    ErrorKind.CONTEXT_LENGTH: "prompt too long",
    ErrorKind.RATE_LIMIT: "too many requests",
    ErrorKind.QUOTA: "quota used up",
    ErrorKind.OVERLOADED: "overloaded",
    ErrorKind.MAINTENANCE: "under maintenance",
    ErrorKind.WRONG_CLIENT: "client refused",
    ErrorKind.FIREWALL: "blocked by a firewall",
    ErrorKind.CONTENT: "content refused",
    ErrorKind.TIMEOUT: "no answer in time",
    ErrorKind.API: "upstream failed",
}
CREDENTIAL_REFUSED: Final = frozenset({ErrorKind.AUTHENTICATION, ErrorKind.PERMISSION})
"""What an upstream says of a key that it does not know, or that may not do this."""


def what_failed(error: RemoteError) -> str:
    """``key refused``. Where the class says little, what the reason means."""
    reason = reason_of(error)
    if error.kind is ErrorKind.API and reason in _REASONS:
        return REASONS[Reason(reason)][0]
    return WORDS[error.kind]


def in_words(error: RemoteError) -> str:
    """``key refused (authentication, http_401)``: in words, class, reason."""
    return f"{what_failed(error)} ({error.kind}, {reason_of(error)})"


_REASONS: Final = frozenset(REASONS)
