"""The ``response`` object toward a client: what the request said, the output items, status and usage.

blocks of a whole answer ─ item_of ─▶ items ─┐
items that a stream has sent ────────────────┴─▶ ResponseObjects.final ─▶ response
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Raw
from msgspec.structs import replace

from daemon.errors import GatewayError
from daemon.inference.blocks import ToolCall
from daemon.inference.response import FinishReason, Response, Usage
from daemon.wires.base import AnswerContext
from daemon.wires.call_ids import CallIds
from daemon.wires.json import NULL, LenientDecoder, RawObject, encode, fields_of, object_of, string_of
from daemon.wires.openai_responses.answer_parts import item_of
from daemon.wires.openai_responses.entry_schema import ResponseHead
from daemon.wires.openai_responses.errors import failure_code, failure_message
from daemon.wires.openai_responses.request_values import request_values
from daemon.wires.openai_responses.schema import ResponseUsage
from daemon.wires.openai_responses.stream_decoder import usage_from
from daemon.wires.openai_responses.tool_search import is_offered

_INCOMPLETE = {
    FinishReason.LENGTH: "max_output_tokens",
    FinishReason.CONTEXT_WINDOW: "max_output_tokens",
    FinishReason.CONTENT_FILTER: "content_filter",
    FinishReason.REFUSAL: "content_filter",
}
"""Reasons that make an answer ``incomplete``. The wire has no status for a refusal, and one without text would
look like an empty success."""


_NESTED = ("reasoning", "usage")
"""Objects in it of which servers leave out fields that must be there."""

_usage = LenientDecoder(ResponseUsage).decode


class ResponseObjects:
    """Builds the object of one answer in its states. ``context.created`` is the only time known here."""

    __slots__ = ("_context", "_values")

    def __init__(self, context: AnswerContext) -> None:
        self._context = context
        self._values = b""  # of the request, as JSON; most answers that pass through need none

    @property
    def values(self) -> bytes:
        """What the object repeats of the request."""
        if not self._values:
            self._values = encode(request_values(self._context.request))
        return self._values

    def running(self) -> bytes:
        """The object of ``response.created`` and ``in_progress``."""
        return self._object(self._head("in_progress", ()))

    def final(
        self, output: Sequence[Raw], *, finish: FinishReason, usage: Usage | None, service_tier: str | None = None
    ) -> tuple[str, bytes]:
        """(status, object)."""
        reason = _INCOMPLETE.get(finish)
        head = self._head("incomplete" if reason else "completed", output)
        if reason:
            head.incomplete_details = {"reason": reason}
        else:
            head.completed_at = self._context.created
        head.usage = usage_object(usage, self._context.input_estimate)
        head.service_tier = service_tier or "default"
        return head.status, self._object(head)

    def failed(self, output: Sequence[Raw], error: GatewayError) -> bytes:
        """The object of ``response.failed``; ``output`` is what came before the failure."""
        head = self._head("failed", output)
        head.error = {"code": failure_code(error) or "server_error", "message": failure_message(error)}
        return self._object(head)

    def filled(self, response: bytes) -> bytes:
        """An upstream's own object of an answer that has ended, with the fields that it left out. Many servers of this
        wire leave out what repeats the request."""
        fields = fields_of(response)
        head = self._head(string_of(fields.get("status", NULL)) or "completed", ())
        head.completed_at = self._context.created if head.status == "completed" else None
        head.service_tier = "default"
        if object_of(fields.get("usage")):
            head.usage = usage_object(usage_from(_usage(fields["usage"])), self._context.input_estimate)
        ours = fields_of(self._object(head))
        added = _lacking(fields, ours)
        for name in _NESTED:
            said = object_of(fields.get(name))
            if name not in added and (inner := _lacking(said, object_of(ours[name]))):
                added[name] = Raw(encode(said | inner))
        return encode(fields | added) if added else response

    def _head(self, status: str, output: Sequence[Raw]) -> ResponseHead:
        context = self._context
        head = ResponseHead(f"resp_{context.answer_id}", context.created, status, context.model, output)
        if context.request.service_tier:
            head.service_tier = context.request.service_tier
        return head

    def _object(self, head: ResponseHead) -> bytes:
        return encode(head)[:-1] + b"," + self.values[1:]


def _lacking(said: RawObject, ours: RawObject) -> RawObject:
    """Those of our fields that an upstream's object has not got, or has as null where we know more."""
    return {name: value for name, value in ours.items() if name not in said or (said[name] == NULL != value)}


def encode_response(response: Response, context: AnswerContext) -> bytes:
    """A whole answer as the body of a non-streaming reply."""
    output: list[Raw] = []
    searches = is_offered(context.request)
    ids = CallIds(context)
    for block in response.content:
        if isinstance(block, ToolCall):
            block = replace(block, id=ids.take(block.id, block.name))
        item = item_of(block, len(output), context.answer_id, searches=searches)
        if item is not None:
            output.append(item)
    objects = ResponseObjects(context)
    return objects.final(output, finish=response.finish, usage=response.usage, service_tier=response.service_tier)[1]


def usage_object(usage: Usage | None, input_estimate: int) -> dict[str, object]:
    """Always whole: Codex counts on it. What the upstream did not say is the estimate, or nothing."""
    usage = usage or Usage()
    input_tokens = input_estimate if usage.input_tokens is None else usage.input_tokens
    output_tokens = usage.output_tokens or 0
    details: dict[str, int] = {"cached_tokens": usage.cached_tokens or 0}
    if usage.cache_write_tokens is not None:
        details["cache_write_tokens"] = usage.cache_write_tokens
    return {
        "input_tokens": input_tokens,
        "input_tokens_details": details,
        "output_tokens": output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
        "total_tokens": input_tokens + output_tokens,
    }
