"""Upstream bytes of a Chat Completions stream to hub events.

Invariants, besides those of ``sse_decoder``:
1. The first chunk may be Azure's, without id, model and choices: the next one begins the answer.
2. Text, refusal and thinking are flat on this wire: a block ends where another kind of content begins.
3. The end is ``[DONE]``, or the end of the body after a ``finish_reason``; what follows is not read.
   Until then content may come, and counts: the last ``usage`` wins, wherever it stands. ``ending`` says what has come
   of it, for who waits: some servers send no ``[DONE]`` and stay connected (bifrost#6784). A failure behind a
   ``finish_reason`` is none of the answer's, unless content came with it: Gemini's relays write one into each chunk.
4. A body that ends before a ``finish_reason`` is a ``StreamError``. So is ``[DONE]`` without one where
   nothing came or a call is cut; else it is believed (Kimi through OpenRouter ends so).

A thinking block is signed with the name of the field it came in, and with what else its server wants back
(``carried_state``). What comes behind its block, or without any, gets a block that has nothing to show: before the
call that follows, or at the end.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import UNSET, Raw

from daemon.errors import ErrorKind, GatewayError, RemoteError
from daemon.inference.blocks import Citation, Opaque
from daemon.inference.events import BlockDelta, BlockEnd, BlockKind, Cited, Event, Finish
from daemon.inference.response import Usage
from daemon.wires.json import NOT_JSON, LenientDecoder
from daemon.wires.openai_chat.carried_state import AnswerState, write_carrier
from daemon.wires.openai_chat.decode_calls import CallTable
from daemon.wires.openai_chat.decode_end import UNSAID, broken_off, finish_reason, says_why, usage_from
from daemon.wires.openai_chat.errors import error_event, remote_error
from daemon.wires.openai_chat.schema import (
    WIRE_NAME,
    Annotation,
    AnswerPart,
    Choice,
    Completion,
    Delta,
    Unset,
)
from daemon.wires.sse_decoder import SseDecoder

_CHUNK = LenientDecoder(Completion)
LONGEST_WORD = 64 * 1024
"""Bytes of what is kept until the end and has no end of its own: counts, a finish reason. No usage is that long."""
_NOTHING = frozenset((b"null", b"false", b"0", b'""', b"{}", b"[]"))


class ChatStreamDecoder(SseDecoder):
    """One answer. ``tool_names`` maps shortened tool names back to the client's."""

    __slots__ = (
        "_bare",
        "_block",
        "_came",
        "_counted",
        "_field",
        "_finish",
        "_kind",
        "_refused",
        "_state",
        "_tier",
        "_usage",
        "calls",
    )

    def __init__(self, tool_names: Mapping[str, str]) -> None:
        super().__init__()
        self.calls = CallTable(self._writer, tool_names)
        self._state = AnswerState(self._writer)
        self._refused = False  # a refusal decides the finish reason: OpenAI itself says ``stop``
        self._came = False  # whether any content came: an end without ``finish_reason`` is believed only then
        # Kind and number of the open block. The wire has no blocks: one ends where content of another kind begins.
        self._kind: BlockKind | None = None
        self._block = 0
        # The field that thinking came in first (``carried_state``; ``content`` of Mistral). Servers that send two say
        # the same in both; the block is signed with the name.
        self._field = ""
        self._finish = ""  # the first ``finish_reason``. The answer goes on behind it: usage comes in a later chunk
        self._bare = False  # whether nothing else came with that: an answer that ends by the way may go on
        self._usage: Raw | Unset = UNSET  # kept raw until the end: some servers send it with every chunk
        self._counted: tuple[Raw | Unset, Usage | None] = (
            UNSET,
            None,
        )  # what was decoded last
        self._tier: str | None = None

    def whole(self, completion: Completion) -> list[Event]:
        """The events of an answer that came in one piece."""
        self._completion(completion)
        if not self._ended:
            self._end()
        return self._writer.take()

    # --- dispatch ---

    def _event(self, payload: bytes) -> None:
        try:
            if not payload.isascii():
                payload.decode()  # what stays raw is passed on unread, so it must not smuggle bytes that are no UTF-8
            chunk = _CHUNK.strict(payload)
        except msgspec.ValidationError:
            chunk = _CHUNK.odd(payload)
        if chunk.choices or chunk.usage is not UNSET:
            self.heard += 1
        else:
            failure = error_event(payload)
            if failure is not None:
                self._fail(failure)
                return
            self.skipped += chunk.choices is None
        self._completion(chunk)

    def _done(self) -> None:
        if self._finish or (self._came and self.calls.whole):
            self._end()
        else:
            self._fail(
                RemoteError(ErrorKind.API, "the upstream ended its stream without a finish_reason", reason="cut")
            )

    def _completion(self, chunk: Completion) -> None:
        if chunk.error is not UNSET and _said(chunk.error):
            self._fail(_error_in(chunk.error))
            return
        finished, usage = self._finish, self._usage
        if chunk.usage is not UNSET and _said(chunk.usage):
            self._usage = Raw(bytes(chunk.usage)[:LONGEST_WORD])  # without the rest of its event
        if chunk.service_tier is not None:
            self._tier = chunk.service_tier[:LONGEST_WORD]
        if not self._begun and (chunk.id or chunk.choices):
            self.calls.answer_id = (chunk.id or "")[:LONGEST_WORD]
            self._begin(chunk.id or "", chunk.model or "")
        events = len(self._writer.events)
        for choice in chunk.choices or ():
            if not choice.index and not self._ended:
                self._choice(choice)
        if self._finish:
            spoke = len(self._writer.events) > events
            self._note_end(again=bool(finished), spoke=spoke, counts=self._usage is not usage)

    def _note_end(self, *, again: bool, spoke: bool, counts: bool) -> None:
        """How much of the end has come with this chunk, which has content (``spoke``), usage (``counts``), or comes
        behind a finish_reason (``again``)."""
        if not again:
            self._bare = not spoke
        if self.ending == "doubted" or (again and spoke):
            self.ending = "doubted"
            return
        usage = self._counts() if not spoke and (counts or self._bare) else None
        counted = usage is not None and bool(usage.output_tokens)  # some relays write zeros until they know
        self.ending = "counted" if counted or self.ending == "counted" else "said"

    def _choice(self, choice: Choice) -> None:
        """``index`` 0, the only one that other wires have a place for."""
        delta = choice.delta or choice.message
        if delta is not None:
            self._delta(delta)
        if choice.usage is not UNSET and _said(choice.usage):
            self._usage = Raw(bytes(choice.usage)[:LONGEST_WORD])
        if choice.finish_reason:
            self._why(choice.finish_reason, choice.error)

    def _why(self, reason: str, error: Raw | Unset) -> None:
        if reason.lower() not in UNSAID and (not self._finish or says_why(reason)):
            self._finish = reason[:LONGEST_WORD]
            failure = _error_in(error) if _said(error) else broken_off(self._finish)
            if failure is not None:
                self._fail(failure)

    # --- content ---

    def _delta(self, delta: Delta) -> None:
        """Any content, in the order in which a server that puts several into one chunk means it."""
        text = delta.reasoning_content or delta.reasoning
        if (
            delta.reasoning_details
            or delta.reasoning_text
            or delta.thinking
            or delta.thinking_blocks
            or delta.reasoning_opaque
            or delta.extra_content
            or (text and type(text) is not str)
        ):
            self._think(*self._state.take(delta))
        elif text:  # the usual thinking, which is text alone
            self._think("reasoning_content" if delta.reasoning_content else "reasoning", text)
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
            if part.extra_content:
                self._state.take(Delta(extra_content=part.extra_content))

    def _say(self, kind: BlockKind, text: str) -> None:
        if self._kind != kind:
            self._enter(kind)
        self._refused = self._refused or kind == "refusal"
        self._writer.events.append(BlockDelta(self._block, text))

    def _enter(self, kind: BlockKind) -> None:
        if self._kind == kind:
            return
        self._leave()
        self.calls.settle()
        self._block = self._writer.start(kind)
        self._kind = kind
        self._came = True

    def _leave(self) -> None:
        if self._kind is not None:
            signature = self._state.signature(self._field) if self._kind == "reasoning" else None
            self._writer.events.append(BlockEnd(self._block, signature))
            self._kind = None

    def _carry(self) -> None:
        """What waits for a block of thinking, and had none."""
        if self._state.waits:
            write_carrier(self._writer, self._state.signature(""))

    def _call(self, delta: Delta) -> None:
        if self._kind is not None:
            self._leave()
        self._carry()
        self._came = True
        self.calls.taken.clear()
        for part in delta.tool_calls or ():
            self.calls.take(part)
        if delta.function_call is not None:
            self.calls.take_legacy(delta.function_call)

    def _image(self, image: Raw) -> None:
        self._leave()
        self._came = True
        block = self._writer.start("opaque")
        self._writer.events.append(BlockEnd(block, opaque=Opaque(WIRE_NAME, Raw(bytes(image)))))

    def _cite(self, annotations: list[Raw]) -> None:
        for annotation in annotations:
            citation = citation_from(annotation)
            if citation is not None:
                self._enter("text")
                self._writer.events.append(Cited(self._block, citation))

    # --- the end ---

    def _cut(self) -> None:
        if self._finish:
            self._end()
        else:
            self._fail(RemoteError(ErrorKind.API, "the upstream's stream ended before its finish_reason", reason="cut"))

    def _fail(self, error: GatewayError) -> None:
        if self._bare and self.ending in ("said", "counted"):
            self._end()
        else:
            super()._fail(error)

    def _end(self) -> None:
        self._leave()
        self.calls.finish()
        self._carry()
        self._ended = True
        reason = finish_reason(self._finish, called=self.calls.named, refused=self._refused)
        self._writer.events.append(Finish(reason, self._counts(), service_tier=self._tier))

    def _counts(self) -> Usage | None:
        if self._usage is not UNSET and self._counted[0] is not self._usage:
            self._counted = (self._usage, usage_from(self._usage))
        return self._counted[1]


def _said(raw: Raw | Unset) -> bool:
    return raw is not UNSET and bytes(raw) not in _NOTHING


def _error_in(raw: Raw | Unset) -> RemoteError:
    return remote_error(None if raw is UNSET else msgspec.json.decode(raw))


# --- sources and thinking --------------------------------------------------------------------------


_annotation = LenientDecoder(Annotation)


def citation_from(raw: Raw) -> Citation | None:
    """An annotation of any type; None for what is no object."""
    raw = Raw(bytes(raw))
    try:
        source = _annotation.decode(raw).url_citation
    except NOT_JSON:
        return None
    if source is None:
        return Citation(wire=WIRE_NAME, raw=raw)
    return Citation(
        url=source.url, title=source.title, start=source.start_index, end=source.end_index, wire=WIRE_NAME, raw=raw
    )


def thinking_of(part: AnswerPart) -> str:
    """Mistral's thinking, which is text or a list of text parts."""
    thinking = part.thinking
    if isinstance(thinking, list):
        return "".join(inner.text or "" for inner in thinking)
    return thinking or ""
