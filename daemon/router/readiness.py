"""Whether each candidate of a request may be asked now, in words: for ``explain``, the DEBUG lines and ``/auths``."""

from __future__ import annotations

from msgspec import Struct

from daemon.router.cooldowns import Rest, Resting, RestKey
from daemon.router.failure_words import WORDS
from daemon.router.ownership import kept_out
from daemon.router.router import RoutedRequest, Router
from daemon.snapshot.listings import Candidate

FULL = "it has as many requests as it takes"


class Readiness(Struct, frozen=True):
    """``reason`` why it may not be asked, '' where it may."""

    candidate: Candidate
    reason: str


def readiness(router: Router, request: RoutedRequest) -> list[Readiness]:
    """Of every candidate, in the order of the configuration."""
    return [Readiness(each, _reason(router, request, each)) for each in request.candidates]


def _reason(router: Router, request: RoutedRequest, candidate: Candidate) -> str:
    if another := kept_out(request, candidate):
        return another
    why = router.why_not(request, candidate)
    if why is None:
        return ""
    return in_words(why, router.clock()) if isinstance(why, Resting) else FULL


def in_words(why: Resting, now: float) -> str:
    """``key refused (http_401), 28 min more``."""
    left = "it is being tried again" if why.half_open else f"{duration(why.rest.until - now)} more"
    return f"{rest_reason(why.key, why.rest)}, {left}"


def rest_reason(key: RestKey, rest: Rest) -> str:
    """Why, and for what; without the time."""
    status = f" (http_{rest.status})" if rest.status else f" ({rest.reason})" if rest.reason else ""
    what = {"auth": "", "model": f" for {key.what}", "family": f" for the client {key.what}"}[key.reach]
    return f"{WORDS[rest.kind]}{status}{what}"


def duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{max(1, round(seconds))} s"
