"""Earlier reasoning on its way up where the bytes pass through: each piece to its own upstream only.

Two wires carry encrypted reasoning: Responses as items of ``input``, Messages as thinking blocks of
the assistant's messages. A piece that may not go (``origins``, or a foreign seal) is left out with its
item; one that the hub sealed for this core auth is opened; without any, nothing is split and no byte
changes. Compaction items stay: without theirs a conversation would be empty. Empty thinking is what a
keep-alive told the client: no upstream has said it, and none would take it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Raw, Struct

from daemon.gateway.origins import Origins
from daemon.gateway.relay import Target
from daemon.gateway.sealing import PREFIX, Seal

Fields = dict[str, Raw]

_encode = msgspec.json.encode
_fields = msgspec.json.Decoder(Fields).decode
_array = msgspec.json.Decoder(list[Raw]).decode


class _Item(Struct):
    """What an input item or a content block may hold of reasoning."""

    type: str = ""
    thinking: str | None = None
    encrypted_content: str | None = None
    signature: str | None = None
    data: str | None = None


_item = msgspec.json.Decoder(_Item).decode


def replayed(body: bytes, fields: Fields, target: Target, origins: Origins) -> tuple[bytes, ...]:
    """Puts into ``fields`` (of ``body``) what may go of the earlier reasoning; gives the pieces that go."""
    marker, reader = _READERS.get(target.candidate.auth.wire, (b"", _nothing))
    if not marker or marker not in body:
        return ()
    sift = Sift(target, origins)
    try:
        reader(fields, sift)
    except msgspec.DecodeError:  # an unusual shape: the upstream is the judge of it
        return ()
    return tuple(sift.pieces)


class Sift:
    """Decides item by item. ``pieces``: those that go, as their upstream made them."""

    __slots__ = ("_auth_id", "_origins", "_reasoning", "_seal", "pieces")

    def __init__(self, target: Target, origins: Origins) -> None:
        self._auth_id = target.candidate.auth.id
        self._seal = Seal.of(self._auth_id)
        self._reasoning = target.reasoning
        self._origins = origins
        self.pieces: list[bytes] = []

    def all(self, raws: Sequence[Raw], held_in: Callable[[_Item], str]) -> list[Raw] | None:
        """What may go of ``raws``; None when that is all of it, untouched. ``held_in`` names the field
        that holds an item's encrypted piece, '' for items that have none."""
        kept: list[Raw] = []
        touched = False
        for raw in raws:
            item = _item(raw)
            if item.type == "thinking" and not item.thinking and not item.signature:
                touched = True
                continue
            field = held_in(item)
            sent = self._one(raw, field, getattr(item, field) or "") if field else raw
            touched |= sent is not raw
            if sent is not None:
                kept.append(sent)
        return kept if touched else None

    def _one(self, raw: Raw, field: str, piece: str) -> Raw | None:
        if not self._reasoning:
            return None
        if piece.startswith(PREFIX):
            opened = self._seal.open(piece)
            if not opened:
                return None
            raw, piece = Raw(_encode(_fields(raw) | {field: Raw(_encode(opened))})), opened
        if not self._origins.may_go(self._auth_id, piece.encode()):
            return None
        self.pieces.append(piece.encode())
        return raw


def _responses(fields: Fields, sift: Sift) -> None:
    kept = sift.all(_array(fields["input"]), _encrypted)
    if kept is not None:
        fields["input"] = Raw(_encode(kept))


def _encrypted(item: _Item) -> str:
    return "encrypted_content" if item.type == "reasoning" and item.encrypted_content else ""


def _messages(fields: Fields, sift: Sift) -> None:
    """A message of which nothing is left is left out as well."""
    messages: list[Raw] = []
    touched = False
    for message in _array(fields["messages"]):
        sent = _message(message, sift)
        touched |= sent is not message
        if sent is not None:
            messages.append(sent)
    if touched:
        fields["messages"] = Raw(_encode(messages))


def _message(message: Raw, sift: Sift) -> Raw | None:
    inside = _fields(message)
    if inside.get("role") != _ASSISTANT or bytes(inside.get("content", b""))[:1] != b"[":
        return message
    kept = sift.all(_array(inside["content"]), _thought)
    if kept is None:
        return message
    return Raw(_encode(inside | {"content": Raw(_encode(kept))})) if kept else None


def _thought(item: _Item) -> str:
    """Thinking without a signature is left to the upstream's judgement."""
    if item.type == "thinking" and item.signature:
        return "signature"
    return "data" if item.type == "redacted_thinking" and item.data else ""


def _nothing(_fields: Fields, _sift: Sift) -> None:
    """A wire without encrypted reasoning."""


_ASSISTANT: Final = Raw(b'"assistant"')
_READERS: Final[Mapping[str, tuple[bytes, Callable[[Fields, Sift], None]]]] = {
    "responses": (b'"encrypted_content"', _responses),
    "messages": (b'thinking"', _messages),
}
"""By wire: what a body with reasoning in it contains, and how it is read."""
