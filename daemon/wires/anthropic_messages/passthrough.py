"""The Messages wire passing through.

A keep-alive is an empty delta of the open block, or of a block of our own where none is open (thinking
where the client asked for it, else text): Claude Code counts neither pings nor comments. Where the
upstream's next block is of the same kind it goes on in ours. Else ours is closed before the upstream's next
event, and the indexes of the upstream's later blocks move on by the blocks that were inserted.

A failure leaves the open block open, as the API does: Claude Code runs a tool call whose block is closed. The
input of a call that says nothing is left out, or ``{}``: blanks and null are no input to the SDKs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Raw, Struct

from daemon.errors import GatewayError
from daemon.inference.response import Response
from daemon.wires.anthropic_messages.decode_answer import input_text
from daemon.wires.anthropic_messages.message_events import begun_and_deltas, message_events, message_of
from daemon.wires.anthropic_messages.stream_encoder import MessagesStreamEncoder
from daemon.wires.base import AnswerContext, EncodeResponse, StreamDecoder
from daemon.wires.call_arguments import stand_in
from daemon.wires.call_ids import RepeatedIds
from daemon.wires.json import NOT_JSON, LenientDecoder, changed, encode, fields_of
from daemon.wires.sse import frame

_DECODED = frozenset({"message_start", "message_delta", "message_stop", "error"})
_GOING_ON = _DECODED | {"content_block_start", "content_block_delta", "content_block_stop"}
_EMPTY_DELTAS: Mapping[str, Mapping[str, str]] = {
    "text": {"type": "text_delta", "text": ""},
    "thinking": {"type": "thinking_delta", "thinking": ""},
    "tool_use": {"type": "input_json_delta", "partial_json": ""},
    "server_tool_use": {"type": "input_json_delta", "partial_json": ""},
}
_NO_INPUT = _EMPTY_DELTAS["tool_use"]
_EMPTY_BLOCKS: Mapping[str, Mapping[str, str]] = {
    "text": {"type": "text", "text": ""},
    "thinking": {"type": "thinking", "thinking": "", "signature": ""},
}
"""How a block of our own is opened."""


class _Event(Struct):
    type: str
    index: int = 0
    delta: Raw = Raw(b"")
    content_block: Raw = Raw(b"")
    message: Raw = Raw(b"")


class _Delta(Struct):
    text: str = ""
    thinking: str = ""
    partial_json: str = ""
    signature: str = ""


class _Block(Struct):
    type: str = ""
    id: str = ""
    name: str = ""
    signature: str | None = None
    data: str | None = None
    input: Raw = Raw(b"")


class _Message(Struct):
    model: str | None = None
    content: list[Raw] = []


_event = LenientDecoder(_Event)
_delta = LenientDecoder(_Delta).decode
_block = LenientDecoder(_Block).decode
_message = LenientDecoder(_Message).decode


class MessagesDialect:
    """See ``base.Dialect``."""

    __slots__ = (
        "_announced",
        "_context",
        "_encode_response",
        "_ending",
        "_holds_input",
        "_ids",
        "_next",
        "_open",
        "_own",
        "_read",
        "_shift",
        "_started",
        "beside",
        "goes_on",
        "kept",
        "needs_decoding",
        "signature",
    )

    def __init__(self, context: AnswerContext, encode_response: EncodeResponse) -> None:
        self._context = context
        self._encode_response = encode_response
        self._ids = RepeatedIds(context)
        # Whether the client has a ``message_start``. It outlives an attempt: a keep-alive may have opened the answer
        # before the upstream that in the end answers was even asked, and Anthropic's TypeScript SDK raises at a
        # second start.
        self._started = False
        # The block that is open at the client (index, kind). A keep-alive must be a delta of it: Claude Code
        # (2.1.197, 2.1.332) counts neither pings nor comments as activity. The kind is '' once the block's signature
        # has gone out, behind which the API sends nothing but the stop.
        self._open: tuple[int, str] | None = None
        # Whether that block is one of ours, opened because a keep-alive was due between two blocks or before the first.
        # It is the upstream's if its next block is of the same kind; else it must be closed before anything else.
        self._own = False
        # Each block of ours moves the upstream's later ones on by one: ``_shift`` is added to their indexes,
        # ``_next`` is the index at the client of the next block. Anthropic's SDK finds a block by its index in the
        # list so far.
        self._shift = self._next = 0
        # Whether ``message_delta`` has come: no block may open behind it, so that a keep-alive is a ping there.
        self._ending = False
        self.begin()

    def begin(self, _: StreamDecoder | None = None, /) -> None:
        self._read = _Event("")
        self._holds_input = False  # whether the input of the open call has said nothing so far
        self._announced = False  # whether the upstream's own ``message_start`` has come
        self._ids.begin()
        self.kept = 0
        self.beside = self.goes_on = self.needs_decoding = False
        self.signature = b""

    def read(self, payload: bytes) -> None:
        try:
            event = _event.strict(payload)
        except msgspec.ValidationError:
            event = _event.odd(payload)
        self._read = event
        self.goes_on = event.type in _GOING_ON
        self.beside = event.type != "content_block_delta"
        # Nothing may come before the start, nor an answer without one: the decoder says so.
        self.needs_decoding = event.type in _DECODED or not self._announced
        self._announced = self._announced or event.type == "message_start"
        self.signature = b""
        if event.delta and b'"signature"' in bytes(event.delta):
            self.signature = _delta(event.delta).signature.encode()
        elif event.content_block:
            self.signature = _signed(event.content_block)

    def commits(self) -> bool:
        if self._read.type != "content_block_delta" or not self._read.delta:
            return False
        delta = _delta(self._read.delta)
        return bool(delta.text or delta.thinking or delta.partial_json)

    def event(self, payload: bytes) -> bytes:
        event = self._read
        kind = event.type
        if kind == "message_start":
            return self._start(event, payload)
        if kind == "content_block_start" and self._own and self._is_like_own(event):
            return self._continue_own(event)
        closed = self._close_own() if self._own and kind != "ping" else b""
        if kind == "content_block_start":
            self._next = event.index + self._shift + 1
            block = _block(event.content_block)
            self._open = self._next - 1, block.type
            self._holds_input = block.type == "tool_use"
            if self._holds_input and (sent := self._call(event.index, event.content_block, block)):
                payload = changed(payload, content_block=sent)
            self.kept = self._ids.kept
        elif self._holds_input and kind == "content_block_delta":
            said = _delta(event.delta).partial_json
            self._holds_input = stand_in(said) != said or not said
            if self._holds_input and said:
                payload = changed(payload, delta=_NO_INPUT)
        elif kind == "content_block_stop":
            self._open = None
        elif self._open and self.signature:
            self._open = self._open[0], ""  # nothing may follow a block's signature but its stop
        elif kind == "message_delta":
            self._ending = True
        if self._shift and kind.startswith("content_block_"):
            payload = changed(payload, index=event.index + self._shift)
        return closed + frame(kind, payload.replace(b"\n", b" "))

    def _start(self, event: _Event, payload: bytes) -> bytes:
        if self._started:
            return b""
        self._started = True
        if event.message and _message(event.message).model != self._context.model:
            message = changed(event.message, model=self._context.model)
            payload = changed(payload, message=Raw(message))
        return frame(event.type, payload.replace(b"\n", b" "))

    def _is_like_own(self, event: _Event) -> bool:
        return self._open is not None and self._open[1] == _block(event.content_block).type

    def _continue_own(self, event: _Event) -> bytes:
        """The upstream's block goes on in ours: its start is left out, but for what some put into it already."""
        index = self._next - 1
        self._own = False
        self._shift = index - event.index
        _, deltas = begun_and_deltas(fields_of(event.content_block))
        return b"".join(_own("content_block_delta", index=index, delta=delta) for delta in deltas)

    def _close_own(self) -> bytes:
        index = self._open[0] if self._open else 0
        self._open, self._own = None, False
        return _stop(index)

    def end(self) -> bytes:
        return b""

    def keep_alive(self, *, committed: bool) -> bytes:
        opening = b""
        if not self._started and not committed:
            self._started = self._own = True
            self._open, self._next = (0, self._own_kind), 1
            self._shift = 1
            return MessagesStreamEncoder(self._context).keep_alive()
        if self._open is None and not self._ending:
            opening = self._open_own()
        index, kind = self._open or (0, "")
        delta = _EMPTY_DELTAS.get(kind)
        if delta is None:
            return frame("ping", b'{"type":"ping"}')
        return opening + _own("content_block_delta", index=index, delta=delta)

    def _open_own(self) -> bytes:
        self._open, self._own = (self._next, self._own_kind), True
        self._next += 1
        self._shift += 1
        return _own("content_block_start", index=self._next - 1, content_block=_EMPTY_BLOCKS[self._own_kind])

    @property
    def _own_kind(self) -> str:
        return "thinking" if self._context.request.reasoning.asked_for else "text"

    def fail(self, error: GatewayError) -> bytes:
        self._open, self._own = None, False
        return MessagesStreamEncoder(self._context).fail(error)

    def whole(self, body: bytes) -> bytes:
        model = self._context.model
        message = _message(body)
        if message.model != model:
            body = changed(body, model=model)
        content = [self._fresh(index, block) for index, block in enumerate(message.content)]
        return body if content == message.content else changed(body, content=content)

    def ids(self) -> Sequence[str]:
        return ()

    def signatures(self, body: bytes) -> Sequence[bytes]:
        return [piece for piece in map(_signed, _message(body).content) if piece]

    def _fresh(self, index: int, raw: Raw) -> Raw:
        block = _block(raw)
        return (self._call(index, raw, block) or raw) if block.type == "tool_use" else raw

    def _call(self, index: int, raw: Raw, block: _Block) -> Raw | None:
        """A call with an id and an input that the client can take; None where it has both."""
        changes: dict[str, object] = {}
        if fresh := self._ids.fresh(index, block.id, block.name):
            changes["id"] = fresh
        written = bytes(block.input).decode()
        if written[:1] not in ("", "{") and (whole := input_text(written)) != written:
            changes["input"] = Raw(whole.encode())
        return Raw(changed(raw, **changes)) if changes else None

    def collected(self, stream: bytes) -> bytes:
        return message_of(stream)

    def unfold(self, body: bytes, response: Response) -> bytes:
        """The events that a stream of this answer would have had, and on from there as with any stream."""
        try:
            payloads = list(message_events(body))
        except NOT_JSON:  # an odd block: what the hub makes of it
            payloads = list(message_events(self._encode_response(response)))
        out = bytearray()
        for payload in payloads:
            self.read(payload)
            out += self.event(payload)
        return bytes(out)


def _signed(raw: Raw) -> bytes:
    """What only the upstream can read of a block: the proof of its thinking, or the thinking itself."""
    if b'thinking"' not in bytes(raw):
        return b""
    block = _block(raw)
    piece = {"thinking": block.signature, "redacted_thinking": block.data}.get(block.type)
    return piece.encode() if piece else b""


def _own(kind: str, **fields: object) -> bytes:
    return frame(kind, encode({"type": kind, **fields}))


def _stop(index: int) -> bytes:
    return _own("content_block_stop", index=index)
