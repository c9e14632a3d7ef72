"""The relay without the hub: a Responses client over a Responses upstream.

Codex and the OpenAI SDKs send and need shapes that no hub should have to know (namespaces, custom
tools, compaction items), so the bytes go through: of the request only ``model`` and the forced
fields change, of the answer each event's JSON is forwarded as it came, in a frame of its own.

What a keep-alive has told the client binds the rest of the stream: its response id stays, and the
numbers of later events move on by the events that were inserted.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct

from daemon.errors import ErrorKind, GatewayError, RemoteError
from daemon.gateway.inbound import Inbound
from daemon.gateway.relay import HELD_BYTES, HELD_EVENTS
from daemon.gateway.splice import splice_body
from daemon.inference.events import Finish, StreamError
from daemon.inference.response import Usage
from daemon.snapshot.models import Candidate
from daemon.wires.base import UpstreamBody
from daemon.wires.sse import SseSplitter, frame
from daemon.wires.table import WIRES

WIRE = WIRES["responses"]
TERMINALS = frozenset({"response.completed", "response.incomplete", "response.failed", "error"})
OPENINGS = frozenset({"response.created", "response.queued", "response.in_progress"})
LIFECYCLE = OPENINGS | TERMINALS


class Peek(Struct):
    """What the relay itself reads of an event."""

    type: str = ""
    delta: Raw = Raw(b"")
    item: Raw = Raw(b"")
    response: Raw = Raw(b"")
    sequence_number: int = 0


class PeekItem(Struct):
    type: str = ""


class PeekResponse(Struct):
    id: str = ""
    output: list[Raw] = []


_peek = msgspec.json.Decoder(Peek).decode
_peek_item = msgspec.json.Decoder(PeekItem).decode
_peek_response = msgspec.json.Decoder(PeekResponse).decode
_encode = msgspec.json.encode


class Passthrough:
    """One request whose entry and upstream both speak the Responses wire."""

    __slots__ = (
        "_answer",
        "_held",
        "_held_bytes",
        "_inbound",
        "_inserted",
        "_items",
        "_last_number",
        "_opened_as",
        "_out",
        "_splitter",
        "_upstream_id",
        "committed",
        "error",
        "finished",
        "usage",
    )

    def __init__(self, inbound: Inbound) -> None:
        self._inbound = inbound
        self._opened_as = ""
        self._inserted = 0
        self._last_number = -1
        self.usage: Usage | None = None
        self._begin()

    def _begin(self) -> None:
        self._splitter = SseSplitter()
        self._out = bytearray()
        self._held = 0
        self._held_bytes = 0
        self._items: list[Raw] = []
        self._answer = b""
        self._upstream_id = ""
        self.committed = self.finished = False
        self.error: RemoteError | None = None

    def prepare(self, candidate: Candidate, effort: str | None) -> UpstreamBody:
        self._begin()
        return splice_body(self._inbound.body, candidate, effort)

    def feed(self, data: bytes) -> None:
        try:
            for payload in self._splitter.feed(data):
                if self.finished or self.error:
                    return
                if payload != b"[DONE]":
                    self._accept(payload)
        except RemoteError as error:
            self.error = error

    def feed_whole(self, body: bytes) -> None:
        try:
            self.usage = WIRE.decode_response(body, {}).usage
        except RemoteError as error:
            self.error = error
            return
        self._answer = body
        self.finished = self.committed = True
        if self._inbound.request.stream:
            self._unfold(body)

    def _unfold(self, body: bytes) -> None:
        """The events that a stream of this whole answer would have had, as far as Codex reads them."""
        answer = _peek_response(body)
        self._upstream_id = answer.id
        numbered: list[dict[str, object]] = [
            {"type": "response.created", "response": self._own_response("in_progress")},
            *(
                {"type": "response.output_item.done", "output_index": index, "item": item}
                for index, item in enumerate(answer.output)
            ),
            {"type": "response.completed", "response": Raw(body)},
        ]
        for number, event in enumerate(numbered):
            self._emit(str(event["type"]), _encode(event | {"sequence_number": number}))

    def end_of_body(self) -> None:
        if not self.finished and self.error is None:
            self.error = _stream_error(WIRE.stream_decoder({}).close())

    def _accept(self, payload: bytes) -> None:
        try:
            event = _peek(payload)
        except msgspec.DecodeError:
            self.error = RemoteError(ErrorKind.API, "the upstream sent an event that is not JSON")
            return
        if event.type in LIFECYCLE:
            payload = self._lifecycle(event, payload)
            if self.error is not None:
                return
            if event.type in OPENINGS and self._opened_as and not self.committed:
                return
        elif event.type == "response.output_item.done":
            self._items.append(event.item)
            self.committed = self.committed or _peek_item(event.item).type != "reasoning"
        elif not self.committed:
            self.committed = event.type.endswith(".delta") and len(event.delta) > 2
        self._last_number = event.sequence_number + self._inserted
        self._emit(event.type, self._renumbered(payload, event.sequence_number))

    def _emit(self, kind: str, payload: bytes) -> None:
        self._out += frame(kind, payload.replace(b"\n", b" "))
        if not self.committed:
            self._held += 1
            self._held_bytes += len(payload)
            self.committed = self._held > HELD_EVENTS or self._held_bytes > HELD_BYTES

    def _lifecycle(self, event: Peek, payload: bytes) -> bytes:
        """Created, in progress or the end: the client must see one response id throughout."""
        if event.type in TERMINALS:
            payload = self._end(event, payload)
        if event.response:
            self._upstream_id = _peek_response(event.response).id or self._upstream_id
            if self._opened_as and self._upstream_id:
                payload = payload.replace(_encode(self._upstream_id), _encode(self._opened_as))
        return payload

    def _end(self, event: Peek, payload: bytes) -> bytes:
        payload = self._repaired(event, payload)
        match WIRE.stream_decoder({}).feed(frame(event.type, payload))[-1]:
            case StreamError(error=error) if isinstance(error, RemoteError):
                self.error = error
            case Finish(usage=usage):
                self.usage = usage
                self.finished = self.committed = True
        return payload

    def _repaired(self, event: Peek, payload: bytes) -> bytes:
        """Some relays end with an empty ``output``: it is put together from the finished items."""
        if not event.response:
            return payload
        self._answer = bytes(event.response)
        if not self._items or _peek_response(event.response).output:
            return payload
        answer = msgspec.json.decode(event.response, type=dict[str, Raw])
        answer["output"] = Raw(_encode(self._items))
        self._answer = _encode(answer)
        whole = msgspec.json.decode(payload, type=dict[str, Raw])
        whole["response"] = Raw(self._answer)
        return _encode(whole)

    def _renumbered(self, payload: bytes, number: int) -> bytes:
        if not self._inserted:
            return payload
        old, new = b'"sequence_number":%d' % number, b'"sequence_number":%d' % (number + self._inserted)
        return payload.replace(old, new).replace(old.replace(b":", b": "), new)

    def take(self) -> bytes:
        if not self.committed:
            return b""
        out, self._out = bytes(self._out), bytearray()
        return out

    def whole(self) -> bytes:
        return self._answer

    def keep_alive(self) -> bytes:
        """A repeated ``response.in_progress``, after a ``response.created`` where none has gone out."""
        opening = b""
        if not self._opened_as and not self.committed:
            self._opened_as = self._upstream_id or f"resp_{self._inbound.context.answer_id}"
            self._out.clear()
            self._held = 0
            opening = self._own("response.created")
        return opening + self._own("response.in_progress")

    def _own(self, kind: str) -> bytes:
        self._inserted += 1
        self._last_number += 1
        event = {"type": kind, "response": self._own_response("in_progress"), "sequence_number": self._last_number}
        return frame(kind, _encode(event))

    def _own_response(self, status: str) -> dict[str, object]:
        context = self._inbound.context
        return {
            "id": self._opened_as or self._upstream_id or f"resp_{context.answer_id}",
            "object": "response",
            "created_at": context.created,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "model": context.model,
            "output": [],
            "usage": None,
        }

    def fail(self, error: GatewayError) -> bytes:
        if self.finished:
            return b""
        code = error.code or error.kind.value
        response = self._own_response("failed") | {"error": {"code": code, "message": error.message}}
        event = {"type": "response.failed", "response": response, "sequence_number": self._last_number + 1}
        return frame("response.failed", _encode(event))


def _stream_error(events: object) -> RemoteError:
    match events:
        case [*_, StreamError(error=RemoteError() as error)]:
            return error
    return RemoteError(ErrorKind.API, "the upstream's stream ended before response.completed")
