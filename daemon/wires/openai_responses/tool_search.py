"""Codex' search for tools that it has not offered yet, as a function for upstreams that know no such tool.

The client runs it: ``tool_search_call`` asks, ``tool_search_output`` brings tools that can be called from
then on. The items are kept as they came for upstreams of this wire; a search that OpenAI runs is not lifted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from msgspec import Raw

from daemon.inference.blocks import Text, ToolCall, ToolResult
from daemon.inference.request import OpaqueTool, Request, Tool
from daemon.wires.json import NOT_JSON
from daemon.wires.openai_responses.entry_schema import RequestTool, ToolSearchCall, ToolSearchItem
from daemon.wires.openai_responses.schema import WIRE_NAME
from daemon.wires.tools import flat_name

NAME = "tool_search"

Lifted = tuple[ToolCall | ToolResult, ...]

_item = msgspec.json.Decoder(ToolSearchItem)
_tool = msgspec.json.Decoder(RequestTool)


def is_offered(request: Request) -> bool:
    """Whether this client reads a call of ``tool_search`` as an item of its own."""
    tools = (*request.tools, *request.inline_tools)
    return request.wire == WIRE_NAME and any(isinstance(tool, OpaqueTool) and _searches(tool) for tool in tools)


def _searches(tool: OpaqueTool) -> bool:
    return any(isinstance(one, Tool) and one.name == NAME and one.namespace is None for one in tool.lifted)


def call_item(call_id: str, arguments: str, identifier: str) -> ToolSearchCall:
    """The call as Codex reads it; arguments that were cut go as text."""
    try:
        return ToolSearchCall(identifier, call_id, msgspec.json.decode(arguments or "{}", type=Raw), "completed")
    except NOT_JSON:
        return ToolSearchCall(identifier, call_id, Raw(msgspec.json.encode(arguments)), "incomplete")


def _call(raw: Raw) -> Lifted | None:
    item = _item.decode(raw)
    if item.execution != "client" or not item.call_id:
        return None
    return (ToolCall(id=item.call_id, name=NAME, arguments=bytes(item.arguments).decode()),)


def _output(raw: Raw) -> Lifted | None:
    item = _item.decode(raw)
    if item.execution != "client" or not item.call_id:
        return None
    names = [name for tool in item.tools for name in _names(_tool.decode(tool))]
    text = f"These tools can be called from now on: {', '.join(names)}" if names else "No tool was found."
    return (ToolResult(call_id=item.call_id, content=(Text(text),)),)


def _names(tool: RequestTool) -> list[str]:
    if tool.type == "namespace":
        return [flat_name(_tool.decode(raw).name or "", tool.name) for raw in tool.tools or ()]
    return [tool.name or tool.type]


LIFTED: Mapping[str | None, Callable[[Raw], Lifted | None]] = {
    "additional_tools": lambda _: (),
    "tool_search_call": _call,
    "tool_search_output": _output,
}
"""Items of this wire alone, by type, to what they say in the hub's words."""
