"""An upstream, and a proxy in front of it, that quote what they are given: in whatever place a response has.

    with echoing() as upstream:
        upstream.say(text, "an error body")        of all three wires

``PLACES`` are the places. ``heads`` are the request lines and headers that have arrived.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from msgspec import Struct

from tests.e2e.served import QuietHandler, served

Event = dict[str, Any]


class Reply(Struct):
    """``events`` are an event stream, of which ``raw`` is sent as it is behind them."""

    status: int = 400
    reason: str = ""
    headers: dict[str, str] = {}
    body: bytes = b""
    events: list[Event] = []
    raw: bytes = b""


def _error(text: str) -> Event:
    return {
        "message": f"no: {text}",
        "code": text,
        "param": text,
        "type": text,
        "metadata": {"raw": text, text: [text]},
    }


def _begun(wire: str) -> list[Event]:
    """As far as the answer's first words."""
    if wire == "chat":
        return [
            {"id": "c", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "hello"}}]}
        ]
    if wire == "messages":
        message = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": {}}
        return [
            {"type": "message_start", "message": message},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hello"}},
        ]
    return [
        {"type": "response.created", "response": {"id": "r", "status": "in_progress", "output": []}},
        {"type": "response.output_item.added", "output_index": 0, "item": {"type": "message", "id": "i"}},
        {"type": "response.output_text.delta", "item_id": "i", "output_index": 0, "content_index": 0, "delta": "hello"},
    ]


def _ended(wire: str) -> list[Event]:
    if wire == "chat":
        return [{"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}]
    if wire == "messages":
        return [
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
            {"type": "message_stop"},
        ]
    item = {"type": "message", "id": "i", "role": "assistant", "content": [{"type": "output_text", "text": "hello"}]}
    return [{"type": "response.completed", "response": {"id": "r", "status": "completed", "output": [item]}}]


def _ended_for(wire: str, text: str) -> list[Event]:
    """With a reason."""
    if wire == "chat":
        return [{"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": text}]}]
    if wire == "messages":
        stopped = {"type": "message_delta", "delta": {"stop_reason": text}, "error": _error(text), "usage": {}}
        return [stopped, {"type": "message_stop"}]
    response = {"id": "r", "status": "incomplete", "output": [], "incomplete_details": {"reason": text}}
    return [{"type": "response.incomplete", "response": response}]


def _warning(wire: str, text: str) -> list[Event]:
    """Of a kind that no API has, and one that goes on with nothing."""
    if wire == "chat":
        return [{"id": "c", "choices": [], "warning": [text]}]
    if wire == "messages":
        return [{"type": "warning", "message": text}, {"type": "ping", "error": _error(text)}]
    running = {"id": "r", "status": "in_progress", "output": [], "error": _error(text)}
    return [{"type": "response.warning", "message": text}, {"type": "response.in_progress", "response": running}]


def _whole(wire: str) -> Event:
    if wire == "chat":
        choice = {"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}
        return {"id": "c", "object": "chat.completion", "choices": [choice]}
    if wire == "messages":
        content = [{"type": "text", "text": "hello"}]
        return {"id": "m", "type": "message", "role": "assistant", "content": content, "stop_reason": "end_turn"}
    ended: Event = _ended(wire)[0]["response"]
    return ended


def _failed(wire: str, text: str) -> list[Event]:
    if wire == "responses":
        return [{"type": "response.failed", "response": {"id": "r", "status": "failed", "error": _error(text)}}]
    return [{"type": "error", "error": _error(text)} if wire == "messages" else {"error": _error(text)}]


def _late_chunk(wire: str, text: str) -> list[Event]:
    """OpenRouter's, beside choices; the bare ``error`` event of the Responses API."""
    if wire == "chat":
        choice = {"index": 0, "delta": {"content": ""}, "finish_reason": "error"}
        return [{"id": "c", "choices": [choice], "error": _error(text)}]
    return [{"type": "error", **_error(text)}] if wire == "responses" else _failed(wire, text)


def _odd_items(wire: str, text: str) -> list[Event]:
    """What no other wire has a place for, of a type for each word of ``text``."""
    if wire == "messages":
        blocks = [{"type": "content_block_start", "index": 1, "content_block": {"type": each}} for each in text.split()]
        return [event for block in blocks for event in (block, {"type": "content_block_stop", "index": 1})]
    items = [{"output_index": at, "item": {"type": each, "id": each}} for at, each in enumerate(text.split(), 1)]
    return [{"type": f"response.output_item.{step}", **item} for item in items for step in ("added", "done")]


def _page(text: str) -> bytes:
    return f"<!doctype html><html><head><title>Denied {text}</title></head><body>{text}</body></html>".encode()


def _json(status: int, value: object) -> Reply:
    return Reply(status, body=json.dumps(value).encode())


def _stream(events: list[Event], raw: bytes = b"", *, note: str = "") -> Reply:
    return Reply(200, headers={"content-type": "text/event-stream", "x-codex-note": note}, events=events, raw=raw)


Place = Callable[[str, str], Reply]
"""(wire, what to say) -> the reply."""

PLACES: dict[str, Place] = {
    "an error body": lambda _, text: _json(400, {"error": _error(text)}),
    "a refused key": lambda _, text: _json(401, {"type": "error", "error": _error(text)}),
    "fields of other names": lambda _, text: _json(422, {"detail": [{"loc": [text], "msg": text}]}),
    "an object without words": lambda _, text: _json(500, {"path": text, "x": [text]}),
    "JSON inside a string": lambda _, text: _json(502, {"error": json.dumps({"error": _error(text)})}),
    "a text": lambda _, text: Reply(403, body=text.encode()),
    "a web page": lambda _, text: Reply(404, headers={"content-type": "text/html"}, body=_page(text)),
    "a page that is the answer": lambda _, text: Reply(200, headers={"content-type": "text/html"}, body=_page(text)),
    "the target of a redirect": lambda _, text: Reply(302, headers={"location": f"https://a.example/{text}?k={text}"}),
    "the status line": lambda _, text: Reply(503, reason=text),
    "headers of an error": lambda _, text: Reply(
        429, headers={"x-codex-note": text, "x-ratelimit-note": text, "retry-after": text}, body=b'{"error":"said"}'
    ),
    "headers of an answer": lambda wire, text: _stream(_begun(wire) + _ended(wire), note=text),
    "JSON of a 200": lambda _, text: _json(200, {"error": _error(text)}),
    "an event before the answer": lambda wire, text: _stream(_failed(wire, text)),
    "an event after its first words": lambda wire, text: _stream(_begun(wire) + _failed(wire, text)),
    "an event of another form": lambda wire, text: _stream(_begun(wire) + _late_chunk(wire, text)),
    "why an answer ends": lambda wire, text: _stream(_begun(wire) + _ended_for(wire, text)),
    "a warning in between": lambda wire, text: _stream(_begun(wire) + _warning(wire, text) + _ended(wire)),
    "an error beside a whole answer": lambda wire, text: _json(200, _whole(wire) | {"error": _error(text)}),
    "a comment": lambda wire, text: _stream(_begun(wire), f": {text}\n\n".encode()),
    "a stream of text": lambda wire, text: _stream(_begun(wire), f"data: {text}\n\n".encode()),
    "a text that is cut": lambda _, text: _json(400, {"error": {"message": "said " * 380 + text}}),
    "a page that is cut": lambda _, text: Reply(403, body=_page("said " * 30 + text)),
    "a raw text that is cut": lambda _, text: Reply(500, body=("said " * 52 + text).encode()),
}  # fmt: skip


SILENT = {"the target of a redirect", "the status line", "a comment", "a stream of text", "headers of an answer"}
SILENT |= {"why an answer ends", "a warning in between", "an error beside a whole answer"}
"""Places of which no word reaches the body."""


def odd_answer(wire: str, text: str) -> Reply:
    """An answer with items of these types."""
    return _stream(_begun(wire) + _odd_items(wire, text) + _ended(wire))


class EchoingServer:
    """``url`` is where it listens."""

    def __init__(self) -> None:
        self.url = ""
        self.heads: list[str] = []
        self.text = ""
        self.place: Place = PLACES["an error body"]

    def say(self, text: str, place: str) -> None:
        """What every request gets from now on."""
        self.text, self.place = text, PLACES[place]


@contextmanager
def echoing() -> Iterator[EchoingServer]:
    """Such a server on a free port."""
    server = EchoingServer()

    class Handler(QuietHandler):
        protocol_version = "HTTP/1.1"

        def do_CONNECT(self) -> None:
            server.heads.append(f"{self.requestline}\n{self.headers}")
            self.send_response(200)
            self.end_headers()

        def do_GET(self) -> None:
            self._reply("chat")

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            path = self.path.partition("?")[0]
            self._reply("messages" if "messages" in path else "responses" if "responses" in path else "chat")

        def _reply(self, wire: str) -> None:
            server.heads.append(f"{self.requestline}\n{self.headers}")
            reply = server.place(wire, server.text)
            self.send_response(reply.status, reply.reason or None)
            frames = "".join(f"event: {each.get('type', 'x')}\ndata: {json.dumps(each)}\n\n" for each in reply.events)
            body = reply.body or frames.encode() + reply.raw
            for name, value in {
                "content-type": "application/json",
                **reply.headers,
                "content-length": str(len(body)),
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    with served(Handler) as url:
        server.url = url.removeprefix("http://")
        yield server
