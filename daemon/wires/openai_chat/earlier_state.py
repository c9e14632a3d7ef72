"""What a request brings back of what ``carried_state`` names, where its bytes pass through: Chat servers read only
their own signatures and encrypted reasoning, and some refuse the whole request for another one's.

A piece is a signature or an encrypted text: by its fingerprint the gateway knows who has made it. What holds a piece
that may not go, a field of a message or of a call, is left out whole. Thinking that is text alone stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw

from daemon.wires.base import EarlierReasoning, Fields, Item, Sift
from daemon.wires.json import RawObject, encode, fields_of, items_of
from daemon.wires.openai_chat.carried_state import LISTS, MOST_LEVELS, OF_CALLS, TOKENS, state_of_call
from daemon.wires.openai_chat.schema import CallPart

MARKERS: Final = (b'signature"', b'"reasoning_opaque"', b'"data"')
"""What a body or an answer contains one of, that has pieces."""

_OF_MESSAGES: Final = (*LISTS, "reasoning", *TOKENS)
_NAMES: Final = frozenset({"reasoning_opaque", "data", "encrypted"})


def pieces_of(name: str, value: object, levels: int = MOST_LEVELS) -> Iterator[str]:
    """The pieces in a field, at any depth down to ``levels``."""
    if isinstance(value, str):
        if value and (name in _NAMES or name.endswith("signature")):
            yield value
    elif isinstance(value, Mapping) and levels:
        for inner, held in value.items():
            yield from pieces_of(inner, held, levels - 1)
    elif isinstance(value, list) and levels:
        for held in value:
            yield from pieces_of(name, held, levels - 1)


def state_of_message(message: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a message, or of a delta, that hold pieces."""
    return {name: message[name] for name in _OF_MESSAGES if name in message and any(pieces_of(name, message[name]))}


def pieces_in(message: Mapping[str, Any], calls: list[CallPart]) -> Iterator[str]:
    """All pieces of a message."""
    for name, value in state_of_message(message).items():
        yield from pieces_of(name, value)
    for call in calls:
        for name, value in state_of_call(call).items():
            yield from pieces_of(name, value)


def _sift(fields: Fields, sift: Sift) -> None:
    messages = items_of(fields["messages"])
    sent = [_message(raw, sift) if any(marker in bytes(raw) for marker in MARKERS) else raw for raw in messages]
    if sent != messages:
        fields["messages"] = Raw(encode(sent))


def _message(raw: Raw, sift: Sift) -> Raw:
    message = fields_of(raw)
    kept = _without(message, _OF_MESSAGES, sift)
    if bytes(kept.get("tool_calls", b""))[:1] == b"[":
        calls = items_of(kept["tool_calls"])
        sent = [_call(call, sift) for call in calls]
        if sent != calls:
            kept = kept | {"tool_calls": Raw(encode(sent))}
    return raw if kept == message else Raw(encode(kept))


def _call(raw: Raw, sift: Sift) -> Raw:
    call = fields_of(raw)
    kept = _without(call, OF_CALLS, sift)
    return raw if kept == call else Raw(encode(kept))


def _without(fields: RawObject, names: tuple[str, ...], sift: Sift) -> RawObject:
    """The fields but for those with a piece that may not go."""
    held = {name: list(pieces_of(name, msgspec.json.decode(fields[name]))) for name in names if name in fields}
    refused = [name for name, pieces in held.items() if pieces and sift([*map(_item, pieces)], _piece) is not None]
    return {name: value for name, value in fields.items() if name not in refused}


def _item(piece: str) -> Raw:
    return Raw(encode({"signature": piece}))


def _piece(_: Item) -> str:
    return "signature"


EARLIER: Final = EarlierReasoning(markers=MARKERS, sift=_sift)
