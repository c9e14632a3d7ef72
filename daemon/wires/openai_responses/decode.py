"""Whole JSON bodies to the hub: an upstream's answer, and a client's request.

An answer goes through the same item machines as a stream, so that both mean the same. Of a request,
fields that the hub has no word for travel raw in ``extra`` and are given back to this wire alone.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import UNSET, Raw, UnsetType

from daemon.errors import ErrorKind, RemoteError
from daemon.inference.blocks import Text
from daemon.inference.collect import collect
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
from daemon.inference.response import Response
from daemon.wires.openai_responses.decode_items import invalid, messages_of
from daemon.wires.openai_responses.entry_schema import (
    NamedChoice,
    RequestBody,
    RequestReasoning,
    RequestText,
    RequestTool,
)
from daemon.wires.openai_responses.errors import not_json, remote_error
from daemon.wires.openai_responses.schema import RawObject, ResponseObject, WebSearchFilters
from daemon.wires.openai_responses.stream_decoder import ResponsesStreamDecoder

WIRE = "responses"

_SESSION_HEADERS = ("session-id", "session_id", "x-session-id", "thread-id")
_MODES = {"auto": "auto", "required": "any", "none": "none"}
_IN_HUB = frozenset(RequestBody.__struct_fields__)
_PARTLY_IN_HUB = {
    "reasoning": frozenset(RequestReasoning.__struct_fields__),
    "text": frozenset(RequestText.__struct_fields__),
}
"""Objects of which the hub knows some fields: with others in them they travel in ``extra`` as well."""

_response = msgspec.json.Decoder(ResponseObject)
_body = msgspec.json.Decoder(RequestBody)
_fields = msgspec.json.Decoder(RawObject)
_tool = msgspec.json.Decoder(RequestTool)
_choice = msgspec.json.Decoder(NamedChoice)
_filters = msgspec.json.Decoder(WebSearchFilters)


def decode_response(body: bytes, tool_names: Mapping[str, str]) -> Response:
    """The answer in ``body``. Raises ``RemoteError`` for a failed answer and for what is no answer at all."""
    try:
        response = _response.decode(body)
        if response.output is None and response.status is None:
            raise _no_answer(body)
        events = ResponsesStreamDecoder(tool_names).whole(response)
    except msgspec.ValidationError as error:
        raise RemoteError(ErrorKind.API, f"the upstream sent a misshapen answer: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise not_json(body) from None
    return collect(events)


def _no_answer(body: bytes) -> RemoteError:
    """JSON without ``output`` and ``status``: a relay's error under a 200, or another API's answer."""
    error = msgspec.json.decode(body).get("error")
    if isinstance(error, dict):
        return remote_error(error)
    if isinstance(error, str):
        return remote_error({"message": error})
    return RemoteError(ErrorKind.API, "the upstream sent JSON that is no Responses answer: its base-url may be wrong")


def decode_request(body: bytes, headers: Mapping[str, str]) -> Request:
    """A client's ``POST /v1/responses``. Raises ``LocalError``; ``headers`` are lower-case."""
    try:
        fields = _fields.decode(body)
        asked = _body.decode(body)
    except msgspec.ValidationError as error:
        raise invalid(f"Invalid request: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise invalid("We could not parse the JSON body of your request.") from None
    if not asked.model:
        raise invalid("Missing required parameter: 'model'.", "model")
    choice, choice_kept = _tool_choice(asked.tool_choice)
    return Request(
        wire=WIRE,
        model=asked.model,
        messages=messages_of(asked.input),
        system=(Text(asked.instructions),) if asked.instructions else (),
        tools=tuple(_tool_of(raw, number) for number, raw in enumerate(asked.tools or ())),
        tool_choice=choice,
        parallel_tool_calls=asked.parallel_tool_calls,
        max_tokens=asked.max_output_tokens,
        temperature=asked.temperature,
        top_p=asked.top_p,
        reasoning=_reasoning(asked.reasoning),
        output=_output(asked.text),
        verbosity=asked.text.verbosity if asked.text else None,
        stream=asked.stream or False,
        service_tier=asked.service_tier,
        user=asked.user,
        session=_session(asked, headers),
        cache_key=asked.prompt_cache_key,
        extra={WIRE: _extra(fields, keep_choice=choice_kept)},
    )


def _session(asked: RequestBody, headers: Mapping[str, str]) -> str | None:
    for name in _SESSION_HEADERS:
        if headers.get(name):
            return headers[name]
    return asked.prompt_cache_key


def _extra(fields: RawObject, *, keep_choice: bool) -> RawObject:
    extra = {name: Raw(bytes(raw)) for name, raw in fields.items() if name not in _IN_HUB}
    for name, known in _PARTLY_IN_HUB.items():
        if name in fields and bytes(fields[name]) != b"null" and not _fields.decode(fields[name]).keys() <= known:
            extra[name] = Raw(bytes(fields[name]))
    if keep_choice:
        extra["tool_choice"] = Raw(bytes(fields["tool_choice"]))
    return extra


def _tool_of(raw: Raw, number: int) -> AnyTool:
    try:
        tool = _tool.decode(raw)
    except msgspec.ValidationError as error:
        raise invalid(f"Invalid 'tools[{number}]': {error}", f"tools[{number}]") from None
    if tool.type in ("function", "custom"):
        if not tool.name:
            raise invalid(f"Missing required parameter: 'tools[{number}].name'.", f"tools[{number}].name")
        return _client_tool(tool, tool.name)
    if tool.type.startswith("web_search"):
        return _web_search(tool)
    return OpaqueTool(WIRE, tool.name or tool.type, Raw(bytes(raw)))


def _client_tool(tool: RequestTool, name: str) -> Tool:
    return Tool(
        name=name,
        description=tool.description,
        parameters=_kept(tool.parameters),
        strict=tool.strict,
        kind="custom" if tool.type == "custom" else "function",
        format=_kept(tool.format),
    )


def _web_search(tool: RequestTool) -> WebSearch:
    filters = _kept(tool.filters)
    try:
        domains = () if filters is None else _filters.decode(filters).allowed_domains
    except msgspec.ValidationError:
        domains = ()
    return WebSearch(allowed_domains=domains, user_location=_kept(tool.user_location))


def _kept(raw: Raw | UnsetType) -> Raw | None:
    if raw is UNSET or bytes(raw) == b"null":
        return None
    return Raw(bytes(raw))


def _tool_choice(raw: Raw | UnsetType) -> tuple[ToolChoice | None, bool]:
    """The choice in the hub's words, and whether it must also be kept as it came (``allowed_tools``, hosted)."""
    kept = _kept(raw)
    if kept is None:
        return None, False
    if bytes(kept).startswith(b'"'):
        mode = _MODES.get(msgspec.json.decode(kept, type=str))
        if mode is None:
            raise invalid("Supported values are: 'none', 'auto', and 'required'.", "tool_choice")
        return _mode(mode), False
    try:
        choice = _choice.decode(kept)
    except msgspec.ValidationError as error:
        raise invalid(f"Invalid 'tool_choice': {error}", "tool_choice") from None
    if choice.type in ("function", "custom") and choice.name:
        return ToolChoice("tool", choice.name, "custom" if choice.type == "custom" else "function"), False
    if choice.type.startswith("web_search"):
        return ToolChoice("tool", "web_search", "web_search"), False
    return _mode(_MODES.get(choice.mode or "auto", "auto")), True


def _mode(mode: str) -> ToolChoice:
    return ToolChoice("any") if mode == "any" else ToolChoice("none") if mode == "none" else ToolChoice("auto")


def _reasoning(reasoning: RequestReasoning | None) -> ReasoningOptions:
    if reasoning is None:
        return ReasoningOptions()
    summary = reasoning.summary or reasoning.generate_summary
    return ReasoningOptions(effort=reasoning.effort, summary=summary, visible=summary not in (None, "none"))


def _output(text: RequestText | None) -> OutputFormat | None:
    wanted = text.format if text else None
    if wanted is None or wanted.type == "text":
        return None
    if wanted.type == "json_object":
        return OutputFormat(kind="json_object")
    return OutputFormat(
        kind="json_schema",
        name=wanted.name,
        description=wanted.description,
        schema=_kept(wanted.schema),
        strict=wanted.strict,
    )
