"""Calls and results in the body of a Chat Completions request that passes through (``call_pairs``)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Raw, Struct

from daemon.wires.base import Fields
from daemon.wires.call_pairs import NO_RESULT, STRAY_MARK, Turn, TurnPart, paired
from daemon.wires.json import NULL, LenientDecoder, RawObject, changed, encode, fields_of, items_of
from daemon.wires.openai_chat.message_objects import parts_of, together

_ASSISTANT: Final = "assistant"
_NOTHING: Final = (b"", b"null", b'""', b"[]")


class _Message(Struct):
    role: str = ""
    tool_calls: list[Raw] | None = None
    tool_call_id: str | None = None


class _Called(Struct):
    name: str = ""
    arguments: Raw = Raw(b"")
    input: Raw = Raw(b"")


class _Call(Struct):
    id: str | None = None
    function: _Called | None = None
    custom: _Called | None = None


_message = LenientDecoder(_Message).decode
_call = LenientDecoder(_Call).decode


def separate_ids(fields: Fields) -> None:
    """Calls that have an earlier call's id get one of their own, and their results too."""
    _pair(fields, whole=False)


def one_result_per_call(fields: Fields, _: str = "") -> Sequence[str]:
    """All rules."""
    return _pair(fields, whole=True)


def _pair(fields: Fields, *, whole: bool) -> Sequence[str]:
    turns = [_turn(place, raw) for place, raw in enumerate(items_of(fields["messages"]))]
    result = paired(turns, spelled=lambda part: part.calls or "", limit=64, whole=whole)
    sent = [message for turn in result.turns for message in _sent(turn)]
    items, lost = result.written(sent, _as_text)
    fields["messages"] = Raw(encode(items))
    return lost


def _turn(place: int, raw: Raw) -> Turn[Raw]:
    """The assistant's message without its calls, then these; of any other message the whole."""
    message = _message(raw)
    if message.role == _ASSISTANT and message.tool_calls:
        head = fields_of(raw)
        del head["tool_calls"]
        return Turn(place, assistant=True, parts=[TurnPart(Raw(encode(head))), *map(_part, message.tool_calls)])
    answers = message.tool_call_id if message.role == "tool" else None
    return Turn(place, message.role == _ASSISTANT, [TurnPart(raw, answers=answers)])


def _part(raw: Raw) -> TurnPart[Raw]:
    call = _call(raw)
    if not call.id:
        return TurnPart(raw, name="call")  # without an id it pairs with nothing
    called = call.function or call.custom or _Called()
    same = (called.name, bytes(called.arguments), bytes(called.input))
    return TurnPart(raw, calls=call.id, name=called.name, same=same)


def _sent(turn: Turn[Raw]) -> Iterable[Raw | RawObject]:
    if not turn.assistant:
        return [_answer(part) for part in turn.parts]
    calls = [_made(part) for part in turn.parts if part.content is not None and _is_call(part)]
    heads = [part.content for part in turn.parts if part.content is not None and not _is_call(part)]
    if len(heads) == 1 and not calls:
        return heads
    message = _joined([fields_of(head) for head in heads])
    return [message | {"tool_calls": Raw(encode(calls))} if calls else message]


def _is_call(part: TurnPart[Raw]) -> bool:
    return part.calls is not None or bool(part.name)


def _made(part: TurnPart[Raw]) -> Raw:
    raw = part.content or NULL
    return raw if part.calls is None or part.calls == _call(raw).id else Raw(changed(raw, id=part.calls))


def _answer(part: TurnPart[Raw]) -> Raw:
    if part.content is None:
        return Raw(encode({"role": "tool", "tool_call_id": part.answers, "content": NO_RESULT}))
    if part.answers is None or part.answers == _message(part.content).tool_call_id:
        return part.content
    return Raw(changed(part.content, tool_call_id=part.answers))


def _as_text(result: Raw) -> dict[str, object]:
    mark = {"type": "text", "text": STRAY_MARK}
    return {"role": "user", "content": [mark, *parts_of(fields_of(result).get("content", NULL))]}


def _joined(heads: Sequence[RawObject]) -> RawObject:
    """One message of the assistant's for several: of each field what is said first, but the content of all."""
    message: RawObject = {}
    for head in heads:
        for name, value in head.items():
            before = bytes(message.get(name, b""))
            if before in _NOTHING:
                message[name] = value
            elif name == "content" and bytes(value) not in _NOTHING:
                message[name] = together(message[name], value)
    return message
