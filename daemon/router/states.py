"""What is remembered of a core auth between requests, keyed by its stable ID.

The frozen half of a core auth is in the snapshot; this live half survives every reload that keeps
the ID, and is dropped with the ID.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import isinf
from typing import Final, Literal

from msgspec import Struct

from daemon.errors import RemoteError
from daemon.router.failure_words import in_words
from daemon.router.readiness import rest_reason
from daemon.router.router import Router
from daemon.snapshot.core_auths import Verified

State = Literal["ready", "cooling", "disabled"]


class LimitView(Struct, frozen=True, kw_only=True):
    """One window of a core auth's limits. ``left`` from 0 to 1, ``remaining`` of ``limit`` in the upstream's unit;
    ``resets_at`` in Unix seconds; None for what it does not say."""

    name: str
    left: float | None
    remaining: float | None
    limit: float | None
    resets_at: float | None


class LoadView(Struct, frozen=True, kw_only=True):
    """What a core auth carries and can carry. ``limit``: requests at once, configured or learned, None: no limit.
    ``headroom``: the part of its limits that is left, 0 to 1, None where it does not say; ``windows`` the tightest
    first."""

    running: int = 0
    waiting: int = 0
    limit: int | None = None
    headroom: float | None = None
    windows: tuple[LimitView, ...] = ()


class AuthView(Struct, frozen=True, kw_only=True):
    """How one core auth stands. ``until``, ``last_error_at`` and ``verified_at`` are Unix seconds. ``last_error`` is
    its latest failure, None once it has answered again: words of ours, class and reason, never the upstream's text,
    which may quote the user. ``verified_at``: when the upstream was last asked about the key, None: never."""

    state: State = "ready"
    reason: str | None = None
    until: float | None = None
    last_error: str | None = None
    last_error_at: float | None = None
    succeeded: int = 0
    failed: int = 0
    verified: Verified = "unknown"
    verified_at: float | None = None


FRESH = AuthView()
MOST_REASONS: Final = 4


class AuthStates:
    """Counters of every core auth, its latest error until it answers, and what the router knows of it."""

    __slots__ = ("_failed", "_last_error", "_refused", "_router", "_succeeded", "_verified")

    def __init__(self, router: Router | None = None) -> None:
        self._router = router
        self._succeeded: dict[str, int] = {}
        self._failed: dict[str, int] = {}
        self._last_error: dict[str, tuple[str, float]] = {}
        self._verified: dict[str, tuple[Verified, float]] = {}
        self._refused: set[str] = set()  # those whose key is not verified but refused

    def succeeded(self, auth_id: str) -> None:
        self._succeeded[auth_id] = self._succeeded.get(auth_id, 0) + 1
        if auth_id in self._last_error:
            del self._last_error[auth_id]
        if auth_id in self._refused:
            self._refused.discard(auth_id)
            del self._verified[auth_id]  # its list is refused, and its key is good all the same

    def verified(self, auth_id: str, verified: Verified, at: float) -> None:
        """The upstream was asked whether it takes the key, at ``at`` in Unix seconds."""
        self._verified[auth_id] = (verified, at)
        if verified == "no":
            self._refused.add(auth_id)
        else:
            self._refused.discard(auth_id)

    def failed(self, auth_id: str, error: RemoteError, at: float) -> None:
        """``at`` is in Unix seconds."""
        self._failed[auth_id] = self._failed.get(auth_id, 0) + 1
        self._last_error[auth_id] = (in_words(error), at)

    def view(self, auth_id: str) -> AuthView:
        rests = self._router.rests(auth_id) if self._router else []
        known = any(auth_id in table for table in (self._succeeded, self._failed, self._verified))
        if not known and not rests:
            return FRESH
        asked = self._verified.get(auth_id)
        last_error, at = self._last_error.get(auth_id, (None, None))
        # A model that rests is named; for others the core auth is ready.
        cooling = bool(rests) and rests[0][0].reach == "auth"
        return AuthView(
            state="cooling" if cooling else "ready",
            reason="; ".join(rest_reason(key, rest) for key, rest in rests[:MOST_REASONS]) or None,
            until=self._router.wall_time(rests[0][1].until) if self._router and rests else None,
            last_error=last_error,
            last_error_at=at,
            succeeded=self._succeeded.get(auth_id, 0),
            failed=self._failed.get(auth_id, 0),
            verified="unknown" if asked is None else asked[0],
            verified_at=None if asked is None else asked[1],
        )

    def load(self, auth_id: str) -> LoadView:
        """What it carries now, and what is left of its limits."""
        router = self._router
        if router is None:
            return LoadView()
        limit = router.limit(auth_id)
        windows = [
            LimitView(
                name=name,
                left=window.left,
                remaining=window.remaining,
                limit=window.limit,
                resets_at=router.wall_time(window.until) if window.resets else None,
            )
            for name, window in router.headroom.windows(auth_id, now=router.clock())
        ]
        return LoadView(
            running=router.slots.running(auth_id),
            waiting=router.slots.waiting(auth_id),
            limit=None if isinf(limit) else int(limit),
            headroom=router.headroom_left(auth_id),
            windows=tuple(windows),
        )

    def resting(self, auth_id: str) -> list[str]:
        """The class of each failure that it rests for now, once per rest."""
        return [rest.kind.value for _, rest in self._router.rests(auth_id)] if self._router else []

    def last_error(self, auth_id: str) -> str | None:
        """As the view has it."""
        return self.view(auth_id).last_error

    def keep_only(self, auth_ids: Iterable[str]) -> None:
        """Forget every core auth that is not among ``auth_ids``: a removed one comes back fresh."""
        staying = set(auth_ids)
        for table in (self._succeeded, self._failed, self._last_error, self._verified):
            for auth_id in table.keys() - staying:
                del table[auth_id]
        self._refused &= staying
