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
from daemon.inference.request import Request, Tool
from daemon.inference.response import FinishReason, Response, Usage
from daemon.wires.base import AnswerContext
from daemon.wires.call_ids import CallIds
from daemon.wires.json import encode
from daemon.wires.openai_responses.answer_parts import item_of
from daemon.wires.openai_responses.encode_request import encode_choice, encode_tools
from daemon.wires.openai_responses.entry_schema import ResponseEcho, ResponseHead
from daemon.wires.openai_responses.errors import failure_code, failure_message
from daemon.wires.openai_responses.schema import WIRE_NAME
from daemon.wires.openai_responses.tool_search import is_offered

_INCOMPLETE = {
    FinishReason.LENGTH: "max_output_tokens",
    FinishReason.CONTEXT_WINDOW: "max_output_tokens",
    FinishReason.CONTENT_FILTER: "content_filter",
    FinishReason.REFUSAL: "content_filter",
}
"""Reasons that make an answer ``incomplete``. The wire has no status for a refusal, and one without text would
look like an empty success."""


class ResponseObjects:
    """Builds the object of one answer in its states. ``context.created`` is the only time known here."""

    def __init__(self, context: AnswerContext) -> None:
        self._context = context
        self._echo = encode(_echo(context.request))[1:]

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
        head.service_tier = service_tier
        return head.status, self._object(head)

    def failed(self, output: Sequence[Raw], error: GatewayError) -> bytes:
        """The object of ``response.failed``; ``output`` is what came before the failure."""
        head = self._head("failed", output)
        head.error = {"code": failure_code(error) or "server_error", "message": failure_message(error)}
        return self._object(head)

    def _head(self, status: str, output: Sequence[Raw]) -> ResponseHead:
        context = self._context
        return ResponseHead(f"resp_{context.answer_id}", context.created, status, context.model, output)

    def _object(self, head: ResponseHead) -> bytes:
        return encode(head)[:-1] + b"," + self._echo


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


def _echo(request: Request) -> ResponseEcho:
    extra = request.extra.get(WIRE_NAME, {})
    reasoning = request.reasoning
    names = {tool.name: tool.name for tool in request.tools if isinstance(tool, Tool)}
    choice = request.tool_choice
    return ResponseEcho(
        instructions="\n\n".join(text.text for text in request.system) or None,
        max_output_tokens=request.max_tokens,
        parallel_tool_calls=request.parallel_tool_calls is not False,
        previous_response_id=extra.get("previous_response_id", Raw(b"null")),
        reasoning={"effort": reasoning.effort, "summary": reasoning.summary},
        store=extra.get("store", Raw(b"false")),
        temperature=request.temperature,
        text={"format": _echo_format(request), "verbosity": request.verbosity or "medium"},
        tool_choice="auto" if choice is None else encode_choice(choice, request.tools, names),
        tools=encode_tools(request.tools, names).tools,
        top_p=request.top_p,
        truncation=extra.get("truncation", Raw(b'"disabled"')),
        metadata=extra.get("metadata", Raw(b"{}")),
    )


def _echo_format(request: Request) -> dict[str, object]:
    output = request.output
    if output is None or output.kind != "json_schema":
        return {"type": "text" if output is None else output.kind}
    schema = Raw(b"{}") if output.schema is None else output.schema
    return {"type": "json_schema", "name": output.name or "response", "schema": schema, "strict": output.strict}
