"""A whole answer of the hub as a Messages body: the same blocks, in the same order, as its stream has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import assert_never

from msgspec import Raw
from msgspec.structs import replace

from daemon.inference.blocks import (
    Block,
    File,
    HostedCall,
    Image,
    ModelRefusal,
    Opaque,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from daemon.inference.request import ReasoningOptions
from daemon.inference.response import Response, Usage
from daemon.wires.anthropic_messages.answer_parts import (
    citation_body,
    opaque_blocks,
    stop_reason,
    thinking_body,
    tool_ids,
    tool_input,
    usage_body,
)
from daemon.wires.anthropic_messages.moved_thinking import HeldThinking
from daemon.wires.anthropic_messages.searches import PendingResults
from daemon.wires.base import AnswerContext
from daemon.wires.call_ids import CallIds
from daemon.wires.json import encode

Json = dict[str, object]


def encode_response(response: Response, context: AnswerContext) -> bytes:
    """The body of a ``200`` answer that is not streamed."""
    usage = response.usage or Usage()
    if usage.input_tokens is None:
        usage = replace(usage, input_tokens=context.input_estimate)
    content = response.content
    body = {
        "id": f"msg_{context.answer_id}",
        "type": "message",
        "role": "assistant",
        "model": context.model,
        "content": list(_blocks(content, context)),
        "stop_reason": stop_reason(
            response.finish,
            called=any(isinstance(block, ToolCall) for block in content),
            refused=any(isinstance(block, ModelRefusal) and block.text for block in content),
        ),
        "stop_sequence": response.stop_sequence,
        "usage": usage_body(usage),
    }
    return encode(body)


def _blocks(content: tuple[Block, ...], context: AnswerContext) -> Iterator[Json | Raw]:
    ids = tool_ids(context)
    asked = context.request.reasoning
    thinking = HeldThinking(asked)
    called = any(isinstance(block, ToolCall) for block in content)
    results = PendingResults(context.request.tools)
    for block in content:
        if isinstance(block, Reasoning) and _waits(block, thinking, asked):
            thinking.add(block)
            continue
        if bodies := list(_block(block, ids, context, results)):
            yield from map(thinking_body, thinking.take())
            yield from bodies
            thinking.spoken |= isinstance(block, Text | ModelRefusal | ToolCall)
        if isinstance(block, ToolCall):
            yield from map(thinking_body, thinking.take())
    if rest := results.rest():
        yield from map(thinking_body, thinking.take())
        yield from rest
    if called:
        yield from map(thinking_body, thinking.take_last())


def _waits(block: Reasoning, thinking: HeldThinking, asked: ReasoningOptions) -> bool:
    return not asked.asked_for or (thinking.spoken and block.redacted and not block.text)


def _block(block: Block, ids: CallIds, context: AnswerContext, results: PendingResults) -> Iterable[Json | Raw]:
    match block:
        case Text():
            for citation in block.citations:
                results.cite(citation)
            return _text(block)
        case ModelRefusal():
            return ({"type": "text", "text": block.text},) if block.text else ()
        case Reasoning():
            empty = not block.text and (not block.signature or context.request.reasoning.enabled is False)
            return () if empty else (thinking_body(block),)
        case ToolCall():
            identifier = ids.take(block.id, block.name)
            return ({"type": "tool_use", "id": identifier, "name": block.name, "input": tool_input(block)},)
        case HostedCall():
            return results.take(block)
        case Opaque():
            return opaque_blocks(block)
        case Image() | File() | ToolResult():
            return ()  # no answer has them: no decoder makes one, so that nothing is lost
        case _:
            assert_never(block)


def _text(block: Text) -> Iterator[Json]:
    citations = [body for body in map(citation_body, block.citations) if body is not None]
    if citations:
        yield {"type": "text", "text": block.text, "citations": citations}
    elif block.text:
        yield {"type": "text", "text": block.text}
