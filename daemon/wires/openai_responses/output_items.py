"""The output items of a streaming answer, each a small state machine from wire items to hub blocks.

Invariants:
1. A part that brought deltas is complete by them; what ``*.done`` and ``completed`` repeat is read
   only where no delta came.
2. ``done`` takes the item's last word; ``finish`` ends it without one (the answer is over). After
   either, ``ended`` is true and nothing more is written — except that a call without a name stays
   pending after ``done`` and vanishes at ``finish``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from msgspec import Raw

from daemon.inference.blocks import Citation, HostedCall, Opaque, SearchHit
from daemon.inference.events import OBJECT, BlockDelta, BlockEnd, BlockKind, Cited, PartBreak
from daemon.wires.call_arguments import ArgumentStart, stand_in
from daemon.wires.json import LenientDecoder, copy_of, encode, fields_of, is_object, json_text
from daemon.wires.openai_responses.plain_reasoning import REASONING_TEXT, hidden_reasoning
from daemon.wires.openai_responses.schema import (
    WIRE_NAME,
    Annotation,
    CallItem,
    ItemHead,
    MessageItem,
    Part,
    ReasoningItem,
    SearchAction,
)
from daemon.wires.sse_decoder import MOST_BLOCKS, BlockWriter, too_many

HOSTED = {
    "web_search_call": "web_search",
    "file_search_call": "file_search",
    "code_interpreter_call": "code_interpreter",
    "image_generation_call": "image_generation",
    "mcp_call": "mcp",
}
"""Item types of tools that the upstream ran by itself, and the name the hub gives each."""

CALL_KINDS: dict[str, Literal["tool_call", "custom_tool_call"]] = {
    "function_call": "tool_call",
    "custom_tool_call": "custom_tool_call",
}

_ANNOTATION = LenientDecoder(Annotation)
_HEAD = LenientDecoder(ItemHead)
_MESSAGE = LenientDecoder(MessageItem)
_REASONING = LenientDecoder(ReasoningItem)
_CALL = LenientDecoder(CallItem)
_ACTION = LenientDecoder(SearchAction)


class MessagePart:
    """One content part: ``block`` is its open block, ``sent`` whether any text came, ``cited`` any source."""

    __slots__ = ("block", "cited", "sent")

    def __init__(self) -> None:
        self.block: int | None = None
        self.sent = False
        self.cited = False


class MessageState:
    """A ``message``: each text or refusal part becomes a block, opened by its first text."""

    __slots__ = ("ended", "item_id", "parts", "refused", "writer")
    content: Final = "message"

    def __init__(self, writer: BlockWriter, item_id: str | None) -> None:
        self.writer = writer
        self.item_id = item_id
        self.parts: dict[int, MessagePart] = {}
        self.refused = False
        self.ended = False

    @property
    def empty(self) -> bool:
        return not any(part.sent for part in self.parts.values())

    def part(self, index: int) -> MessagePart:
        """The part at ``index``, new or known."""
        part = self.parts.get(index)
        if part is None:
            if len(self.parts) >= MOST_BLOCKS:
                raise too_many()
            part = self.parts[index] = MessagePart()
            self.writer.kept += OBJECT
        return part

    def delta(self, index: int, kind: BlockKind, text: str) -> int:
        """More of a part; ``text`` is not empty. Returns the block it went to."""
        part = self.parts.get(index) or self.part(index)
        part.sent = True
        block = part.block
        if block is None:
            block = self._open(part, kind)
        self.writer.events.append(BlockDelta(block, text))
        return block

    def cite(self, index: int, annotation: Raw) -> None:
        """A source; it opens its part, which may have no text yet. What is no object is none."""
        if not is_object(annotation):
            return
        part = self.part(index)
        part.cited = True
        self.writer.events.append(Cited(self._open(part, "text"), citation_from(annotation)))

    def text_done(self, index: int, kind: BlockKind, text: str | None) -> None:
        """The whole text, for a part that brought no deltas."""
        if text and not self.part(index).sent:
            self.delta(index, kind, text)

    def part_done(self, index: int, content: Part) -> None:
        """The whole part: closes its block."""
        if content.refusal is not None:
            self.text_done(index, "refusal", content.refusal)
        else:
            self.text_done(index, "text", content.text)
            if not self.part(index).cited:
                for annotation in content.annotations or ():
                    self.cite(index, annotation)
        self._close(self.part(index))

    def done(self, item: Raw) -> None:
        for index, content in enumerate(_parts(_MESSAGE.decode(item).content)):
            self.part_done(index, content)
        self.finish()

    def finish(self) -> None:
        for part in self.parts.values():
            self._close(part)
        self.ended = True

    def _open(self, part: MessagePart, kind: BlockKind) -> int:
        block = part.block
        if block is None:
            block = part.block = self.writer.start(kind, item_id=self.item_id)
            self.refused = self.refused or kind == "refusal"
        return block

    def _close(self, part: MessagePart) -> None:
        if part.block is not None:
            self.writer.end(part.block)
            part.block = None


ReasoningSource = Literal["summary", "content"]


class ReasoningState:
    """A ``reasoning`` item: one block, whose text is the summary or, where a server streams it, the
    reasoning itself. Whichever comes first wins; the other would say it twice. Reasoning that is not encrypted is
    signed as what it is (``plain_reasoning``), since its server wants it back."""

    __slots__ = ("_block", "_last", "_sent", "_signature", "_source", "ended", "item_id", "writer")
    content: Final = "reasoning"

    def __init__(self, writer: BlockWriter, item_id: str | None, signature: str | None = None) -> None:
        self.writer = writer
        self.item_id = item_id
        self.ended = False
        # Of ``output_item.added``; the one of ``done`` counts where there is one.
        self._signature: str | None = None
        self._sign(signature)
        self._source: ReasoningSource | None = None  # what came first: summary or the reasoning itself
        self._last: int | None = None  # the part that grows: another index begins a part, also without an event for it
        self._sent: set[int] = set()  # parts that came in deltas, which ``*.done`` and ``completed`` say again
        self._block = writer.start("reasoning", item_id=item_id)

    @property
    def empty(self) -> bool:
        return not self._sent

    def delta(self, source: ReasoningSource, index: int, text: str) -> None:
        """More of a part; what the other source says is left out."""
        if not text or self._source not in (None, source):
            return
        self._source = source
        if self._last is not None and self._last != index:
            self.writer.events.append(PartBreak(self._block))
        self._last = index
        if index not in self._sent:
            if len(self._sent) >= MOST_BLOCKS:
                raise too_many()
            self._sent.add(index)
            self.writer.kept += OBJECT
        self.writer.delta(self._block, text)

    def part_done(self, source: ReasoningSource, index: int, text: str | None) -> None:
        """The whole part, for one that brought no deltas."""
        if text and index not in self._sent:
            self.delta(source, index, text)

    def done(self, item: Raw) -> None:
        last = _REASONING.decode(item)
        for index, part in enumerate(_parts(last.summary)):
            self.part_done("summary", index, part.text)
        for index, part in enumerate(_parts(last.content)):
            self.part_done("content", index, part.text)
        if last.encrypted_content:
            self._sign(last.encrypted_content)
        if self._source == "summary" and not self._signature:
            self._sign(hidden_reasoning([part.text for part in _parts(last.content) if part.text]))
        self.finish()

    def finish(self) -> None:
        if self._source == "content" and not self._signature:
            self._sign(REASONING_TEXT)
        self.writer.events.append(BlockEnd(self._block, self._signature or None))
        self._sign(None)
        self.ended = True

    def _sign(self, signature: str | None) -> None:
        self.writer.kept += len(signature or "") - len(self._signature or "")
        self._signature = signature


class CallState:
    """A ``function_call`` or ``custom_tool_call``. It starts when its name is known; what came before waits."""

    __slots__ = (
        "_begins",
        "_block",
        "_kind",
        "_name",
        "_names",
        "_namespace",
        "_sent",
        "_waiting",
        "_whole",
        "call_id",
        "ended",
        "item_id",
        "writer",
    )
    content: Final = "call"

    def __init__(self, writer: BlockWriter, kind: BlockKind, names: Mapping[str, str]) -> None:
        self.writer = writer
        self.item_id: str | None = None
        self.ended = False
        self._kind = kind
        self._names = names
        self.call_id: str | None = None
        self._name: str | None = None
        self._namespace: str | None = None
        self._block: int | None = None
        # Arguments that came before the name: relays announce a call without one and name it later, or at its end.
        self._waiting = bytearray()
        self._sent = False  # whether deltas brought arguments: what ``done`` says again is then not read
        # Of a function, whose first deltas may say nothing; a custom call has any text.
        self._begins = ArgumentStart() if kind == "tool_call" else None
        self._whole: str | None = None  # the arguments as some event had them whole, for a call without deltas

    def describe(self, item: CallItem) -> None:
        """What any event says of the call itself."""
        self.item_id = self.item_id or item.id
        self.call_id = self.call_id or item.call_id
        self._name = self._name or item.name
        self._namespace = self._namespace or item.namespace
        whole = json_text(item.arguments) or item.input
        if whole:
            self.writer.kept += len(whole) - len(self._whole or "")
            self._whole = whole
        self._start_when_named()

    def delta(self, text: str) -> None:
        """More arguments; they wait until the name is known."""
        if self._begins is not None and not self._begins.flowing:
            text = self._begins.add(text)
        if not text:
            return
        self._sent = True
        if self._block is None:
            written = text.encode()
            self._waiting += written
            self.writer.kept += len(written)
        else:
            self.writer.events.append(BlockDelta(self._block, text))

    def announced(self, item: Raw) -> None:
        """``output_item.added`` once more, with what was missing."""
        self.describe(_CALL.decode(item))

    def arguments_done(self, name: str | None, whole: str | None) -> None:
        """The whole arguments, for a call that brought no deltas."""
        self.describe(CallItem(name=name, arguments=whole))

    def done(self, item: Raw) -> None:
        self.describe(_CALL.decode(item))
        if self._block is not None:
            self.finish()

    def finish(self) -> None:
        self.ended = True
        if self._block is None:
            return
        if not self._sent and (whole := self._whole or self._rest()):
            self.writer.delta(self._block, whole if self._begins is None else stand_in(whole))
            self._sent = True
        self.writer.kept -= len(self._whole or "")
        self._whole = None
        self.writer.end(self._block)

    def _rest(self) -> str:
        return "" if self._begins is None else self._begins.rest()

    @property
    def empty(self) -> bool:
        return not self._sent and not self._whole

    @property
    def started(self) -> bool:
        """Whether its block is open, or was."""
        return self._block is not None

    def _start_when_named(self) -> None:
        if self._block is not None or not self._name:
            return
        self._block = self.writer.start(
            self._kind,
            id=self.call_id or self.item_id,
            name=self._names.get(self._name, self._name),
            namespace=self._namespace,
            item_id=self.item_id,
        )
        if self._waiting:
            self.writer.delta(self._block, self._waiting.decode())
            self.writer.kept -= len(self._waiting)
            self._waiting.clear()


class HostedState:
    """A tool that the upstream ran by itself, or an item that only this wire knows: kept whole."""

    __slots__ = ("_block", "_item", "_type", "ended", "item_id", "writer")
    content: Final = "hosted"
    empty: Final = False

    def __init__(self, writer: BlockWriter, item: Raw) -> None:
        self.writer = writer
        self.ended = False
        self._item = Raw(b"")
        self._keep(item)
        head = _HEAD.decode(item)
        self._type, self.item_id = head.type, head.id
        name = hosted_name(head)
        kind: BlockKind = "hosted" if head.type in HOSTED else "opaque"
        self._block = writer.start(kind, id=self.item_id, name=name, item_id=self.item_id)

    def done(self, item: Raw) -> None:
        """The item's last word."""
        self._keep(item)
        self.finish()

    def _keep(self, item: Raw) -> None:
        raw = bytes(item)  # without the rest of its event
        self.writer.kept += len(raw) - len(bytes(self._item))
        self._item = Raw(raw)

    def finish(self) -> None:
        """Ends it as far as it is known."""
        self.ended = True
        raw = self._item
        self._keep(Raw(b""))
        if self._type not in HOSTED:
            self.writer.events.append(BlockEnd(self._block, opaque=Opaque(WIRE_NAME, raw)))
            return
        self.writer.events.append(BlockEnd(self._block, hosted=hosted_call(_HEAD.decode(raw), raw)))


ItemState = MessageState | ReasoningState | CallState | HostedState


def state_of(item: Raw, *, writer: BlockWriter, names: Mapping[str, str]) -> ItemState:
    """The state machine for an item as it was announced. Raises ``msgspec.ValidationError`` for what is no object."""
    type_ = _HEAD.decode(item).type
    if type_ == "message":
        return MessageState(writer, _MESSAGE.decode(item).id)
    if type_ == "reasoning":
        reasoning = _REASONING.decode(item)
        return ReasoningState(writer, reasoning.id, reasoning.encrypted_content)
    if type_ in CALL_KINDS:
        call = CallState(writer, CALL_KINDS[type_], names)
        call.describe(_CALL.decode(item))
        return call
    return HostedState(writer, item)


def _parts(content: str | list[Part] | None) -> list[Part]:
    return [Part(text=content)] if isinstance(content, str) else content or []


def type_of(item: Raw) -> str:
    return _HEAD.decode(item).type


def id_of(item: Raw) -> str | None:
    return _HEAD.decode(item).id


def call_id_of(item: Raw) -> str | None:
    return _CALL.decode(item).call_id


# --- hosted calls and citations in the hub's words ------------------------------------------------


def hosted_name(head: ItemHead) -> str:
    """``mcp_call`` names the server's tool; the others are named by what they are."""
    return (head.name if head.type == "mcp_call" else None) or HOSTED.get(head.type, head.type)


def hosted_call(head: ItemHead, raw: Raw) -> HostedCall:
    """The hub's call of an item that has ended."""
    action = copy_of(head.action)
    hits: tuple[SearchHit, ...] = ()
    if head.type == "web_search_call" and action is not None and is_object(action):
        hits = _hits(action)
        action = Raw(encode({name: value for name, value in fields_of(action).items() if name != "sources"}))
    return HostedCall(id=head.id or "", name=hosted_name(head), input=action, hits=hits, wire=WIRE_NAME, raw=raw)


def _hits(action: Raw) -> tuple[SearchHit, ...]:
    """The pages of a search, or the one that it opened."""
    read = _ACTION.decode(action)
    pages = [SearchHit(page.url, page.title or "") for page in read.sources or () if page.url]
    return tuple(pages) if pages or not read.url else (SearchHit(read.url),)


def citation_from(annotation: Raw) -> Citation:
    """Any annotation; ``title`` is the file's name where it cites a file."""
    raw = Raw(bytes(annotation))
    source = _ANNOTATION.decode(raw)
    return Citation(
        url=source.url,
        title=source.title or source.filename or source.file_id,
        start=source.start_index,
        end=source.end_index,
        wire=WIRE_NAME,
        raw=raw,
    )
