"""The schemas of function tools, with the limits that both of OpenAI's wires put on them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, field

from daemon.inference.request import Tool
from daemon.wires.json import fields_of
from daemon.wires.tools import label

_ANY_OBJECT = Raw(b'{"type":"object","properties":{}}')
_OBJECT_TYPE = Raw(b'"object"')
_NO_PROPERTIES = Raw(b"{}")
_STRAY = frozenset({"$schema", "input_schema", "cache_control", "defer_loading"})
"""Keys at a schema's root that other dialects leave there."""

_REFUSED_AT_ROOT = ("anyOf", "oneOf", "allOf", "enum", "not")
"""OpenAI: "schema must have type 'object' and not have 'oneOf'/'anyOf'/… at the top level"."""

_DIALECT = b'{"$schema":"https://json-schema.org/draft/2020-12/schema",'
"""How every schema of Claude Code begins; cut off without a further check."""

_Absent = Literal["\0"] | UnsetType
"""A value that no schema has: a field of this type decodes only where its key is missing."""


class _FittingSchema(Struct, gc=False):
    """A schema root that needs no change decodes as this; any other is a ``ValidationError``.

    One C call instead of a look at every key: a coding agent sends 65 kB of schemas with every turn."""

    type: Literal["object"]
    properties: Raw
    dialect: _Absent = field(default=UNSET, name="$schema")
    input_schema: _Absent = UNSET
    cache_control: _Absent = UNSET
    defer_loading: _Absent = UNSET
    any_of: _Absent = field(default=UNSET, name="anyOf")
    one_of: _Absent = field(default=UNSET, name="oneOf")
    all_of: _Absent = field(default=UNSET, name="allOf")
    enum: _Absent = UNSET
    not_: _Absent = field(default=UNSET, name="not")


_fitting = msgspec.json.Decoder(_FittingSchema)
_all_fitting = msgspec.json.Decoder(list[_FittingSchema])


_SUSPECT = re.compile(rb'"items"\s*:\s*\{[^{}]*"array"')
"""An array of arrays, or an array in a property that is called items: counting says nothing of these."""

_NO_SCHEMAS = frozenset({"enum", "const", "default", "examples"})
"""Keywords that hold values."""


def fit_schemas(functions: Sequence[Tool], lost: list[str]) -> list[Raw]:
    """The schemas as OpenAI takes them; those that fit pass untouched, and usually all do."""
    schemas = [_ANY_OBJECT if tool.parameters is None else _without_dialect(tool.parameters) for tool in functions]
    if _all_fit(b"[" + b",".join(schemas) + b"]"):
        return schemas
    fitting = [_fit_schema(tool, schema, lost) for tool, schema in zip(functions, schemas, strict=True)]
    return [_with_items(schema) for schema in fitting]


@lru_cache(maxsize=32)
def _all_fit(schemas: bytes) -> bool:
    """Remembered, since an agent sends the same tools with every turn."""
    try:
        _all_fitting.decode(schemas)
    except msgspec.DecodeError:
        return False
    return not _may_lack_items(schemas)


def _may_lack_items(schemas: bytes) -> bool:
    """Cheap, and right but for schemas that mention items elsewhere."""
    arrays = schemas.count(b'"array"')
    return arrays > 0 and (arrays > schemas.count(b'"items"') or _SUSPECT.search(schemas) is not None)


def _with_items(schema: Raw) -> Raw:
    """An array that says nothing of its items may have any. OpenAI: "array schema missing items"."""
    if not _may_lack_items(bytes(schema)):
        return schema
    whole = msgspec.json.decode(schema)
    return Raw(msgspec.json.encode(whole)) if _say_items(whole) else schema


def _say_items(schema: object) -> bool:
    """Adds what is missing, in place; whether there was any."""
    if isinstance(schema, list):
        return any([_say_items(each) for each in schema])
    if not isinstance(schema, dict):
        return False
    missing = _is_array(schema.get("type")) and "items" not in schema
    if missing:
        schema["items"] = {}
    inside = [_say_items(value) for key, value in schema.items() if key not in _NO_SCHEMAS]
    return missing or any(inside)


def _is_array(type_: object) -> bool:
    return type_ == "array" or (isinstance(type_, list) and "array" in type_)


def _without_dialect(parameters: Raw) -> Raw:
    schema = bytes(parameters)
    return Raw(b"{" + schema[len(_DIALECT) :]) if schema.startswith(_DIALECT) else parameters


def _fit_schema(tool: Tool, schema: Raw, lost: list[str]) -> Raw:
    try:
        _fitting.decode(schema)
    except msgspec.DecodeError:
        pass
    else:
        return schema
    try:
        root = fields_of(schema)
    except msgspec.DecodeError:
        return _ANY_OBJECT
    refused = [key for key in _REFUSED_AT_ROOT if key in root]
    lost.extend(f"tools.{label(tool)}.{key}" for key in refused)
    fields = {key: value for key, value in root.items() if key not in _STRAY and key not in refused}
    fields |= {"type": _OBJECT_TYPE, "properties": root.get("properties", _NO_PROPERTIES)}
    return Raw(msgspec.json.encode(fields))
