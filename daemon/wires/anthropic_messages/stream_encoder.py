"""Hub events to the event stream of the Messages API.

Invariants of what is emitted:
1. ``message_start`` is first and once; only an ``error`` may come without it.
2. One content block is open at a time and indexes rise by one: a hub block that starts while
   another is open is held back until that one ends.
3. A block is opened by its first content, so a block that never says anything leaves no trace.
4. ``message_delta`` and ``message_stop`` come last, once, with every block closed; or ``error``, which leaves
   the open block open: Claude Code (2.1.197, 2.1.332) runs a tool call as soon as its block is closed, even
   half of one, and then takes the failed answer for a good one. Anthropic's own API sends no such stop.
5. No thinking comes first, nor last behind text, where the client did not ask for any: it is held back until
   its place is there (``moved_thinking``). What has nothing to show is never last behind text.

A keep-alive is an empty delta of the open block, or of a block of our own: thinking where the client asked
for it, else text. The next real block goes on in ours where it is of the same kind, else ours is closed
before it. Claude Code counts neither pings nor comments as activity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never

from msgspec import Raw

from daemon.errors import GatewayError
from daemon.inference.blocks import Reasoning
from daemon.inference.events import (
    OBJECT,
    BlockDelta,
    BlockEnd,
    BlockKind,
    BlockStart,
    Cited,
    Event,
    Finish,
    MessageStart,
    PartBreak,
    StreamError,
    size_of,
)
from daemon.inference.response import Usage
from daemon.wires.anthropic_messages.answer_parts import (
    citation_body,
    opaque_blocks,
    opening_usage,
    split_block,
    stop_reason,
    thinking_body,
    tool_ids,
    usage_body,
)
from daemon.wires.anthropic_messages.errors import streamed_error
from daemon.wires.anthropic_messages.moved_thinking import HeldThinking
from daemon.wires.anthropic_messages.searches import PendingResults
from daemon.wires.base import AnswerContext
from daemon.wires.json import encode
from daemon.wires.sse import frame

BlockEvent = BlockDelta | PartBreak | Cited | BlockEnd

_START = b'event: content_block_start\ndata: {"type":"content_block_start","index":%d,"content_block":%b}\n\n'
_DELTA = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":%b}\n\n'
_DELTA_HEAD = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":%b'
_DELTA_TAIL = b"}}\n\n"
_STOP = b'event: content_block_stop\ndata: {"type":"content_block_stop","index":%d}\n\n'
_MESSAGE_STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'

_TEXT = b'{"type":"text","text":""}'
_THINKING = b'{"type":"thinking","thinking":"","signature":""}'
_TEXT_DELTA = b'{"type":"text_delta","text":'
_THINKING_DELTA = b'{"type":"thinking_delta","thinking":'
_INPUT_DELTA = b'{"type":"input_json_delta","partial_json":'

_LAZY: Mapping[BlockKind, tuple[bytes, bytes]] = {
    "text": (_TEXT, _TEXT_DELTA),
    "refusal": (_TEXT, _TEXT_DELTA),
    "reasoning": (_THINKING, _THINKING_DELTA),
}
"""Kinds that open with their first content, and how."""

_NOBODY = -1
_PIECE = 8 * 1024
"""Characters in which the text of a block that waits is kept: many small pieces take ten times the room."""


class MessagesStreamEncoder:
    """One answer's encoder. See the module for what it holds to."""

    __slots__ = (
        "_active",
        "_asked",
        "_begun",
        "_called",
        "_context",
        "_custom_begun",
        "_ended",
        "_head",
        "_held",
        "_ids",
        "_kind",
        "_live",
        "_next",
        "_open",
        "_own",
        "_refused",
        "_results",
        "_waiting",
        "_waiting_size",
        "kept",
    )

    def __init__(self, context: AnswerContext) -> None:
        self._context = context
        self._ids = tool_ids(context)
        self._begun = self._ended = False
        # Index on the wire of the next block: keep-alives' blocks count, hub blocks without content do not.
        self._next = 0
        # Hub index and kind of the block whose turn it is. Others wait (invariant 2) in ``_waiting``, with their
        # events.
        self._active = _NOBODY
        self._kind: BlockKind = "text"
        # The same index once the block is open and its deltas need no thought: nine events in ten are such, and
        # ``encode`` writes them without a call. Never a custom tool's call, whose text has to be wrapped.
        self._live = _NOBODY
        # Whether a block, the active one or our own, is open on the wire. A block of ours may be open while none is
        # active, and the active one may not have opened yet (invariant 3).
        self._open = False
        self._own = b""  # how that block was opened, where a keep-alive did it: one of the same kind goes on in it
        self._head = b""  # the delta event of the open block, up to its text
        self._custom_begun = False  # whether the JSON string around a custom tool's text has been opened
        self._waiting: dict[int, list[BlockStart | BlockEvent]] = {}
        self._waiting_size = 0
        self.kept = 0
        self._called = self._refused = False  # decide the ``stop_reason``: clients act on it together with the blocks
        self._asked = context.request.reasoning.asked_for  # whether thinking is shown as it comes
        self._held = HeldThinking(context.request.reasoning)  # where it is not
        self._results = PendingResults(context.request.tools)

    def encode(self, events: Sequence[Event]) -> bytes:
        out: list[bytes] = []
        for event in events:
            if type(event) is BlockDelta and event.index == self._live:
                out += (self._head, encode(event.text), _DELTA_TAIL)
            elif not self._ended:
                self._take(event, out)
        self.kept = self._waiting_size + self._held.kept + self._results.kept
        return b"".join(out)

    def keep_alive(self) -> bytes:
        if self._ended:
            return b""
        out: list[bytes] = []
        self._begin(None, out)
        if not self._open:
            self._own, delta = _LAZY["reasoning" if self._asked else "text"]
            self._open_block(self._own, delta, out)
        out += (self._head, b'""', _DELTA_TAIL)
        return b"".join(out)

    def fail(self, error: GatewayError) -> bytes:
        if self._ended:
            return b""
        self._end()
        return frame("error", encode({"type": "error", "error": streamed_error(error)}))

    def _take(self, event: Event, out: list[bytes]) -> None:
        match event:
            case MessageStart():
                self._begin(event.usage, out)
            case BlockStart():
                self._begin(None, out)
                if self._active == _NOBODY:
                    self._activate(event, out)
                else:
                    self._waiting[event.index] = [event]
                    self._waiting_size += OBJECT
            case BlockDelta() | PartBreak() | Cited() | BlockEnd():
                self._block_event(event, out)
            case Finish():
                self._finish(event, out)
            case StreamError():
                out.append(self.fail(event.error))
            case _:
                assert_never(event)

    def _begin(self, usage: Usage | None, out: list[bytes]) -> None:
        if self._begun:
            return
        self._begun = True
        context = self._context
        message: dict[str, object] = {
            "id": f"msg_{context.answer_id}",
            "type": "message",
            "role": "assistant",
            "model": context.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": opening_usage(usage, context.input_estimate),
        }
        out.append(frame("message_start", encode({"type": "message_start", "message": message})))

    # The block whose turn it is ---------------------------------------------------------------

    def _activate(self, start: BlockStart, out: list[bytes]) -> None:
        self._active, self._kind = start.index, start.kind
        if start.kind in ("tool_call", "custom_tool_call"):
            self._write_held(out)
            self._called = self._held.spoken = True
            self._custom_begun = False
            name = start.name or ""
            block = {"type": "tool_use", "id": self._ids.take(start.id, name), "name": name, "input": {}}
            self._open_block(encode(block), _INPUT_DELTA, out)
            self._live = start.index if start.kind == "tool_call" else _NOBODY

    def _block_event(self, event: BlockEvent, out: list[bytes]) -> None:
        if event.index != self._active:
            if event.index in self._waiting:
                self._wait(self._waiting[event.index], event)
            return
        self._apply(event, out)
        while self._active == _NOBODY and self._waiting:
            events = self._waiting.pop(next(iter(self._waiting)))
            self._waiting_size -= sum(map(size_of, events))
            self._replay(events, out)

    def _wait(self, waiting: list[BlockStart | BlockEvent], event: BlockEvent) -> None:
        """The event waits too; a piece of text behind another one becomes a part of that, but for large ones."""
        last = waiting[-1]
        if type(event) is type(last) is BlockDelta and len(last.text) < _PIECE:
            waiting[-1] = whole = BlockDelta(event.index, last.text + event.text)
            self._waiting_size += size_of(whole) - size_of(last)
        else:
            waiting.append(event)
            self._waiting_size += size_of(event)

    def _replay(self, events: list[BlockStart | BlockEvent], out: list[bytes]) -> None:
        for event in events:
            if isinstance(event, BlockStart):
                self._activate(event, out)
            else:
                self._apply(event, out)

    def _apply(self, event: BlockEvent, out: list[bytes]) -> None:
        match event:
            case BlockDelta():
                self._delta(event.text, out)
            case PartBreak():
                if self._live != _NOBODY or self._held.growing:
                    self._delta("\n\n", out)
            case Cited():
                self._cite(event, out)
            case BlockEnd():
                self._close_active(event, out)
            case _:
                assert_never(event)

    def _delta(self, text: str, out: list[bytes]) -> None:
        if self._kind == "custom_tool_call":
            # The free text becomes the one string of a JSON object; each piece is escaped by itself.
            text = ("" if self._custom_begun else '{"input":"') + encode(text)[1:-1].decode()
            self._custom_begun = True
        elif self._kind == "reasoning" and not self._asked:
            self._held.say(text)
            return
        elif self._live == _NOBODY and not self._open_lazily(out):
            return
        out += (self._head, encode(text), _DELTA_TAIL)

    def _open_lazily(self, out: list[bytes]) -> bool:
        """Opens a text or thinking block that now has something to say. False for the other kinds."""
        if self._kind not in _LAZY:
            return False
        if self._live == _NOBODY:
            block, delta = _LAZY[self._kind]
            self._write_held(out)
            if self._own == block:
                self._own = b""  # from here on it is the answer's
            else:
                self._open_block(block, delta, out)
            self._live = self._active
            self._refused |= self._kind == "refusal"
            self._held.spoken |= self._kind != "reasoning"
        return True

    def _cite(self, event: Cited, out: list[bytes]) -> None:
        body = citation_body(event.citation)
        if body is None or self._kind != "text":
            return
        self._open_lazily(out)
        self._results.cite(event.citation)
        out.append(_DELTA % (self._next - 1, encode({"type": "citations_delta", "citation": body})))

    def _close_active(self, end: BlockEnd, out: list[bytes]) -> None:
        match self._kind:
            case "reasoning" if not self._asked:
                self._held.end(end)
            case "reasoning":
                self._sign(end, out)
            case "custom_tool_call":
                rest = '"}' if self._custom_begun else '{"input":""}'
                out += (self._head, encode(rest), _DELTA_TAIL)
            case "hosted":
                self._whole_blocks(self._results.take(end.hosted) if end.hosted is not None else (), out)
            case "opaque":
                self._whole_blocks(opaque_blocks(end.opaque), out)
            case "text" | "refusal" | "tool_call":
                pass  # all is said in deltas
            case _:
                assert_never(self._kind)
        if not self._own:
            self._close_block(out)
        if self._kind in ("tool_call", "custom_tool_call"):
            self._write_held(out)
        self._active = self._live = _NOBODY

    def _sign(self, end: BlockEnd, out: list[bytes]) -> None:
        if not end.signature:
            return
        said_something = self._live != _NOBODY
        if not said_something and self._context.request.reasoning.enabled is False:
            return  # the client switched thinking off and there is none to see
        if end.redacted and not said_something:
            if self._held.spoken:
                self._held.add(Reasoning(signature=end.signature, redacted=True))
                return
            self._whole_blocks([Raw(encode({"type": "redacted_thinking", "data": end.signature}))], out)
            return
        self._open_lazily(out)
        out.append(_DELTA % (self._next - 1, encode({"type": "signature_delta", "signature": end.signature})))

    def _write_held(self, out: list[bytes], *, last: bool = False) -> None:
        if thoughts := self._held.take_last() if last else self._held.take():
            self._whole_blocks([Raw(encode(thinking_body(thought))) for thought in thoughts], out)

    def _whole_blocks(self, blocks: Sequence[Raw], out: list[bytes]) -> None:
        if blocks:
            self._write_held(out)
        for raw in blocks:
            start, deltas = split_block(raw)
            self._open_block(start, b"", out)
            out += (_DELTA % (self._next - 1, delta) for delta in deltas)
            self._close_block(out)

    # The wire ---------------------------------------------------------------------------------

    def _open_block(self, block: bytes, delta: bytes, out: list[bytes]) -> None:
        self._close_block(out)
        out.append(_START % (self._next, block))
        self._head = _DELTA_HEAD % (self._next, delta)
        self._open = True
        self._next += 1

    def _close_block(self, out: list[bytes]) -> None:
        if self._open:
            out.append(_STOP % (self._next - 1))
            self._open, self._own = False, b""

    def _finish(self, finish: Finish, out: list[bytes]) -> None:
        self._begin(None, out)
        while self._active != _NOBODY:  # a decoder that kept its promises has ended them all
            self._block_event(BlockEnd(self._active), out)
        if self._called:
            self._write_held(out, last=True)
        self._close_block(out)
        self._whole_blocks(self._results.rest(), out)
        reason = stop_reason(finish.reason, called=self._called, refused=self._refused)
        delta = {"stop_reason": reason, "stop_sequence": finish.stop_sequence}
        usage = usage_body(finish.usage or Usage())
        out.append(frame("message_delta", encode({"type": "message_delta", "delta": delta, "usage": usage})))
        out.append(_MESSAGE_STOP)
        self._end()

    def _end(self) -> None:
        self._ended = True
        self._live = _NOBODY
        self._waiting.clear()
