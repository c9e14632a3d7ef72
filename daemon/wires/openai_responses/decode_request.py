"""A client's request to the hub. Fields that the hub has no word for travel raw in ``extra`` and are given back
to this wire alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
from daemon.wires.openai_responses.compaction import asks_for_compaction
from daemon.wires.openai_responses.decode_blocks import REFERENCE, messages_of
from daemon.wires.openai_responses.entry_schema import (
    NamedChoice,
    RequestBody,
    RequestFilters,
    RequestReasoning,
    RequestText,
    RequestTool,
    ToolsItem,
)
from daemon.wires.openai_responses.schema import WIRE_NAME
from daemon.wires.unread import BodyDecoder, EntryDecoder, Unread, not_missed, unread

_IN_HUB = frozenset(RequestBody.__struct_fields__) - not_missed(RequestBody) - {"include", "stream_options"}
_PARTLY_IN_HUB = {
    "reasoning": frozenset(RequestReasoning.__struct_fields__) - not_missed(RequestReasoning),
    "text": frozenset(RequestText.__struct_fields__),
}
"""Objects of which the hub knows some fields: with others in them they travel in ``extra`` as well."""

_body = BodyDecoder(RequestBody)


def decode_request(body: bytes, headers: Mapping[str, str]) -> Request:
    """A client's ``POST /v1/responses``. Raises ``LocalError``; ``headers`` are lower-case."""
    noted = Unread()
    fields, parameters = read_body(body, _body, noted, _misshapen)
    if not parameters.model:
        raise invalid("Missing required parameter: 'model'.", "model")
    choice, choice_kept = tool_choice(parameters.tool_choice, noted)
    messages = messages_of(parameters.input, noted)
    tools = tools_of(parameters.tools or (), "tools", noted)
    inline = inline_tools(messages, noted)
    return Request(
        wire=WIRE_NAME,
        model=parameters.model,
        messages=messages,
        system=(Text(parameters.instructions),) if parameters.instructions else (),
        tools=tools,
        inline_tools=inline,
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
        compaction=asks_for_compaction(messages),
        extra={WIRE_NAME: _extra(fields, keep_choice=choice_kept)},
        unread=noted.names,
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


_ANSWERED: Final = frozenset(
    {"reasoning.encrypted_content", "web_search_call.action.sources", "message.input_image.image_url"}
)
"""What a client asks to be included that it has, or that comes with the answer anyway."""
_OF_HOSTED: Final = ("code_interpreter_call.", "computer_call_output.", "file_search_call.", "web_search_call.")
"""The same of tools, which are reported themselves where the upstream has no such tool."""

_STORED: Final[Mapping[str, str]] = {
    "previous_response_id": "previous_response_not_found",
    "conversation": "conversation_not_found",
    "prompt": "prompt_not_found",
}
"""Fields that stand for what OpenAI's server keeps, and what it says when it has not got it."""


def foreign_fields(fields: Mapping[str, Raw]) -> Iterator[str]:
    """See ``Wire.foreign_fields``. What holds the conversation itself is refused: without it something else would
    be answered."""
    for name, code in _STORED.items():
        if says(fields, name):
            message = f"the upstream's API stores nothing between requests: send it in `input` instead of `{name}`"
            raise invalid(message, name, code)
    yield from unread(fields, RequestBody)
    for word in _words(fields["include"]) if says(fields, "include") else ():
        if word not in _ANSWERED and not word.startswith(_OF_HOSTED):
            yield f"include.{word}"
    if "tool_choice" in fields:  # in a form that the hub has no word for
        yield "tool_choice"


def refuse_references(request: Request) -> None:
    """See ``Wire.refuse_foreign``: an item that another server keeps is a part of the conversation."""
    for message in request.messages:
        for block in message.content:
            if type(block) is Opaque and block.lifted is None and type_of(block.raw) == REFERENCE:
                words = "the upstream's API stores nothing between requests: send the item instead of `item_reference`"
                raise invalid(words, "input")


# --- tools ----------------------------------------------------------------------------------------


_WEB_SEARCH = "web_search"
_OWN_TOOLS = frozenset({"function", "custom"})

_words = msgspec.json.Decoder(list[str]).decode
_tool = EntryDecoder(RequestTool, lambda tool: tool.type in _OWN_TOOLS or tool.type.startswith(_WEB_SEARCH))
_additional = msgspec.json.Decoder(ToolsItem)
_choice = msgspec.json.Decoder(NamedChoice)
_filters = EntryDecoder(RequestFilters)


MOST_GROUPS: Final = 8
"""Namespaces inside each other. The API has one level (2026-11)."""


def tools_of(raws: Sequence[Raw], where: str, noted: Unread, namespace: str | None = None) -> tuple[AnyTool, ...]:
    """The tools in a list at ``where``. Raises ``LocalError`` naming the place of a mistake."""
    tools = []
    for number, raw in enumerate(raws):
        noted.where = where, number
        tools.append(_tool_of(raw, f"{where}[{number}]", noted, namespace))
    return tuple(tools)


def inline_tools(messages: Sequence[Message], noted: Unread) -> tuple[AnyTool, ...]:
    """The tools that items of a conversation bring: ``additional_tools``, and those that a search has found."""
    blocks = (block for message in messages for block in message.content)
    items = [block for block in blocks if isinstance(block, Opaque) and block.lifted is not None]
    return tuple(tool for item in items for tool in _brought(item, noted))


def _brought(item: Opaque, noted: Unread) -> tuple[AnyTool, ...]:
    try:
        return tools_of(_additional.decode(item.raw).tools, "additional_tools.tools", noted)
    except msgspec.ValidationError as error:
        raise invalid(f"Invalid 'additional_tools': {mistake(error)}", "input") from None


def _tool_of(raw: Raw, where: str, noted: Unread, namespace: str | None) -> AnyTool:
    try:
        tool = _tool.decode(raw, noted)
    except msgspec.ValidationError as error:
        raise invalid(f"Invalid '{where}': {mistake(error)}", where) from None
    if tool.type in _OWN_TOOLS:
        if not tool.name:
            raise invalid(f"Missing required parameter: '{where}.name'.", f"{where}.name")
        return _client_tool(tool, tool.name, namespace)
    if tool.type.startswith(_WEB_SEARCH):
        return _web_search(tool, noted)
    return OpaqueTool(WIRE_NAME, tool.name or tool.type, Raw(bytes(raw)), _lifted(tool, where, noted))


def _lifted(tool: RequestTool, where: str, noted: Unread) -> tuple[AnyTool, ...]:
    if tool.type == "namespace":
        if where.count(".tools") >= MOST_GROUPS:
            raise invalid(f"Invalid '{where}': groups of tools are at most {MOST_GROUPS} inside each other.", "tools")
        return tools_of(tool.tools or (), f"{where}.tools", noted, tool.name)
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


def _web_search(tool: RequestTool, noted: Unread) -> WebSearch:
    filters = copy_of(tool.filters)
    try:
        domains = _filters.decode(filters or Raw(b"{}"), noted, "filters.")
    except msgspec.ValidationError:  # in a form of its own
        root, number = noted.where
        noted.add((f"{root}[{number}].filters",))
        domains = RequestFilters()
    return WebSearch(
        allowed_domains=domains.allowed_domains or (),
        blocked_domains=domains.blocked_domains or (),
        user_location=copy_of(tool.user_location),
    )


def tool_choice(raw: Raw | UnsetType, noted: Unread) -> tuple[ToolChoice | None, bool]:
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
        noted.add(f"tool_choice.{field}" for field in unread(fields_of(chosen), NamedChoice))
        return ToolChoice("tool", choice.name, "custom" if choice.type == "custom" else "function"), False
    if choice.type.startswith(_WEB_SEARCH):
        return ToolChoice("tool", "web_search", "web_search"), False
    return CHOICES.get(choice.mode or "auto", CHOICES["auto"]), True
