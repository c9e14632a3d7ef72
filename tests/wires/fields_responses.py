"""Which fields the objects and events of the Responses API must have, and of which types.

``misfits(value, fields)`` names what is wrong. Written from the public schema of Open Responses (2026-04), whose
clients refuse what does not fit; a field that is not named here may be there too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Fields = Mapping[str, Any]
"""Name to a type, to a tuple of what is allowed (types, and None for null), or to a function (value -> misfits)."""


def misfits(value: Any, fields: Fields, where: str = "") -> Iterator[str]:
    """``where.name: …`` for each field that is missing, or not of its type. A name with ``?`` may be missing."""
    if not isinstance(value, dict):
        yield f"{where}: no object"
        return
    for name, wanted in fields.items():
        place = f"{where}.{name.removesuffix('?')}"
        if name.removesuffix("?") not in value:
            if not name.endswith("?"):
                yield f"{place}: missing"
            continue
        yield from _misfit(value[name.removesuffix("?")], wanted, place)


def _misfit(value: Any, wanted: Any, place: str) -> Iterator[str]:
    if isinstance(wanted, tuple):
        if not any(value is None if each is None else _is(value, each) for each in wanted):
            yield f"{place}: {value!r}"
    elif isinstance(wanted, type):
        if not _is(value, wanted):
            yield f"{place}: {value!r}"
    elif isinstance(wanted, Mapping):
        yield from misfits(value, wanted, place)
    else:
        yield from wanted(value, place)


def _is(value: Any, kind: type) -> bool:
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


Rule = Callable[[Any, str], Iterator[str]]


def one_of(*words: str) -> Rule:
    def check(value: Any, place: str) -> Iterator[str]:
        if value not in words:
            yield f"{place}: {value!r} is none of {words}"

    return check


def or_null(fields: Fields) -> Rule:
    def check(value: Any, place: str) -> Iterator[str]:
        if value is not None:
            yield from misfits(value, fields, place)

    return check


def each(kinds: Mapping[str, Fields]) -> Rule:
    """A list of objects whose ``type`` says what they hold; other types are not looked into."""

    def check(value: Any, place: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield f"{place}: no list"
            return
        for number, one in enumerate(value):
            yield from misfits(one, {"type": str, **kinds.get(one.get("type"), {})}, f"{place}[{number}]")

    return check


def typed(kinds: Mapping[str, Fields]) -> Rule:
    """One such object."""

    def check(value: Any, place: str) -> Iterator[str]:
        yield from each(kinds)([value], place)

    return check


_STATUS = one_of("in_progress", "completed", "incomplete")
_ANNOTATION: Mapping[str, Fields] = {
    "url_citation": {"url": str, "title": str, "start_index": int, "end_index": int},
}
PARTS: Mapping[str, Fields] = {
    "output_text": {"text": str, "annotations": each(_ANNOTATION), "logprobs?": list},
    "refusal": {"refusal": str},
    "summary_text": {"text": str},
    "reasoning_text": {"text": str},
}
ITEMS: Mapping[str, Fields] = {
    "message": {"id": str, "status": _STATUS, "role": one_of("assistant"), "content": each(PARTS)},
    "reasoning": {"id": str, "summary": each(PARTS), "content?": each(PARTS), "encrypted_content?": str},
    "function_call": {"id": str, "call_id": str, "name": str, "arguments": str, "status": _STATUS},
    "custom_tool_call": {"id": str, "call_id": str, "name": str, "input": str, "status": _STATUS},
    "web_search_call": {"id": str, "status": str, "action": {"type": str}},
    "compaction": {"id": str, "encrypted_content": str},
}
_TOOLS: Mapping[str, Fields] = {
    "function": {"name": str, "description": (str, None), "parameters": (dict, None), "strict": (bool, None)},
}
_FORMATS: Mapping[str, Fields] = {
    "json_schema": {"name": str, "description": (str, None), "schema": (dict, None), "strict": bool},
}
_USAGE: Fields = {
    "input_tokens": int,
    "input_tokens_details": {"cached_tokens": int},
    "output_tokens": int,
    "output_tokens_details": {"reasoning_tokens": int},
    "total_tokens": int,
}
RESPONSE: Fields = {
    "id": str,
    "object": one_of("response"),
    "created_at": int,
    "completed_at": (int, None),
    "status": str,
    "incomplete_details": or_null({"reason": str}),
    "error": or_null({"code": str, "message": str}),
    "model": str,
    "output": each(ITEMS),
    "usage": or_null(_USAGE),
    "service_tier": str,
    "background": bool,
    "frequency_penalty": float,
    "instructions": (str, None),
    "max_output_tokens": (int, None),
    "max_tool_calls": (int, None),
    "metadata": dict,
    "parallel_tool_calls": bool,
    "presence_penalty": float,
    "previous_response_id": (str, None),
    "prompt_cache_key": (str, None),
    "reasoning": or_null({"effort": (str, None), "summary": (str, None)}),
    "safety_identifier": (str, None),
    "store": bool,
    "temperature": float,
    "text": {"format": typed(_FORMATS), "verbosity?": one_of("low", "medium", "high")},
    "tool_choice": (str, dict),
    "tools": each(_TOOLS),
    "top_logprobs": int,
    "top_p": float,
    "truncation": one_of("auto", "disabled"),
    "user": (str, None),
}
_ITEM: Fields = {"item_id": str, "output_index": int}
_PART: Fields = {**_ITEM, "content_index": int}
_SUMMARY: Fields = {**_ITEM, "summary_index": int}
_LIFECYCLE: Fields = {"response": RESPONSE}
EVENTS: Mapping[str, Fields] = {
    **dict.fromkeys(
        (f"response.{word}" for word in ("created", "in_progress", "completed", "incomplete", "failed")), _LIFECYCLE
    ),
    "response.output_item.added": {"output_index": int, "item": typed(ITEMS)},
    "response.output_item.done": {"output_index": int, "item": typed(ITEMS)},
    "response.content_part.added": {**_PART, "part": typed(PARTS)},
    "response.content_part.done": {**_PART, "part": typed(PARTS)},
    "response.output_text.delta": {**_PART, "delta": str, "logprobs?": list},
    "response.output_text.done": {**_PART, "text": str, "logprobs?": list},
    "response.output_text.annotation.added": {**_PART, "annotation_index": int, "annotation": typed(_ANNOTATION)},
    "response.refusal.delta": {**_PART, "delta": str},
    "response.refusal.done": {**_PART, "refusal": str},
    "response.reasoning_summary_part.added": {**_SUMMARY, "part": typed(PARTS)},
    "response.reasoning_summary_part.done": {**_SUMMARY, "part": typed(PARTS)},
    "response.reasoning_summary_text.delta": {**_SUMMARY, "delta": str},
    "response.reasoning_summary_text.done": {**_SUMMARY, "text": str},
    "response.function_call_arguments.delta": {**_ITEM, "delta": str},
    "response.function_call_arguments.done": {**_ITEM, "arguments": str},
    "response.custom_tool_call_input.delta": {**_ITEM, "delta": str},
    "response.custom_tool_call_input.done": {**_ITEM, "input": str},
}


def response_misfits(response: Any) -> list[str]:
    return list(misfits(response, RESPONSE))


def event_misfits(event: Any) -> list[str]:
    """Of an event of any type; one that is not named here is wrong."""
    kind = event.get("type")
    if kind not in EVENTS:
        return [f"{kind}: no such event"]
    return list(misfits(event, {"sequence_number": int, **EVENTS[kind]}, kind))
