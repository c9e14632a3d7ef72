"""Tools and tool choice on their way up.

A custom tool goes as it is only for a client of this wire, who knows that its upstream has them; for
others it becomes a function with one string. Hosted tools have no place here, but for the web search
of OpenAI's search models, which is an option of the request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple, assert_never

import msgspec
from msgspec import UNSET, Raw

from daemon.inference.request import OpaqueTool, Request, Tool, ToolChoice, WebSearch
from daemon.wires.function_schemas import fit_schemas
from daemon.wires.naming import shorten_names
from daemon.wires.openai_chat import schema
from daemon.wires.openai_chat.custom_tools import INPUT_SCHEMA, described
from daemon.wires.openai_chat.schema import (
    WIRE,
    CustomObject,
    CustomTool,
    FunctionObject,
    FunctionTool,
    NamedCustom,
    NamedCustomChoice,
    NamedFunction,
    NamedFunctionChoice,
    RawObject,
    ToolChoiceParam,
    Unset,
)

_CHOICE = {"auto": "auto", "any": "required", "none": "none"}


class SentTools(NamedTuple):
    """``wrapped`` are the names sent of custom tools that travel as functions."""

    tools: list[schema.AnyTool]
    wrapped: frozenset[str]
    web_search: WebSearch | None


def sent_names(request: Request) -> dict[str, str]:
    """Every tool's name, and how it is sent."""
    names = {tool.name: tool.name for tool in request.tools if isinstance(tool, Tool)}
    names.update(shorten_names(names))
    return names


def encode_tools(request: Request, names: Mapping[str, str], lost: list[str]) -> SentTools:
    native = request.wire == WIRE
    functions = [tool for tool in request.tools if isinstance(tool, Tool) and tool.kind == "function"]
    schemas = iter(fit_schemas(functions, lost))
    sent: list[schema.AnyTool] = []
    wrapped: set[str] = set()
    web_search: WebSearch | None = None
    for tool in request.tools:
        match tool:
            case Tool(kind="function"):
                sent.append(_function(tool, names[tool.name], next(schemas), native=native))
            case Tool():
                sent.append(_custom(tool, names[tool.name], native=native))
                if not native:
                    wrapped.add(names[tool.name])
                    lost.extend([f"tools.{tool.name}.format"] if tool.format is not None else [])
            case WebSearch():
                web_search = tool
            case OpaqueTool(wire="chat"):
                sent.append(tool.raw)
            case OpaqueTool():
                lost.append(f"tools.{tool.name}")
            case _:
                assert_never(tool)
    return SentTools(sent, frozenset(wrapped), web_search)


def encode_choice(choice: ToolChoice, request: Request, names: Mapping[str, str]) -> ToolChoiceParam:
    """A choice by name takes the family in which the tool that bears it is sent, whatever the client said."""
    if choice.mode != "tool":
        return _CHOICE[choice.mode]
    name = choice.name or ""
    sent = names.get(name, name)
    bearer = next((tool for tool in request.tools if isinstance(tool, Tool) and tool.name == name), None)
    if bearer is not None and bearer.kind == "custom" and request.wire == WIRE:
        return NamedCustomChoice(NamedCustom(sent))
    return NamedFunctionChoice(NamedFunction(sent))


def web_search_options(search: WebSearch, lost: list[str]) -> RawObject:
    """The options of a search model, which searches by itself and anywhere."""
    lost.extend(f"tools.{search.name}.{name}" for name in _limits(search))
    if search.user_location is None:
        return {}
    where = _location(search.user_location)
    return {"user_location": where} if where is not None else {}


def _limits(search: WebSearch) -> Iterator[str]:
    for name in ("allowed_domains", "blocked_domains", "max_uses"):
        if getattr(search, name):
            yield name


def _location(raw: Raw) -> Raw | None:
    """``{"type":"approximate","city":…}`` of the other wires is ``{"type":…,"approximate":{…}}`` here."""
    fields = msgspec.json.decode(raw)
    if not isinstance(fields, dict):
        return None
    if "approximate" in fields:
        return raw
    place = {name: value for name, value in fields.items() if name != "type" and value is not None}
    return Raw(msgspec.json.encode({"type": "approximate", "approximate": place}))


def _function(tool: Tool, name: str, parameters: Raw, *, native: bool) -> FunctionTool:
    """``strict: false`` is the default, and unknown to many compatible servers."""
    strict: bool | Unset = UNSET if tool.strict is None or not (tool.strict or native) else tool.strict
    return FunctionTool(
        FunctionObject(
            name=name,
            description=UNSET if tool.description is None else tool.description,
            parameters=UNSET if tool.parameters is None and native else parameters,
            strict=strict,
        )
    )


def _custom(tool: Tool, name: str, *, native: bool) -> CustomTool | FunctionTool:
    if native:
        description = UNSET if tool.description is None else tool.description
        return CustomTool(CustomObject(name, description, UNSET if tool.format is None else tool.format))
    text = described(tool)
    return FunctionTool(FunctionObject(name, UNSET if text is None else text, INPUT_SCHEMA))
