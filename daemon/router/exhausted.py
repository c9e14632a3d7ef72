"""What a client gets when nobody is left to ask: which of the failures it is shown, and how it is worded where no
upstream was asked at all.

A client does the right thing where the answer has the class of the cause: it waits for a limit, it repeats what was
down, and it ends its turn where a key was refused. Codex repeats a 503 thirty times and a 401 not at all (0.169.0), so
refused keys are never a 503.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
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

CREDENTIAL_ADVICE: Final[Mapping[ErrorKind, str]] = {
    ErrorKind.AUTHENTICATION: "the provider's key in config.yaml was refused, not your own: check its `api-key`",
    ErrorKind.PERMISSION: "the provider's key in config.yaml was refused, not your own: "
    "check at the provider what this key and its group may use",
    ErrorKind.BILLING: "the account of the provider's key in config.yaml was refused, not your own: "
    "top up at the provider, or switch to another provider",
}
"""Clients take a 401 for a fault of the key that they send."""

Rests = Sequence[tuple[CoreAuth, Resting]]


def final_error(name: str, errors: Sequence[RemoteError], rests: Rests, *, now: float, all_rest: bool) -> GatewayError:
    """Of the failures of one request the one to show: what may be better soon, else a limit, else the last. ``rests``
    says when somebody may be asked again, ``all_rest`` that nobody may before."""
    transient = [error for error in errors if error.kind not in FINAL | LIMITS]
    limits = [error for error in errors if error.kind in LIMITS]
    chosen = (transient or limits or errors)[-1]
    if chosen.kind in FINAL and any(why.rest.kind not in FINAL for _, why in rests):
        return all_resting(name, rests, now=now, said=chosen.message)
    seconds = _soonest(rests, now)
    if seconds is None or chosen.kind in FINAL:
        return chosen
    if chosen.retry_after is None and chosen.resets_at is None:
        if not all_rest or chosen.kind is ErrorKind.QUOTA:  # of which nobody knows when it ends
            return chosen
    elif len(limits) < len(errors) or seconds >= (chosen.retry_after or inf):
        seconds = chosen.retry_after or seconds
    return _with_wait(chosen, seconds)


def _with_wait(error: RemoteError, seconds: float) -> RemoteError:
    """The same failure with another wait; the first one is what its core auth rests for."""
    changed = RemoteError.__new__(RemoteError, *error.args)
    changed.__dict__.update(error.__dict__)
    if error.retry_after != seconds:
        changed.retry_after, changed.resets_at = seconds, None
    if seconds > LONG_WAIT:
        changed.should_retry = False
    return changed


def all_resting(name: str, rests: Rests, *, now: float, said: str = "") -> GatewayError:
    """Nobody may be asked: everybody rests. ``said``: an upstream's own words, where one has been asked."""
    kind = _kind([why.rest.kind for _, why in rests])
    named = "; ".join(f"{auth.label} ({in_words(why, now)})" for auth, why in rests[:MOST_NAMED])
    more = f"; and {len(rests) - MOST_NAMED} more" if len(rests) > MOST_NAMED else ""
    words = f": {said}" if said else ""
    advice = f" ({CREDENTIAL_ADVICE[kind]})" if kind in CREDENTIAL_ADVICE else ""
    seconds = None if kind in FINAL else _soonest(rests, now)
    providers = {auth.name for auth, _ in rests}
    return LocalError(
        kind,
        f"no provider of {name} may be asked now: {named}{more}{words}{advice}",
        status=503 if kind is ErrorKind.OVERLOADED else None,
        code="model_cooldown" if kind in LIMITS else None,
        retry_after=seconds,
        should_retry=False if kind in FINAL or (seconds or 0.0) > LONG_WAIT else None,
        details={"provider": rests[0][0].name} if len(providers) == 1 else None,
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
    names = ", ".join([*dict.fromkeys(auth.name for auth in auths)][:MOST_NAMED])
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
    """Seconds until the first of those may be asked that waiting helps; what an upstream has said of its limit counts,
    not when we ask it whether that is true."""
    ends = (why.rest.resets or why.rest.until for _, why in rests if why.rest.kind not in FINAL)
    return min((max(1.0, end - now) for end in ends), default=None)
