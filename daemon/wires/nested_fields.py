"""A field inside a request's messages, items or tools that an upstream refuses by its place, left out wherever it is.

A place is a path without numbers: ``messages.name``, ``tools.function.strict``, ``system.cache_control.scope``; one
that begins with ``*`` is anywhere (``*.ttl``). Lists are looked through. Validators put the name of the variant that
they tried into the path (``messages.2.assistant.reasoning_content``, ``tools.0.custom.input_examples``): a type or a
role means objects of that kind alone, and any other step that is no field is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from msgspec import Raw

from daemon.wires.base import Fields
from daemon.wires.json import (
    MOST_LEVELS,
    NOT_JSON,
    NULL,
    RawObject,
    encode,
    fields_of,
    is_object,
    list_of,
    object_of,
    says,
)

ANYWHERE: Final = "*"

_LISTS: Final = ("system", "messages", "input", "tools", "functions")
_ROOTS: Final = frozenset({*_LISTS, "thinking", "output_config", "tool_choice", "metadata", ANYWHERE})
_KEPT: Final = frozenset(
    {"role", "content", "type", "call_id", "tool_call_id", "tool_use_id", "function", "custom"}
    | {"arguments", "input", "output", "text", "parameters", "input_schema", "image_url", "url", "source", "data"}
    | {"signature", "encrypted_content", "thinking", "properties", "items", "required", "description", "is_error"}
    | {"file_id", "media_type", "budget_tokens"}
)
"""What an object cannot do without, or what its meaning is."""
_FORMAT: Final = "format"
"""The same, but in a schema a keyword that not every model's server knows."""

_FIELDS: Final = frozenset({"content", "function", "tool_calls", "cache_control", "source", "image_url", "output"})
"""Steps that are fields, so that they are never passed over."""
_KINDS: Final = frozenset(
    {"text", "image", "document", "tool_use", "tool_result", "server_tool_use", "thinking", "redacted_thinking"}
    | {"user", "assistant", "system", "developer", "tool", "custom", "ephemeral"}
)
"""Steps that may be a type or a role."""
_HOLDERS: Final = frozenset({"content", "cache_control", "function", "tool_calls", "output"})
"""Where a field that may be anywhere is looked for: never in a call's arguments, nor in a schema."""

_OF_MESSAGES: Final = frozenset({"name", "id"})
"""What a message can do without, and no other object."""
_FUNCTION: Final = Raw(b'"function"')

_NOT_MISSED: Final = frozenset(
    {"id", "cache_control", "scope", "ttl", "defer_loading", "eager_input_streaming", "display", "citations"}
    | {"annotations", "index", "strict", "prefix", "status", "phase", "namespace", "caller", "created_by", "agent"}
    | {"metadata", "reasoning_details"}
)
"""What changes the price, the pace or nothing at all, but not the answer."""

_SCHEMAS: Final = frozenset({"parameters", "input_schema", "function_declarations"})
_VALUES: Final = frozenset({"enum", "const", "default", "examples", "required"})
"""Keywords that hold values, not schemas."""
_OF_NAMES: Final = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
"""Keywords whose keys are names of the tool's own."""


def may_leave_out(place: str) -> bool:
    """Whether a request can do without the field at ``place``."""
    first, *steps = place.split(".")
    last = steps[-1] if steps else ""
    if last == "id" and first != "messages":
        return False
    if _SCHEMAS.isdisjoint(steps) and (last == _FORMAT or "type" in steps):
        return False
    return first in _ROOTS and bool(last) and last not in _KEPT and not last.isdecimal()


def without_field(fields: Fields, place: str) -> Sequence[str]:
    """No object at ``place`` has its last field. A place in a tool's schema means a keyword, at any depth."""
    first, *steps = place.split(".")
    if not may_leave_out(place):
        return ()
    if first == "tools" and not _SCHEMAS.isdisjoint(steps):
        return _without_keyword(fields, steps[-1])
    lost: list[str] = []
    for root in _LISTS if first == ANYWHERE else (first,):
        old = fields.get(root, NULL)
        if b'"%b"' % steps[-1].encode() not in bytes(old):
            continue
        new = (
            _without_any(old, steps[-1], lost, root, MOST_LEVELS)
            if first == ANYWHERE
            else _without(old, steps, lost, root)
        )
        if new is not old:
            fields[root] = new
    return lost


def _without(raw: Raw, steps: Sequence[str], lost: list[str], where: str) -> Raw:
    """The value without the field at the end of ``steps``; itself where there is none."""
    if not is_object(raw):
        return _each(raw, lambda item, place: _without(item, steps, lost, place), where)
    holder, name = fields_of(raw), steps[0]
    if name in holder and len(steps) == 1:
        return _left_out(raw, holder, name, lost, where)
    if name in holder:
        inner = _without(holder[name], steps[1:], lost, f"{where}.{name}")
        if inner is not holder[name]:
            return Raw(encode(holder | {name: inner}))
    passed = _is_kind(holder, name) or (name not in holder and name not in _FIELDS | _KINDS)
    return _without(raw, steps[1:], lost, where) if passed and len(steps) > 1 else raw


def _is_kind(holder: RawObject, name: str) -> bool:
    """Whether ``name`` is the object's type or role; a client's own tools need not say that they are custom."""
    kinds = [bytes(holder[field]) for field in ("type", "role") if field in holder]
    return b'"%b"' % name.encode() in kinds if kinds else name in _KINDS


def _without_any(raw: Raw, name: str, lost: list[str], where: str, levels: int) -> Raw:
    """The value without the field ``name`` in any object of it that is the API's own, ``levels`` of them inside each
    other."""
    if not levels:
        return raw
    if not is_object(raw):
        return _each(raw, lambda item, place: _without_any(item, name, lost, place, levels), where)
    before = fields_of(raw)
    holder = {
        field: _without_any(value, name, lost, f"{where}.{field}", levels - 1)
        if field in _HOLDERS and field != name
        else value
        for field, value in before.items()
    }
    changed = raw if all(holder[field] is before[field] for field in before) else Raw(encode(holder))
    return _left_out(changed, holder, name, lost, where) if name in holder else changed


def _each(raw: Raw, change: Callable[[Raw, str], Raw], where: str) -> Raw:
    """``change`` of the objects of a list and of their places; anything else stays as it is."""
    items = list_of(raw)
    new = [change(item, f"{where}[{number}]") if is_object(item) else item for number, item in enumerate(items)]
    return Raw(encode(new)) if any(after is not old for after, old in zip(new, items, strict=True)) else raw


def _left_out(raw: Raw, holder: RawObject, name: str, lost: list[str], where: str) -> Raw:
    if name in _OF_MESSAGES and holder.get("role", _FUNCTION) == _FUNCTION:
        return raw  # a call's id, a tool's own name, or that of the one whose result it is
    said = says(holder, name)
    if name == "tool_calls" and said:
        return raw
    del holder[name]
    if name not in _NOT_MISSED and said:
        lost.append(f"{where}.{name}")
    return Raw(encode(holder))


# --- keywords of schemas ---------------------------------------------------------------------------


def _without_keyword(fields: Fields, keyword: str) -> list[str]:
    """The tools' schemas without a keyword that this upstream has never heard of."""
    lost: list[str] = []
    tools = [_tool_without(tool, keyword, lost) for tool in list_of(fields.get("tools", NULL))]
    if lost:
        fields["tools"] = Raw(encode(tools))
    return lost


def _tool_without(raw: Raw, keyword: str, lost: list[str]) -> Raw:
    tool = object_of(raw)
    function = object_of(tool.get("function", NULL))
    holder = function or tool
    for name in ("parameters", "input_schema"):
        if name not in holder:
            continue
        try:
            schema = msgspec.json.decode(holder[name])
            found = _drop(schema, keyword)
        except NOT_JSON:  # nested too deep
            return raw
        if found:
            lost.append(f"tools.{msgspec.json.decode(holder.get('name', NULL))}.{keyword}")
            holder[name] = Raw(encode(schema))
            return Raw(encode(tool | {"function": Raw(encode(function))} if function else tool))
    return raw


def _drop(schema: object, keyword: str, *, named: bool = False) -> bool:
    """Drops the keyword in a schema and in those inside it; whether there was one. ``named``: the keys are a client's
    own names (of properties, of definitions)."""
    if isinstance(schema, list):
        return any([_drop(each, keyword) for each in schema])
    if not isinstance(schema, dict):
        return False
    found = not named and schema.pop(keyword, None) is not None
    for name, inner in schema.items():
        if named or name not in _VALUES:
            found |= _drop(inner, keyword, named=not named and name in _OF_NAMES)
    return found
