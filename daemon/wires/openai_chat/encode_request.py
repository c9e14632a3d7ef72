"""A request on its way to a Chat Completions upstream.

What this provider refuses is left out and named in ``lost``. Parameters that only OpenAI knows
are sent to OpenAI's models, or where the client asked for them by this wire's own name.
A model's name decides: compatible servers take the parameters that OpenAI's older models take, and refuse, or
never heard of, what OpenAI added since.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from msgspec import UNSET, Raw

from daemon.inference.request import AnyTool, OutputFormat, Request
from daemon.wires.base import EncodeOptions, UpstreamBody
from daemon.wires.json import RawObject, encode, fields_of
from daemon.wires.naming import shorten_id
from daemon.wires.openai.parameters import (
    ID_LIMIT,
    cache_key,
    effort_for,
    levels_of,
    note_lowered,
    sampled,
    service_tier,
    shared_fields,
    user,
)
from daemon.wires.openai_chat.encode_blocks import MessageWriter
from daemon.wires.openai_chat.encode_tools import encode_choice, encode_tools, web_search_options
from daemon.wires.openai_chat.schema import (
    WIRE_NAME,
    CreateChatCompletion,
    JsonSchema,
    ResponseFormat,
    StreamOptions,
    Unset,
)
from daemon.wires.openai_chat.thinking_forms import EFFORT
from daemon.wires.paired_messages import with_paired_calls
from daemon.wires.tools import SentNames, offered_tools, spoken

_ANSWERED_BY_NAME = {
    "max_completion_tokens": "max_tokens",
    "reasoning_effort": "reasoning",
    "response_format": "output",
}
_SET_BY_US = frozenset({"stream_options", "store", "prompt_cache_key"})
"""Parameters that nobody misses when an upstream refuses them."""

_SWITCHED_ON = "high"
"""What thinking without a level is where a server has to be asked for it: Anthropic's own default."""

_NEVER_DROPPED = frozenset({"model", "messages", "stream"})
_MAX_TOKENS = ("max_tokens", "max_completion_tokens")
_UNHEARD = ("logprobs", "audio")
"""Fields of this wire's own whose answers the hub has no word for."""


def encode_request(request: Request, options: EncodeOptions) -> UpstreamBody:
    """The body of ``POST …/chat/completions``, with what it could not carry and the tool names to restore."""
    tools = offered_tools(request)
    names = SentNames(tools, NAME_LIMIT)
    writer = MessageWriter(
        request.wire,
        names,
        openai=is_openai(options.model),
        refused=options.unsupported,
    )
    writer.system(request.system)
    numbered = list(enumerate(spoken(request.messages)))
    for position, message in with_paired_calls(numbered, writer.call_id, writer.id_limit, writer.lost):
        writer.message(position, message)
    lost = writer.lost
    body = CreateChatCompletion(
        model=options.model,
        messages=writer.finish(),
        stream=True if options.stream else UNSET,
        stream_options=StreamOptions(True) if options.stream else UNSET,
        store=_store(options),
        response_format=UNSET if request.output is None else _format(request.output),
        prompt_cache_key=_cache_key(request, options.model),
        service_tier=_service_tier(request, lost),
        user=user(request, lost, known=options.knows_users),
    )
    wrapped = _put_tools(body, request, tools, names, lost)
    _put_thinking(body, request, options, lost)
    _put_verbosity(body, request, options.model, lost)
    _put_sampling(body, request, options, lost)
    _put_max_tokens(body, request, options)
    _drop_unsupported(body, options.unsupported, lost)
    shared = shared_fields(request, WIRE_NAME, options.unsupported)
    raw = _with_extra(encode(body), request.extra.get(WIRE_NAME, shared), options, lost)
    return UpstreamBody(raw, tuple(lost), names.restored(wrapped), carried=frozenset(shared))


def _put_tools(
    body: CreateChatCompletion, request: Request, tools: Sequence[AnyTool], names: SentNames, lost: list[str]
) -> frozenset[str]:
    """The names sent of custom tools that travel as functions."""
    native = request.wire == WIRE_NAME
    sent = encode_tools(tools, names, lost, native=native)
    search = sent.web_search
    if search is not None and searches(body.model):
        body.web_search_options = web_search_options(search, lost)
    elif search is not None and "web_search_options" not in request.extra.get(WIRE_NAME, {}):
        lost.append(f"tools.{search.name}")
    if not sent.tools:
        return sent.wrapped
    body.tools = sent.tools
    if request.parallel_tool_calls is False or (native and request.parallel_tool_calls):
        body.parallel_tool_calls = request.parallel_tool_calls
    choice = request.tool_choice
    if choice is not None and choice.kind == "web_search":
        lost.append("tool_choice")
    elif choice is not None:
        body.tool_choice = encode_choice(choice, tools, names, native=native)
    return sent.wrapped


def _put_thinking(body: CreateChatCompletion, request: Request, options: EncodeOptions, lost: list[str]) -> None:
    """How much to think, as OpenAI says it; a make that says it otherwise has an amendment for that
    (``thinking_forms``). "Do not think" is lost where it is not known what the server has for it."""
    model, reasoning = options.model, request.reasoning
    asked = options.effort or reasoning.effort
    if "reasoning" in request.extra.get(WIRE_NAME, {}) and options.effort is None:
        return  # OpenRouter's own object says it
    if not reasons(model) and (asked == "none" or (reasoning.enabled is False and not asked)):
        if options.thinking_form:
            body.reasoning_effort = "none"
        elif levels_of(model):
            lost.append("reasoning")
        return
    default = options.default_effort
    if reasoning.asked_for and options.thinking_form not in ("", EFFORT):
        default = default or _SWITCHED_ON
    effort = effort_for(model, suffix=options.effort, options=reasoning, default=default)
    if effort is not None:
        body.reasoning_effort = effort
    if levels_of(model):
        note_lowered(request, options.effort, effort, lost)
    elif asked not in (None, "none") or reasoning.asked_for:
        lost.append("reasoning")


def _put_verbosity(body: CreateChatCompletion, request: Request, model: str, lost: list[str]) -> None:
    if request.verbosity is None:
        return
    if request.wire == WIRE_NAME or reasons(model):
        body.verbosity = request.verbosity
    else:
        lost.append("verbosity")


def _put_sampling(body: CreateChatCompletion, request: Request, options: EncodeOptions, lost: list[str]) -> None:
    body.temperature = sampled("temperature", request.temperature, options.unsupported)
    body.top_p = sampled("top_p", request.top_p, options.unsupported)
    if request.top_k is not None and request.wire == WIRE_NAME:
        body.top_k = request.top_k  # vLLM's and OpenRouter's own
    elif request.top_k is not None:
        lost.append("top_k")
    stop = request.stop[: STOP_LIMIT if is_openai(options.model) else None]
    if stop:
        body.stop = stop
    if len(stop) < len(request.stop):
        lost.append("stop")


def _put_max_tokens(body: CreateChatCompletion, request: Request, options: EncodeOptions) -> None:
    """OpenAI's reasoning models refuse ``max_tokens``, many servers do not know its successor: where one
    has been refused, the other is taken."""
    if request.max_tokens is None:
        return
    usual, other = output_limit(options.model)
    refused = usual in options.unsupported and other not in options.unsupported
    setattr(body, other if refused else usual, request.max_tokens)


def output_limit(model: str) -> tuple[str, ...]:
    """The names that a limit of the answer's tokens has, the one that this model takes first."""
    return _MAX_TOKENS[::-1] if reasons(model) else _MAX_TOKENS


def _store(options: EncodeOptions) -> bool | Unset:
    """OpenAI stores the chats of newer accounts by default; no other server has the field."""
    if options.store is None or not (options.store or is_openai(options.model)):
        return UNSET
    return options.store


def _format(output: OutputFormat) -> ResponseFormat:
    if output.kind != "json_schema":
        return ResponseFormat(output.kind)
    return ResponseFormat(
        output.kind,
        JsonSchema(
            name=output.name or "response",
            schema=output.schema if output.schema is not None else Raw(b"{}"),
            description=UNSET if output.description is None else output.description,
            strict=UNSET if output.strict is None else output.strict,
        ),
    )


def _cache_key(request: Request, model: str) -> str | Unset:
    """Only OpenAI is known to want one; elsewhere it is passed on where the client itself says it on this wire."""
    if is_openai(model):
        return cache_key(request, model)
    return shorten_id(request.cache_key, ID_LIMIT) if request.cache_key and request.wire == WIRE_NAME else UNSET


def _service_tier(request: Request, lost: list[str]) -> str | Unset:
    """A client of this wire has its word passed on as it stands: other servers have tiers of their own."""
    if request.wire != WIRE_NAME:
        return service_tier(request, lost)
    return UNSET if request.service_tier is None else request.service_tier


def _drop_unsupported(body: CreateChatCompletion, unsupported: frozenset[str], lost: list[str]) -> None:
    for path in sorted(unsupported):
        name = path.partition(".")[0]
        if name in _NEVER_DROPPED or getattr(body, name, UNSET) is UNSET:
            continue
        setattr(body, name, UNSET)
        if name not in _SET_BY_US:
            lost.append(_ANSWERED_BY_NAME.get(name, name))


def _with_extra(encoded: bytes, extra: Mapping[str, Raw], options: EncodeOptions, lost: list[str]) -> bytes:
    """Give this wire's own fields back, under the ones that the hub and the provider decide."""
    if not extra:
        return encoded
    own: RawObject = {}
    for name, raw in extra.items():
        if name in options.unsupported:
            lost.append(name)
        elif name != "store" or options.store is None:
            own[name] = raw
    lost.extend(name for name in _UNHEARD if bytes(own.get(name, b"false")) not in (b"false", b"null"))
    fields = fields_of(encoded)
    if "stream_options" in own and "stream_options" in fields:
        fields["stream_options"] = _merged(own["stream_options"], fields["stream_options"])
    elif "stream_options" in own:
        del own["stream_options"]
    if "web_search_options" in own:
        fields.pop("web_search_options", None)
    return encode(fields | {name: raw for name, raw in own.items() if name not in fields})


def _merged(theirs: Raw, ours: Raw) -> Raw:
    return Raw(encode({**fields_of(theirs), **fields_of(ours)}))


# --- what OpenAI's own models want otherwise -----------------------------------------------------


_OPENAI = re.compile(r"gpt-\d|chatgpt|codex|o\d(?!\w)")
_REASONING = re.compile(r"(gpt-5|gpt-[6-9]|codex|o\d(?!\w))(?!.*-chat)")
_SEARCHING = re.compile(r".*-search(-|$)")

NAME_LIMIT = 64
"""The longest tool name."""

STOP_LIMIT = 4
"""OpenAI: "Up to 4 sequences where the API will stop"."""


def is_openai(model: str) -> bool:
    """Whether the name is one of OpenAI's, at whatever host."""
    return _OPENAI.match(_bare(model)) is not None


def reasons(model: str) -> bool:
    """Whether it is a reasoning model of OpenAI's: these know effort and verbosity, and refuse max_tokens."""
    return _REASONING.match(_bare(model)) is not None


def searches(model: str) -> bool:
    """Whether it is a search model, which alone knows ``web_search_options``."""
    return is_openai(model) and _SEARCHING.match(model) is not None


def _bare(model: str) -> str:
    return model.rsplit("/", 1)[-1]
