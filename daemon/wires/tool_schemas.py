"""The schemas of function tools toward an upstream: those that it would refuse are repaired (``schema_repairs``), the
others keep their bytes.

A coding agent sends 65 kB of schemas with every turn, and the same in each: what came out is remembered, for all of
them together and for each tool.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Protocol

import msgspec
from msgspec import Raw

from daemon.inference.request import Tool
from daemon.wires.base import Fields
from daemon.wires.json import MOST_LEVELS, NOT_JSON, NULL, encode, fields_of, is_object, items_of
from daemon.wires.moonshot_schemas import moonshot
from daemon.wires.schema_repairs import Schema, repair
from daemon.wires.tools import label

_ANY_OBJECT = Raw(b'{"type":"object","properties":{}}')
_STRAY = ("$schema", "input_schema", "cache_control", "defer_loading")
"""Keys at a schema's root that other dialects leave there."""

_DIALECT = b'{"$schema":"https://json-schema.org/draft/2020-12/schema",'
"""How every schema of Claude Code begins; cut off without a further check."""

_SCHEMAS = frozenset({"parameters", "input_schema"})
"""What the schema of a tool is called."""

_NO_NAME = Raw(b'""')
_text = msgspec.json.Decoder(str).decode

_REMEMBERED = 32 * 1024
"""Bytes of the longest schema that is remembered by itself."""
_MOST_JOINED = 512 * 1024
"""The same of all schemas of a request together."""


Fitted = tuple[bytes | None, tuple[str, ...]]
"""(the schema repaired, None where it fits; the keywords that it lost)."""


class Fit(Protocol):
    """A repair that remembers, and the same without."""

    def __call__(self, schema: bytes, /) -> Fitted: ...

    @property
    def __wrapped__(self) -> Callable[[bytes], Fitted]: ...


def fit_schemas(functions: Sequence[Tool], lost: list[str]) -> list[Raw]:
    """The schemas as upstreams take them; those that fit pass untouched, and usually all do."""
    schemas = [_without_dialect(tool.parameters) for tool in functions]
    joined = b"\0".join(schemas)
    if len(joined) <= _MOST_JOINED and _all_fit(joined):
        return schemas
    return [_fit(label(tool), schema, lost, _fitted) for tool, schema in zip(functions, schemas, strict=True)]


def fit_schema(tool: Tool, lost: list[str]) -> Raw:
    """The same for one tool."""
    return _fit(label(tool), _without_dialect(tool.parameters), lost, _fitted)


def portable_tools(fields: Fields, _: str = "") -> Sequence[str]:
    """The same for the tools of an upstream's body, of whichever wire. See ``base.Change``."""
    return _changed(fields, _fitted)


def moonshot_tools(fields: Fields, _: str = "") -> Sequence[str]:
    """The same in the form that Moonshot demands."""
    return _changed(fields, _for_moonshot)


def _changed(fields: Fields, fit: Fit) -> Sequence[str]:
    tools = fields.get("tools", NULL)
    lost: list[str] = []
    if tools != NULL:
        fields["tools"] = Raw(encode([_tool(tool, "", fit, lost, MOST_LEVELS) for tool in items_of(tools)]))
    return lost


def _tool(tool: Raw, group: str, fit: Fit, lost: list[str], levels: int) -> Raw:
    """Chat has the function in an object of its own, Responses has groups of tools. Deeper than ``levels`` stays as it
    is: no API has tools there."""
    if not is_object(tool) or not levels:
        return tool
    inside = fields_of(tool)
    name = group + _text(inside.get("name", _NO_NAME))
    for key in _SCHEMAS & inside.keys():
        inside[key] = _fit(name, inside[key], lost, fit)
    if "function" in inside:
        inside["function"] = _tool(inside["function"], group, fit, lost, levels - 1)
    if "tools" in inside:
        tools = [_tool(each, f"{name}.", fit, lost, levels - 1) for each in items_of(inside["tools"])]
        inside["tools"] = Raw(encode(tools))
    return Raw(encode(inside))


def _fit(name: str, schema: Raw, lost: list[str], fit: Fit) -> Raw:
    whole = bytes(schema)
    fitted, keywords = _remembered(whole, fit)
    lost.extend(f"tools.{name}.{keyword}" for keyword in keywords)
    return schema if fitted is None else Raw(fitted)


@lru_cache(maxsize=32)
def _all_fit(schemas: bytes) -> bool:
    return all(_remembered(schema, _fitted) == (None, ()) for schema in schemas.split(b"\0"))


def _remembered(schema: bytes, fit: Fit) -> Fitted:
    return (fit if len(schema) <= _REMEMBERED else fit.__wrapped__)(schema)


@lru_cache(maxsize=512)
def _fitted(schema: bytes) -> Fitted:
    return _repaired(schema, lambda _: None)


@lru_cache(maxsize=512)
def _for_moonshot(schema: bytes) -> Fitted:
    return _repaired(schema, moonshot)


def _repaired(schema: bytes, shape: Callable[[Schema], None]) -> Fitted:
    try:
        before, after = msgspec.json.decode(schema), msgspec.json.decode(schema)
        if not isinstance(after, dict):
            return bytes(_ANY_OBJECT), ()
        for key in _STRAY:
            after.pop(key, None)
        lost: dict[str, None] = {}
        repair(after, lambda keyword: lost.setdefault(keyword))
        shape(after)
        return (None if before == after else encode(after)), tuple(lost)
    except RecursionError:  # nobody sends such in earnest: the upstream decides
        return None, ()
    except NOT_JSON:
        return bytes(_ANY_OBJECT), ()


def _without_dialect(parameters: Raw | None) -> Raw:
    if parameters is None:
        return _ANY_OBJECT
    schema = bytes(parameters)
    return Raw(b"{" + schema[len(_DIALECT) :]) if schema.startswith(_DIALECT) else parameters
