"""A client's tools and tool choice, in ``tools`` and in the input.

A ``namespace``, and an input item ``additional_tools``, are kept as they came for upstreams of this
wire; what they hold is lifted into the hub's words for all others.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Raw, UnsetType

from daemon.inference.blocks import Opaque
from daemon.inference.request import AnyTool, Message, OpaqueTool, Tool, ToolChoice, WebSearch
from daemon.wires.json import kept
from daemon.wires.mistakes import mistake
from daemon.wires.openai.request_body import CHOICES, invalid
from daemon.wires.openai_responses import tool_search
from daemon.wires.openai_responses.entry_schema import NamedChoice, RequestTool, ToolsItem
from daemon.wires.openai_responses.schema import WIRE_NAME, WebSearchFilters

_tool = msgspec.json.Decoder(RequestTool)
_additional = msgspec.json.Decoder(ToolsItem)
_choice = msgspec.json.Decoder(NamedChoice)
_filters = msgspec.json.Decoder(WebSearchFilters)


def tools_of(raws: Sequence[Raw], where: str, namespace: str | None = None) -> tuple[AnyTool, ...]:
    """The tools in a list at ``where``. Raises ``LocalError`` naming the place of a mistake."""
    return tuple(_tool_of(raw, f"{where}[{number}]", namespace) for number, raw in enumerate(raws))


def inline_tools(messages: Sequence[Message]) -> tuple[AnyTool, ...]:
    """The tools that items of a conversation bring: ``additional_tools``, and those that a search has found."""
    blocks = (block for message in messages for block in message.content)
    items = [block for block in blocks if isinstance(block, Opaque) and block.lifted is not None]
    return tuple(tool for item in items for tool in _brought(item))


def _brought(item: Opaque) -> tuple[AnyTool, ...]:
    try:
        return tools_of(_additional.decode(item.raw).tools, "additional_tools.tools")
    except msgspec.ValidationError as error:
        raise invalid(f"Invalid 'additional_tools': {mistake(error)}", "input") from None


def _tool_of(raw: Raw, where: str, namespace: str | None) -> AnyTool:
    try:
        tool = _tool.decode(raw)
    except msgspec.ValidationError as error:
        raise invalid(f"Invalid '{where}': {mistake(error)}", where) from None
    if tool.type in ("function", "custom"):
        if not tool.name:
            raise invalid(f"Missing required parameter: '{where}.name'.", f"{where}.name")
        return _client_tool(tool, tool.name, namespace)
    if tool.type.startswith("web_search"):
        return _web_search(tool)
    return OpaqueTool(WIRE_NAME, tool.name or tool.type, Raw(bytes(raw)), _lifted(tool, where))


def _lifted(tool: RequestTool, where: str) -> tuple[AnyTool, ...]:
    if tool.type == "namespace":
        return tools_of(tool.tools or (), f"{where}.tools", tool.name)
    if tool.type == tool_search.NAME and tool.execution == "client":
        return (_client_tool(tool, tool_search.NAME, None),)
    return ()


def _client_tool(tool: RequestTool, name: str, namespace: str | None) -> Tool:
    return Tool(
        name=name,
        description=tool.description,
        parameters=kept(tool.parameters),
        strict=tool.strict,
        kind="custom" if tool.type == "custom" else "function",
        format=kept(tool.format),
        namespace=namespace,
    )


def _web_search(tool: RequestTool) -> WebSearch:
    filters = kept(tool.filters)
    try:
        domains = () if filters is None else _filters.decode(filters).allowed_domains
    except msgspec.ValidationError:
        domains = ()
    return WebSearch(allowed_domains=domains, user_location=kept(tool.user_location))


def tool_choice(raw: Raw | UnsetType) -> tuple[ToolChoice | None, bool]:
    """The choice in the hub's words, and whether it must also be kept as it came (``allowed_tools``, hosted)."""
    chosen = kept(raw)
    if chosen is None:
        return None, False
    if bytes(chosen).startswith(b'"'):
        word = CHOICES.get(msgspec.json.decode(chosen, type=str))
        if word is None:
            raise invalid("Supported values are: 'none', 'auto', and 'required'.", "tool_choice")
        return word, False
    try:
        choice = _choice.decode(chosen)
    except msgspec.ValidationError as error:
        raise invalid(f"Invalid 'tool_choice': {mistake(error)}", "tool_choice") from None
    if choice.type in ("function", "custom") and choice.name:
        return ToolChoice("tool", choice.name, "custom" if choice.type == "custom" else "function"), False
    if choice.type.startswith("web_search"):
        return ToolChoice("tool", "web_search", "web_search"), False
    return CHOICES.get(choice.mode or "auto", CHOICES["auto"]), True
