"""Whose is it: encrypted reasoning that passes through unsealed, turn states, and ids of what upstreams keep.

Through the hub a signature is sealed with its core auth's tag (``signatures``). Where bytes pass through
untouched there is no seal; instead the daemon remembers, by a fingerprint of each encrypted piece, the
core auth whose upstream made it, and does not send it to another one, which would refuse the whole
request. A piece of unknown origin (from before a restart, or from before the gateway) is sent: an
upstream that takes it has vouched for it, and one that refuses it is not sent it again.

A core auth that is gone stays the owner of what it made: nobody else gets it, and it is there for it when the provider
is enabled again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

MOST_REMEMBERED: Final = 50_000
"""Pieces; about 100 bytes each. The oldest is forgotten first, and then is of unknown origin."""

_REFUSED: Final = "!"


class ReasoningOwners:
    """Live state of one daemon, keyed by core auth ID: it survives every reload."""

    __slots__ = ("_owners",)

    def __init__(self) -> None:
        self._owners: dict[int, str] = {}

    def made(self, auth_id: str, piece: bytes) -> None:
        """``auth_id``'s upstream has sent this piece."""
        self._put(hash(piece), auth_id)

    def accepted(self, auth_id: str, pieces: Iterable[bytes]) -> None:
        """``auth_id``'s upstream has taken these pieces back."""
        for piece in pieces:
            if self._owners.get(hash(piece)) != auth_id:
                self._put(hash(piece), auth_id)

    def refused(self, auth_id: str, pieces: Iterable[bytes]) -> None:
        """``auth_id``'s upstream could not read one of these; which one it did not say."""
        for piece in pieces:
            self._put(hash(piece), _REFUSED + auth_id)

    def of(self, piece: bytes) -> str | None:
        """The core auth whose upstream made or took this piece; None where that is not known."""
        origin = self._owners.get(hash(piece))
        return None if origin is None or origin.startswith(_REFUSED) else origin

    def may_go(self, auth_id: str, piece: bytes) -> bool:
        """Whether the piece may be sent to ``auth_id``'s upstream."""
        origin = self._owners.get(hash(piece))
        if origin is None or origin == auth_id:
            return True
        return origin.startswith(_REFUSED) and origin != _REFUSED + auth_id

    def _put(self, piece: int, origin: str) -> None:
        self._owners.pop(piece, None)
        self._owners[piece] = origin
        if len(self._owners) > MOST_REMEMBERED:
            del self._owners[next(iter(self._owners))]
