"""Calls and results in the body of a Messages request that passes through (``call_pairs``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Raw, Struct

from daemon.wires.base import Fields
from daemon.wires.call_pairs import NO_RESULT, STRAY_MARK, Turn, TurnPart, paired
from daemon.wires.json import LenientDecoder, changed, encode, items_of

_ASSISTANT: Final = "assistant"


class _Message(Struct):
    role: str = ""
    content: str | list[Raw] | None = None


class _Block(Struct):
    type: str = ""
    id: str | None = None
    tool_use_id: str | None = None
    name: str = ""
    input: Raw = Raw(b"")


_message = LenientDecoder(_Message).decode
_block = LenientDecoder(_Block).decode


def separate_ids(fields: Fields) -> None:
    """Calls that have an earlier call's id get one of their own, and their results too."""
    _pair(fields, whole=False)


def one_result_per_call(fields: Fields, _: str = "") -> Sequence[str]:
    """All rules."""
    return _pair(fields, whole=True)


def _pair(fields: Fields, *, whole: bool) -> Sequence[str]:
    messages = items_of(fields["messages"])
    turns = [_turn(place, raw) for place, raw in enumerate(messages)]
    before = [_state(turn) for turn in turns]
    result = paired(turns, spelled=lambda part: part.calls or "", limit=64, whole=whole)
    sent = [_sent(turn, messages, before) for turn in result.turns if turn.parts or not before[turn.place]]
    items, lost = result.written(sent, _as_text)
    fields["messages"] = Raw(encode(items))
    return lost


def _turn(place: int, raw: Raw) -> Turn[Raw]:
    message = _message(raw)
    content = message.content
    if isinstance(content, str):
        blocks = [Raw(encode({"type": "text", "text": content}))] if content else []
    else:
        blocks = content or []
    assistant = message.role == _ASSISTANT
    return Turn(place, assistant, [_part(block, assistant=assistant) for block in blocks])


def _part(raw: Raw, *, assistant: bool) -> TurnPart[Raw]:
    block = _block(raw)
    if block.type == "tool_use" and block.id and assistant:
        return TurnPart(raw, calls=block.id, name=block.name, same=(block.name, bytes(block.input)))
    return TurnPart(raw, answers=block.tool_use_id) if block.type == "tool_result" else TurnPart(raw)


def _state(turn: Turn[Raw]) -> list[tuple[int, str | None]]:
    return [(id(part), part.calls or part.answers) for part in turn.parts]


def _sent(turn: Turn[Raw], messages: Sequence[Raw], before: Sequence[list[tuple[int, str | None]]]) -> Raw:
    """The message; as it came where nothing in it has changed."""
    own = messages[turn.place]
    if _state(turn) == before[turn.place]:
        return own
    results_first = sorted(turn.parts, key=lambda part: part.answers is None)
    blocks = [_sent_block(part) for part in results_first]
    if not turn.assistant and _message(own).role == _ASSISTANT:
        return Raw(encode({"role": "user", "content": blocks}))
    return Raw(changed(own, content=blocks))


def _as_text(result: Raw) -> dict[str, object]:
    content = _message(result).content
    said = [{"type": "text", "text": content}] if isinstance(content, str) and content else content or []
    return {"role": "user", "content": [{"type": "text", "text": STRAY_MARK}, *said]}


def _sent_block(part: TurnPart[Raw]) -> Raw | dict[str, object]:
    raw = part.content
    if raw is None:
        return {"type": "tool_result", "tool_use_id": part.answers, "content": NO_RESULT, "is_error": True}
    if part.calls is not None:
        return Raw(changed(raw, id=part.calls))
    return Raw(changed(raw, tool_use_id=part.answers)) if part.answers is not None else raw
