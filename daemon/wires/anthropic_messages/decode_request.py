"""A client's Messages request, as bytes, to the hub.

The fast path is one strict decode. A body with a field that we do not know is decoded again less strictly, and looked
through: fields of the top level stay in ``Request.extra``, those below it are named (``Request.unread``). What that
refuses too (a block type that we do not know, or a mistake) is decoded piece by piece: that finds the place of a
mistake, and keeps unknown blocks as ``Opaque``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
from msgspec import UNSET, Raw, ValidationError
from msgspec.structs import replace

from daemon.errors import ErrorKind, LocalError
from daemon.inference.blocks import Text
from daemon.inference.request import (
    AnyTool,
    Message,
    OutputFormat,
    ReasoningOptions,
    Request,
)
from daemon.wires.anthropic_messages.compaction import from_last_compaction
from daemon.wires.anthropic_messages.decode_blocks import (
    blocks_of,
    invalid,
    invalid_at,
    is_set,
    raw_blocks_of,
)
from daemon.wires.anthropic_messages.decode_tools import choice_of, note_unread, still_offered, tools_of
from daemon.wires.anthropic_messages.midway import (
    effort_at_end,
    is_over,
    offered_at_end,
    without_tool_changes,
)
from daemon.wires.anthropic_messages.schema import (
    WIRE_NAME,
    ContextManagement,
    CreateMessage,
    FormatParam,
    MessageHead,
    MessageParam,
    Parameters,
    RawCreateMessage,
    RawMessageParam,
    TextBlock,
    ThinkingParam,
)
from daemon.wires.json import NOT_JSON, NULL, RawObject, check_utf8, fields_of, string_of
from daemon.wires.unread import Unread, not_missed, strict, unread, unread_inside

_create = msgspec.json.Decoder(strict(CreateMessage))
_loose_create = msgspec.json.Decoder(CreateMessage)
_raw_create = msgspec.json.Decoder(RawCreateMessage)

_context = msgspec.json.Decoder(ContextManagement).decode

_USUAL_TIERS: Final = frozenset({"", "auto", "standard_only"})
_USUAL_SPEEDS: Final = frozenset({"", "standard"})

_ATTRIBUTION = "x-anthropic-billing-header:"
"""Claude Code's first system block: changes with every prompt, so it would spoil the upstream's prompt cache."""

_PASSED_ON = ("context_management", "service_tier", "speed", *not_missed(Parameters))
"""What is read, or not missed, and goes along to an upstream of this wire as it came."""
_SESSION = re.compile(r"_session_([0-9a-fA-F-]{36})")
_MODELLED = frozenset(CreateMessage.__struct_fields__)


def decode_request(body: bytes, headers: Mapping[str, str]) -> Request:
    """The body of ``POST /v1/messages``. Raises ``LocalError`` in the API's own words."""
    request = decode_count_request(body, headers)
    if request.max_tokens is None:
        raise invalid("max_tokens: Field required")
    return request


def decode_count_request(body: bytes, headers: Mapping[str, str]) -> Request:
    """The body of ``POST /v1/messages/count_tokens``: the same, but nothing says how much to answer."""
    try:
        check_utf8(body)
        parameters, heads, messages, extra, unread_names, has_unknown_blocks = _read(body)
    except ValidationError as error:
        raise invalid_at("", error) from None
    except RecursionError:
        raise invalid("the request body is nested too deeply") from None
    except NOT_JSON as error:
        raise invalid(f"the request body is not valid JSON: {error}") from None
    if not messages:
        raise invalid("messages: at least one message is required")
    if is_set(parameters.thread):
        raise _thread_refused()
    tools = tools_of(body, parameters.tools) if parameters.tools else ()
    offered = offered_at_end(parameters.tools or (), messages)
    if offered is not None:
        tools = still_offered(tools, offered, parameters.tool_choice)
        messages = tuple(map(without_tool_changes, messages))
    if any(each.clear_at for each in heads):
        messages = tuple(
            [replace(each, content=()) if is_over(heads, number) else each for number, each in enumerate(messages)]
        )
    if has_unknown_blocks:
        messages = from_last_compaction(messages)
    if _begins_answer(messages[-1]):
        unread_names += (f"messages[{len(messages) - 1}].prefill",)
    return _request(headers, parameters, messages, tools, extra, effort_at_end(heads), unread_names)


class _Read(NamedTuple):
    """A body as it was read. ``extra`` is what only this wire knows, ``unread`` names what no struct has below that."""

    parameters: Parameters
    heads: Sequence[MessageParam | RawMessageParam]
    messages: tuple[Message, ...]
    extra: dict[str, Raw]
    unread: tuple[str, ...] = ()
    has_unknown_blocks: bool = False


def _read(body: bytes) -> _Read:
    try:
        try:
            read, fields = _create.decode(body), None
        except ValidationError:
            read, fields = _loose_create.decode(body), fields_of(body)
        messages = tuple(
            [
                Message(each.role, blocks_of(_absent(each, number) if each.content is UNSET else each.content))
                for number, each in enumerate(read.messages)
            ]
        )
    except ValidationError:
        return _read_piecewise(body)
    if fields is None:
        return _Read(read, read.messages, messages, _extra(read))
    return _Read(read, read.messages, messages, _extra(read) | _unknown(fields), _unread(fields))


def _read_piecewise(body: bytes) -> _Read:
    read, fields = _raw_create.decode(body), fields_of(body)
    messages = tuple(
        Message(
            each.role,
            raw_blocks_of(
                _absent(each, number) if each.content is UNSET else each.content, f"messages.{number}.content"
            ),
        )
        for number, each in enumerate(read.messages)
    )
    return _Read(read, read.messages, messages, _extra(read) | _unknown(fields), _unread(fields), True)


def _unknown(fields: RawObject) -> RawObject:
    return {name: raw for name, raw in fields.items() if name not in _MODELLED}


def _unread(fields: RawObject) -> tuple[str, ...]:
    """What no struct has below the top level."""
    noted = Unread()
    noted.add(unread_inside(fields, CreateMessage, leaving_out=("tools",)))
    note_unread(fields.get("tools", NULL), noted)
    return noted.names


def _begins_answer(last: Message) -> bool:
    """Whether the client has begun the answer, for the model to go on with: on other wires it begins another one."""
    block = last.content[-1] if last.role == "assistant" and last.content else None
    return isinstance(block, Text) and bool(block.text.strip())


def _absent(head: MessageHead, number: int) -> str:
    """The content of a message without any: of a system message that only sets the effort, none."""
    if head.role == "system" and head.output_config is not None:
        return ""
    raise invalid(f"messages.{number}.content: Field required")


def _request(
    headers: Mapping[str, str],
    parameters: Parameters,
    messages: tuple[Message, ...],
    tools: tuple[AnyTool, ...],
    extra: dict[str, Raw],
    effort: str | None,
    unread_names: tuple[str, ...],
) -> Request:
    choice = parameters.tool_choice
    disable_parallel = choice.disable_parallel_tool_use if choice is not None else None
    user = parameters.metadata.user_id if parameters.metadata is not None else None
    return Request(
        wire=WIRE_NAME,
        model=parameters.model,
        messages=messages,
        system=_system(parameters.system),
        tools=tools,
        tool_choice=choice_of(parameters, tools),
        parallel_tool_calls=None if disable_parallel is None else not disable_parallel,
        max_tokens=parameters.max_tokens,
        temperature=parameters.temperature,
        top_p=parameters.top_p,
        top_k=parameters.top_k,
        stop=parameters.stop_sequences or (),
        reasoning=_reasoning(
            parameters.thinking,
            effort or (parameters.output_config.effort if parameters.output_config else None),
        ),
        output=_output((parameters.output_config and parameters.output_config.format) or parameters.output_format),
        stream=bool(parameters.stream),
        service_tier=_service_tier(parameters),
        user=user,
        session=_session(headers, user),
        extra={WIRE_NAME: extra} if extra else {},
        unread=unread_names,
    )


def _system(system: str | list[TextBlock] | None) -> tuple[Text, ...]:
    texts = [system] if isinstance(system, str) else [block.text for block in system or ()]
    return tuple([Text(text) for text in texts if text and not text.startswith(_ATTRIBUTION)])


def _reasoning(thinking: ThinkingParam | None, effort: str | None) -> ReasoningOptions:
    if thinking is None:
        return ReasoningOptions(effort=effort)
    enabled = thinking.type not in ("disabled", "between_tools")
    return ReasoningOptions(
        effort=effort,
        budget=None if thinking.type == "adaptive" else thinking.budget_tokens,  # which means nothing there
        enabled=enabled,
        visible=enabled and thinking.display != "omitted",
    )


def _output(form: FormatParam | None) -> OutputFormat | None:
    if form is None:
        return None
    if form.type != "json_schema" or not form.schema:
        raise invalid("output_config.format: only type json_schema with a schema is supported")
    return OutputFormat(kind="json_schema", name=form.name, schema=form.schema)


def _service_tier(parameters: Parameters) -> str | None:
    """``speed: fast`` overrides ``service_tier``; the usual ones need no word."""
    if parameters.speed and (speed := string_of(parameters.speed)) not in _USUAL_SPEEDS:
        return "priority" if speed == "fast" else speed
    tier = string_of(parameters.service_tier) if parameters.service_tier else ""
    return None if tier in _USUAL_TIERS else "priority" if tier == "fast" else tier


def _extra(parameters: Parameters) -> dict[str, Raw]:
    return {name: raw for name in _PASSED_ON if (raw := getattr(parameters, name))}


def _session(headers: Mapping[str, str], user: str | None) -> str | None:
    """The conversation: Claude Code's session id, with the subagent's id where one sends the request."""
    session = headers.get("x-claude-code-session-id") or _session_of_user(user)
    agent = headers.get("x-claude-code-agent-id")
    return f"{session}:{agent}" if session and agent else session


def _session_of_user(user: str | None) -> str | None:
    if not user:
        return None
    if user.startswith("{"):
        try:
            fields = msgspec.json.decode(user, type=dict[str, object])
        except NOT_JSON:
            return None
        session = fields.get("session_id")
        return session if isinstance(session, str) and session else None
    match = _SESSION.search(user)
    return match.group(1) if match else None


def _thread_refused() -> LocalError:
    # Exactly what the SDK's tool runner reads before it resends everything without threads (anthropic 2.11).
    return LocalError(
        ErrorKind.INVALID_REQUEST,
        "thread is not supported by this gateway: send the whole conversation in messages",
        details={"error_code": "thread_unsupported_request", "unsupported": ["thread"]},
    )


# --- toward another wire ---


def foreign_fields(fields: Mapping[str, Raw]) -> Iterator[str]:
    """See ``Wire.foreign_fields``. Of the edits of a long conversation that an upstream makes, the one for thinking
    is not missed: no other wire's upstream is given the thinking that it would clear."""
    yield from unread(fields, CreateMessage)
    if "context_management" in fields:
        try:
            edits = _context(fields["context_management"]).edits
        except NOT_JSON:
            yield "context_management"
            return
        yield from (f"context_management.{each.type}" for each in edits if not each.type.startswith("clear_thinking"))
