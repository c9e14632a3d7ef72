"""Earlier reasoning on its way up where the bytes pass through: each piece to its own upstream only.

Two wires carry encrypted reasoning: Responses as items of ``input``, Messages as thinking blocks of
the assistant's messages. A piece that may not go (``origins``, or a foreign seal) is left out with its
item; one that the hub sealed for this core auth is opened; without any, nothing is split and no byte
changes. Compaction items stay: without theirs a conversation would be empty. Empty thinking and empty text
are what a keep-alive told the client: no upstream has said them, and Anthropic's API refuses them. Thinking
that another provider's answer moved (``moved_thinking``) is back in its place, without its mark.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Raw, Struct

from daemon.gateway.origins import Origins
from daemon.gateway.relay import Target
from daemon.gateway.sealing import PREFIX, Seal
from daemon.wires.anthropic_messages.moved_thinking import MARK

Fields = dict[str, Raw]

_encode = msgspec.json.encode
_fields = msgspec.json.Decoder(Fields).decode
_array = msgspec.json.Decoder(list[Raw]).decode


class _Item(Struct):
    """What an input item or a content block may hold of reasoning."""

    type: str = ""
    text: Raw = Raw(b"")
    thinking: str | None = None
    encrypted_content: str | None = None
    signature: str | None = None
    data: str | None = None


_item = msgspec.json.Decoder(_Item).decode


def replayed(body: bytes, fields: Fields, target: Target, origins: Origins) -> tuple[bytes, ...]:
    """Puts into ``fields`` (of ``body``) what may go of the earlier reasoning; gives the pieces that go."""
    markers, reader = _READERS.get(target.candidate.auth.wire, ((), _nothing))
    if not any(marker in body for marker in markers):
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
            if _says_nothing(item):
                touched = True
                continue
            field = held_in(item)
            piece = (getattr(item, field) or "") if field else ""
            sent = self._one(raw, field, piece) if field else raw
            touched |= sent is not raw
            if sent is not None:
                kept.insert(len(kept) - 1 if piece.startswith(MARK) else len(kept), sent)
        return kept if touched else None

    def _one(self, raw: Raw, field: str, piece: str) -> Raw | None:
        if not self._reasoning:
            return None
        own: str | None = piece.removeprefix(MARK)
        if own and own.startswith(PREFIX):
            own = self._seal.open(own)
        if not own or not self._origins.may_go(self._auth_id, own.encode()):
            return None
        self.pieces.append(own.encode())
        return raw if own == piece else Raw(_encode(_fields(raw) | {field: Raw(_encode(own))}))


def _says_nothing(item: _Item) -> bool:
    """What was opened to keep a connection alive, and no more came of it."""
    if item.type == "thinking":
        return not item.thinking and not item.signature
    return item.type == "text" and item.text == _EMPTY


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
_EMPTY: Final = Raw(b'""')
_READERS: Final[Mapping[str, tuple[tuple[bytes, ...], Callable[[Fields, Sift], None]]]] = {
    "responses": ((b'"encrypted_content"',), _responses),
    "messages": ((b'thinking"', b'"text":""', b'"text": ""'), _messages),
}
"""By wire: what a body contains one of, that has something to look at, and how it is read."""
