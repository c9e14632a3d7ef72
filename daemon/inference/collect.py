"""Events and answers are two forms of one thing: ``collect`` folds, ``replay`` unfolds.

``collect(replay(response)) == response`` for every answer, and ``collect`` of a stream is what the
same upstream would have answered without streaming. ``merged`` puts the events of an answer that is not streamed
into less memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import assert_never

from msgspec import Struct

from daemon.errors import ErrorKind, RemoteError
from daemon.inference.blocks import (
    Block,
    Citation,
    File,
    HostedCall,
    Image,
    ModelRefusal,
    Opaque,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from daemon.inference.events import (
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
)
from daemon.inference.response import Response


class _Growing(Struct):
    """A block so far: ``parts`` are runs of text between part breaks, each a list of deltas."""

    start: BlockStart
    parts: list[list[str]]
    citations: list[Citation]
    end: BlockEnd | None = None


def collect(events: Iterable[Event]) -> Response:
    """The whole answer. Raises the stream's own error, or ``RemoteError`` where no terminal event came."""
    opening = MessageStart("", "")
    growing: dict[int, _Growing] = {}
    for event in events:
        match event:
            case MessageStart():
                opening = event
            case BlockStart():
                growing[event.index] = _Growing(event, [[]], [])
            case BlockDelta():
                growing[event.index].parts[-1].append(event.text)
            case PartBreak():
                growing[event.index].parts.append([])
            case Cited():
                growing[event.index].citations.append(event.citation)
            case BlockEnd():
                growing[event.index].end = event
            case Finish():
                return _response(opening, growing, event)
            case StreamError():
                raise event.error
            case _:
                assert_never(event)
    raise RemoteError(ErrorKind.API, "the upstream's answer ended before it was complete", reason="cut")


def replay(response: Response) -> Iterator[Event]:
    """The answer as a stream would have brought it, each text in one delta. Blocks that no model
    answers with (images, files, tool results) are left out."""
    yield MessageStart(response.id, response.model)
    index = 0
    for block in response.content:
        events = _unfold(block, index)
        if events:
            yield from events
            index += 1
    yield Finish(response.finish, response.usage, response.stop_sequence, response.service_tier)


def _response(opening: MessageStart, growing: dict[int, _Growing], finish: Finish) -> Response:
    blocks = [_fold(growing[index]) for index in sorted(growing)]
    return Response(
        id=opening.id,
        model=opening.model,
        content=tuple(block for block in blocks if block is not None),
        finish=finish.reason,
        usage=finish.usage or opening.usage,
        stop_sequence=finish.stop_sequence,
        service_tier=finish.service_tier,
    )


def _fold(block: _Growing) -> Block | None:
    start, end = block.start, block.end
    texts = ["".join(part) for part in block.parts]
    text = "".join(texts)
    match start.kind:
        case "text":
            return Text(text, tuple(block.citations))
        case "refusal":
            return ModelRefusal(text)
        case "reasoning":
            parts = tuple(part for part in texts if part)
            signature = end.signature if end is not None else None
            redacted = end is not None and end.redacted
            return Reasoning(parts=parts, signature=signature, redacted=redacted, id=start.item_id)
        case "tool_call" | "custom_tool_call":
            return ToolCall(
                id=start.id or "",
                name=start.name or "",
                arguments=text,
                kind="function" if start.kind == "tool_call" else "custom",
                namespace=start.namespace,
                item_id=start.item_id,
            )
        case "hosted":
            return end.hosted if end is not None else None
        case "opaque":
            return end.opaque if end is not None else None
        case _:
            assert_never(start.kind)


def _unfold(block: Block, index: int) -> list[Event]:
    match block:
        case Text():
            cited: list[Event] = [Cited(index, citation) for citation in block.citations]
            return [BlockStart(index, "text"), *_delta(index, block.text), *cited, BlockEnd(index)]
        case ModelRefusal():
            return [BlockStart(index, "refusal"), *_delta(index, block.text), BlockEnd(index)]
        case Reasoning():
            return _unfold_reasoning(block, index)
        case ToolCall():
            kind: BlockKind = "tool_call" if block.kind == "function" else "custom_tool_call"
            start = BlockStart(index, kind, block.id, block.name, block.namespace, block.item_id)
            return [start, *_delta(index, block.arguments), BlockEnd(index)]
        case HostedCall():
            return [BlockStart(index, "hosted", block.id, block.name), BlockEnd(index, hosted=block)]
        case Opaque():
            return [BlockStart(index, "opaque"), BlockEnd(index, opaque=block)]
        case Image() | File() | ToolResult():
            return []
        case _:
            assert_never(block)


def _unfold_reasoning(block: Reasoning, index: int) -> list[Event]:
    events: list[Event] = [BlockStart(index, "reasoning", item_id=block.id)]
    for number, part in enumerate(block.parts):
        if number:
            events.append(PartBreak(index))
        events += _delta(index, part)
    return [*events, BlockEnd(index, signature=block.signature, redacted=block.redacted)]


def _delta(index: int, text: str) -> list[Event]:
    return [BlockDelta(index, text)] if text else []


# --- in less memory ---------------------------------------------------------------------------------


def merged(events: Iterable[Event]) -> list[Event]:
    """The same answer: ``collect(merged(events)) == collect(events)``. The pieces of blocks that grow at the same
    time are put together too, each where its first one stood."""
    out: list[Event] = []
    texts: dict[int, tuple[int, list[str]]] = {}  # block -> (place in ``out``, its pieces since then)
    for event in events:
        if isinstance(event, BlockDelta) and event.index in texts:
            texts[event.index][1].append(event.text)
            continue
        if isinstance(event, BlockDelta):
            texts[event.index] = (len(out), [event.text])
        elif isinstance(event, PartBreak | BlockEnd):
            _close(out, texts, event.index)
        out.append(event)
    for index in tuple(texts):
        _close(out, texts, index)
    return out


def _close(out: list[Event], texts: dict[int, tuple[int, list[str]]], index: int) -> None:
    place, pieces = texts.pop(index, (0, []))
    if len(pieces) > 1:
        out[place] = BlockDelta(index, "".join(pieces))
