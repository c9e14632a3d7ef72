"""A client's request to the hub. Fields that the hub has no word for travel raw in ``extra`` and are given back
to this wire alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Raw, UnsetType

from daemon.errors import LocalError
from daemon.inference.blocks import Opaque, Text
from daemon.inference.request import (
    AnyTool,
    Message,
    OpaqueTool,
    OutputFormat,
    ReasoningOptions,
    Request,
    Tool,
    ToolChoice,
    WebSearch,
)
from daemon.wires.json import RawObject, copy_of, fields_of, mistake, says, type_of
from daemon.wires.openai.request_body import CHOICES, invalid, read_body, session_of
from daemon.wires.openai_responses import tool_search
from daemon.wires.openai_responses.decode_blocks import REFERENCE, messages_of
from daemon.wires.openai_responses.entry_schema import (
    NamedChoice,
    RequestBody,
    RequestReasoning,
    RequestText,
    RequestTool,
    ToolsItem,
)
from daemon.wires.openai_responses.schema import WIRE_NAME, WebSearchFilters

_IN_HUB = frozenset(RequestBody.__struct_fields__) - {"include"}
_PARTLY_IN_HUB = {
    "reasoning": frozenset(RequestReasoning.__struct_fields__),
    "text": frozenset(RequestText.__struct_fields__),
}
"""Objects of which the hub knows some fields: with others in them they travel in ``extra`` as well."""

_body = msgspec.json.Decoder(RequestBody)


def decode_request(body: bytes, headers: Mapping[str, str]) -> Request:
    """A client's ``POST /v1/responses``. Raises ``LocalError``; ``headers`` are lower-case."""
    fields, parameters = read_body(body, _body, _misshapen)
    if not parameters.model:
        raise invalid("Missing required parameter: 'model'.", "model")
    choice, choice_kept = tool_choice(parameters.tool_choice)
    messages = messages_of(parameters.input)
    return Request(
        wire=WIRE_NAME,
        model=parameters.model,
        messages=messages,
        system=(Text(parameters.instructions),) if parameters.instructions else (),
        tools=tools_of(parameters.tools or (), "tools"),
        inline_tools=inline_tools(messages),
        tool_choice=choice,
        parallel_tool_calls=parameters.parallel_tool_calls,
        max_tokens=parameters.max_output_tokens,
        temperature=parameters.temperature,
        top_p=parameters.top_p,
        reasoning=_reasoning(parameters.reasoning),
        output=_output(parameters.text),
        verbosity=parameters.text.verbosity if parameters.text else None,
        stream=parameters.stream or False,
        service_tier=parameters.service_tier,
        user=parameters.user,
        session=session_of(headers, parameters.prompt_cache_key),
        cache_key=parameters.prompt_cache_key,
        extra={WIRE_NAME: _extra(fields, keep_choice=choice_kept)},
    )


def _extra(fields: RawObject, *, keep_choice: bool) -> RawObject:
    extra = {name: Raw(bytes(raw)) for name, raw in fields.items() if name not in _IN_HUB}
    for name, known in _PARTLY_IN_HUB.items():
        if name in fields and bytes(fields[name]) != b"null" and not fields_of(fields[name]).keys() <= known:
            extra[name] = Raw(bytes(fields[name]))
    if keep_choice:
        extra["tool_choice"] = Raw(bytes(fields["tool_choice"]))
    return extra


def _reasoning(reasoning: RequestReasoning | None) -> ReasoningOptions:
    if reasoning is None:
        return ReasoningOptions()
    summary = reasoning.summary or reasoning.generate_summary
    return ReasoningOptions(effort=reasoning.effort, summary=summary, visible=summary not in (None, "none"))


def _output(text: RequestText | None) -> OutputFormat | None:
    format = text.format if text else None
    if format is None or format.type == "text":
        return None
    if format.type == "json_object":
        return OutputFormat(kind="json_object")
    return OutputFormat(
        kind="json_schema",
        name=format.name,
        description=format.description,
        schema=copy_of(format.schema),
        strict=format.strict,
    )


def _misshapen(error: msgspec.ValidationError) -> LocalError:
    return invalid(f"Invalid request: {mistake(error)}")


# --- toward another wire ---


SHAPING: Final = ("background", "max_tool_calls", "top_logprobs", "truncation")
"""Fields that shape the answer, which no other wire has."""

_STORED: Final[Mapping[str, str]] = {
    "previous_response_id": "previous_response_not_found",
    "conversation": "conversation_not_found",
    "prompt": "prompt_not_found",
}
"""Fields that stand for what OpenAI's server keeps, and what it says when it has not got it."""


def foreign_fields(fields: Mapping[str, Raw]) -> tuple[str, ...]:
    """See ``Wire.foreign_fields``. What holds the conversation itself is refused: without it something else would
    be answered. What is not named (storage, metadata, caching) is missed by nobody."""
    for name, code in _STORED.items():
        if says(fields, name):
            message = f"the upstream's API stores nothing between requests: send it in `input` instead of `{name}`"
            raise invalid(message, name, code)
    return tuple(name for name in SHAPING if says(fields, name))


def refuse_references(request: Request) -> None:
    """See ``Wire.refuse_foreign``: an item that another server keeps is a part of the conversation."""
    for message in request.messages:
        for block in message.content:
            if type(block) is Opaque and block.lifted is None and type_of(block.raw) == REFERENCE:
                words = "the upstream's API stores nothing between requests: send the item instead of `item_reference`"
                raise invalid(words, "input")


# --- tools ----------------------------------------------------------------------------------------


_tool = msgspec.json.Decoder(RequestTool)
_additional = msgspec.json.Decoder(ToolsItem)
_choice = msgspec.json.Decoder(NamedChoice)
_filters = msgspec.json.Decoder(WebSearchFilters)


MOST_GROUPS: Final = 8
"""Namespaces inside each other. The API has one level (2026-11)."""


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
        if where.count(".tools") >= MOST_GROUPS:
            raise invalid(f"Invalid '{where}': groups of tools are at most {MOST_GROUPS} inside each other.", "tools")
        return tools_of(tool.tools or (), f"{where}.tools", tool.name)
    if tool.type == tool_search.NAME and tool.execution == "client":
        return (_client_tool(tool, tool_search.NAME, None),)
    return ()


def _client_tool(tool: RequestTool, name: str, namespace: str | None) -> Tool:
    return Tool(
        name=name,
        description=tool.description,
        parameters=copy_of(tool.parameters),
        strict=tool.strict,
        kind="custom" if tool.type == "custom" else "function",
        format=copy_of(tool.format),
        namespace=namespace,
    )


def _web_search(tool: RequestTool) -> WebSearch:
    filters = copy_of(tool.filters)
    try:
        domains = () if filters is None else _filters.decode(filters).allowed_domains
    except msgspec.ValidationError:
        domains = ()
    return WebSearch(allowed_domains=domains, user_location=copy_of(tool.user_location))


def tool_choice(raw: Raw | UnsetType) -> tuple[ToolChoice | None, bool]:
    """The choice in the hub's words, and whether it must also be kept as it came (``allowed_tools``, hosted)."""
    chosen = copy_of(raw)
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
