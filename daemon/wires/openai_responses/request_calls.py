"""Calls and outputs in the body of a Responses request that passes through (``call_pairs``)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Raw, Struct

from daemon.wires.base import Fields
from daemon.wires.call_pairs import NO_RESULT, STRAY_MARK, Turn, TurnPart, paired
from daemon.wires.json import LenientDecoder, changed, encode, items_of, says

_STORED: Final = ("previous_response_id", "conversation")
_KNOWN: Final = frozenset({"function_call", "custom_tool_call"})
"""Calls of which the form of an output is known here."""


class _Item(Struct):
    type: str = ""
    role: str = ""
    call_id: str | None = None
    name: str = ""
    arguments: Raw = Raw(b"")
    input: Raw = Raw(b"")


class _Output(Struct):
    output: str | list[Raw] | None = None


_item = LenientDecoder(_Item).decode
_output = LenientDecoder(_Output).decode


def separate_ids(fields: Fields) -> None:
    """Calls that have an earlier call's id get one of their own, and their outputs too."""
    _pair(fields, whole=False)


def one_result_per_call(fields: Fields, _: str = "") -> Sequence[str]:
    """All rules, unless calls may lie in a response that is stored upstream."""
    if any(says(fields, name) for name in _STORED):
        return ()
    return _pair(fields, whole=True)


def _pair(fields: Fields, *, whole: bool) -> Sequence[str]:
    if bytes(fields.get("input", b""))[:1] != b"[":
        return ()
    turns = [_turn(place, raw) for place, raw in enumerate(items_of(fields["input"]))]
    result = paired(turns, spelled=lambda part: part.calls or "", limit=64, whole=whole)
    sent = [item for turn in result.turns for item in _sent(turn.parts)]
    items, lost = result.written(sent, _as_text)
    fields["input"] = Raw(encode(items))
    return lost


def _turn(place: int, raw: Raw) -> Turn[Raw]:
    item = _item(raw)
    kind = item.type
    if item.call_id and kind.endswith("_output"):
        return Turn(place, assistant=False, parts=[TurnPart(raw, answers=item.call_id)])
    if item.call_id and kind.endswith("_call"):
        same = (kind, item.name, bytes(item.arguments), bytes(item.input))
        return Turn(place, assistant=True, parts=[TurnPart(raw, calls=item.call_id, name=item.name, same=same)])
    assistant = kind == "reasoning" or kind.endswith("_call") or item.role == "assistant"
    return Turn(place, assistant, [TurnPart(raw)])


def _as_text(result: Raw) -> dict[str, object]:
    output = _output(result).output
    said = [{"type": "input_text", "text": output}] if isinstance(output, str) and output else output or []
    return {"role": "user", "content": [{"type": "input_text", "text": STRAY_MARK}, *said]}


def _sent(parts: Iterable[TurnPart[Raw]]) -> Iterable[Raw]:
    for part in parts:
        raw, id_ = part.content, part.calls or part.answers
        if raw is not None:
            yield raw if id_ is None or id_ == _item(raw).call_id else Raw(changed(raw, call_id=id_))
        elif part.call is not None and (kind := _item(part.call.content or Raw(b"{}")).type) in _KNOWN:
            yield Raw(encode({"type": f"{kind}_output", "call_id": id_, "output": NO_RESULT}))
