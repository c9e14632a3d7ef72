"""The splitter gives the same payloads however the bytes are cut."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.errors import RemoteError
from daemon.wires.sse import SseSplitter, frame

CASES = {
    "event and data": (b'event: a\ndata: {"x":1}\n\nevent: b\ndata: {}\n\n', [b'{"x":1}', b"{}"]),
    "data alone": (b"data: 1\n\ndata: [DONE]\n\n", [b"1", b"[DONE]"]),
    "no space after the colon": (b"data:1\n\ndata:  2\n\n", [b"1", b" 2"]),
    "crlf": (b"event: a\r\ndata: 1\r\n\r\ndata: 2\r\n\r\n", [b"1", b"2"]),
    "cr": (b"event: a\rdata: 1\r\rdata: 2\r\r", [b"1", b"2"]),
    "mixed line ends": (b"data: 1\r\n\ndata: 2\n\r\ndata: 3\r\r\n", [b"1", b"2", b"3"]),
    "byte-order mark": (b"\xef\xbb\xbfdata: 1\n\n", [b"1"]),
    "comments": (b": hello\n\n: ping\ndata: 1\n\n:\n\n", [b"1"]),
    "several data lines": (b"data: a\ndata: b\ndata:c\n\n", [b"a\nb\nc"]),
    "data line before the event line": (b"data: 1\nevent: a\n\n", [b"1"]),
    "id and retry": (b"id: 7\nretry: 10\nevent: a\ndata: 1\n\n", [b"1"]),
    "field without a value": (b"data\n\n", [b""]),
    "empty value among others": (b"data: a\ndata\ndata: b\n\n", [b"a\n\nb"]),
    "another field that begins alike": (b"database: 3\ndata: 1\n\n", [b"1"]),
    "extra blank lines": (b"\n\n\n\ndata: 1\n\n\n\n\ndata: 2\n\n", [b"1", b"2"]),
    "event without data": (b"event: ping\n\ndata: 1\n\n", [b"1"]),
    "utf-8": ("data: grüße 🦊\n\n".encode(), ["grüße 🦊".encode()]),
    "unfinished last event": (b"data: 1\n\ndata: 2\n", [b"1"]),
    "nothing": (b"", []),
}


@pytest.mark.parametrize(("stream", "expected"), CASES.values(), ids=CASES)
def test_every_cut_gives_the_same_payloads(stream: bytes, expected: list[bytes]) -> None:
    assert SseSplitter().feed(stream) == expected
    for cut in range(len(stream) + 1):
        splitter = SseSplitter()
        assert splitter.feed(stream[:cut]) + splitter.feed(stream[cut:]) == expected, cut


@pytest.mark.parametrize(("stream", "expected"), CASES.values(), ids=CASES)
def test_byte_by_byte(stream: bytes, expected: list[bytes]) -> None:
    splitter = SseSplitter()
    assert [payload for byte in stream for payload in splitter.feed(bytes([byte]))] == expected


def test_an_event_is_given_at_its_last_byte() -> None:
    splitter = SseSplitter()
    assert splitter.feed(b"data: 1\r\n\r") == [b"1"]
    assert splitter.feed(b"\ndata: 2\r\n\r\n") == [b"2"]


def test_close_gives_the_last_event_that_lacks_its_blank_line() -> None:
    splitter = SseSplitter()
    assert splitter.feed(b"data: 1\n\nevent: x\ndata: 2\n") == [b"1"]
    assert splitter.close() == [b"2"]
    assert splitter.close() == []
    assert SseSplitter().close() == []


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_an_event_over_the_limit_is_the_upstreams_fault(size: int) -> None:
    stream = b"data: ok\n\ndata: " + b"x" * 200 + b"\n\n"
    splitter = SseSplitter(limit=100)
    with pytest.raises(RemoteError, match="larger than 100 bytes"):
        for start in range(0, len(stream), size):
            splitter.feed(stream[start : start + size])


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from([b"data: x", b"data:", b":c", b"event: e", b"\n", b"\r", b"\r\n", b"\xef\xbb\xbf", b"{}"])
    ),
    st.data(),
)
def test_any_bytes_any_cuts(pieces: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(pieces)
    whole = SseSplitter().feed(stream)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    splitter = SseSplitter()
    parts = [splitter.feed(stream[a:b]) for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert [payload for part in parts for payload in part] == whole


def test_frame_is_read_back() -> None:
    assert frame("ping", b"{}") == b"event: ping\ndata: {}\n\n"
    assert SseSplitter().feed(frame("ping", b'{"type":"ping"}')) == [b'{"type":"ping"}']
