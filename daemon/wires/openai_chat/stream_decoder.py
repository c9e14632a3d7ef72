"""Upstream bytes of a Chat Completions stream to hub events.

Invariants:
1. ``MessageStart`` precedes everything. The first chunk may be Azure's, without id, model and choices.
2. Text, refusal and thinking are flat on this wire: a block ends where another kind of content begins.
3. The end is ``[DONE]``, or the end of the body after a ``finish_reason``; what follows is not read.
   Until then content may come, and counts: the last ``usage`` wins, wherever it stands.
4. A body that ends before a ``finish_reason`` is a ``StreamError``. So is ``[DONE]`` without one where
   nothing came or a call is cut; else it is believed (Kimi through OpenRouter ends so).

A thinking block is signed with the name of the field it came in. The gateway seals signatures with
the core auth, so thinking goes back to the upstream that thought it, in its own field, and to no other.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import UNSET, Raw

from daemon.errors import ErrorKind, GatewayError, RemoteError
from daemon.inference.blocks import Opaque
from daemon.inference.events import BlockEnd, BlockKind, Cited, Event, Finish, MessageStart, StreamError
from daemon.wires.block_writer import BlockWriter
from daemon.wires.openai_chat.answer import (
    broken_off,
    citation_from,
    finish_reason,
    reasoning_of,
    thinking_of,
    usage_from,
)
from daemon.wires.openai_chat.calls import CallTable
from daemon.wires.openai_chat.errors import remote_error
from daemon.wires.openai_chat.schema import WIRE, AnswerPart, Choice, Completion, Delta, Unset
from daemon.wires.sse import SseSplitter

_CHUNK = msgspec.json.Decoder(Completion)
_DONE = b"[DONE]"
_NULL = b"null"


class ChatStreamDecoder:
    """One answer. ``tool_names`` maps shortened tool names back to the client's."""

    __slots__ = (
        "_block",
        "_calls",
        "_came",
        "_field",
        "_finish",
        "_finished",
        "_kind",
        "_refused",
        "_sse",
        "_started",
        "_tier",
        "_usage",
        "_writer",
    )

    def __init__(self, tool_names: Mapping[str, str]) -> None:
        self._sse = SseSplitter()
        self._writer = BlockWriter()
        self._calls = CallTable(self._writer, tool_names)
        self._started = self._finished = self._refused = self._came = False
        self._kind: BlockKind | None = None
        self._block = 0
        self._field = ""
        self._finish = ""
        self._usage: Raw | Unset = UNSET
        self._tier: str | None = None

    def feed(self, data: bytes) -> list[Event]:
        if self._finished:
            return []
        try:
            payloads = self._sse.feed(data)
        except RemoteError as error:
            self._fail(error)
            payloads = []
        for payload in payloads:
            self._event(payload)
        return self._writer.take()

    def close(self) -> list[Event]:
        if self._finished:
            return []
        for payload in self._sse.close():
            if payload.strip() == _DONE or _is_json(payload):
                self._event(payload)
        if not self._finished:
            if self._finish:
                self._end()
            else:
                self._fail(RemoteError(ErrorKind.API, "the upstream's stream ended before its finish_reason"))
        return self._writer.take()

    def whole(self, completion: Completion) -> list[Event]:
        """The events of an answer that came in one piece."""
        self._completion(completion)
        if not self._finished:
            self._end()
        return self._writer.take()

    # --- dispatch ---

    def _event(self, payload: bytes) -> None:
        if self._finished:
            return
        try:
            if not payload.isascii():
                payload.decode()  # what stays raw is passed on unread, so it must not smuggle bytes that are no UTF-8
            chunk = _CHUNK.decode(payload)
        except (ValueError, RecursionError) as error:
            self._odd_event(payload, error)
            return
        if chunk.object == "error":
            self._fail(remote_error(msgspec.json.decode(payload)))
            return
        self._completion(chunk)

    def _odd_event(self, payload: bytes, error: Exception) -> None:
        if payload.strip() == _DONE:
            self._done()
        elif isinstance(error, msgspec.ValidationError):
            self._fail(RemoteError(ErrorKind.API, f"the upstream sent a misshapen chunk: {error}"))
        else:
            self._fail(RemoteError(ErrorKind.API, "the upstream sent an event that is not a JSON object"))

    def _done(self) -> None:
        if self._finish or (self._came and self._calls.whole):
            self._end()
        else:
            self._fail(RemoteError(ErrorKind.API, "the upstream ended its stream without a finish_reason"))

    def _completion(self, chunk: Completion) -> None:
        if _said(chunk.error):
            self._fail(_told_error(chunk.error))
            return
        if chunk.usage is not UNSET and _said(chunk.usage):
            self._usage = chunk.usage
        if chunk.service_tier is not None:
            self._tier = chunk.service_tier
        if not self._started and (chunk.id or chunk.choices):
            self._start(chunk.id or "", chunk.model or "")
        for choice in chunk.choices or ():
            if not choice.index and not self._finished:
                self._choice(choice)

    def _start(self, id_: str, model: str) -> None:
        self._started = True
        self._calls.answer_id = id_
        self._writer.events.append(MessageStart(id_, model))

    def _choice(self, choice: Choice) -> None:
        """``index`` 0, the only one that other wires have a place for."""
        delta = choice.delta or choice.message
        if delta is not None:
            try:
                self._delta(delta)
            except msgspec.ValidationError as error:
                self._fail(RemoteError(ErrorKind.API, f"the upstream sent a misshapen chunk: {error}"))
                return
        if choice.usage is not UNSET and _said(choice.usage):
            self._usage = choice.usage
        if choice.finish_reason and not self._finish:
            self._finish = choice.finish_reason
            failure = _told_error(choice.error) if _said(choice.error) else broken_off(self._finish)
            if failure is not None:
                self._fail(failure)

    # --- content ---

    def _delta(self, delta: Delta) -> None:
        """Any content, in the order in which a server that puts several into one chunk means it."""
        if delta.reasoning_content or delta.reasoning:
            self._think(*reasoning_of(delta))
        content = delta.content
        if isinstance(content, list):
            self._parts(content)
        elif content:
            self._say("text", content)
        if delta.annotations:
            self._cite(delta.annotations)
        if delta.refusal:
            self._say("refusal", delta.refusal)
        for image in delta.images or ():
            self._image(image)
        if delta.tool_calls or delta.function_call is not None:
            self._call(delta)

    def _think(self, field: str, text: str) -> None:
        """The field that came first is the one: the other would say it twice."""
        if text and self._field in ("", field):
            self._field = field
            self._say("reasoning", text)

    def _parts(self, parts: list[AnswerPart]) -> None:
        for part in parts:
            if thinking := thinking_of(part):
                self._field = "content"
                self._say("reasoning", thinking)
            elif part.refusal:
                self._say("refusal", part.refusal)
            elif part.text:
                self._say("text", part.text)

    def _say(self, kind: BlockKind, text: str) -> None:
        if self._kind != kind:
            self._enter(kind)
        self._refused = self._refused or kind == "refusal"
        self._writer.delta(self._block, text)

    def _enter(self, kind: BlockKind) -> None:
        if self._kind == kind:
            return
        self._leave()
        self._calls.settle()
        self._block = self._writer.start(kind)
        self._kind = kind
        self._came = True

    def _leave(self) -> None:
        if self._kind is not None:
            signature = self._field if self._kind == "reasoning" else None
            self._writer.events.append(BlockEnd(self._block, signature))
            self._kind = None

    def _call(self, delta: Delta) -> None:
        self._leave()
        self._came = True
        for part in delta.tool_calls or ():
            self._calls.take(part)
        if delta.function_call is not None:
            self._calls.take_legacy(delta.function_call)

    def _image(self, image: Raw) -> None:
        self._leave()
        self._came = True
        block = self._writer.start("opaque")
        self._writer.events.append(BlockEnd(block, opaque=Opaque(WIRE, Raw(bytes(image)))))

    def _cite(self, annotations: list[Raw]) -> None:
        for annotation in annotations:
            citation = citation_from(annotation)
            self._enter("text")
            self._writer.events.append(Cited(self._block, citation))

    # --- the end ---

    def _end(self) -> None:
        self._leave()
        self._calls.finish()
        self._finished = True
        reason = finish_reason(self._finish, called=self._calls.named, refused=self._refused)
        usage = None if self._usage is UNSET else usage_from(self._usage)
        self._writer.events.append(Finish(reason, usage, service_tier=self._tier))

    def _fail(self, error: GatewayError) -> None:
        if not self._started:
            self._start("", "")
        self._finished = True
        self._writer.events.append(StreamError(error))


def _said(raw: Raw | Unset) -> bool:
    return raw is not UNSET and bytes(raw) != _NULL


def _told_error(raw: Raw | Unset) -> RemoteError:
    error = None if raw is UNSET else msgspec.json.decode(raw)
    return remote_error(error if isinstance(error, dict) else {"message": error})


def _is_json(payload: bytes) -> bool:
    try:
        msgspec.json.decode(payload, type=Raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
