"""The Responses wire passing through.

Codex and the OpenAI SDKs send and need shapes that no hub should have to know (namespaces, custom
tools, compaction items). The client must see one response id throughout, and rising sequence numbers:
after an inserted keep-alive, the daemon's ``response.created`` stands for the upstream's, and later
events are numbered anew.
"""

from __future__ import annotations

import re

import msgspec
from msgspec import Raw, Struct

from daemon.errors import GatewayError
from daemon.inference.blocks import Reasoning
from daemon.inference.response import Response
from daemon.wires.base import AnswerContext, EncodeResponse
from daemon.wires.json import LenientDecoder, is_object
from daemon.wires.openai_responses.decode_answer import decode_response
from daemon.wires.openai_responses.encode_answer import ResponseObjects
from daemon.wires.openai_responses.errors import failure_code, failure_message
from daemon.wires.openai_responses.passthrough_events import item_events
from daemon.wires.openai_responses.stream_decoder import ResponsesStreamDecoder
from daemon.wires.passthrough import changed, collected, encode, fields_of
from daemon.wires.sse import frame

OPENINGS = frozenset({"response.created", "response.queued", "response.in_progress"})
TERMINALS = frozenset(
    {"response.completed", "response.incomplete", "response.failed", "response.cancelled", "response.done", "error", ""}
)
LIFECYCLE = OPENINGS | TERMINALS
ITEM_DONE = "response.output_item.done"


class _Event(Struct):
    type: str = ""
    delta: Raw = Raw(b"")
    item: Raw = Raw(b"")
    response: Raw = Raw(b"")
    sequence_number: int | None = None


class _Item(Struct):
    type: str = ""
    encrypted_content: str | None = None


class _Response(Struct):
    id: str = ""
    model: str | None = None
    output: list[Raw] | None = None


_event = LenientDecoder(_Event)
_item = LenientDecoder(_Item).decode
_response = LenientDecoder(_Response).decode
_NOTHING = _Item()
_SAID = re.compile(rb'"(?:arguments|input|refusal)" ?: ?"[^"]|"output_text"[^{}]{0,200}"text" ?: ?"[^"]')
"""A call, or a part of a message, that is not empty."""


class ResponsesDialect:
    """See ``base.Dialect``."""

    __slots__ = (
        "_context",
        "_done",
        "_encode_response",
        "_envelope",
        "_inserted",
        "_item",
        "_items",
        "_last_number",
        "_objects",
        "_opened_as",
        "_read",
        "_upstream_id",
        "signed",
        "told",
    )

    def __init__(self, context: AnswerContext, encode_response: EncodeResponse) -> None:
        self._context = context
        self._encode_response = encode_response
        self._objects = ResponseObjects(context)
        self._opened_as = ""
        self._inserted = False  # whether the client has had events of ours: then it gets our numbers
        self._last_number = -1
        self.begin()

    def begin(self) -> None:
        self._read = _Event()
        self._item = _NOTHING
        self._items: list[Raw] = []
        self._done = b""
        self._envelope = b""  # the response object of the upstream's opening, as the client got it
        self._upstream_id = ""
        self.told = False
        self.signed = b""

    def read(self, payload: bytes) -> None:
        try:
            event = _event.strict(payload)
        except msgspec.ValidationError:
            event = _event.odd(payload)
        self._read = event
        kind = event.type
        self.told = kind in TERMINALS or "." not in kind  # some relays' errors have a type of their own
        self.signed = b""
        if kind == ITEM_DONE:
            self._item = _item(event.item)
            if self._item.type == "reasoning" and self._item.encrypted_content:
                self.signed = self._item.encrypted_content.encode()
        elif kind in OPENINGS and is_object(event.response):
            self._upstream_id = _response(event.response).id

    def commits(self) -> bool:
        kind = self._read.type
        if kind == ITEM_DONE:
            return self._item.type != "reasoning"
        return kind.endswith(".delta") and len(self._read.delta) > 2

    def event(self, payload: bytes) -> bytes:
        event = self._read
        kind = event.type
        if kind == ITEM_DONE:
            self._items.append(event.item)
        elif kind in LIFECYCLE:
            if kind in OPENINGS and self._opened_as:
                return b""
            payload = self._lifecycle(event, payload)
        number = event.sequence_number
        if self._inserted or number is None:
            number = self._last_number + 1
        self._last_number = number
        if self._inserted:
            payload = changed(payload, sequence_number=number)
        return frame(kind, payload.replace(b"\n", b" "))

    def _lifecycle(self, event: _Event, payload: bytes) -> bytes:
        """Created, in progress or the end: one id, the model the client asked for, and all items at the end."""
        if not is_object(event.response):
            return payload
        said = _response(event.response)
        changes: dict[str, object] = {}
        if said.model != self._context.model:
            changes["model"] = self._context.model
        if self._opened_as and said.id != self._opened_as:
            changes["id"] = self._opened_as
        if event.type in TERMINALS and self._items and not said.output:
            changes["output"] = Raw(encode(self._items))  # some relays end with an empty one
        self._upstream_id = said.id or self._upstream_id
        response = changed(event.response, **changes) if changes else bytes(event.response)
        if event.type in TERMINALS:
            self._done = response
        else:
            self._envelope = response
        return changed(payload, response=Raw(response)) if changes else payload

    def end(self) -> bytes:
        return b""

    def keep_alive(self, *, committed: bool) -> bytes:
        """A repeated ``response.in_progress``, after a ``response.created`` where none has gone out."""
        opening = b""
        if not self._opened_as and not committed:
            self._opened_as = self._upstream_id or self._own_id()
            opening = self._own("response.created")
        return opening + self._own("response.in_progress")

    def _own(self, kind: str) -> bytes:
        self._inserted = True
        self._last_number += 1
        return _numbered({"type": kind, "response": Raw(self._running())}, self._last_number)

    def _running(self) -> bytes:
        """The response object under way: the upstream's own, once it has said one."""
        if self._envelope:
            return self._envelope
        return changed(self._objects.running(), id=self._opened_as or self._upstream_id or self._own_id())

    def _own_id(self) -> str:
        return f"resp_{self._context.answer_id}"

    def fail(self, error: GatewayError) -> bytes:
        told = {"code": failure_code(error) or error.kind.value, "message": failure_message(error)}
        response = changed(self._running(), status="failed", error=told, output=self._items)
        return _numbered({"type": "response.failed", "response": Raw(response)}, self._last_number + 1)

    def whole(self, body: bytes) -> bytes:
        return body if _response(body).model == self._context.model else changed(body, model=self._context.model)

    def collected(self, stream: bytes) -> bytes:
        """The response object of the terminal event; its output by way of the hub where only the pieces had it."""
        if self._done and self._says_something(self._done):
            return self._done
        answer = collected(ResponsesStreamDecoder({}), stream, self._encode_response)
        return changed(self._done, output=fields_of(answer)["output"]) if self._done else answer

    def _says_something(self, answer: bytes) -> bool:
        """Whether there is more in it than reasoning. The usual answer shows it at once."""
        if any(_SAID.search(bytes(item)) for item in _response(answer).output or ()):
            return True
        blocks = decode_response(answer, {}).content
        return any(not isinstance(block, Reasoning) for block in blocks)

    def unfold(self, body: bytes, response: Response) -> bytes:
        """The events that a stream of this answer would have had."""
        answer = self.whole(body)
        said = _response(answer)
        if self._opened_as:
            answer = changed(answer, id=self._opened_as)
        self._upstream_id = said.id
        events: list[dict[str, object]] = []
        if not self._opened_as:
            opening = Raw(self._running())
            events += ({"type": f"response.{word}", "response": opening} for word in ("created", "in_progress"))
        for index, item in enumerate(said.output or ()):
            events += item_events(item, index)
        events.append({"type": _terminal(answer), "response": Raw(answer)})
        first = self._last_number + 1
        return b"".join(_numbered(event, first + number) for number, event in enumerate(events))


def _numbered(event: dict[str, object], number: int) -> bytes:
    """Upstreams may indent their JSON; a frame's data is one line."""
    return frame(str(event["type"]), encode(event | {"sequence_number": number}).replace(b"\n", b" "))


class _Status(Struct):
    status: str = "completed"


_status = LenientDecoder(_Status).decode


def _terminal(answer: bytes) -> str:
    status = _status(answer).status
    return "response.incomplete" if status == "incomplete" else "response.completed"
