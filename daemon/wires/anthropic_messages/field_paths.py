"""A field deep in a request that an upstream does not know, named by its path, is left out wherever it stands.

Servers that check requests by pydantic name such a field with its place, and the kind of block beside it:

    system.2.cache_control.ephemeral.scope: Extra inputs are not permitted
    tools.20.custom.defer_loading: Extra inputs are not permitted
    messages.65.content.1.tool_use.caller: Extra inputs are not permitted

The number is that of this request; the next one has the field elsewhere. So numbers stand for any place in a list, and
a word that is the object's ``type`` stands for objects of that kind alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Raw

from daemon.wires.base import Fields
from daemon.wires.json import NOT_JSON, NULL, RawObject, encode, fields_of, items_of, type_of

MEANINGFUL: Final = frozenset(
    {
        "content",
        "data",
        "description",
        "file_id",
        "format",
        "id",
        "input",
        "input_schema",
        "is_error",
        "media_type",
        "messages",
        "model",
        "name",
        "role",
        "signature",
        "source",
        "system",
        "text",
        "thinking",
        "tool_use_id",
        "tools",
        "type",
        "url",
    }
)
"""Fields that are never left out: without them the request means something else, or nothing."""

NOT_MISSED: Final = frozenset({"cache_control", "scope", "ttl", "eager_input_streaming", "defer_loading", "display"})
"""Fields that change the price or the pace, not the answer: nobody misses them."""

_STEP: Final = re.compile(r"[^.\[\]\s]+")


def without_field(fields: Fields, path: str) -> Sequence[str]:
    """The field at ``path`` (``tools.3.custom.strict``, ``messages[0].content[1].citations``) is nowhere."""
    steps = [step.strip("'\"`") for step in _STEP.findall(path)]
    if len(steps) < 2 or steps[-1] in MEANINGFUL:
        return ()
    value = fields.get(steps[0], NULL)
    changed = _changed(value, steps[1:])
    if changed is value:
        return ()
    fields[steps[0]] = changed
    name = ".".join(step for step in steps if not step.isdigit())
    return () if steps[-1] in NOT_MISSED else (name,)


def without_field_anywhere(fields: Fields, name: str) -> Sequence[str]:
    """As ``without_field``, for servers that name no place: no tool, message or block has the field ``name``, nor the
    cache mark on it."""
    if name in MEANINGFUL:
        return ()
    found = False
    marker = f'"{name}"'.encode()
    for top in ("system", "tools", "messages"):
        value = fields.get(top, NULL)
        if marker in bytes(value):
            changed = _without(value, name)
            found |= changed is not value
            fields[top] = changed
    return (name,) if found and name not in NOT_MISSED else ()


_HOLDERS: Final = ("content", "cache_control")
"""What is looked into: never a tool's input, nor its schema."""


def _without(value: Raw, name: str) -> Raw:
    try:
        if bytes(memoryview(value)[:1]) == b"[":
            return _each(value, lambda item: _without(item, name))
        inside = fields_of(value) if bytes(memoryview(value)[:1]) == b"{" else {}
    except NOT_JSON:
        return value
    kept = {step: _without(raw, name) if step in _HOLDERS else raw for step, raw in inside.items() if step != name}
    if len(kept) == len(inside) and all(kept[step] is raw for step, raw in inside.items()):
        return value
    return Raw(encode(kept))


def _changed(value: Raw, steps: Sequence[str]) -> Raw:
    """``value`` less the field that ``steps`` lead to; itself where there is none."""
    try:
        if bytes(memoryview(value)[:1]) == b"[":
            return _in_list(value, steps)
        return _in_object(value, steps) if bytes(memoryview(value)[:1]) == b"{" else value
    except NOT_JSON:
        return value


def _in_list(value: Raw, steps: Sequence[str]) -> Raw:
    if len(steps) < 2 or not steps[0].isdigit():
        return value
    return _each(value, lambda item: _changed(item, steps[1:]))


def _each(value: Raw, change: Callable[[Raw], Raw]) -> Raw:
    items = items_of(value)
    changed = [change(item) for item in items]
    return Raw(encode(changed)) if any(new is not old for new, old in zip(changed, items, strict=True)) else value


def _in_object(value: Raw, steps: Sequence[str]) -> Raw:
    step, rest = steps[0], steps[1:]
    inside: RawObject = fields_of(value)
    if step in inside:
        if not rest:
            del inside[step]
            return Raw(encode(inside))
        changed = _changed(inside[step], rest)
        if changed is not inside[step]:
            return Raw(encode(inside | {step: changed}))
    # Tools of the client's need not say that they are custom.
    kind = type_of(value) or ("custom" if step == "custom" else "")
    return _in_object(value, rest) if rest and step == kind else value
