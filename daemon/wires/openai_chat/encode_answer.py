"""A whole answer of the hub as a ``chat.completion``: one choice with a place for each kind of content."""

from __future__ import annotations

from typing import assert_never

from msgspec import UNSET, Raw

from daemon.inference.blocks import File, HostedCall, Image, ModelRefusal, Opaque, Reasoning, Text, ToolCall, ToolResult
from daemon.inference.response import Response
from daemon.wires.base import AnswerContext
from daemon.wires.call_ids import CallIds
from daemon.wires.json import encode
from daemon.wires.openai_chat.answer_parts import (
    annotation_of,
    call_field,
    custom_tools,
    finish_reason,
    image_of,
    own_image,
    usage_object,
)
from daemon.wires.openai_chat.entry_schema import CallField, CompletionChoice, CompletionMessage, CompletionObject


def encode_response(response: Response, context: AnswerContext) -> bytes:
    """The body of a ``200`` answer that is not streamed."""
    message = _message(response, context)
    reason = finish_reason(
        response.finish,
        context.request,
        called=message.tool_calls is not UNSET,
        refused=message.refusal is not None,
    )
    return encode(
        CompletionObject(
            id=f"chatcmpl-{context.answer_id}",
            created=context.created,
            model=context.model,
            choices=[CompletionChoice(message, reason)],
            usage=usage_object(response.usage, context.input_estimate),
            service_tier=response.service_tier or UNSET,
        )
    )


def _message(response: Response, context: AnswerContext) -> CompletionMessage:
    """Texts are one string, as the same answer's stream has them; an answer without anything has empty text."""
    ids, custom = CallIds(context), custom_tools(context.request)
    text, annotations = _text(response)
    refusals: list[str] = []
    thoughts: list[str] = []
    calls: list[CallField] = []
    images: list[Raw] = []
    for block in response.content:
        match block:
            case ModelRefusal():
                refusals.append(block.text)
            case Text():
                pass  # in ``text``
            case Reasoning():
                thoughts.extend([block.text] if block.parts else [])
            case ToolCall():
                calls.append(call_field(block, ids.take(block.id, block.name), custom))
            case HostedCall() | Opaque():  # this wire has a place for pictures alone; the gateway reports what is lost
                image = image_of(block) if isinstance(block, HostedCall) else own_image(block)
                images.extend([image] if image else [])
            case Image() | File() | ToolResult():
                pass  # no answer has them: no decoder makes one, so that nothing is lost
            case _:
                assert_never(block)
    refusal = "".join(refusals) or None
    return CompletionMessage(
        content=text if text or not (calls or refusal) else None,
        refusal=refusal,
        annotations=annotations,
        reasoning_content="\n\n".join(thoughts) or UNSET,
        tool_calls=calls or UNSET,
        images=images or UNSET,
    )


def _text(response: Response) -> tuple[str, list[Raw]]:
    texts: list[str] = []
    annotations: list[Raw] = []
    offset = 0
    for block in response.content:
        if isinstance(block, Text):
            sources = (annotation_of(citation, offset, len(block.text)) for citation in block.citations)
            annotations += [source for source in sources if source is not None]
            texts.append(block.text)
            offset += len(block.text)
    return "".join(texts), annotations
