"""The first bytes of a body decide what it is; its content type decides where they do not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import pytest

from daemon.upstream.http.call import UpstreamResponse
from daemon.upstream.response_form import beginning, form_of, unwrapped

EVENTS = b'data: {"choices":[]}\n\n'


class Pieces:
    """A body that arrives as it is cut."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = list(pieces)

    @property
    def ended(self) -> bool:
        return not self._pieces

    async def read(self) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""

    def gather(self) -> None: ...

    def close(self) -> None: ...


def answer(content_type: str, *pieces: bytes) -> UpstreamResponse:
    return UpstreamResponse(200, {"content-type": content_type} if content_type else {}, Pieces(pieces), "host")


LABELS = ("text/event-stream", "application/json", "application/x-ndjson", "text/html", "text/plain", "")
BODIES = [
    (EVENTS, "events"),
    (b"event: ping\ndata: {}\n\n", "events"),
    (b": OPENROUTER PROCESSING\n\n", "events"),
    (b":\n\n", "events"),
    (b"id: 1\ndata: {}\n\n", "events"),
    (b"retry: 100\n\n", "events"),
    (b"\xef\xbb\xbfdata: {}\n\n", "events"),
    (b"\r\n\r\ndata: {}\n\n", "events"),
    (b'{"choices":[]}', "json"),
    (b'\n\n  {"error":{}}', "json"),
    (b'\xef\xbb\xbf{"id":1}', "json"),
    (b'\xef\xbb\xbf\r\n {"id":1}', "json"),
    (b'[{"error":{}}]', "json"),
    (b"<!doctype html><html>", "page"),
    (b"\n<html>", "page"),
]


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize(("body", "form"), BODIES, ids=[repr(body) for body, _ in BODIES])
@pytest.mark.parametrize("size", [1, 4, 1000])
def test_the_bytes_decide_whatever_the_label_says(label: str, body: bytes, form: str, size: int) -> None:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    asked = answer(label + "; charset=utf-8" if label else "", *pieces)
    begun, found = asyncio.run(beginning(asked))
    rest = asyncio.run(asked.read_whole(begun=begun))
    assert found == form
    assert rest == body.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")


UNDECIDED = [("application/json", "json"), ("application/problem+json", "json"), ("text/html", "page"), ("", "events")]


@pytest.mark.parametrize(("label", "form"), UNDECIDED)
@pytest.mark.parametrize("body", [b"", b"\n\n", b"hello", b"dat", b"datum", b"e", b"\xef\xbb", b"123"])
def test_the_label_decides_where_the_bytes_do_not(label: str, form: str, body: bytes) -> None:
    assert asyncio.run(beginning(answer(label, body)))[1] == form


def test_it_is_decided_with_the_first_byte_that_can() -> None:
    """A stream's first event must not wait for its second."""
    decided = [form_of(EVENTS[:size]) for size in range(6)]
    assert decided == [None, None, None, None, None, "events"]
    assert (form_of(b"{"), form_of(b":"), form_of(b"x")) == ("json", "events", "unknown")


ANSWER = {"id": "r", "output": []}
WRAPPED = [
    ({"code": 200, "msg": "ok", "data": ANSWER}, ANSWER),
    ({"data": {"choices": [1]}, "success": True}, {"choices": [1]}),
    ({"data": {"content": [], "type": "message"}}, {"content": [], "type": "message"}),
    ({"code": 500, "data": {"error": {"message": "no"}}}, {"error": {"message": "no"}}),
    ({"code": 403, "msg": "no", "data": None}, None),
    ({"code": 403, "msg": "no", "data": "x"}, None),
    ({"object": "list", "data": [{"id": "gpt-5"}]}, None),
    ({"choices": [1], "data": ANSWER}, None),
    ({"error": {"message": "no"}, "data": ANSWER}, None),
    ([1, "data"], None),
    (ANSWER, None),
]


@pytest.mark.parametrize(("body", "inner"), WRAPPED, ids=[json.dumps(body) for body, _ in WRAPPED])
def test_an_answer_inside_a_wrapper_is_taken_out(body: object, inner: object) -> None:
    sent = json.dumps(body).encode()
    assert json.loads(unwrapped(sent)) == (body if inner is None else inner)


def test_what_is_no_json_stays_as_it_is() -> None:
    assert unwrapped(b'{"data":') == b'{"data":'
