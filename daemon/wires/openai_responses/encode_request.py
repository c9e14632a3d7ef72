"""A request on its way to a Responses upstream.

What this provider refuses is left out and named in ``lost``; ``stop`` and ``top_k`` have no place on
this wire at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, assert_never

import msgspec
from msgspec import UNSET, Raw

from daemon.inference.request import AnyTool, OpaqueTool, OutputFormat, Request, Tool, ToolChoice, WebSearch
from daemon.wires.base import EncodeOptions, UpstreamBody
from daemon.wires.json import RawObject, encode, fields_of
from daemon.wires.naming import shorten_id, shorten_names
from daemon.wires.openai.parameters import (
    effort_for,
    levels_of,
    note_lowered,
    sampled,
    service_tier,
    session_key,
    shared_fields,
    user,
)
from daemon.wires.openai_responses import schema
from daemon.wires.openai_responses.encode_blocks import ID_LIMIT, InputWriter
from daemon.wires.openai_responses.schema import (
    WIRE_NAME,
    CreateResponse,
    CustomTool,
    FunctionTool,
    NamedToolChoice,
    ReasoningConfig,
    TextConfig,
    TextFormat,
    Unset,
    WebSearchFilters,
    WebSearchTool,
)
from daemon.wires.paired_messages import Numbered, with_paired_calls
from daemon.wires.tool_schemas import fit_schemas

ENCRYPTED_REASONING = "reasoning.encrypted_content"
SEARCH_SOURCES = "web_search_call.action.sources"
"""Asks for the pages of a web search, of which Messages clients make a list of links."""

_SMALLEST_OUTPUT = 16
"""OpenAI: "integer below minimum value. Expected a value >= 16" for max_output_tokens."""

_ANSWERED_BY_NAME = {"max_output_tokens": "max_tokens"}
_SET_BY_US = frozenset({"instructions", "store", "include", "prompt_cache_key", "parallel_tool_calls"})
"""Parameters that nobody misses when an upstream refuses them."""


def encode_request(request: Request, options: EncodeOptions) -> UpstreamBody:
    """The body of ``POST …/responses``, with what it could not carry and the tool names to restore."""
    names = _sent_names(request)
    writer = InputWriter(request.wire, names)
    writer.system(request.system)
    numbered: Numbered = list(enumerate(request.messages))
    if request.wire != WIRE_NAME:  # calls of this wire's clients may lie in a response that is stored upstream
        numbered = with_paired_calls(numbered, lambda call: shorten_id(call.id, ID_LIMIT), ID_LIMIT, writer.lost)
    for position, message in numbered:
        writer.message(position, message)
    lost = writer.lost
    session = session_key(request, options.model)
    body = CreateResponse(
        model=options.model,
        stream=True if options.stream else UNSET,
        instructions="",  # the system text is a developer message: relays overwrite what stands here
        input=writer.items,
        store=UNSET if options.store is None else options.store,
        text=_text(request),
        prompt_cache_key=session,
        service_tier=service_tier(request, lost),
        user=user(request, lost, known=options.knows_users),
    )
    _put_tools(body, request, names, lost)
    _put_reasoning(body, request, options, lost)
    _put_sampling(body, request, options, lost)
    _drop_unsupported(body, options.unsupported, lost)
    shared = shared_fields(request, WIRE_NAME, options.unsupported)
    raw = _with_extra(encode(body), body, request.extra.get(WIRE_NAME, shared))
    restored = {sent: name for name, sent in names.items() if sent != name}
    return UpstreamBody(raw, tuple(lost), restored, session, carried=frozenset(shared))


def _sent_names(request: Request) -> dict[str, str]:
    """Every tool's name, and how it is sent."""
    if not request.tools:
        return {}
    names = {tool.name: tool.name for tool in request.tools if isinstance(tool, Tool)}
    names.update(shorten_names(names))
    return names


def _put_tools(body: CreateResponse, request: Request, names: Mapping[str, str], lost: list[str]) -> None:
    if not request.tools:
        return
    tools, tools_lost = encode_tools(request.tools, names)
    lost.extend(tools_lost)
    if not tools:
        return
    body.tools = tools
    if request.wire == "messages" and any(isinstance(tool, WebSearch) for tool in request.tools):
        body.include = [SEARCH_SOURCES]
    body.parallel_tool_calls = request.parallel_tool_calls is not False
    if request.tool_choice is not None:
        body.tool_choice = encode_choice(request.tool_choice, request.tools, names)


def _put_reasoning(body: CreateResponse, request: Request, options: EncodeOptions, lost: list[str]) -> None:
    """``include`` is asked for wherever the model reasons and the upstream may not keep it for us:
    without it the next turn could not hand the reasoning back."""
    reasoning = request.reasoning
    if not levels_of(options.model):
        if (options.effort or reasoning.effort) not in (None, "none") or reasoning.asked_for:
            lost.append("reasoning")
        return
    effort = effort_for(options.model, suffix=options.effort, options=reasoning, default=options.default_effort)
    note_lowered(request, options.effort, effort, lost)
    summary = reasoning.summary or ("auto" if reasoning.visible else None)
    if effort is not None or summary is not None:
        body.reasoning = ReasoningConfig(
            effort=UNSET if effort is None else effort, summary=UNSET if summary is None else summary
        )
    if options.store is False or body.reasoning is not UNSET:
        body.include = [ENCRYPTED_REASONING, *(() if body.include is UNSET else body.include)]


def _put_sampling(body: CreateResponse, request: Request, options: EncodeOptions, lost: list[str]) -> None:
    if request.max_tokens is not None:
        body.max_output_tokens = max(request.max_tokens, _SMALLEST_OUTPUT)
    body.temperature = sampled("temperature", request.temperature, options.unsupported)
    body.top_p = sampled("top_p", request.top_p, options.unsupported)
    if request.top_k is not None:
        lost.append("top_k")
    if request.stop:
        lost.append("stop")


def _text(request: Request) -> TextConfig | Unset:
    format_ = UNSET if request.output is None else _format(request.output)
    verbosity = UNSET if request.verbosity is None else request.verbosity
    if format_ is UNSET and verbosity is UNSET:
        return UNSET
    return TextConfig(format=format_, verbosity=verbosity)


def _format(output: OutputFormat) -> TextFormat:
    if output.kind != "json_schema":
        return TextFormat(output.kind)
    return TextFormat(
        output.kind,
        name=output.name or "response",
        schema=output.schema if output.schema is not None else Raw(b"{}"),
        strict=output.strict or False,
        description=UNSET if output.description is None else output.description,
    )


def _drop_unsupported(body: CreateResponse, unsupported: frozenset[str], lost: list[str]) -> None:
    """``text.verbosity`` drops one field, ``text`` the whole."""
    for path in sorted(unsupported):
        name, _, inner = path.partition(".")
        value = getattr(body, name, UNSET)
        if value is UNSET or name in ("model", "input"):
            continue
        if not inner or isinstance(value, list):
            setattr(body, name, UNSET)
        elif getattr(value, inner, UNSET) is not UNSET:
            setattr(value, inner, UNSET)
        else:
            continue
        if name not in _SET_BY_US:
            lost.append(_ANSWERED_BY_NAME.get(path, path))


def _with_extra(encoded: bytes, body: CreateResponse, extra: Mapping[str, Raw] | None) -> bytes:
    """Give this wire's own unknown fields back, under the ones that the hub and the provider decide.
    Of an object that both have (``reasoning``, ``text``) the fields are merged."""
    if not extra:
        return encoded
    fields: RawObject = dict(extra)
    for name, raw in fields_of(encoded).items():
        known = fields.get(name)
        fields[name] = _merged(known, raw) if known is not None else raw
    return encode(fields)


def _merged(known: Raw, ours: Raw) -> Raw:
    below, above = msgspec.json.decode(known), msgspec.json.decode(ours)
    if isinstance(below, dict) and isinstance(above, dict):
        return Raw(encode({**below, **above}))
    if isinstance(below, list) and isinstance(above, list):
        return Raw(encode(list(dict.fromkeys([*below, *above]))))
    return ours


# --- tools ----------------------------------------------------------------------------------------


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
