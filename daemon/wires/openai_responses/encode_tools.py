"""Tools and tool choice on their way up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, assert_never

from msgspec import UNSET, Raw

from daemon.inference.request import AnyTool, OpaqueTool, Tool, ToolChoice, WebSearch
from daemon.wires.openai.function_schemas import fit_schemas
from daemon.wires.openai_responses import schema
from daemon.wires.openai_responses.schema import (
    WIRE_NAME,
    CustomTool,
    FunctionTool,
    NamedToolChoice,
    Unset,
    WebSearchFilters,
    WebSearchTool,
)

_CHOICE = {"auto": "auto", "any": "required", "none": "none"}


class EncodedTools(NamedTuple):
    """The tools to send, and what they lost on the way."""

    tools: list[schema.AnyTool]
    lost: list[str]


def encode_tools(tools: Sequence[AnyTool], names: Mapping[str, str]) -> EncodedTools:
    """``names`` says how each tool's name is sent."""
    encoded: list[schema.AnyTool] = []
    lost: list[str] = []
    functions = [tool for tool in tools if isinstance(tool, Tool) and tool.kind == "function"]
    schemas = iter(fit_schemas(functions, lost))
    for tool in tools:
        match tool:
            case Tool():
                name = names.get(tool.name, tool.name)
                encoded.append(_custom(tool, name) if tool.kind == "custom" else _function(tool, name, next(schemas)))
            case WebSearch():
                encoded.append(_web_search(tool, lost))
            case OpaqueTool():
                if tool.wire == WIRE_NAME:
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
