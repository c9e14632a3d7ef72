"""Earlier reasoning on its way up where the bytes pass through: each piece to its own upstream only.

Two wires carry encrypted reasoning: Responses as items of ``input``, Messages as thinking blocks of
the assistant's messages. A piece that may not go (``owners``, or a foreign seal) is left out with its
item; one that the hub sealed for this core auth is opened; without any, nothing is split and no byte
changes. Compaction items stay: without theirs a conversation would be empty. Empty thinking and empty text
are what a keep-alive sent to the client: no upstream has said them, and Anthropic's API refuses them. Thinking
that another provider's answer moved (``moved_thinking``) is back in its place, without its mark.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from msgspec import Raw, Struct

from daemon.gateway.reasoning.owners import ReasoningOwners
from daemon.gateway.reasoning.signatures import PREFIX, Seal
from daemon.gateway.response_pipe import AttemptTarget
from daemon.wires.base import Fields, Item
from daemon.wires.json import NOT_JSON, encode, fields_of
from daemon.wires.table import WIRES

_EMPTY: Final = Raw(b'""')
_item = msgspec.json.Decoder(Item).decode


class EarlierPieces(Struct, frozen=True):
    """``sent``: the encrypted pieces that go, as their upstream made them. ``left_out``: whether some do not."""

    sent: tuple[bytes, ...] = ()
    left_out: bool = False


def filter_reasoning(body: bytes, fields: Fields, target: AttemptTarget, owners: ReasoningOwners) -> EarlierPieces:
    """Puts into ``fields`` (of ``body``) what may go of the earlier reasoning."""
    earlier = WIRES[target.candidate.auth.wire].upstream.reasoning
    if earlier is None or not any(marker in body for marker in earlier.markers):
        return EarlierPieces()
    reasoning = ReasoningFilter(target, owners, earlier.mark)
    try:
        earlier.sift(fields, reasoning.filter_items)
    except NOT_JSON:  # an unusual shape: whether it is valid is the upstream's to say
        return EarlierPieces()
    return EarlierPieces(tuple(reasoning.pieces), reasoning.left_out)


class ReasoningFilter:
    """Decides item by item. ``pieces``: those that go, as their upstream made them; ``left_out``: whether some do
    not."""

    __slots__ = ("_auth_id", "_mark", "_owners", "_reasoning", "_seal", "left_out", "pieces")

    def __init__(self, target: AttemptTarget, owners: ReasoningOwners, mark: str) -> None:
        self._auth_id = target.candidate.auth.id
        self._seal = Seal.of(self._auth_id)
        self._reasoning = target.reasoning
        self._owners = owners
        self._mark = mark
        self.pieces: list[bytes] = []
        self.left_out = False

    def filter_items(self, raws: Sequence[Raw], field_of: Callable[[Item], str]) -> list[Raw] | None:
        """What may go of ``raws``; None when that is all of it, untouched. ``field_of`` names the field
        that holds an item's encrypted piece, '' for items that have none."""
        out: list[Raw] = []
        changed = False
        for raw in raws:
            item = _item(raw)
            if _says_nothing(item):
                changed = True
                continue
            field = field_of(item)
            piece = (getattr(item, field) or "") if field else ""
            outgoing = self._one(raw, field, piece) if field else raw
            changed |= outgoing is not raw
            self.left_out |= outgoing is None
            if outgoing is not None:
                moved = bool(self._mark) and piece.startswith(self._mark)
                out.insert(len(out) - 1 if moved else len(out), outgoing)
        return out if changed else None

    def _one(self, raw: Raw, field: str, piece: str) -> Raw | None:
        if not self._reasoning:
            return None
        own: str | None = piece.removeprefix(self._mark)
        if own and own.startswith(PREFIX):
            own = self._seal.open(own)
        if not own or not self._owners.may_go(self._auth_id, own.encode()):
            return None
        self.pieces.append(own.encode())
        return raw if own == piece else Raw(encode(fields_of(raw) | {field: Raw(encode(own))}))


def _says_nothing(item: Item) -> bool:
    """What was opened to keep a connection alive, and no more came of it."""
    if item.type == "thinking":
        return not item.thinking and not item.signature
    return item.type == "text" and item.text == _EMPTY
