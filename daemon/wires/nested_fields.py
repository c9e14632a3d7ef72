"""A field inside a request's messages, items or tools that an upstream refuses by its place, left out wherever it is.

A place is a path without numbers: ``messages.name``, ``tools.function.strict``, ``system.cache_control.scope``.
Lists are looked through. Validators put the name of the variant that they tried into the path
(``messages.2.assistant.reasoning_content``, ``tools.0.custom.input_examples``): a step that is no field is passed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Raw

from daemon.wires.base import Fields
from daemon.wires.json import FALSE, NOT_JSON, NULL, RawObject, encode, fields_of, is_object, items_of

_ROOTS: Final = frozenset({"messages", "input", "tools", "functions", "system"})
_KEPT: Final = frozenset(
    {"role", "content", "type", "call_id", "tool_call_id", "tool_use_id", "function", "custom"}
    | {"arguments", "input", "output", "text", "parameters", "input_schema", "image_url", "url", "source", "data"}
    | {"signature", "encrypted_content", "thinking", "properties", "items", "required"}
)
"""What an object cannot do without, or what its meaning is."""

_FIELDS: Final = frozenset({"content", "function", "tool_calls", "cache_control", "source", "image_url", "output"})
"""Steps that are fields, so that they are never passed over."""

_OF_MESSAGES: Final = frozenset({"name", "id"})
"""What a message can do without, and no other object."""
_FUNCTION: Final = Raw(b'"function"')

_NOT_MISSED: Final = frozenset(
    {
        "id",
        "cache_control",
        "defer_loading",
        "eager_input_streaming",
        "citations",
        "annotations",
        "index",
        "strict",
        "prefix",
    }
    | {"status", "phase", "namespace", "caller", "created_by", "agent", "metadata", "reasoning_details"}
)
_AS_GOOD_AS_NONE: Final = (NULL, FALSE, Raw(b'""'), Raw(b"[]"))

_SCHEMAS: Final = frozenset({"parameters", "input_schema", "function_declarations"})
_VALUES: Final = frozenset({"enum", "const", "default", "examples", "required"})
"""Keywords that hold values, not schemas."""
_OF_NAMES: Final = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
"""Keywords whose keys are names of the tool's own."""


def may_leave_out(place: str) -> bool:
    """Whether a request can do without the field at ``place``."""
    first, _, rest = place.partition(".")
    last = rest.rpartition(".")[2]
    if last == "id" and first != "messages":
        return False
    return first in _ROOTS and bool(last) and last not in _KEPT and not last.isdecimal()


def without_field(fields: Fields, place: str) -> Sequence[str]:
    """No object at ``place`` has its last field. A place in a tool's schema means a keyword, at any depth."""
    steps = place.split(".")
    if not may_leave_out(place):
        return ()
    if steps[0] == "tools" and not _SCHEMAS.isdisjoint(steps):
        return _without_keyword(fields, steps[-1])
    old = fields.get(steps[0], NULL)
    if b'"%b"' % steps[-1].encode() not in bytes(old):
        return ()
    lost: list[str] = []
    new = _without(old, steps[1:], lost, steps[0])
    if new is not old:
        fields[steps[0]] = new
    return lost


def _without(raw: Raw, steps: Sequence[str], lost: list[str], where: str) -> Raw:
    """The value without the field at the end of ``steps``; itself where there is none."""
    first = bytes(memoryview(raw)[:1])
    if first == b"[":
        items = items_of(raw)
        new = [
            _without(item, steps, lost, f"{where}[{number}]") if is_object(item) else item
            for number, item in enumerate(items)
        ]
        changed = any(after is not before for after, before in zip(new, items, strict=True))
        return Raw(encode(new)) if changed else raw
    if first != b"{":
        return raw
    holder, name = fields_of(raw), steps[0]
    if name not in holder:
        return _without(raw, steps[1:], lost, where) if len(steps) > 1 and name not in _FIELDS else raw
    if len(steps) == 1:
        return _left_out(raw, holder, name, lost, where)
    inner = _without(holder[name], steps[1:], lost, f"{where}.{name}")
    return raw if inner is holder[name] else Raw(encode(holder | {name: inner}))


def _left_out(raw: Raw, holder: RawObject, name: str, lost: list[str], where: str) -> Raw:
    if name in _OF_MESSAGES and holder.get("role", _FUNCTION) == _FUNCTION:
        return raw  # a call's id, a tool's own name, or that of the one whose result it is
    if name == "tool_calls" and holder[name] not in _AS_GOOD_AS_NONE:
        return raw
    value = holder.pop(name)
    if name not in _NOT_MISSED and value not in _AS_GOOD_AS_NONE:
        lost.append(f"{where}.{name}")
    return Raw(encode(holder))


# --- keywords of schemas ---------------------------------------------------------------------------


def _without_keyword(fields: Fields, keyword: str) -> list[str]:
    """The tools' schemas without a keyword that this upstream has never heard of."""
    lost: list[str] = []
    tools = [_tool_without(tool, keyword, lost) for tool in _list(fields.get("tools", NULL))]
    if lost:
        fields["tools"] = Raw(encode(tools))
    return lost


def _tool_without(raw: Raw, keyword: str, lost: list[str]) -> Raw:
    tool = _object(raw)
    function = _object(tool.get("function", NULL))
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


def _list(raw: Raw) -> list[Raw]:
    return items_of(raw) if bytes(memoryview(raw)[:1]) == b"[" else []


def _object(raw: Raw) -> RawObject:
    return fields_of(raw) if is_object(raw) else {}
