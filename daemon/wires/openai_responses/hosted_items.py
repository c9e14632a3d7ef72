"""Items of tools that the upstream ran by itself, items that only this wire knows, and citations."""

from __future__ import annotations

from typing import Final

from msgspec import UNSET, Raw

from daemon.inference.blocks import Citation, HostedCall, Opaque
from daemon.inference.events import BlockEnd, BlockKind
from daemon.wires.json import LenientDecoder
from daemon.wires.openai_responses.schema import WIRE_NAME, Annotation, ItemHead
from daemon.wires.sse_decoder import BlockWriter

HOSTED = {
    "web_search_call": "web_search",
    "file_search_call": "file_search",
    "code_interpreter_call": "code_interpreter",
    "image_generation_call": "image_generation",
    "mcp_call": "mcp",
}
"""Item types of tools that the upstream ran by itself, and the name the hub gives each."""

_HEAD = LenientDecoder(ItemHead)
_ANNOTATION = LenientDecoder(Annotation)


class HostedState:
    """A tool that the upstream ran by itself, or an item that only this wire knows: kept whole."""

    __slots__ = ("_block", "_head", "_item", "ended", "item_id", "writer")
    content: Final = "hosted"
    empty: Final = False

    def __init__(self, writer: BlockWriter, item: Raw) -> None:
        self.writer = writer
        self.ended = False
        self._item = item
        self._head = _HEAD.decode(item)
        self.item_id = self._head.id
        name = hosted_name(self._head)
        kind: BlockKind = "hosted" if self._head.type in HOSTED else "opaque"
        self._block = writer.start(kind, id=self.item_id, name=name, item_id=self.item_id)

    def done(self, item: Raw) -> None:
        """The item's last word."""
        self._item = item
        self.finish()

    def finish(self) -> None:
        """Ends it as far as it is known."""
        self.ended = True
        raw = Raw(bytes(self._item))
        if self._head.type not in HOSTED:
            self.writer.events.append(BlockEnd(self._block, opaque=Opaque(WIRE_NAME, raw)))
            return
        self.writer.events.append(BlockEnd(self._block, hosted=hosted_call(_HEAD.decode(raw), raw)))


def hosted_name(head: ItemHead) -> str:
    """``mcp_call`` names the server's tool; the others are named by what they are."""
    return (head.name if head.type == "mcp_call" else None) or HOSTED.get(head.type, head.type)


def hosted_call(head: ItemHead, raw: Raw) -> HostedCall:
    """The hub's call of an item that has ended."""
    action = None if head.action is UNSET else Raw(bytes(head.action))
    return HostedCall(id=head.id or "", name=hosted_name(head), input=action, wire=WIRE_NAME, raw=raw)


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
