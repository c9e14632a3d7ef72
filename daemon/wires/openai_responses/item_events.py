"""The items of a whole answer of the Responses API as the events of its stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Raw

from daemon.wires.json import json_text

Json = dict[str, Any]

_PART_TEXTS: Mapping[str, str] = {"output_text": "text", "refusal": "refusal"}
_CALL_TEXTS: Mapping[str, tuple[str, str]] = {
    "function_call": ("arguments", "response.function_call_arguments"),
    "custom_tool_call": ("input", "response.custom_tool_call_input"),
}
"""Type of a call to the field with its text, and how the events of that are called."""


def item_events(raw: Raw, index: int) -> Iterator[Json]:
    """The events of the item at ``index``, without their numbers. A type that is not known has a beginning
    and an end; the end holds the item's own bytes."""
    item: Json = msgspec.json.decode(raw)
    kind = str(item.get("type"))
    place = {"item_id": item.get("id", ""), "output_index": index}
    texts: Iterator[Json] = iter(())
    opening: Json = {}
    if kind == "message":
        opening, texts = {"content": []}, _message(item, place)
    elif kind == "reasoning":
        opening, texts = {"summary": []}, _summary(item, place)
    elif kind in _CALL_TEXTS:
        field, name = _CALL_TEXTS[kind]
        opening = {field: ""}
        texts = _text(name, place, field, json_text(item.get(field)) or "")
    if opening and "status" in item:
        opening["status"] = "in_progress"
    begun = item | opening if opening else raw
    yield {"type": "response.output_item.added", "output_index": index, "item": begun}
    yield from texts
    yield {"type": "response.output_item.done", "output_index": index, "item": raw}


def _message(item: Json, place: Json) -> Iterator[Json]:
    for number, part in enumerate(_objects(item.get("content"))):
        here = place | {"content_index": number}
        field = _PART_TEXTS.get(str(part.get("type")))
        annotations = _objects(part.get("annotations"))
        opening = part if field is None else part | {field: ""}
        if field is not None and "annotations" in part:
            opening["annotations"] = []
        yield {"type": "response.content_part.added", **here, "part": opening}
        if field is not None:
            text_events = list(_text(f"response.{part['type']}", here, field, part.get(field) or ""))
            yield from text_events[:-1]
            for which, annotation in enumerate(annotations):
                about = {"annotation_index": which, "annotation": annotation}
                yield {"type": "response.output_text.annotation.added", **here, **about}
            yield text_events[-1]
        yield {"type": "response.content_part.done", **here, "part": part}


def _objects(value: object) -> list[Json]:
    """Those of a list: relays put anything where it belongs."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _summary(item: Json, place: Json) -> Iterator[Json]:
    for number, part in enumerate(_objects(item.get("summary"))):
        here = place | {"summary_index": number}
        yield {"type": "response.reasoning_summary_part.added", **here, "part": part | {"text": ""}}
        yield from _text("response.reasoning_summary_text", here, "text", part.get("text") or "")
        yield {"type": "response.reasoning_summary_part.done", **here, "part": part}


def _text(name: str, place: Json, field: str, text: str) -> Iterator[Json]:
    extra: Json = {"logprobs": []} if name == "response.output_text" else {}
    if text:
        yield {"type": f"{name}.delta", **place, "delta": text, **extra}
    yield {"type": f"{name}.done", **place, field: text, **extra}
