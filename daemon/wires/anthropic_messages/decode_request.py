"""A client's Messages request, as bytes, to the hub.

The fast path is one strict decode. What it refuses (a block type or a field that we do not know, or
a mistake) is decoded again piece by piece: that finds the place of a mistake, keeps unknown blocks
as ``Opaque`` and unknown fields of the top level in ``Request.extra``, and names those below it (``Request.unread``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import UNSET, Raw, ValidationError
from msgspec.structs import replace

from daemon.errors import ErrorKind, LocalError
from daemon.inference.blocks import Text
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
from daemon.wires.anthropic_messages.decode_blocks import (
    blocks_of,
    invalid,
    invalid_at,
    is_set,
    raw_blocks_of,
)
from daemon.wires.anthropic_messages.midway import (
    OfferedTools,
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
    RawTools,
    TextBlock,
    ThinkingParam,
    ToolChoiceParam,
    ToolParam,
)
from daemon.wires.json import NOT_JSON, NULL, RawObject, check_utf8, fields_of, items_of, string_of, type_of
from daemon.wires.unread import Unread, not_missed, strict, unread, unread_inside

_create = msgspec.json.Decoder(strict(CreateMessage))
_raw_create = msgspec.json.Decoder(RawCreateMessage)
_raw_tools = msgspec.json.Decoder(RawTools)

_context = msgspec.json.Decoder(ContextManagement).decode

_WEB_SEARCH: Final = "web_search_"
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
        try:
            parameters: Parameters = (fast := _create.decode(body))
            heads: Sequence[MessageParam | RawMessageParam] = fast.messages
            messages = tuple(
                [
                    Message(each.role, blocks_of(_absent(each, number) if each.content is UNSET else each.content))
                    for number, each in enumerate(fast.messages)
                ]
            )
            extra = _extra(parameters)
            unread_names: tuple[str, ...] = ()
        except ValidationError:
            parameters, heads, messages, extra, unread_names = _decode_slowly(body)
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
    tools = _tools(body, parameters.tools) if parameters.tools else ()
    offered = offered_at_end(parameters.tools or (), messages)
    if offered is not None:
        tools = _offered(tools, offered, parameters.tool_choice)
        messages = tuple(map(without_tool_changes, messages))
    if any(each.clear_at for each in heads):
        messages = tuple(
            [replace(each, content=()) if is_over(heads, number) else each for number, each in enumerate(messages)]
        )
    if _begins_answer(messages[-1]):
        unread_names += (f"messages[{len(messages) - 1}].prefill",)
    return _request(headers, parameters, messages, tools, extra, effort_at_end(heads), unread_names)


def _decode_slowly(
    body: bytes,
) -> tuple[Parameters, Sequence[RawMessageParam], tuple[Message, ...], dict[str, Raw], tuple[str, ...]]:
    slow = _raw_create.decode(body)
    messages = tuple(
        Message(
            each.role,
            raw_blocks_of(
                _absent(each, number) if each.content is UNSET else each.content, f"messages.{number}.content"
            ),
        )
        for number, each in enumerate(slow.messages)
    )
    fields = fields_of(body)
    unknown = {name: raw for name, raw in fields.items() if name not in _MODELLED}
    return slow, slow.messages, messages, _extra(slow) | unknown, _unread(fields)


def _unread(fields: RawObject) -> tuple[str, ...]:
    """What no struct has below the top level. A hosted tool of another kind is lost whole, or goes along whole."""
    noted = Unread()
    noted.add(unread_inside(fields, CreateMessage, leaving_out=("tools",)))
    for number, raw in enumerate(items_of(fields["tools"]) if fields.get("tools", NULL) != NULL else ()):
        kind = type_of(raw)
        if kind in ("", "custom") or kind.startswith(_WEB_SEARCH):
            noted.where = "tools", number
            noted.add_here(raw, ToolParam)
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
        tool_choice=_tool_choice(parameters, tools),
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


def _tools(body: bytes, tools: list[ToolParam]) -> tuple[AnyTool, ...]:
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


def _offered(tools: tuple[AnyTool, ...], offered: OfferedTools, choice: ToolChoiceParam | None) -> tuple[AnyTool, ...]:
    """The declared tools that are offered at the end of the conversation, and those that it defines itself."""
    chosen = choice.name if choice is not None else None
    defined = {name: _tool(tool, f"tools.{name}") for name, tool in offered.defined.items()}
    kept = [tool for tool in tools if tool.name not in defined and (tool.name in offered.names or tool.name == chosen)]
    return (*kept, *(tool for tool in defined.values() if tool is not None))


def _opaque_tool(tool: ToolParam, raw: Raw) -> OpaqueTool:
    return OpaqueTool(WIRE_NAME, tool.name or tool.type or "", raw)


def _tool_choice(parameters: Parameters, tools: tuple[AnyTool, ...]) -> ToolChoice | None:
    choice = parameters.tool_choice
    if choice is None:
        return None
    if choice.type != "tool":
        return ToolChoice(choice.type)
    if not choice.name:
        raise invalid("tool_choice.name: Field required")
    hosted = any(isinstance(tool, WebSearch) and tool.name == choice.name for tool in tools)
    return ToolChoice("tool", choice.name, "web_search" if hosted else "function")


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
