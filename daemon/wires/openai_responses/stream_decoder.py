"""Upstream bytes of a Responses stream to hub events.

Invariants, besides those of ``sse_decoder``:
1. Items are known by ``output_index`` (ids may change from event to event, seen at GitHub Copilot),
   by item id only where there is no index.
2. A body that ends without a terminal event is a ``StreamError``, never a clean end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from msgspec import UNSET

from daemon.errors import ErrorKind, RemoteError
from daemon.inference.events import BlockDelta, Event, Finish
from daemon.inference.response import FinishReason, Usage
from daemon.wires.json import LenientDecoder, json_text
from daemon.wires.openai_responses.errors import error_event, remote_error
from daemon.wires.openai_responses.item_table import ItemTable
from daemon.wires.openai_responses.output_items import CallState, MessageState, ReasoningState
from daemon.wires.openai_responses.schema import (
    AnnotationEvent,
    DoneEvent,
    EventHead,
    ItemEvent,
    ResponseEvent,
    ResponseObject,
    ResponseUsage,
)
from daemon.wires.sse_decoder import SseDecoder

_HEAD = LenientDecoder(EventHead)
_ITEM = LenientDecoder(ItemEvent)
_DONE_EVENT = LenientDecoder(DoneEvent)
_ANNOTATION = LenientDecoder(AnnotationEvent)
_RESPONSE = LenientDecoder(ResponseEvent)

_TEXT_DELTA = "response.output_text.delta"
NO_TEXT: tuple[tuple[int | None, int | None], int] = ((-1, -1), -1)
"""Nine events in ten go on with the text part of the one before them: its place and its block are kept
from event to event, until another kind of event comes. This is the value for none."""

_STATUSES = frozenset({"completed", "incomplete", "failed", "cancelled", "in_progress", "queued"})
_INCOMPLETE = {"content_filter": FinishReason.CONTENT_FILTER}
"""Every other reason, also an unknown or missing one, is a cut: ``LENGTH``, never a clean end."""


class ResponsesStreamDecoder(SseDecoder):
    """One answer. ``tool_names`` maps shortened tool names back to the client's."""

    __slots__ = ("_items", "_running")

    def __init__(self, tool_names: Mapping[str, str]) -> None:
        super().__init__()
        self._items = ItemTable(self._writer, tool_names)
        self._running = NO_TEXT

    def whole(self, response: ResponseObject) -> list[Event]:
        """The events of an answer that came in one piece."""
        self._start(response)
        self._end(response, _status(response, "completed"))
        return self._writer.take()

    # --- dispatch ---

    def _event(self, payload: bytes) -> None:
        try:
            head = _HEAD.strict(payload)
        except msgspec.ValidationError:
            head = _HEAD.odd(payload)
        part, block = self._running
        if head.type == _TEXT_DELTA and part == (head.output_index, head.content_index) and head.delta:
            self.heard += 1
            self._writer.events.append(BlockDelta(block, head.delta))
            return
        self._running = NO_TEXT
        kind = head.type or ""
        self.heard += kind[:9] == "response."
        handler = _HANDLERS.get(kind)
        if handler is None:
            if not kind.startswith(("response.", "codex.")):
                self._untyped(payload)
            return
        if not self._begun:
            self._start(_RESPONSE.decode(payload).response)
        handler(self, head, payload)

    def _untyped(self, payload: bytes) -> None:
        """Some relays end a stream with a bare ``{"error": …}``, or with an error object whose type is its own."""
        failure = error_event(payload)
        if failure is not None:
            self._fail(failure)
        else:
            self.skipped += 1

    def _start(self, response: ResponseObject | None) -> None:
        self._begin((response and response.id) or "", (response and response.model) or "")

    # --- items and their parts ---

    def _item_added(self, head: EventHead, payload: bytes) -> None:
        self._items.announce(head.output_index, _ITEM.decode(payload).item)

    def _item_done(self, head: EventHead, payload: bytes) -> None:
        self._items.done(head.output_index, _ITEM.decode(payload).item)

    def _text_delta(self, head: EventHead, payload: bytes) -> None:
        if head.delta:
            state = self._items.open(head, payload, MessageState, "message")
            block = state.delta(head.content_index or 0, "text", head.delta)
            if head.output_index is not None:
                self._running = ((head.output_index, head.content_index), block)

    def _refusal_delta(self, head: EventHead, payload: bytes) -> None:
        if head.delta:
            state = self._items.open(head, payload, MessageState, "message")
            state.delta(head.content_index or 0, "refusal", head.delta)

    def _text_done(self, head: EventHead, payload: bytes) -> None:
        done = _DONE_EVENT.decode(payload)
        state = self._items.unless_ended(head, payload, MessageState, "message")
        if state is not None:
            state.text_done(head.content_index or 0, "text", done.text)
            state.text_done(head.content_index or 0, "refusal", done.refusal)

    def _part_done(self, head: EventHead, payload: bytes) -> None:
        part = _DONE_EVENT.decode(payload).part
        state = self._items.get(head, payload)
        if part is not None and isinstance(state, MessageState) and not state.ended:
            state.part_done(head.content_index or 0, part)

    def _annotation(self, head: EventHead, payload: bytes) -> None:
        annotation = _ANNOTATION.decode(payload).annotation
        state = self._items.unless_ended(head, payload, MessageState, "message")
        if state is not None:
            state.cite(head.content_index or 0, annotation)

    def _summary_delta(self, head: EventHead, payload: bytes) -> None:
        if head.delta:
            state = self._items.open(head, payload, ReasoningState, "reasoning")
            state.delta("summary", head.summary_index or 0, head.delta)

    def _reasoning_delta(self, head: EventHead, payload: bytes) -> None:
        if head.delta:
            state = self._items.open(head, payload, ReasoningState, "reasoning")
            state.delta("content", head.content_index or 0, head.delta)

    def _summary_done(self, head: EventHead, payload: bytes) -> None:
        done = _DONE_EVENT.decode(payload)
        state = self._items.unless_ended(head, payload, ReasoningState, "reasoning")
        if state is not None:
            state.part_done("summary", head.summary_index or 0, done.part.text if done.part else done.text)

    def _arguments_delta(self, head: EventHead, payload: bytes) -> None:
        if head.delta:
            self._items.open(head, payload, CallState, "function_call").delta(head.delta)

    def _input_delta(self, head: EventHead, payload: bytes) -> None:
        if head.delta:
            self._items.open(head, payload, CallState, "custom_tool_call").delta(head.delta)

    def _arguments_done(self, head: EventHead, payload: bytes) -> None:
        done = _DONE_EVENT.decode(payload)
        type_ = "function_call" if done.input is None else "custom_tool_call"
        state = self._items.unless_ended(head, payload, CallState, type_)
        if state is not None:
            state.arguments_done(done.name, json_text(done.arguments) or done.input)

    # --- the end ---

    def _lifecycle(self, head: EventHead, payload: bytes) -> None:
        """``created``, ``in_progress``, ``queued``: the answer has begun; ``_event`` has written that already."""

    def _cut(self) -> None:
        self._fail(RemoteError(ErrorKind.API, "the upstream's stream ended before response.completed", reason="cut"))

    def _terminal(self, head: EventHead, payload: bytes) -> None:
        response = _RESPONSE.decode(payload).response or ResponseObject()
        word = (head.type or "").removeprefix("response.")
        self._end(response, _status(response, "completed" if word == "done" else word))

    def _end(self, response: ResponseObject, status: str) -> None:
        if status in ("completed", "incomplete"):
            self._items.take_output(response.output or [])
            self._items.finish()
            self._finish(response, status)
        else:
            self._fail(_failure(response, status))

    def _finish(self, response: ResponseObject, status: str) -> None:
        self._ended = True
        reason = self._items.finish_reason()
        if status == "incomplete":
            details = response.incomplete_details
            reason = _INCOMPLETE.get(((details and details.reason) or "").lower(), FinishReason.LENGTH)
        usage = None if response.usage is None else usage_from(response.usage)
        self._writer.events.append(Finish(reason, usage, service_tier=response.service_tier))

    def _error(self, head: EventHead, payload: bytes) -> None:
        self._fail(remote_error(msgspec.json.decode(payload.decode("utf-8", "replace"))))


Handler = Callable[[ResponsesStreamDecoder, EventHead, bytes], None]

_HANDLERS: dict[str, Handler] = {
    "response.created": ResponsesStreamDecoder._lifecycle,
    "response.queued": ResponsesStreamDecoder._lifecycle,
    "response.in_progress": ResponsesStreamDecoder._lifecycle,
    "response.output_item.added": ResponsesStreamDecoder._item_added,
    "response.output_item.done": ResponsesStreamDecoder._item_done,
    _TEXT_DELTA: ResponsesStreamDecoder._text_delta,
    "response.output_text.done": ResponsesStreamDecoder._text_done,
    "response.output_text.annotation.added": ResponsesStreamDecoder._annotation,
    "response.refusal.delta": ResponsesStreamDecoder._refusal_delta,
    "response.refusal.done": ResponsesStreamDecoder._text_done,
    "response.content_part.done": ResponsesStreamDecoder._part_done,
    "response.reasoning_summary_text.delta": ResponsesStreamDecoder._summary_delta,
    "response.reasoning_summary_text.done": ResponsesStreamDecoder._summary_done,
    "response.reasoning_summary_part.done": ResponsesStreamDecoder._summary_done,
    "response.reasoning_text.delta": ResponsesStreamDecoder._reasoning_delta,
    "response.function_call_arguments.delta": ResponsesStreamDecoder._arguments_delta,
    "response.function_call_arguments.done": ResponsesStreamDecoder._arguments_done,
    "response.custom_tool_call_input.delta": ResponsesStreamDecoder._input_delta,
    "response.custom_tool_call_input.done": ResponsesStreamDecoder._arguments_done,
    "response.completed": ResponsesStreamDecoder._terminal,
    "response.done": ResponsesStreamDecoder._terminal,
    "response.incomplete": ResponsesStreamDecoder._terminal,
    "response.failed": ResponsesStreamDecoder._terminal,
    "response.cancelled": ResponsesStreamDecoder._terminal,
    "error": ResponsesStreamDecoder._error,
}


def _status(response: ResponseObject, otherwise: str) -> str:
    """The answer's status; where it has none, or a word that is not the API's, a reason for a cut says that it was
    one, and ``otherwise`` stands for the rest."""
    if (response.status or "").lower() in _STATUSES:
        return (response.status or "").lower()
    details = response.incomplete_details
    return "incomplete" if details is not None and details.reason else otherwise


def usage_from(usage: ResponseUsage) -> Usage:
    """The wire's counts as the hub's."""
    input_details, output_details = usage.input_tokens_details, usage.output_tokens_details
    return Usage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cached_tokens=input_details.cached_tokens if input_details else None,
        cache_write_tokens=input_details.cache_write_tokens if input_details else None,
        reasoning_tokens=output_details.reasoning_tokens if output_details else None,
    )


def _failure(response: ResponseObject, status: str) -> RemoteError:
    error = None if response.error is UNSET else msgspec.json.decode(response.error)
    if not error:
        return RemoteError(ErrorKind.API, f"the upstream ended its answer with status {status}", reason="error_event")
    return remote_error(error)
