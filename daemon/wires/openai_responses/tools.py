"""Tools and tool choice on their way up, with the limits that OpenAI puts on names and schemas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, assert_never

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, field

from daemon.inference.request import AnyTool, OpaqueTool, Tool, ToolChoice, WebSearch
from daemon.wires.openai_responses import schema
from daemon.wires.openai_responses.schema import (
    CustomTool,
    FunctionTool,
    NamedToolChoice,
    RawObject,
    Unset,
    WebSearchFilters,
    WebSearchTool,
)

WIRE = "responses"

_CHOICE = {"auto": "auto", "any": "required", "none": "none"}

_ANY_OBJECT = Raw(b'{"type":"object","properties":{}}')
_OBJECT_TYPE = Raw(b'"object"')
_NO_PROPERTIES = Raw(b"{}")
_STRAY = frozenset({"$schema", "input_schema", "cache_control", "defer_loading"})
"""Keys at a schema's root that other dialects leave there."""

_REFUSED_AT_ROOT = ("anyOf", "oneOf", "allOf", "enum", "not")
"""OpenAI: "schema must have type 'object' and not have 'oneOf'/'anyOf'/… at the top level"."""

_DIALECT = b'{"$schema":"https://json-schema.org/draft/2020-12/schema",'
"""How every schema of Claude Code begins; cut off without looking further."""

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
_root = msgspec.json.Decoder(RawObject)


class EncodedTools(NamedTuple):
    tools: list[schema.AnyTool]
    lost: list[str]


def encode_tools(tools: Sequence[AnyTool], names: Mapping[str, str]) -> EncodedTools:
    """``names`` says how each tool's name is sent."""
    encoded: list[schema.AnyTool] = []
    lost: list[str] = []
    functions = [tool for tool in tools if isinstance(tool, Tool) and tool.kind == "function"]
    schemas = iter(_fit_schemas(functions, lost))
    for tool in tools:
        match tool:
            case Tool():
                name = names.get(tool.name, tool.name)
                encoded.append(_custom(tool, name) if tool.kind == "custom" else _function(tool, name, next(schemas)))
            case WebSearch():
                encoded.append(_web_search(tool, lost))
            case OpaqueTool():
                if tool.wire == WIRE:
                    encoded.append(tool.raw)
                else:
                    lost.append(f"tools.{tool.name}")
            case _:
                assert_never(tool)
    return EncodedTools(encoded, lost)


def encode_choice(choice: ToolChoice, tools: Sequence[AnyTool], names: Mapping[str, str]) -> str | NamedToolChoice:
    """A choice by name takes the family of the tool that bears it, whatever family the client said."""
    if choice.mode != "tool":
        return _CHOICE[choice.mode]
    name = choice.name or ""
    for tool in tools:
        if isinstance(tool, Tool) and tool.name == name:
            return NamedToolChoice(tool.kind, names.get(name, name))
    if choice.kind == "web_search" or any(isinstance(tool, WebSearch) and tool.name == name for tool in tools):
        return NamedToolChoice("web_search")
    return NamedToolChoice(choice.kind, names.get(name, name))


def _fit_schemas(functions: Sequence[Tool], lost: list[str]) -> list[Raw]:
    """The schemas as OpenAI takes them; those that fit pass untouched, and usually all do."""
    schemas = [_ANY_OBJECT if tool.parameters is None else _without_dialect(tool.parameters) for tool in functions]
    try:
        _all_fitting.decode(b"[" + b",".join(schemas) + b"]")
    except msgspec.DecodeError:
        return [_fit_schema(tool, schema, lost) for tool, schema in zip(functions, schemas, strict=True)]
    return schemas


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
        root = _root.decode(schema)
    except msgspec.DecodeError:
        return _ANY_OBJECT
    refused = [key for key in _REFUSED_AT_ROOT if key in root]
    lost.extend(f"tools.{tool.name}.{key}" for key in refused)
    kept = {key: value for key, value in root.items() if key not in _STRAY and key not in refused}
    kept = {**kept, "type": _OBJECT_TYPE, "properties": root.get("properties", _NO_PROPERTIES)}
    return Raw(msgspec.json.encode(kept))


def _function(tool: Tool, name: str, parameters: Raw) -> FunctionTool:
    description = UNSET if tool.description is None else tool.description
    return FunctionTool(name=name, parameters=parameters, strict=tool.strict or False, description=description)


def _custom(tool: Tool, name: str) -> CustomTool:
    return CustomTool(
        name=name,
        description=UNSET if tool.description is None else tool.description,
        format=UNSET if tool.format is None else tool.format,
    )


def _web_search(tool: WebSearch, lost: list[str]) -> WebSearchTool:
    if tool.blocked_domains:
        lost.append(f"tools.{tool.name}.blocked_domains")
    if tool.max_uses is not None:
        lost.append(f"tools.{tool.name}.max_uses")
    filters: WebSearchFilters | Unset = UNSET
    if tool.allowed_domains:
        filters = WebSearchFilters(tool.allowed_domains)
    location = UNSET if tool.user_location is None else tool.user_location
    return WebSearchTool(filters=filters, user_location=location)
