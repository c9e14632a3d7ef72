"""An upstream's answer: the words and counts that whole bodies and streams share, and the whole body."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
from msgspec import Raw, Struct

from daemon.errors import ErrorKind, LocalError, RemoteError
from daemon.inference.blocks import Block, HostedCall, ModelRefusal, ToolCall
from daemon.inference.response import FinishReason, Response, Usage
from daemon.wires.anthropic_messages.decode_blocks import raw_block_of
from daemon.wires.anthropic_messages.errors import no_answer, not_json
from daemon.wires.anthropic_messages.schema import MessageBody, StopDetails, UsageBody
from daemon.wires.anthropic_messages.searches import with_searches
from daemon.wires.call_arguments import NO_ARGUMENTS, says_nothing, stand_in
from daemon.wires.json import NOT_JSON, LenientDecoder, fields_of, is_json, is_object, string_of, type_of
from daemon.wires.tools import called_tool, unwrapped


class _OddBlock(Struct, omit_defaults=True):
    """The fields of the blocks we know that other servers send in other types."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    name: str | None = None


_body = LenientDecoder(MessageBody)
_odd_block = LenientDecoder(_OddBlock)

FINISH_REASONS: Mapping[str, FinishReason] = {
    "end_turn": FinishReason.STOP,
    "max_tokens": FinishReason.LENGTH,
    "tool_use": FinishReason.TOOL_CALLS,
    "stop_sequence": FinishReason.STOP_SEQUENCE,
    "refusal": FinishReason.REFUSAL,
    "pause_turn": FinishReason.PAUSE,
    "model_context_window_exceeded": FinishReason.CONTEXT_WINDOW,
    "length": FinishReason.LENGTH,
    "content_filter": FinishReason.CONTENT_FILTER,
}
"""The last two are of relays that pass on what a chat server said; Gemini's write ``MAX_TOKENS``."""


def finish_reason(word: str | None, *, called: bool) -> FinishReason:
    """The hub's word; for a missing or unknown one, what the blocks say."""
    return FINISH_REASONS.get((word or "").lower()) or (FinishReason.TOOL_CALLS if called else FinishReason.STOP)


def usage_of(body: UsageBody | None) -> Usage | None:
    """The API's three input counters add up to the hub's one."""
    if body is None or (body.input_tokens is None and body.output_tokens is None):
        return None
    counters = (body.input_tokens, body.cache_read_input_tokens, body.cache_creation_input_tokens)
    details = body.output_tokens_details
    return Usage(
        input_tokens=None if body.input_tokens is None else sum(count or 0 for count in counters),
        output_tokens=body.output_tokens,
        cached_tokens=body.cache_read_input_tokens,
        cache_write_tokens=body.cache_creation_input_tokens,
        reasoning_tokens=details.thinking_tokens if details is not None else None,
    )


def service_tier_of(body: UsageBody | None) -> str | None:
    """The hub has OpenAI's words for tiers: the API's ``standard`` is their ``default``."""
    tier = body.service_tier if body is not None else None
    return "default" if tier == "standard" else tier


def explanation_of(stop_reason: str | None, details: StopDetails | None) -> str | None:
    """What a refusal says about itself outside the content."""
    return details.explanation or None if stop_reason == "refusal" and details is not None else None


def decode_response(body: bytes, names: Mapping[str, str]) -> Response:
    """A whole answer. ``names`` restores shortened tool names. Raises ``RemoteError`` for an error
    envelope and for anything that is not a Messages answer."""
    try:
        message = _body.decode(body)
        if message.type != "message" or bytes(message.error) not in (b"", b"null"):
            raise _no_message(body)
        content = tuple(_blocks(message.content, names))
    except (*NOT_JSON, LocalError):
        raise _no_message(body) from None
    explanation = explanation_of(message.stop_reason, message.stop_details)
    if explanation and not content:
        content = (ModelRefusal(explanation),)
    return Response(
        id=message.id,
        model=message.model,
        content=content,
        finish=finish_reason(message.stop_reason, called=any(isinstance(block, ToolCall) for block in content)),
        usage=usage_of(message.usage),
        stop_sequence=message.stop_sequence,
        service_tier=service_tier_of(message.usage),
    )


def _no_message(body: bytes) -> RemoteError:
    try:
        whole = msgspec.json.decode(body)
    except NOT_JSON:
        return not_json(body)
    if isinstance(whole, dict) and whole.get("type") == "message" and not whole.get("error"):
        return RemoteError(ErrorKind.API, "the upstream's answer is not valid Messages JSON")
    return no_answer(whole, "that is not a message of the Messages API")


def restored(call: ToolCall, names: Mapping[str, str]) -> ToolCall:
    """The call as the client knows it: of its own tool, and of a custom one as text."""
    tool = called_tool(names, call.name)
    return ToolCall(
        id=call.id,
        name=tool.name,
        arguments=unwrapped(call.arguments) if tool.custom else input_text(call.arguments),
        kind="custom" if tool.custom else "function",
        namespace=tool.namespace,
    )


def input_text(written: str) -> str:
    """A call's whole input. Some servers write the JSON into a text, as the OpenAI wires do."""
    text = string_of(Raw(written.encode()))
    inside = text if text.lstrip().startswith("{") and is_json(text) else ""
    return inside or (NO_ARGUMENTS if written.startswith('"') and says_nothing(text.encode()) else stand_in(written))


def _block(raw: Raw, where: str) -> Block | None:
    """A block of any type, whatever the types of its fields; None for what is no object. Raises ``LocalError`` for
    one that we know and that lacks what it is about."""
    if not is_object(raw):
        return None
    try:
        return raw_block_of(raw, where)
    except LocalError:
        fields = fields_of(raw)
        read = fields_of(msgspec.json.encode(_odd_block.odd(raw)))
        odd = _OddBlock.__struct_fields__
        usual = {name: value for name, value in fields.items() if name not in odd}
        if type_of(raw) == "tool_use":
            read.setdefault("id", Raw(b'""'))  # as in a stream: a call is made all the same
        return raw_block_of(Raw(msgspec.json.encode(usual | read)), where)


def _blocks(raws: list[Raw], names: Mapping[str, str]) -> Iterator[Block]:
    for number, each in enumerate(with_searches(raws)):
        block = each if each is None or isinstance(each, HostedCall) else _block(each, f"content.{number}")
        if isinstance(block, ToolCall):
            yield restored(block, names)
        elif block is not None:
            yield block
