"""The pieces of an answer toward a client that whole answers and streams share."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Raw, Struct

from daemon.inference.blocks import Citation, HostedCall, Opaque, ToolCall
from daemon.inference.request import Request, Tool
from daemon.inference.response import FinishReason, Usage
from daemon.wires.json import NOT_JSON, encode
from daemon.wires.openai_chat.entry_schema import (
    CallField,
    CustomCallField,
    CustomField,
    FunctionCallField,
    FunctionField,
)
from daemon.wires.openai_chat.schema import WIRE_NAME
from daemon.wires.tools import wrapped

_FINISH: Mapping[FinishReason, str] = {
    FinishReason.LENGTH: "length",
    FinishReason.CONTEXT_WINDOW: "length",
    FinishReason.CONTENT_FILTER: "content_filter",
}


class _GeneratedImage(Struct):
    """The Responses API's ``image_generation_call``: ``result`` is base64."""

    type: str = ""
    result: str | None = None
    output_format: str | None = None


_generated = msgspec.json.Decoder(_GeneratedImage)


def finish_reason(reason: FinishReason, request: Request, *, called: bool, refused: bool) -> str:
    """The API's word, which clients act on together with what came.

    A refusal is ``content_filter``: after ``stop`` most clients would take it, or nothing, for an
    answer. OpenAI itself says ``stop`` where structured output was asked for and ``refusal`` holds the
    words, and there its SDK raises at ``content_filter`` before anybody reads them.
    """
    word = _FINISH.get(reason)
    if word is not None:
        return word
    if reason is FinishReason.REFUSAL and not called:
        structured = request.output is not None and request.output.kind == "json_schema"
        return "stop" if refused and structured else "content_filter"
    return "tool_calls" if called else "stop"


def usage_object(usage: Usage | None, input_estimate: int) -> dict[str, object]:
    """Always whole. What the upstream did not say is the estimate, or nothing."""
    usage = usage or Usage()
    input_tokens = input_estimate if usage.input_tokens is None else usage.input_tokens
    output_tokens = usage.output_tokens or 0
    details: dict[str, int] = {"cached_tokens": usage.cached_tokens or 0, "audio_tokens": 0}
    if usage.cache_write_tokens is not None:
        details["cache_write_tokens"] = usage.cache_write_tokens
        details["cached_creation_tokens"] = usage.cache_write_tokens
    return {
        "prompt_tokens": input_tokens,
        "completion_tokens": output_tokens,
        "total_tokens": input_tokens + output_tokens,
        "prompt_tokens_details": details,
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0, "audio_tokens": 0},
    }


def annotation_of(citation: Citation, offset: int, length: int) -> Raw | None:
    """A source of a text that begins at ``offset`` of the content and is ``length`` code points long. This
    wire's own goes as it came where the place is right; a citation without an address has no form here."""
    if citation.wire == WIRE_NAME and citation.raw is not None and not offset:
        return _on_one_line(citation.raw)
    if not citation.url:
        return None
    place = {
        "url": citation.url,
        "title": citation.title or "",
        "start_index": offset + (citation.start or 0),
        "end_index": offset + (length if citation.end is None else citation.end),
    }
    return Raw(encode({"type": "url_citation", "url_citation": place}))


def image_of(call: HostedCall) -> Raw | None:
    """The picture that a hosted tool made, as compatible servers show one; None for every other call."""
    if call.raw is None or call.name != "image_generation":
        return None
    try:
        image = _generated.decode(call.raw)
    except NOT_JSON:
        return None
    if not image.result:
        return None
    url = f"data:image/{image.output_format or 'png'};base64,{image.result}"
    return Raw(encode({"type": "image_url", "image_url": {"url": url}}))


def own_image(opaque: Opaque | None) -> Raw | None:
    """The one opaque thing that an upstream of this wire answers with."""
    return _on_one_line(opaque.raw) if opaque is not None and opaque.wire == WIRE_NAME else None


def _on_one_line(raw: Raw) -> Raw:
    """A chunk is one line; some servers indent their whole answers."""
    return Raw(encode(msgspec.json.decode(raw))) if b"\n" in bytes(raw) else raw


def custom_tools(request: Request) -> frozenset[str]:
    """The tools whose calls this client reads as ``custom``; those of other clients travel as functions."""
    if request.wire != WIRE_NAME:
        return frozenset()
    return frozenset(tool.name for tool in request.tools if isinstance(tool, Tool) and tool.kind == "custom")


def call_field(call: ToolCall, identifier: str, custom: frozenset[str]) -> CallField:
    """A call as the client reads it; ``custom`` names the tools that it knows as custom ones."""
    if call.kind == "custom" and call.name in custom:
        return CustomCallField(identifier, CustomField(call.name, call.arguments))
    arguments = wrapped(call.arguments) if call.kind == "custom" else call.arguments or "{}"
    return FunctionCallField(identifier, FunctionField(call.name, arguments))
