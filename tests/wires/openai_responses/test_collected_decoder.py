"""An answer collected without reading its pieces is the answer that its pieces make."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.inference.blocks import Text
from daemon.inference.collect import collect
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
    step = step or len(data)
    events = [event for start in range(0, len(data), step) for event in decoder.feed(data[start : start + step])]
    return collect([*events, *decoder.close()])


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
