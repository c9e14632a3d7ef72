"""A client's request to the hub. Fields that the hub has no word for travel raw in ``extra`` and are given back
to this wire alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec
from msgspec import Raw

from daemon.errors import LocalError
from daemon.inference.request import (
    AnyTool,
    OpaqueTool,
    OutputFormat,
    ReasoningOptions,
    Request,
    Tool,
    ToolChoice,
    WebSearch,
)
from daemon.wires.json import RawObject, copy_of, fields_of, mistake, says
from daemon.wires.openai.request_body import CHOICES, invalid, read_body, session_of
from daemon.wires.openai_chat.decode_blocks import messages_of
from daemon.wires.openai_chat.entry_schema import (
    RequestBody,
    RequestChoice,
    RequestCustom,
    RequestFormat,
    RequestFunction,
    RequestMessage,
    RequestTool,
)
from daemon.wires.openai_chat.schema import WIRE_NAME
from daemon.wires.unread import BodyDecoder, EntryDecoder, Unread, unread

_IN_HUB = frozenset(RequestBody.__struct_fields__) - {"stream_options", "reasoning", "web_search_options"}

_OWN_TOOLS = frozenset({"function", "custom"})

_body = BodyDecoder(RequestBody)
_tool = EntryDecoder(RequestTool, lambda tool: tool.type in _OWN_TOOLS)
_choice = msgspec.json.Decoder(RequestChoice)


def decode_request(body: bytes, headers: Mapping[str, str]) -> Request:
    """A client's ``POST /v1/chat/completions``. Raises ``LocalError``; ``headers`` are lower-case."""
    noted = Unread()
    fields, parameters = read_body(body, _body, noted, _misshapen)
    return _request(parameters, fields, headers, _checked(parameters), noted)


def _checked(parameters: RequestBody) -> list[RequestMessage]:
    if not parameters.model:
        raise _missing("model")
    if parameters.messages is None:
        raise _missing("messages")
    if not parameters.messages:
        rule = "Expected an array with minimum length 1, but got an empty array instead."
        raise invalid(f"Invalid 'messages': empty array. {rule}", "messages", "empty_array")
    return parameters.messages


def _request(
    parameters: RequestBody,
    fields: RawObject,
    headers: Mapping[str, str],
    messages: list[RequestMessage],
    noted: Unread,
) -> Request:
    tools = _tools(parameters, noted)
    custom = frozenset(tool.name for tool in tools if isinstance(tool, Tool) and tool.kind == "custom")
    choice = _tool_choice(parameters, noted)
    options = parameters.stream_options
    max_tokens = parameters.max_completion_tokens
    if max_tokens is None:
        max_tokens = parameters.max_tokens
    return Request(
        wire=WIRE_NAME,
        model=parameters.model or "",
        messages=messages_of(messages, custom, noted),
        tools=tools,
        tool_choice=choice.choice,
        parallel_tool_calls=parameters.parallel_tool_calls,
        max_tokens=max_tokens,
        temperature=parameters.temperature,
        top_p=parameters.top_p,
        top_k=parameters.top_k,
        stop=_stop(parameters.stop),
        reasoning=_reasoning(parameters),
        output=_output(parameters.response_format),
        verbosity=parameters.verbosity,
        stream=parameters.stream or False,
        include_usage=bool(options and options.include_usage),
        service_tier=parameters.service_tier,
        user=parameters.user,
        session=session_of(headers, parameters.prompt_cache_key),
        cache_key=parameters.prompt_cache_key,
        extra={WIRE_NAME: _extra(fields, keep_choice=choice.kept)},
        unread=noted.names,
    )


def _extra(fields: RawObject, *, keep_choice: bool) -> RawObject:
    """Fields that are null say nothing."""
    extra = {name: Raw(bytes(raw)) for name, raw in fields.items() if name not in _IN_HUB and bytes(raw) != b"null"}
    if keep_choice:
        extra["tool_choice"] = Raw(bytes(fields["tool_choice"]))
    return extra


def _stop(stop: str | list[str] | None) -> tuple[str, ...]:
    return (stop,) if isinstance(stop, str) else tuple(stop or ())


def _reasoning(parameters: RequestBody) -> ReasoningOptions:
    """Whoever asks for effort is shown the thinking: this wire has no other word for wanting it."""
    options = parameters.reasoning
    effort = parameters.reasoning_effort or (options.effort if options else None)
    hidden = bool(options and (options.exclude or options.enabled is False))
    asks = effort not in (None, "none") or bool(options and (options.max_tokens or options.enabled))
    return ReasoningOptions(
        effort=effort,
        budget=options.max_tokens if options else None,
        enabled=options.enabled if options else None,
        visible=asks and not hidden,
    )


def _output(format: RequestFormat | None) -> OutputFormat | None:
    if format is None or format.type == "text":
        return None
    if format.type == "json_object":
        return OutputFormat(kind="json_object")
    schema = format.json_schema
    if format.type != "json_schema" or schema is None:
        raise invalid(
            "Supported values are: 'json_object', 'json_schema', and 'text'.", "response_format", "invalid_value"
        )
    return OutputFormat(
        kind="json_schema",
        name=schema.name,
        description=schema.description,
        schema=copy_of(schema.schema),
        strict=schema.strict,
    )


# --- tools ---


def _tools(parameters: RequestBody, noted: Unread) -> tuple[AnyTool, ...]:
    """Where a custom tool and a function have one name, the function stays."""
    tools = [_tool_of(raw, number, noted) for number, raw in enumerate(parameters.tools or ())]
    tools += [_function(each, f"functions[{number}]") for number, each in enumerate(parameters.functions or ())]
    if parameters.web_search_options is not None:
        tools.append(WebSearch(user_location=copy_of(parameters.web_search_options.user_location)))
    functions = {tool.name for tool in tools if isinstance(tool, Tool) and tool.kind == "function"}
    return tuple(
        tool for tool in tools if not (isinstance(tool, Tool) and tool.kind == "custom" and tool.name in functions)
    )


def _tool_of(raw: Raw, number: int, noted: Unread) -> AnyTool:
    where = f"tools[{number}]"
    noted.where = "tools", number
    try:
        tool = _tool.decode(raw, noted)
    except msgspec.ValidationError as error:
        raise invalid(f"Invalid '{where}': {mistake(error)}", where) from None
    if tool.type == "function":
        return _function(tool.function or RequestFunction(), f"{where}.function")
    if tool.type == "custom":
        return _custom(tool.custom or RequestCustom(), f"{where}.custom")
    if not tool.type:
        raise _missing(f"{where}.type")
    return OpaqueTool(WIRE_NAME, tool.name or tool.type, Raw(bytes(raw)))


def _function(function: RequestFunction, where: str) -> Tool:
    if not function.name:
        raise _missing(f"{where}.name")
    return Tool(
        name=function.name,
        description=function.description,
        parameters=copy_of(function.parameters),
        strict=function.strict,
    )


def _custom(custom: RequestCustom, where: str) -> Tool:
    if not custom.name:
        raise _missing(f"{where}.name")
    return Tool(name=custom.name, description=custom.description, kind="custom", format=copy_of(custom.format))


class _Choice(NamedTuple):
    """The choice in the hub's words, and whether it must also be kept as it came (``allowed_tools``)."""

    choice: ToolChoice | None
    kept: bool


def _tool_choice(parameters: RequestBody, noted: Unread) -> _Choice:
    raw = copy_of(parameters.tool_choice) or copy_of(parameters.function_call)
    if raw is None:
        return _Choice(None, False)
    if bytes(raw).startswith(b'"'):
        word = CHOICES.get(msgspec.json.decode(raw, type=str))
        if word is None:
            raise invalid("Supported values are: 'none', 'auto', and 'required'.", "tool_choice", "invalid_value")
        return _Choice(word, False)
    try:
        choice = _choice.decode(raw)
    except msgspec.ValidationError as error:
        raise invalid(f"Invalid 'tool_choice': {mistake(error)}", "tool_choice") from None
    name = choice.function.name if choice.function is not None else choice.name
    custom = choice.custom.name if choice.custom is not None else ""
    if not name and not custom:
        return _Choice(None, copy_of(parameters.tool_choice) is not None)
    noted.add(f"tool_choice.{field}" for field in unread(fields_of(raw), RequestChoice))
    return _Choice(ToolChoice("tool", name) if name else ToolChoice("tool", custom, "custom"), False)


# --- mistakes ---


def _missing(name: str) -> LocalError:
    return invalid(f"Missing required parameter: '{name}'.", name, "missing_required_parameter")


def _misshapen(error: msgspec.ValidationError) -> LocalError:
    """msgspec's words, with the API's way of naming the place."""
    what, place = mistake(error)
    where = place.removeprefix("$").removeprefix(".").replace("[...]", "[]") or None
    return invalid(
        f"Invalid type for '{where}': {what}" if where else f"Invalid request: {what}", where, "invalid_type"
    )


# --- toward another wire ---


def foreign_fields(fields: Mapping[str, Raw]) -> Iterator[str]:
    """See ``Wire.foreign_fields``. Several answers are refused: without the field something else would be answered."""
    if says(fields, "n") and bytes(fields["n"]) != b"1":
        message = "the upstream's API answers one choice per request: send `n` requests"
        raise invalid(message, "n", "invalid_value")
    yield from unread(fields, RequestBody)
    if "tool_choice" in fields:  # in a form that the hub has no word for
        yield "tool_choice"
