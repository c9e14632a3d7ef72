"""Calls, and words for the end, of an answer that passes through, as ``decode_calls`` and ``decode_end`` read them.

Clients put calls together by ``index`` alone: without one, or with the same for all, they get one broken call or none
(hermes-agent#57939). So fragments that are not as a client reads them are written once more: with the call's number,
with an id, without what was said before. All others stay as they came.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from msgspec import Raw

from daemon.inference.response import FinishReason
from daemon.wires.call_arguments import NO_ARGUMENTS, says_nothing
from daemon.wires.json import changed
from daemon.wires.openai_chat.decode_calls import CallTable, TakenPart
from daemon.wires.openai_chat.decode_end import UNSAID, finish_reason

Json = dict[str, Any]

_FINISH: Final = re.compile(rb'("finish_reason" ?: ?")((?:[^"\\]|\\.)*)"')
_USUAL: Final = b'"finish_reason":"stop"'
_WORDS: Final = frozenset({"stop", "length", "tool_calls", "content_filter", "function_call"})
_CUTS: Final = {
    FinishReason.LENGTH: "length",
    FinishReason.CONTEXT_WINDOW: "length",
    FinishReason.CONTENT_FILTER: "content_filter",
}


def says_end(payload: bytes) -> bool:
    """Whether a chunk that has a text for its ``finish_reason`` says that it ends."""
    return any(match[2].decode("utf-8", "replace").lower() not in UNSAID for match in _FINISH.finditer(payload))


def with_known_words(payload: bytes) -> bytes:
    """The same with the API's own words for why it ends: by ``MAX_TOKENS`` no client knows a cut."""
    if payload.count(_USUAL) == payload.count(b'"finish_reason"'):
        return payload
    return _FINISH.sub(_known_word, payload)


def _known_word(match: re.Match[bytes]) -> bytes:
    word = match[2].decode("utf-8", "replace")
    lower = word.lower()
    known = lower if lower in _WORDS else _CUTS.get(finish_reason(word, called=False, refused=False))
    return match[1] + known.encode() + b'"' if known else match[0]


def rewritten(payload: bytes, choices: Raw, calls: CallTable, rest: dict[int, str]) -> bytes:
    """The chunk with its calls as ``calls`` has just taken them. ``rest``: arguments that are due now, by the number of
    the call; those of calls in this chunk are put into it and taken out of ``rest``."""
    whole = msgspec.json.decode(choices)
    for choice in map(object_of, whole if isinstance(whole, list) else ()):
        delta = object_of(choice.get("delta"))
        parts = delta.get("tool_calls")
        parts = [parts] if isinstance(parts, dict) else parts
        if choice.get("index") or not isinstance(parts, list) or len(parts) != len(calls.taken):
            continue  # another choice, which nobody has read
        sent = [_part(object_of(part), meant, rest) for part, meant in zip(parts, calls.taken, strict=True)]
        delta["tool_calls"] = [part for part in sent if part is not None]
        if not delta["tool_calls"]:
            del delta["tool_calls"]
    return changed(payload, choices=whole)


def _part(part: Json, meant: TakenPart, rest: dict[int, str]) -> Json | None:
    """A fragment as it was meant; None where it says nothing."""
    call, first, text = meant
    field, argument = ("custom", "input") if "custom" in part else ("function", "arguments")
    function = {**object_of(part.get(field)), argument: text + rest.pop(call.number, "")}
    sent = {**part, "index": call.number, field: function}
    if first:
        return {**sent, "id": part.get("id") or call.sent_id, "type": part.get("type") or field}
    sent.pop("id", None)  # the first had it, or one of ours: the SDKs add texts to each other
    if function.get("name") == call.name:
        del function["name"]
    return sent if function[argument] or function.get("name") else None


def fragments(rest: dict[int, str]) -> list[Json]:
    """Arguments alone, of calls that have been announced."""
    return [{"index": number, "function": {"arguments": text}} for number, text in rest.items()]


def complete(calls: Iterable[object], answer_id: str) -> bool:
    """Gives each call of a whole answer an id, and ``{}`` where it has no arguments; whether one lacked it."""
    lacking = False
    for number, each in enumerate(calls):
        call = object_of(each)
        function = object_of(call.get("function"))
        if function and not isinstance(call.get("id") or None, str | int):
            call["id"], lacking = f"call_{answer_id[:24]}_{number}", True
        arguments = function.get("arguments")
        if function and (arguments is None or (isinstance(arguments, str) and says_nothing(arguments.encode()))):
            lacking = lacking or arguments != NO_ARGUMENTS
            function["arguments"] = NO_ARGUMENTS
    return lacking


def object_of(value: object) -> Json:
    """An object's fields; none for anything else, which nobody can repair."""
    return value if isinstance(value, dict) else {}
