"""What a client gets when nobody is left to ask: which of the failures it is shown, and how it is worded where no
upstream was asked at all.

A client does the right thing where the answer has the class of the cause: it waits for a limit, it repeats what was
down, and it ends its turn where a key was refused. Codex repeats a 503 thirty times and a 401 not at all (0.169.0), so
refused keys are never a 503.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from daemon.errors import ErrorKind, GatewayError, LocalError, RemoteError
from daemon.router.cooldowns import Resting
from daemon.router.ownership import needs_owner
from daemon.router.readiness import in_words
from daemon.router.router import RoutedRequest
from daemon.snapshot.core_auths import CoreAuth

LIMITS: Final = frozenset({ErrorKind.RATE_LIMIT, ErrorKind.QUOTA})
FINAL: Final = frozenset(
    {
        ErrorKind.AUTHENTICATION,
        ErrorKind.PERMISSION,
        ErrorKind.BILLING,
        ErrorKind.MODEL_NOT_FOUND,
        ErrorKind.WRONG_CLIENT,
        ErrorKind.FIREWALL,
        ErrorKind.NOT_FOUND,
    }
)
"""Waiting does not help."""

LONG_WAIT: Final = 60.0
"""Seconds beyond which clients are asked to end the turn rather than to repeat the request."""
MOST_NAMED: Final = 5

Rests = Sequence[tuple[CoreAuth, Resting]]


def final_error(errors: Sequence[RemoteError], rests: Rests, *, now: float) -> RemoteError:
    """Of the failures of one request the one to show: what may be better soon, else a limit, else the last. ``rests``
    says when somebody may be asked again."""
    transient = [error for error in errors if error.kind not in FINAL | LIMITS]
    limits = [error for error in errors if error.kind in LIMITS]
    chosen = (transient or limits or errors)[-1]
    seconds = _soonest(rests, now)
    if chosen in limits and seconds is not None and len(limits) == len(errors):
        chosen.retry_after = seconds if chosen.retry_after is None else min(chosen.retry_after, seconds)
    return chosen


def all_resting(name: str, rests: Rests, *, now: float) -> GatewayError:
    """Nobody was asked: everybody rests."""
    kind = _kind([why.rest.kind for _, why in rests])
    named = "; ".join(f"{auth.name} ({in_words(why, now)})" for auth, why in rests[:MOST_NAMED])
    more = f"; and {len(rests) - MOST_NAMED} more" if len(rests) > MOST_NAMED else ""
    seconds = None if kind in FINAL else _soonest(rests, now)
    one = len(rests) == 1
    return LocalError(
        kind,
        f"no provider of {name} may be asked now: {named}{more}",
        status=503 if kind is ErrorKind.OVERLOADED else None,
        code="model_cooldown" if kind in LIMITS else None,
        retry_after=seconds,
        should_retry=False if kind in FINAL or (seconds or 0.0) > LONG_WAIT else None,
        details={"provider": rests[0][0].name} if one else None,
    )


def owner_away(request: RoutedRequest, failure: GatewayError, rests: Rests, *, now: float) -> GatewayError:
    """``failure``; in words that help where only one provider may be asked, is away for long, and there are others."""
    if not (request.needs and request.owner and len(request.candidates) > 1):
        return failure
    endless = failure.retry_after is None and failure.kind in FINAL | {ErrorKind.QUOTA}
    if not endless and (failure.retry_after or 0.0) <= LONG_WAIT:
        return failure
    name = next(each.auth.name for each in request.candidates if each.auth.id == request.owner)
    why = failure.message if isinstance(failure, RemoteError) else "; ".join(in_words(each, now) for _, each in rests)
    return needs_owner(request, f"{name}, which cannot answer now ({why})")


def full(auths: Sequence[CoreAuth], seconds: float) -> GatewayError:
    """Everybody has as many requests as it takes, and the queues are full or too slow. ``seconds``: how long an answer
    takes to begin."""
    names = ", ".join(auth.name for auth in auths[:MOST_NAMED])
    return LocalError(
        ErrorKind.RATE_LIMIT,
        f"too many requests at once for {names} (max-concurrent, or what it has refused above): try again later",
        retry_after=max(1.0, seconds),
    )


def _kind(kinds: Sequence[ErrorKind]) -> ErrorKind:
    if all(kind in LIMITS for kind in kinds):
        return ErrorKind.QUOTA if all(kind is ErrorKind.QUOTA for kind in kinds) else ErrorKind.RATE_LIMIT
    if all(kind in FINAL for kind in kinds):
        return kinds[0]
    return ErrorKind.OVERLOADED


def _soonest(rests: Rests, now: float) -> float | None:
    return min((max(1.0, why.rest.until - now) for _, why in rests), default=None)
