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
    {ErrorKind.RATE_LIMIT, ErrorKind.QUOTA, ErrorKind.OVERLOADED, ErrorKind.MAINTENANCE, ErrorKind.API}
)
"""Where the upstream's own time counts. Relays put one beside a refused key too, where it means nothing."""


def rest_rule(error: RemoteError) -> RestRule | None:
    """What rests after ``error``; None: nothing.

    A stream that was cut never rests anybody: it may be the network, the request's length, or a deploy, and the next
    attempt shows it at once. An upstream that could not be reached at all rests with all its models.
    """
    if error.scope is Scope.REQUEST or error.reason == "cut":
        return None
    rule = RULES.get(error.kind)
    if rule is _MODEL_OF_SERVER and error.upstream_status is None:
        return _SERVER
    return rule


def hinted_seconds(error: RemoteError, wall: float) -> float | None:
    """How long the upstream says to wait, in seconds; ``wall`` is Unix time. None: it does not say."""
    if error.kind not in BY_HINT:
        return None
    if error.retry_after is not None:
        return max(0.0, error.retry_after)
    return None if error.resets_at is None else max(0.0, error.resets_at - wall)


def with_jitter(seconds: float, random: float) -> float:
    """``seconds`` and up to a quarter more, at most two seconds and never over the longest rest, so that what rests
    together does not come back together. ``random`` is from 0 to 1."""
    return min(max(seconds, LONGEST), seconds + min(JITTER * seconds, JITTER_LONGEST) * random)
