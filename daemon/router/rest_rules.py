"""Who rests after a failure, and for how long: one table, a row per kind of error.

The durations are those of what an operator would do by hand: a key that was refused is not tried again before somebody
has changed it, a limit is waited for, a server that stumbled is tried again after a second, then two, then four. What
the upstream itself says of the time (``retry-after``, ``resets_at``) comes first; thirty minutes are the most, since
what an upstream says is not always true, and one request then shows it.
"""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

from daemon.errors import ErrorKind, RemoteError, Scope

Reach = Literal["auth", "model", "family"]
"""What rests: the core auth, one of its models, or the core auth for clients of one family (a relay for Codex only)."""

INVALID_KEY: Final = "invalid_key"
"""The reason of a rest for a key that ``GET /models`` was refused, before any request."""
LONGEST: Final = 30 * 60.0
SHORT: Final = 1.0
SHORT_LONGEST: Final = 30.0
JITTER: Final = 0.25
JITTER_LONGEST: Final = 2.0


class RestRule(Struct, frozen=True):
    """``seconds``: without a hint of the upstream. ``doubles``: each failure after a rest makes the next one twice as
    long, up to ``SHORT_LONGEST``. ``heals``: a good answer to ``GET /models`` ends it, since what failed was the way or
    the server, and not the account."""

    reach: Reach
    seconds: float
    doubles: bool = False
    heals: bool = False


_KEY = RestRule("auth", LONGEST)
_SERVER = RestRule("auth", SHORT, doubles=True, heals=True)
_MODEL_OF_SERVER = RestRule("model", SHORT, doubles=True, heals=True)

RULES: Final[dict[ErrorKind, RestRule]] = {
    ErrorKind.AUTHENTICATION: _KEY,
    ErrorKind.PERMISSION: _KEY,
    ErrorKind.BILLING: _KEY,
    ErrorKind.QUOTA: _KEY,
    ErrorKind.RATE_LIMIT: RestRule("auth", SHORT, doubles=True),
    ErrorKind.MODEL_NOT_FOUND: RestRule("model", LONGEST),
    ErrorKind.WRONG_CLIENT: RestRule("family", LONGEST),
    ErrorKind.OVERLOADED: _SERVER,
    ErrorKind.MAINTENANCE: RestRule("auth", 60.0, heals=True),
    ErrorKind.FIREWALL: RestRule("auth", 60.0),
    ErrorKind.TIMEOUT: _MODEL_OF_SERVER,
    ErrorKind.API: _MODEL_OF_SERVER,
    ErrorKind.NOT_FOUND: _SERVER,
}
"""Every other kind is the request's fault: nobody rests."""

BY_HINT: Final = frozenset(
    {
        ErrorKind.RATE_LIMIT,
        ErrorKind.QUOTA,
        ErrorKind.OVERLOADED,
        ErrorKind.MAINTENANCE,
        ErrorKind.API,
        ErrorKind.TIMEOUT,
    }
)
"""Where the upstream's own time counts. Relays put one beside a refused key too, where it means nothing."""


UNREACHED: Final = frozenset({"dns", "refused", "unreachable", "tls", "proxy", "not_http", "forbidden_address"})
"""Reasons for which nothing came from the upstream (``telemetry.failure_cause.Reason``)."""


def rest_rule(error: RemoteError) -> RestRule | None:
    """What rests after ``error``; None: nothing.

    A stream that was cut never rests anybody: it may be the network, the request's length, or a deploy, and the next
    attempt shows it at once. An upstream that cannot be reached, or says nothing, rests with all its models; what it
    says inside a stream has no status either, but it is of one model.
    """
    if error.scope is Scope.REQUEST or error.reason == "cut":
        return None
    rule = RULES.get(error.kind)
    if rule is not _MODEL_OF_SERVER or error.upstream_status is not None:
        return rule
    return _SERVER if error.kind is ErrorKind.TIMEOUT or error.reason in UNREACHED else rule


def hinted_seconds(error: RemoteError, wall: float) -> float | None:
    """How long the upstream says to wait, in seconds; ``wall`` is Unix time. None: it does not say, or names a moment
    that is over, which is no time to wait."""
    if error.kind not in BY_HINT:
        return None
    seconds = error.retry_after
    if seconds is None and error.resets_at is not None:
        seconds = error.resets_at - wall
    return seconds if seconds is not None and seconds > 0 else None


def longest(rule: RestRule, hint: float | None) -> float:
    """What no rest by ``rule`` is longer than, jitter included."""
    return SHORT_LONGEST if rule.doubles and hint is None else LONGEST


def with_jitter(seconds: float, random: float, most: float = LONGEST) -> float:
    """``seconds`` and up to a quarter more, at most two seconds and never over ``most``, so that what rests together
    does not come back together. ``random`` is from 0 to 1."""
    return min(max(seconds, most), seconds + min(JITTER * seconds, JITTER_LONGEST) * random)
