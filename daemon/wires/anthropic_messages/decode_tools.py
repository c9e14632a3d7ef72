"""A client's tools and its choice of one, from a Messages request to the hub."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw

from daemon.inference.request import AnyTool, OpaqueTool, Tool, ToolChoice, WebSearch
from daemon.wires.anthropic_messages.decode_blocks import invalid, is_set
from daemon.wires.anthropic_messages.midway import OfferedTools
from daemon.wires.anthropic_messages.schema import WIRE_NAME, Parameters, RawTools, ToolChoiceParam, ToolParam
from daemon.wires.json import list_of, type_of
from daemon.wires.unread import Unread

_raw_tools = msgspec.json.Decoder(RawTools)

_WEB_SEARCH: Final = "web_search_"


def tools_of(body: bytes, tools: list[ToolParam]) -> tuple[AnyTool, ...]:
    hub = [_tool(tool, f"tools.{number}") for number, tool in enumerate(tools)]
    if None in hub:
        raws = _raw_tools.decode(body).tools
        return tuple(tool or _opaque_tool(tools[number], raws[number]) for number, tool in enumerate(hub))
    return tuple([tool for tool in hub if tool is not None])


def _tool(tool: ToolParam, where: str) -> AnyTool | None:
    """None for a hosted tool that only this wire knows."""
    if tool.type is None or tool.type == "custom":
        if not tool.name:
            raise invalid(f"{where}.name: Field required")
        schema = tool.input_schema
        return Tool(
            name=tool.name,
            description=tool.description,
            parameters=schema if is_set(schema) else None,
            strict=tool.strict,
        )
    if not tool.type.startswith(_WEB_SEARCH):
        return None
    return WebSearch(
        name=tool.name or "web_search",
        allowed_domains=tool.allowed_domains or (),
        blocked_domains=tool.blocked_domains or (),
        user_location=tool.user_location if is_set(tool.user_location) else None,
        max_uses=tool.max_uses,
    )


def still_offered(
    tools: tuple[AnyTool, ...], offered: OfferedTools, choice: ToolChoiceParam | None
) -> tuple[AnyTool, ...]:
    """The declared tools that are offered at the end of the conversation, and those that it defines itself."""
    chosen = choice.name if choice is not None else None
    defined = {name: _tool(tool, f"tools.{name}") for name, tool in offered.defined.items()}
    kept = [tool for tool in tools if tool.name not in defined and (tool.name in offered.names or tool.name == chosen)]
    return (*kept, *(tool for tool in defined.values() if tool is not None))


def _opaque_tool(tool: ToolParam, raw: Raw) -> OpaqueTool:
    return OpaqueTool(WIRE_NAME, tool.name or tool.type or "", raw)


def choice_of(parameters: Parameters, tools: tuple[AnyTool, ...]) -> ToolChoice | None:
    choice = parameters.tool_choice
    if choice is None:
        return None
    if choice.type != "tool":
        return ToolChoice(choice.type)
    if not choice.name:
        raise invalid("tool_choice.name: Field required")
    hosted = any(isinstance(tool, WebSearch) and tool.name == choice.name for tool in tools)
    return ToolChoice("tool", choice.name, "web_search" if hosted else "function")


def note_unread(tools: Raw, noted: Unread) -> None:
    """What no struct has of the tools that are read. Another hosted tool goes along whole, or is lost whole."""
    for number, raw in enumerate(list_of(tools)):
        kind = type_of(raw)
        if kind in ("", "custom") or kind.startswith(_WEB_SEARCH):
            noted.where = "tools", number
            noted.add_here(raw, ToolParam)
