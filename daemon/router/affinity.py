"""Which core auth has answered a session: it has the session's prompt cache, so it is preferred.

Preferred, and no more: where it rests, is slow or is full, another is asked, and becomes the session's. A session
remembers several core auths, the latest first, since its models may be served by different ones (Claude Code asks a
large and a small model in one session).

A core auth whose answer broke off when the client had seen a piece of it is avoided by that session for a while: the
client itself asks again, a few times at most, and would get the same. Nobody rests for it, and other sessions go on.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from typing import Final

MOST: Final = 65_536
PER_SESSION: Final = 4
LIFETIME: Final = 3600.0
"""Seconds since the last answer: caches do not live longer (Anthropic's longest is one hour)."""
AVOIDED: Final = 60.0
"""Seconds: Codex asks again five times within 10 s, Claude Code ten times within three minutes (0.171.0, 2.1.332)."""


class Affinity:
    """Session key -> core auth IDs. ``now`` is seconds on a clock that only rises."""

    __slots__ = ("_avoided", "_sessions")

    def __init__(self) -> None:
        self._avoided: OrderedDict[bytes, tuple[float, tuple[str, ...]]] = OrderedDict()
        self._sessions: OrderedDict[bytes, tuple[float, tuple[str, ...]]] = OrderedDict()

    def __len__(self) -> int:
        return max(len(self._sessions), len(self._avoided))

    def of(self, session: bytes, *, now: float) -> tuple[str, ...]:
        """The core auths that have answered it, the latest first."""
        known = self._sessions.get(session)
        return known[1] if known is not None and now - known[0] <= LIFETIME else ()

    def answered(self, session: bytes, auth_id: str, *, began: float, now: float) -> None:
        """``auth_id`` is the session's from now on; where another has answered it since the attempt began, that one
        stays the first."""
        if not session:
            return
        at = self._sessions[session][0] if session in self._sessions else began
        known = self.of(session, now=now)
        others = [each for each in known if each != auth_id]
        late = at > began and bool(others) and known[0] != auth_id
        own = (others[0], auth_id, *others[1:]) if late else (auth_id, *others)
        self._sessions[session] = now, own[:PER_SESSION]
        self._sessions.move_to_end(session)
        while len(self._sessions) > MOST:
            self._sessions.popitem(last=False)

    def left(self, session: bytes, auth_id: str) -> None:
        """``auth_id`` has failed this session, which goes on elsewhere; whoever answered it meanwhile stays."""
        known = self._sessions.get(session)
        if known is not None and auth_id in known[1]:
            self._sessions[session] = known[0], tuple(each for each in known[1] if each != auth_id)

    def broke_off(self, session: bytes, auth_id: str, *, now: float) -> None:
        """The client has seen a piece of an answer of ``auth_id``, and no end of it."""
        if not session:
            return
        others = (each for each in self.avoided(session, now=now) if each != auth_id)
        self._avoided[session] = now, (auth_id, *others)[:PER_SESSION]
        self._avoided.move_to_end(session)
        while len(self._avoided) > MOST:
            self._avoided.popitem(last=False)

    def avoided(self, session: bytes, *, now: float) -> tuple[str, ...]:
        """The core auths that the session asks only where it finds no other."""
        if not self._avoided:
            return ()
        known = self._avoided.get(session)
        return known[1] if known is not None and now - known[0] <= AVOIDED else ()

    def keep_only(self, auth_ids: Collection[str]) -> None:
        """Forgets the core auths that are gone; sessions are looked at when they come."""
        staying = set(auth_ids)
        gone = {each for _, own in self._sessions.values() for each in own} - staying
        if not gone:
            return
        for session, (at, own) in tuple(self._sessions.items()):
            if not staying.issuperset(own):
                self._sessions[session] = at, tuple(each for each in own if each in staying)
