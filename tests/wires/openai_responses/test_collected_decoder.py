"""An answer collected without reading its pieces is the answer that its pieces make."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from daemon.errors import RemoteError
from daemon.inference.blocks import Reasoning, Text
from daemon.inference.collect import collect
from daemon.inference.events import MessageStart, StreamError
from daemon.inference.response import Response
from daemon.wires.base import StreamDecoder
from daemon.wires.openai_responses.collected_decoder import ResponsesCollectedDecoder
from daemon.wires.openai_responses.stream_decoder import ResponsesStreamDecoder

RECORDED = Path(__file__).resolve().parents[3].parent / "shared" / "fixtures" / "responses"
STREAMS = {
    path.name.partition(".")[0]: data
    for path in sorted(RECORDED.glob("*.stream.sse"))
    if b'"response.failed"' not in (data := path.read_bytes())
}


def collected(decoder: StreamDecoder, data: bytes, *, step: int | None = None) -> Response:
    """What was read. OpenAI encrypts reasoning anew for ``response.completed``: that it is there is compared."""
    step = step or len(data)
    events = [event for start in range(0, len(data), step) for event in decoder.feed(data[start : start + step])]
    answer = collect([*events, *decoder.close()])
    blocks = [replace(b, signature="…") if isinstance(b, Reasoning) and b.signature else b for b in answer.content]
    return replace(answer, content=tuple(blocks))


@pytest.mark.skipif(not STREAMS, reason="../shared/fixtures is not here")
@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("step", [None, 1, 100])
def test_recordings_give_the_same_answer(name: str, step: int | None) -> None:
    data = STREAMS[name]
    assert collected(ResponsesCollectedDecoder({}), data, step=step) == collected(ResponsesStreamDecoder({}), data)


def test_pieces_are_read_after_all_when_nothing_repeats_them() -> None:
    pieces = b"".join(
        b"event: response.output_text.delta\n"
        b'data: {"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"%b"}\n\n' % text
        for text in (b"Hel", b"lo")
    )
    created = b'data: {"type":"response.created","response":{"id":"r"}}\n\n'
    end = b'data: {"type":"response.completed","response":{"id":"r","status":"completed","output":[]}}\n\n'
    answer = collected(ResponsesCollectedDecoder({}), created + pieces + end)
    assert answer == collected(ResponsesStreamDecoder({}), created + pieces + end)
    assert answer.content == (Text("Hello"),)


CREATED = b'event: response.created\ndata: {"type":"response.created","response":{"id":"r"}}\n\n'
ITEM = b'{"type":"message","id":"m","content":[{"type":"output_text","text":"Hello"}]}'
DONE = (
    b'event: response.output_item.done\ndata: {"type":"response.output_item.done","output_index":0,"item":%b}\n\n'
    % ITEM
)


def ended(status: bytes, output: bytes) -> bytes:
    name = b"response." + status
    whole = b'{"id":"r","status":"%b","output":%b}' % (status, output)
    return b'event: %b\ndata: {"type":"%b","response":%b}\n\n' % (name, name, whole)


@pytest.mark.parametrize(
    "stream",
    [
        CREATED + ended(b"completed", b"[%b]" % ITEM),
        CREATED + DONE + ended(b"completed", b"[]"),
        CREATED + DONE + ended(b"completed", b'[{"type":"message","content":[]}]'),
        CREATED + DONE + ended(b"incomplete", b"[%b]" % ITEM),
        CREATED + ended(b"completed", b"[%b]" % ITEM).replace(b"\n", b"\r\n"),
        (CREATED + ended(b"completed", b"[%b]" % ITEM)).replace(b"event: response.created\n", b""),
        CREATED + DONE + ended(b"completed", b"[%b]" % ITEM).replace(b"event: response.completed\n", b""),
    ],
    ids=["whole", "items only", "empty message", "incomplete", "crlf", "no event lines", "end without event line"],
)
@pytest.mark.parametrize("step", [None, 1])
def test_however_the_end_looks_the_answer_is_the_same(stream: bytes, step: int | None) -> None:
    answer = collected(ResponsesCollectedDecoder({}), stream, step=step)
    assert answer == collected(ResponsesStreamDecoder({}), stream, step=step)
    assert answer.content == (Text("Hello"),)


@pytest.mark.parametrize(
    "end",
    [
        b"",
        b'event: error\ndata: {"type":"error","message":"no"}\n\n',
        ended(b"failed", b"[]"),
        ended(b"completed", b"[%b]" % ITEM.replace(b"Hello", b"\xff")),
        ended(b"completed", b"[%b]" % ITEM).replace(b'"id":"r"', b'"id":"\xff"'),
    ],
    ids=["none", "error", "failed", "an item that is no UTF-8", "an id that is no UTF-8"],
)
def test_no_end_and_a_bad_end_are_errors(end: bytes) -> None:
    with pytest.raises(RemoteError):
        collected(ResponsesCollectedDecoder({}), CREATED + DONE + end)


def test_a_broken_piece_ends_the_answer_once() -> None:
    broken = b'event: response.output_text.delta\ndata: {"type"\n\n'
    decoder = ResponsesCollectedDecoder({})
    events = [*decoder.feed(CREATED + broken + ended(b"completed", b"[]")), *decoder.close()]
    assert [type(event) for event in events] == [MessageStart, StreamError]
