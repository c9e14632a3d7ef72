"""The output items of a Responses stream as they grow: each block of the answer writes the events of its own item."""

from __future__ import annotations

from msgspec import Raw
from msgspec.structs import replace

from daemon.inference.blocks import Citation, Reasoning, ToolCall
from daemon.inference.events import OBJECT, BlockEnd, BlockStart
from daemon.wires.json import changed, encode, string_of
from daemon.wires.openai_responses import tool_search
from daemon.wires.openai_responses.answer_parts import (
    annotation_of,
    call_item,
    call_status,
    hosted_item,
    item_id,
    reasoning_item,
    search_item,
)
from daemon.wires.openai_responses.entry_schema import MessageOutput, RefusalText, SummaryText, TextPart
from daemon.wires.openai_responses.schema import WIRE_NAME


class FrameWriter:
    """Numbers events and writes them as frames. ``deltas`` of one place share a prepared head. ``kept``: bytes of the
    answer that the events to come will repeat."""

    __slots__ = ("answer_id", "frames", "items", "kept", "sequence")

    def __init__(self, answer_id: str) -> None:
        self.answer_id = answer_id
        self.frames: list[bytes] = []
        self.sequence = 0
        self.kept = 0
        self.items: list[Raw | None] = []

    def write(self, type_: bytes, fields: bytes) -> None:
        """``fields`` is the rest of the event's JSON, with its leading comma."""
        self.frames.append(
            b'event: %b\ndata: {"type":"%b","sequence_number":%d%b}\n\n' % (type_, type_, self.sequence, fields)
        )
        self.sequence += 1

    def repeat(self, type_: bytes, *fields: bytes) -> None:
        """As ``write``, for fields in pieces, which are not copied: they hold a text of any length."""
        head = b'event: %b\ndata: {"type":"%b","sequence_number":%d' % (type_, type_, self.sequence)
        self.frames += (head, *fields, b"}\n\n")
        self.sequence += 1

    def announce(self) -> int:
        """The next output index."""
        self.items.append(None)
        return len(self.items) - 1

    def added(self, index: int, item: bytes) -> None:
        """``output_item.added``."""
        self.write(b"response.output_item.added", b',"output_index":%d,"item":%b' % (index, item))

    def done(self, index: int, item: bytes) -> None:
        """``output_item.done``; the item is remembered for the final object."""
        self.items[index] = Raw(item)
        self.kept += OBJECT + len(item)
        self.repeat(b"response.output_item.done", b',"output_index":%d,"item":' % index, item)

    def finished(self) -> list[Raw]:
        """The items that are done, in their order."""
        return [item for item in self.items if item is not None]

    def take(self) -> bytes:
        """The frames since the last time, as one write."""
        frames, self.frames = self.frames, []
        return b"".join(frames)


def _quoted(text: bytearray) -> bytes:
    return b"".join((b'"', text, b'"'))


class MessageBlock:
    """A text or refusal block: a message item with one content part."""

    __slots__ = ("_annotations", "_id", "_index", "_name", "_part", "_place", "_text", "_writer")

    def __init__(self, writer: FrameWriter, start: BlockStart) -> None:
        self._writer = writer
        self._part: type[TextPart | RefusalText] = RefusalText if start.kind == "refusal" else TextPart
        self._name = b"refusal" if start.kind == "refusal" else b"output_text"
        self._text = bytearray()  # as it stands in JSON, between the quotes
        self._annotations: list[Raw] = []
        self._index = writer.announce()
        self._id = item_id("message", self._index, writer.answer_id)
        self._place = b',"item_id":%b,"output_index":%d,"content_index":0' % (encode(self._id), self._index)
        writer.added(self._index, encode(MessageOutput(self._id, "in_progress", ())))
        writer.write(b"response.content_part.added", self._place + b',"part":' + encode(self._part()))

    def delta(self, text: str) -> None:
        piece = encode(text)
        self._text += piece[1:-1]
        self._writer.kept += len(piece) - 2
        tail = b',"logprobs":[]' if self._name == b"output_text" else b""
        fields = b'%b,"delta":%b%b' % (self._place, piece, tail)
        self._writer.write(b"response.%b.delta" % self._name, fields)

    def part_break(self) -> None:
        self.delta("\n\n")

    def cite(self, citation: Citation) -> None:
        annotation = annotation_of(citation)
        if annotation is None:
            return
        fields = b'%b,"annotation_index":%d,"annotation":%b' % (self._place, len(self._annotations), bytes(annotation))
        self._annotations.append(annotation)
        self._writer.kept += OBJECT + len(bytes(annotation))
        self._writer.write(b"response.output_text.annotation.added", fields)

    def end(self, _: BlockEnd) -> None:
        writer = self._writer
        text = _quoted(self._text)
        writer.kept -= len(self._text) + sum(OBJECT + len(bytes(each)) for each in self._annotations)
        self._text.clear()
        if self._part is RefusalText:
            part, field = encode(RefusalText()), b'"refusal":'
            writer.repeat(b"response.refusal.done", self._place, b"," + field, text)
        else:
            part, field = encode(TextPart("", self._annotations)), b'"text":'
            writer.repeat(b"response.output_text.done", self._place, b"," + field, text, b',"logprobs":[]')
        before, rest = part.split(field + b'""', 1)
        writer.repeat(b"response.content_part.done", self._place, b',"part":' + before + field, text, rest)
        item = encode(MessageOutput(self._id, "completed", ()))
        writer.done(self._index, item.replace(b"[]", b"[%b]" % b"".join((before, field, text, rest)), 1))


class ReasoningBlock:
    """A reasoning item; each run of text between part breaks is a summary part, opened by its first text."""

    __slots__ = ("_id", "_index", "_open", "_parts", "_text", "_writer")

    def __init__(self, writer: FrameWriter, start: BlockStart) -> None:
        self._writer = writer
        self._parts: list[bytes] = []  # in JSON, as the text of the part that grows is between the quotes
        self._text = bytearray()
        self._open = False
        self._index = writer.announce()
        self._id = item_id("reasoning", self._index, writer.answer_id, start.item_id)
        writer.added(self._index, encode(reasoning_item(Reasoning(id=self._id), self._index, writer.answer_id)))

    def delta(self, text: str) -> None:
        if not self._open:
            self._open = True
            fields = self._place() + b',"part":' + encode(SummaryText())
            self._writer.write(b"response.reasoning_summary_part.added", fields)
        piece = encode(text)
        self._text += piece[1:-1]
        self._writer.kept += len(piece) - 2
        self._writer.write(b"response.reasoning_summary_text.delta", self._place() + b',"delta":' + piece)

    def part_break(self) -> None:
        if not self._open:
            return
        text = _quoted(self._text)
        self._text.clear()
        self._writer.repeat(b"response.reasoning_summary_text.done", self._place(), b',"text":', text)
        part = encode(SummaryText())[:-3]
        self._writer.repeat(b"response.reasoning_summary_part.done", self._place(), b',"part":' + part, text, b"}")
        self._parts.append(text)
        self._writer.kept += OBJECT
        self._open = False

    def cite(self, _: Citation) -> None:
        """Thinking cites nothing on this wire."""

    def end(self, event: BlockEnd) -> None:
        self.part_break()
        self._writer.kept -= sum(OBJECT + len(part) - 2 for part in self._parts)
        whole = reasoning_item(Reasoning(signature=event.signature, id=self._id), self._index, self._writer.answer_id)
        summary = [Raw(encode(SummaryText())[:-3] + part + b"}") for part in self._parts]
        self._writer.done(self._index, changed(encode(whole), summary=summary))

    def _place(self) -> bytes:
        place = (encode(self._id), self._index, len(self._parts))
        return b',"item_id":%b,"output_index":%d,"summary_index":%d' % place


class CallBlock:
    """A function or custom tool call."""

    __slots__ = ("_call", "_custom", "_index", "_place", "_text", "_writer")

    def __init__(self, writer: FrameWriter, start: BlockStart) -> None:
        self._writer = writer
        self._text = bytearray()
        self._custom = start.kind == "custom_tool_call"
        self._index = writer.announce()
        type_ = "custom_tool_call" if self._custom else "function_call"
        self._call = ToolCall(
            id=start.id or "",
            name=start.name or "",
            arguments="",
            kind="custom" if self._custom else "function",
            namespace=start.namespace,
            item_id=item_id(type_, self._index, writer.answer_id, start.item_id),
        )
        self._place = b',"item_id":%b,"output_index":%d' % (encode(self._call.item_id), self._index)
        writer.added(self._index, self._item("", "in_progress"))

    def delta(self, text: str) -> None:
        piece = encode(text)
        self._text += piece[1:-1]
        self._writer.kept += len(piece) - 2
        self._writer.write(self._event(b"delta"), b'%b,"delta":%b' % (self._place, piece))

    def part_break(self) -> None:
        """Arguments have no parts."""

    def cite(self, _: Citation) -> None:
        """Nor sources."""

    def end(self, _: BlockEnd) -> None:
        if not self._text and not self._custom:
            self.delta("{}")
        written = _quoted(self._text)
        self._writer.kept -= len(self._text)
        self._text.clear()
        text = string_of(Raw(written))
        field = b',"input":' if self._custom else b',"arguments":'
        self._writer.repeat(self._event(b"done"), self._place, field, written)
        self._writer.done(self._index, self._item(text, call_status(text, custom=self._custom)))

    def _event(self, what: bytes) -> bytes:
        return (b"response.custom_tool_call_input." if self._custom else b"response.function_call_arguments.") + what

    def _item(self, arguments: str, status: str) -> bytes:
        call = replace(self._call, arguments=arguments)
        return encode(call_item(call, self._index, self._writer.answer_id, status=status))


class ToolSearchBlock:
    """A call of the client's own search for tools, which comes whole: this wire has no deltas for it."""

    __slots__ = ("_id", "_text", "_writer")

    def __init__(self, writer: FrameWriter, start: BlockStart) -> None:
        self._writer = writer
        self._id = start.id
        self._text = bytearray()

    def delta(self, text: str) -> None:
        written = text.encode()
        self._text += written
        self._writer.kept += len(written)

    def part_break(self) -> None:
        """Arguments have no parts."""

    def cite(self, _: Citation) -> None:
        """Nor sources."""

    def end(self, _: BlockEnd) -> None:
        index = self._writer.announce()
        call = ToolCall(id=self._id or "", name=tool_search.NAME, arguments=self._text.decode())
        self._writer.kept -= len(self._text)
        item = encode(search_item(call, index, self._writer.answer_id))
        self._writer.added(index, item)
        self._writer.done(index, item)


class WholeBlock:
    """A hosted call or an item that only this wire knows; another wire's opaque item is not shown."""

    __slots__ = ("_writer",)

    def __init__(self, writer: FrameWriter, _: BlockStart) -> None:
        self._writer = writer

    def delta(self, _: str) -> None:
        """Its content comes whole."""

    def part_break(self) -> None:
        """As above."""

    def cite(self, _: Citation) -> None:
        """As above."""

    def end(self, event: BlockEnd) -> None:
        if event.hosted is not None:
            index = self._writer.announce()
            item = bytes(hosted_item(event.hosted, index, self._writer.answer_id))
        elif event.opaque is not None and event.opaque.wire == WIRE_NAME:
            index = self._writer.announce()
            item = bytes(event.opaque.raw)
        else:
            return
        self._writer.added(index, item)
        self._writer.done(index, item)


OpenBlock = MessageBlock | ReasoningBlock | CallBlock | ToolSearchBlock | WholeBlock
