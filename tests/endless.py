"""Upstreams whose answers have no end: each makes something else grow.

``SERVER.url + "/KIND/v1"`` is one of them; the same pieces can be fed to a pipe without a socket.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

KIND = re.compile(rb"POST /(\w+)/v1/")


def sse(*events: dict[str, Any], named: bool = False) -> bytes:
    lines = (b"event: %s\n" % event["type"].encode() if named else b"" for event in events)
    return b"".join(
        line + b"data: %s\n\n" % json.dumps(event).encode() for line, event in zip(lines, events, strict=True)
    )


def chat(**delta: Any) -> dict[str, Any]:
    return {"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta}]}


def call(number: int, arguments: str = "", **fields: Any) -> dict[str, Any]:
    return {"index": number, "function": {"arguments": arguments, **fields}}


def block(index: int, **content: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": content}


def piece(index: int, **delta: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": delta}


def item(index: int, **fields: Any) -> dict[str, Any]:
    return {"type": "response.output_item.added", "output_index": index, "item": fields}


X = "x" * 1000
CREATED = {"type": "response.created", "response": {"id": "r", "model": "m"}}
STARTED = {"type": "message_start", "message": {"id": "m", "model": "m", "role": "assistant", "content": []}}
DELTA = {"output_index": 0, "content_index": 0, "summary_index": 0, "delta": X}
NUMBER = b"%%"
"""Where a number stands that rises."""

UPSTREAMS: Mapping[str, tuple[str, bytes, bytes]] = {
    # kind: (wire, opening, what follows again and again)
    "chat_text": ("chat", b"", sse(chat(content=X))),
    "chat_tiny": ("chat", b"", sse(chat(content="ab"))),
    "chat_wide": ("chat", b"", sse(chat(content=X + "\U0001f600"))),
    "chat_thinking": ("chat", b"", sse(chat(reasoning_content=X))),
    "chat_arguments": (
        "chat",
        sse(chat(tool_calls=[{"id": "a", **call(0, "{", name="f")}])),
        sse(chat(tool_calls=[call(0, X)])),
    ),
    "chat_second_call": (
        "chat",
        sse(*(chat(tool_calls=[{"id": f"c{n}", **call(n, '{"a":"', name="f")}]) for n in (0, 1))),
        sse(chat(tool_calls=[call(1, X)])),
    ),
    "chat_calls": ("chat", b"", sse(chat(tool_calls=[{"id": "%%", **call(0, "{", name="f")}]))),
    "chat_ids": (
        "chat",
        sse(chat(tool_calls=[{"id": "a", **call(0, "{", name="f")}])),
        sse(chat(tool_calls=[{"id": "%%" + X, **call(0)}])),
    ),
    "chat_names": ("chat", b"", sse(chat(tool_calls=[call(0, name="%%" + X)]))),
    "chat_sources": (
        "chat",
        b"",
        sse(chat(content="a", annotations=[{"type": "url_citation", "url_citation": {"url": "http://%%"}}])),
    ),
    "chat_images": ("chat", b"", sse(chat(images=[{"type": "image_url", "image_url": {"url": "data:," + X}}]))),
    "chat_event": ("chat", b"data: ", X.encode() * 100),
    "chat_values": ("chat", b"", b'data: {"choices":[{"delta":{"tool_calls":[' + b"{}," * 5_000_000 + b"{}]}}]}\n\n"),
    "messages_text": (
        "messages",
        sse(STARTED, block(0, type="text", text="")),
        sse(piece(0, type="text_delta", text=X)),
    ),
    "messages_thinking": (
        "messages",
        sse(STARTED, block(0, type="thinking", thinking="")),
        sse(piece(0, type="thinking_delta", thinking=X)),
    ),
    "messages_signature": (
        "messages",
        sse(STARTED, block(0, type="thinking", thinking="")),
        sse(piece(0, type="signature_delta", signature=X)),
    ),
    "messages_input": (
        "messages",
        sse(STARTED, block(0, type="tool_use", id="a", name="f", input={})),
        sse(piece(0, type="input_json_delta", partial_json=X)),
    ),
    "messages_blocks": ("messages", sse(STARTED), sse(block(0, type="text", text="%%"))),
    "messages_odd_block": (
        "messages",
        sse(STARTED, block(0, type="odd")),
        sse(piece(0, type="odd_delta", content=X)),
    ),
    "responses_text": (
        "responses",
        sse(CREATED),
        sse({"type": "response.output_text.delta", **DELTA}, named=True),
    ),
    "responses_thinking": (
        "responses",
        sse(CREATED, item(0, type="reasoning", id="rs")),
        sse({"type": "response.reasoning_summary_text.delta", **DELTA}),
    ),
    "responses_arguments": (
        "responses",
        sse(CREATED, item(0, type="function_call", id="fc", call_id="c", name="f")),
        sse({"type": "response.function_call_arguments.delta", **DELTA}),
    ),
    "responses_unnamed": (
        "responses",
        sse(CREATED, item(0, type="function_call", id="fc", call_id="c")),
        sse({"type": "response.function_call_arguments.delta", **DELTA}),
    ),
    "responses_items": (
        "responses",
        sse(CREATED, {"type": "response.output_text.delta", **DELTA}),
        sse({"type": "response.output_item.done", "item": {"type": "message", "id": "%%", "content": [], "x": X}}),
    ),
    "responses_added": (
        "responses",
        sse(CREATED, {"type": "response.output_text.delta", **DELTA}),
        sse(item(0, type="function_call", call_id="%%", name="f")),
    ),
}

UNLIMITED = {
    ("chat_text", "chat"),
    ("chat_text", "messages"),
    ("chat_tiny", "messages"),
    ("chat_wide", "chat"),
    ("chat_thinking", "chat"),
    ("chat_tiny", "chat"),
    ("chat_wide", "messages"),
    *((kind, entry) for kind in ("chat_names", "chat_images") for entry in ("chat", "messages", "responses")),
    ("chat_sources", "chat"),
    ("chat_sources", "messages"),
    ("messages_text", "chat"),
    ("messages_text", "messages"),
    ("messages_thinking", "chat"),
    ("messages_thinking", "messages"),
    ("messages_input", "messages"),
    ("messages_input", "chat"),
    ("messages_odd_block", "messages"),
    ("messages_signature", "messages"),
    ("messages_blocks", "messages"),
    ("responses_text", "chat"),
    ("responses_text", "messages"),
    ("responses_text", "responses"),
    ("responses_thinking", "chat"),
    ("responses_thinking", "responses"),
    ("responses_arguments", "chat"),
    ("responses_arguments", "messages"),
    ("responses_arguments", "responses"),
    ("responses_unnamed", "responses"),
}
"""(upstream, entry) of which nothing is kept, streamed."""


def numbered(again: bytes, first: int, many: int) -> bytes:
    """``many`` times, the numbers in it counted from ``first``."""
    if NUMBER not in again:
        return again * many
    return b"".join(again.replace(NUMBER, b"%x" % number) for number in range(first, first + many))


class Endless:
    """Answers each request as its path says, and as fast as it is read."""

    def __init__(self) -> None:
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            kind = KIND.match(head)
            assert kind is not None
            _, opening, again = UPSTREAMS[kind[1].decode()]
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n" + opening)
            many, sent = max(1, 64 * 1024 // len(again)), 0
            while not writer.is_closing():
                writer.write(numbered(again, sent, many))
                sent += many
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the gateway has hung up
        finally:
            writer.close()


@contextmanager
def running() -> Iterator[Endless]:
    """The server, in a thread."""
    upstream, loop, ready = Endless(), asyncio.new_event_loop(), threading.Event()

    def run() -> None:
        server = loop.run_until_complete(asyncio.start_server(upstream.serve, "127.0.0.1", 0))
        upstream.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        ready.set()
        loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.1))
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait()
    yield upstream
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


def provider(kind: str, url: str) -> dict[str, Any]:
    """The entry of config.yaml; its model has its name."""
    at = {"base-url": f"{url}/{kind}/v1", "api-key": f"key-{kind}", "wire-api": UPSTREAMS[kind][0]}
    return {"name": kind, "enabled": True, "models": [kind], **at}
