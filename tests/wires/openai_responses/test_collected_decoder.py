"""An answer collected without reading its pieces is the answer that its pieces make."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from daemon.errors import RemoteError
from daemon.inference.blocks import Reasoning, Text, ToolCall
from daemon.inference.collect import collect
from daemon.inference.events import BlockDelta, Finish, MessageStart
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
    ],
    ids=["none", "error", "failed"],
)
def test_no_end_and_a_bad_end_are_errors(end: bytes) -> None:
    with pytest.raises(RemoteError):
        collected(ResponsesCollectedDecoder({}), CREATED + DONE + end)


def test_characters_that_are_no_utf8_are_replaced() -> None:
    """As in a stream that is read event by event."""
    end = ended(b"completed", b"[%b]" % ITEM.replace(b"Hello", b"Hel\xff")).replace(b'"id":"r"', b'"id":"\xff"')
    assert collected(ResponsesCollectedDecoder({}), CREATED + end).content == (Text("Hel\ufffd"),)


def test_a_broken_piece_changes_nothing() -> None:
    broken = b'event: response.output_text.delta\ndata: {"type"\n\n'
    decoder = ResponsesCollectedDecoder({})
    events = [*decoder.feed(CREATED + broken + ended(b"completed", b"[]")), *decoder.close()]
    assert [type(event) for event in events] == [MessageStart, Finish]


def event(name: bytes, fields: bytes) -> bytes:
    return b'event: response.%b\ndata: {"type":"response.%b",%b}\n\n' % (name, name, fields)


EMPTY = {
    "message": (b"output_text.delta", b'{"type":"message","id":"m","content":[{"type":"output_text","text":""}]}'),
    "reasoning": (b"reasoning_summary_text.delta", b'{"type":"reasoning","id":"r","summary":[]}'),
    "call": (
        b"function_call_arguments.delta",
        b'{"type":"function_call","id":"f","call_id":"c","name":"n","arguments":""}',
    ),
}


def emptied(*, with_output: bool) -> bytes:
    """Reasoning, a message and a call whose content only the pieces have, however often it should be repeated."""
    stream, items = CREATED, []
    for index, kind in enumerate(("reasoning", "message", "call")):
        name, item = EMPTY[kind]
        at = b'"output_index":%d' % index
        stream += event(b"output_item.added", b"%b,%b" % (at, b'"item":' + item))
        stream += event(name, b'%b,"delta":"one "' % at) + event(name, b'%b,"delta":"two"' % at)
        stream += event(b"output_text.done", b'%b,"text":""' % at) if kind == "message" else b""
        stream += event(b"output_item.done", b"%b,%b" % (at, b'"item":' + item))
        items.append(item)
    return stream + ended(b"completed", b"[%b]" % b",".join(items) if with_output else b"[]")


@pytest.mark.parametrize("with_output", [True, False])
@pytest.mark.parametrize("step", [None, 1])
@pytest.mark.parametrize("open_ended", [True, False])
def test_empty_done_events_hide_nothing_that_the_pieces_brought(
    with_output: bool, step: int | None, open_ended: bool
) -> None:
    stream = emptied(with_output=with_output)
    answer = collected(ResponsesCollectedDecoder({}), stream.rstrip(b"\n") if open_ended else stream, step=step)
    assert answer == collected(ResponsesStreamDecoder({}), stream)
    reasoning, message, call = answer.content
    assert isinstance(reasoning, Reasoning) and reasoning.text == "one two"
    assert message == Text("one two")
    assert isinstance(call, ToolCall) and call.arguments == "one two"


def test_of_an_answer_larger_than_what_is_held_nothing_is_laid_aside() -> None:
    delta = event(b"output_text.delta", b'"output_index":0,"content_index":0,"delta":"%b"' % (b"x" * 2**20))
    decoder = ResponsesCollectedDecoder({})
    events = [each for piece in [CREATED, *[delta] * 40] for each in decoder.feed(piece)]
    assert sum(len(each.text) for each in events if isinstance(each, BlockDelta)) == 40 * 2**20
    assert not decoder._held and not decoder._sse.unread
    answer = collect([*events, *decoder.feed(ended(b"completed", b"[]")), *decoder.close()])
    assert answer.content == (Text("x" * 40 * 2**20),)
