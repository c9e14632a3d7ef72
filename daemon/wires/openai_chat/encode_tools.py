"""Tools on their way to a Chat Completions upstream: functions, custom tools, the web search, and the choice of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, assert_never

import msgspec
from msgspec import UNSET, Raw

from daemon.inference.request import AnyTool, OpaqueTool, Tool, ToolChoice, WebSearch
from daemon.wires.json import RawObject
from daemon.wires.openai_chat import schema
from daemon.wires.openai_chat.schema import (
    CustomObject,
    CustomTool,
    FunctionObject,
    FunctionTool,
    NamedCustom,
    NamedCustomChoice,
    NamedFunction,
    NamedFunctionChoice,
    ToolChoiceParam,
    Unset,
)
from daemon.wires.tool_schemas import fit_schemas
from daemon.wires.tools import INPUT_SCHEMA, SentNames, chosen_tool, described, label

_CHOICE = {"auto": "auto", "any": "required", "none": "none"}


class SentTools(NamedTuple):
    """``wrapped`` are the names sent of custom tools that travel as functions."""

    tools: list[schema.AnyTool]
    wrapped: frozenset[str]
    web_search: WebSearch | None


def encode_tools(tools: Sequence[AnyTool], names: SentNames, lost: list[str], *, native: bool) -> SentTools:
    """``native``: the client uses this wire too."""
    functions = [tool for tool in tools if isinstance(tool, Tool) and tool.kind == "function"]
    schemas = iter(fit_schemas(functions, lost))
    sent: list[schema.AnyTool] = []
    wrapped: set[str] = set()
    web_search: WebSearch | None = None
    for tool in tools:
        match tool:
            case Tool(kind="function"):
                sent.append(_function(tool, names.of(tool.name, tool.namespace), next(schemas), native=native))
            case Tool():
                name = names.of(tool.name, tool.namespace)
                sent.append(_custom(tool, name, native=native))
                if not native:
                    wrapped.add(name)
                    lost.extend([f"tools.{label(tool)}.format"] if tool.format is not None else [])
            case WebSearch():
                web_search = tool
            case OpaqueTool(wire="chat"):
                sent.append(tool.raw)
            case OpaqueTool():
                lost.append(f"tools.{tool.name}")
            case _:
                assert_never(tool)
    return SentTools(sent, frozenset(wrapped), web_search)


def encode_choice(choice: ToolChoice, tools: Sequence[AnyTool], names: SentNames, *, native: bool) -> ToolChoiceParam:
    """A choice by name takes the family in which the tool that bears it is sent, whatever the client said."""
    if choice.mode != "tool":
        return _CHOICE[choice.mode]
    name = choice.name or ""
    bearer = chosen_tool(tools, name)
    sent = names.of(name, bearer.namespace if bearer is not None else None)
    if bearer is not None and bearer.kind == "custom" and native:
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
