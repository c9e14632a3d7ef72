"""The Responses wire passing through.

Codex and the OpenAI SDKs send and need shapes that no hub should have to know (namespaces, custom
tools, compaction items). The client must see one response id throughout, and rising sequence numbers:
after an inserted keep-alive, the daemon's ``response.created`` stands for the upstream's, and later
events are numbered anew. ``response.done`` becomes the event that clients wait for (Codex takes the answer for broken
off without it; cockpit-tools#2328), and items whose last word is empty are filled (``refilled_items``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Raw, Struct

from daemon.errors import GatewayError
from daemon.inference.blocks import Reasoning
from daemon.inference.collect import collect
from daemon.inference.events import OBJECT
from daemon.inference.response import Response
from daemon.wires.base import AnswerContext, EncodeResponse, StreamDecoder
from daemon.wires.call_arguments import NO_ARGUMENTS, lacks_arguments
from daemon.wires.call_ids import RepeatedIds
from daemon.wires.json import LenientDecoder, changed, encode, fields_of, is_object, says
from daemon.wires.openai_responses.decode_answer import decode_response
from daemon.wires.openai_responses.encode_answer import ResponseObjects
from daemon.wires.openai_responses.errors import failure_code, failure_message
from daemon.wires.openai_responses.item_events import item_events
from daemon.wires.openai_responses.refilled_items import MOST_REFILLED, PIECES, quoted, refilled
from daemon.wires.openai_responses.schema import WIRE_NAME
from daemon.wires.openai_responses.stream_decoder import ResponsesStreamDecoder
from daemon.wires.openai_responses.stream_encoder import MOST_REPEATED
from daemon.wires.sse import frame

OPENINGS = frozenset({"response.created", "response.queued", "response.in_progress"})
TERMINALS = frozenset(
    {"response.completed", "response.incomplete", "response.failed", "response.cancelled", "response.done", "error"}
)
LIFECYCLE = OPENINGS | TERMINALS
ITEM_DONE = "response.output_item.done"
ARGUMENTS_DONE = "response.function_call_arguments.done"
ITEMS = frozenset({"response.output_item.added", ITEM_DONE})


class _Event(Struct):
    type: str = ""
    output_index: int | None = None
    delta: Raw = Raw(b"")
    item: Raw = Raw(b"")
    response: Raw = Raw(b"")
    sequence_number: int | None = None


class _Item(Struct):
    type: str = ""
    id: str = ""
    encrypted_content: str | None = None


class _Call(Struct):
    call_id: str = ""
    name: str = ""


class _Response(Struct):
    id: str = ""
    model: str | None = None
    output: list[Raw] | None = None


_event = LenientDecoder(_Event)
_item = LenientDecoder(_Item).decode
_call = LenientDecoder(_Call).decode
_response = LenientDecoder(_Response).decode
_NOTHING = _Item()
_NEW: Final = bytearray()
"""Of an item that has said nothing yet; nobody adds to it."""
_SAID = re.compile(rb'"(?:arguments|input|refusal)" ?: ?"[^"]|"output_text"[^{}]{0,200}"text" ?: ?"[^"]')
"""A call, or a part of a message, that is not empty."""


class ResponsesDialect:
    """See ``base.Dialect``."""

    __slots__ = (
        "_context",
        "_done",
        "_encode_response",
        "_envelope",
        "_ids",
        "_inserted",
        "_item",
        "_items",
        "_items_size",
        "_last_number",
        "_objects",
        "_opened_as",
        "_read",
        "_refilled",
        "_said",
        "_stored",
        "_upstream_id",
        "beside",
        "goes_on",
        "kept",
        "needs_decoding",
        "signature",
    )

    def __init__(self, context: AnswerContext, encode_response: EncodeResponse) -> None:
        self._context = context
        self._encode_response = encode_response
        self._objects = ResponseObjects(context)
        self._ids = RepeatedIds(context)
        extra = context.request.extra.get(WIRE_NAME, {})
        self._stored = any(says(extra, name) for name in ("previous_response_id", "conversation"))
        # What outlives an attempt, because the client has had it. ``_opened_as`` is the response id of our own
        # ``response.created``: the upstream's opening is then dropped and its id replaced, since an answer has one id.
        # Empty where the upstream's opening was the first.
        self._opened_as = ""
        # Whether the client has had an event of ours. Only then are the upstream's events numbered anew, which costs a
        # rewrite of each; ``_last_number`` is the last number that the client has seen, also of the upstream's.
        self._inserted = False
        self._last_number = -1
        self.begin()

    def begin(self, _: StreamDecoder | None = None, /) -> None:
        self._read = _Event()
        self._item = _NOTHING
        self._ids.begin()
        # The items that have ended. Some relays end with an empty ``output``, from which a client that reads only the
        # last event gets no answer, and a failure must show what came before it.
        self._items: list[Raw] = []
        self._items_size = self.kept = 0
        # What the pieces of running items have said so far, by ``output_index``, as it stands in JSON between the
        # quotes, None for one that has become too long; and whether an item that has ended was filled with it.
        self._said: dict[int | None, bytearray | None] = {}
        self._refilled = False
        self._done = b""  # the response object of the terminal event: the whole answer of a client that did not stream
        # The response object of the upstream's opening, as the client got it. A keep-alive repeats it, so that it
        # says no less than the upstream has said.
        self._envelope = b""
        self._upstream_id = ""  # known before the opening goes on, so that a keep-alive then due can have its id
        self.beside = self.goes_on = self.needs_decoding = False
        self.signature = b""

    def read(self, payload: bytes) -> None:
        try:
            event = _event.strict(payload)
        except msgspec.ValidationError:
            event = _event.odd(payload)
        self._read = event
        kind = event.type
        if not kind:
            raise msgspec.DecodeError
        self.goes_on = kind[:9] == "response."
        self.beside = kind[-6:] != ".delta"
        self.needs_decoding = kind in TERMINALS or "." not in kind  # some relays' errors have a type of their own
        self.signature = b""
        if kind == ITEM_DONE:
            self._item = _item(event.item)
            if self._item.encrypted_content:
                self.signature = self._item.encrypted_content.encode()
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
        if kind in PIECES:
            piece = bytes(event.delta)[1:-1]
            said = self._said.get(event.output_index, _NEW)
            if said is _NEW:
                self._said[event.output_index] = bytearray(piece)
                self.kept += len(piece)
            elif said is not None:
                said += piece
                self.kept += len(piece)
                if len(said) > MOST_REFILLED:
                    self._said[event.output_index] = None
                    self._count()
        elif kind in ITEMS:
            item = self._unlike(event.item)
            if kind == ITEM_DONE:
                item = self._whole_item(item, self._said.pop(event.output_index, None))
            if item is not event.item:
                payload = changed(payload, item=item)
            if kind == ITEM_DONE:
                self._items.append(item)
                self._items_size += 2 * OBJECT + len(payload)
            self._count()
        elif kind in LIFECYCLE:
            if kind in OPENINGS and self._opened_as:
                return b""
            kind, payload = self._lifecycle(event, payload)
            self._count()
        elif kind == ARGUMENTS_DONE and lacks_arguments(fields_of(payload).get("arguments")):
            said = self._said.get(event.output_index)
            payload = changed(payload, arguments=quoted(said) if said else NO_ARGUMENTS)
        number = event.sequence_number
        if self._inserted or number is None:
            number = self._last_number + 1
        self._last_number = number
        if self._inserted:
            payload = changed(payload, sequence_number=number)
        return frame(kind, payload.replace(b"\n", b" "))

    def _count(self) -> None:
        said = sum(map(len, filter(None, self._said.values())))
        self.kept = said + self._items_size + self._ids.kept + len(self._envelope) + len(self._done)

    def _unlike(self, item: Raw) -> Raw:
        """A call whose id the conversation holds already gets another, in all events alike (item ids change from event
        to event at GitHub Copilot). What a server has stored it knows by its own ids, so that these stay."""
        if b'"call_id"' not in bytes(item) or self._stored:
            return item
        call = _call(item)
        fresh = self._ids.fresh(0, call.call_id, call.name)
        return Raw(changed(item, call_id=fresh)) if fresh else item

    def _whole_item(self, item: Raw, said: bytearray | None) -> Raw:
        """An item that has ended."""
        whole = refilled(item, said)
        self._refilled = self._refilled or (whole is not item and bool(said))
        return whole

    def _unlike_all(self, items: list[Raw]) -> list[Raw]:
        sent = [refilled(self._unlike(item), None) if is_object(item) else item for item in items]
        return items if all(one is other for one, other in zip(sent, items, strict=True)) else sent

    def _lifecycle(self, event: _Event, payload: bytes) -> tuple[str, bytes]:
        """(type, event) of the beginning or the end: one id, the model the client asked for, all items at the end."""
        if not is_object(event.response):
            return self._without_response(event, payload)
        head = _response(event.response)
        changes: dict[str, object] = {}
        if head.model != self._context.model:
            changes["model"] = self._context.model
        if self._opened_as and head.id != self._opened_as:
            changes["id"] = self._opened_as
        if event.type in TERMINALS and self._items and (not head.output or self._refilled):
            changes["output"] = Raw(encode(self._items))  # some relays end with an empty one
        elif head.output and (output := self._unlike_all(head.output)) is not head.output:
            changes["output"] = output
        self._upstream_id = head.id or self._upstream_id
        response = changed(event.response, **changes) if changes else bytes(event.response)
        if event.type in TERMINALS:
            self._done = response
        else:
            self._envelope = response
        kind = event.type
        if kind == "response.done":
            kind = _terminal(response)
            changes["status"] = kind.removeprefix("response.")
            self._done = response = changed(response, status=changes["status"])
        return kind, changed(payload, type=kind, response=Raw(response)) if changes else payload

    def _without_response(self, event: _Event, payload: bytes) -> tuple[str, bytes]:
        """The same of one that says nothing of the answer: a good end says what is known here."""
        if event.type not in ("response.completed", "response.done"):
            return event.type, payload
        self._done = changed(self._running(), status="completed", output=Raw(encode(self._items)))
        return "response.completed", changed(payload, type="response.completed", response=Raw(self._done))

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
        problem = {"code": failure_code(error) or error.kind.value, "message": failure_message(error)}
        output = self._items if self.kept <= MOST_REPEATED else []
        response = self._objects.filled(changed(self._running(), status="failed", error=problem, output=output))
        return _numbered({"type": "response.failed", "response": Raw(response)}, self._last_number + 1)

    def whole(self, body: bytes) -> bytes:
        head = _response(body)
        self._upstream_id, self._items = head.id, head.output or []
        if head.model != self._context.model:
            body = changed(body, model=self._context.model)
        output = self._unlike_all(head.output or [])
        return body if output is head.output or not output else changed(body, output=output)

    def ids(self) -> Sequence[str]:
        items = (_item(item).id for item in self._items if is_object(item))
        return [each for each in (self._upstream_id, *items) if each]

    def signatures(self, body: bytes) -> Sequence[bytes]:
        if b'"encrypted_content"' not in body:
            return ()
        items = (_item(item) for item in _response(body).output or () if is_object(item))
        return [item.encrypted_content.encode() for item in items if item.encrypted_content]

    def collected(self, stream: bytes) -> bytes:
        """The response object of the terminal event; its output by way of the hub where only the pieces had it."""
        if self._done and self._says_something(self._done):
            return self._objects.filled(self._done)
        answer = self._encode_response(collect(ResponsesStreamDecoder({}).feed(stream)))
        if not self._done:
            return answer
        return self._objects.filled(changed(self._done, output=fields_of(answer)["output"]))

    def _says_something(self, answer: bytes) -> bool:
        """Whether there is more in it than reasoning. The usual answer shows it at once."""
        if any(_SAID.search(bytes(item)) for item in _response(answer).output or ()):
            return True
        blocks = decode_response(answer, {}).content
        return any(not isinstance(block, Reasoning) for block in blocks)

    def unfold(self, body: bytes, response: Response) -> bytes:
        """The events that a stream of this answer would have had."""
        answer = self._objects.filled(self.whole(body))
        head = _response(answer)
        if self._opened_as:
            answer = changed(answer, id=self._opened_as)
        self._upstream_id = head.id
        events: list[dict[str, object]] = []
        if not self._opened_as:
            opening = Raw(self._running())
            events += ({"type": f"response.{word}", "response": opening} for word in ("created", "in_progress"))
        for index, item in enumerate(filter(is_object, head.output or ())):
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
    status = _status(answer).status.lower()
    return "response.incomplete" if status == "incomplete" else "response.completed"
