"""Upstreams that label, frame or wrap their answers in their own way, or never end them."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.dialects import DIALECTS
from tests.harness import Daemon, config, daemon, wait_for

MIB = 2**20
SSE, JSON = "text/event-stream", "application/json"


class Upstream(ThreadingHTTPServer):
    """Answers every request with ``pieces`` under ``label``; after the last one again and again while ``endless``."""

    daemon_threads = True
    label = SSE
    pieces: tuple[bytes, ...] = ()
    endless = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def will_answer(self, label: str, *pieces: bytes, endless: bool = False) -> None:
        self.label, self.pieces, self.endless = label, pieces, endless


class Answering(BaseHTTPRequestHandler):
    server: Upstream

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        pieces, endless = self.server.pieces, self.server.endless and "good" not in self.path
        if "good" in self.path:
            pieces = (GOOD["chat"][JSON],)
        self.send_response(200)
        if self.server.label:
            self.send_header("content-type", self.server.label)
        self.end_headers()
        try:
            for piece in pieces:
                self.wfile.write(piece)
            while endless:
                self.wfile.write(pieces[-1])
        except OSError:
            pass  # the gateway has hung up
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None: ...


def sse(*events: dict[str, Any]) -> bytes:
    return b"".join(b"data: %s\n\n" % json.dumps(event).encode() for event in events)


def chat_chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


ITEM = {"type": "message", "id": "m", "role": "assistant", "content": [{"type": "output_text", "text": "Hello"}]}
RESPONSE = {"id": "r", "model": "m", "status": "completed", "output": [ITEM]}
MESSAGE = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": []}
GOOD: dict[str, dict[str, bytes]] = {
    "chat": {
        SSE: sse(chat_chunk({"content": "Hello"}), chat_chunk({}, "stop")) + b"data: [DONE]\n\n",
        JSON: json.dumps({"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]}).encode(),
    },
    "responses": {
        SSE: sse(
            {"type": "response.created", "response": RESPONSE | {"output": []}},
            {"type": "response.output_item.done", "output_index": 0, "item": ITEM},
            {"type": "response.completed", "response": RESPONSE},
        ),
        JSON: json.dumps(RESPONSE).encode(),
    },
    "messages": {
        SSE: sse(
            {"type": "message_start", "message": MESSAGE},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
            {"type": "message_stop"},
        ),
        JSON: json.dumps(
            MESSAGE | {"content": [{"type": "text", "text": "Hello"}], "stop_reason": "end_turn"}
        ).encode(),
    },
}


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def gateway(upstream: Upstream) -> Iterator[Daemon]:
    def offered(name: str, wire: str, model: str, **fields: Any) -> dict[str, Any]:
        url = f"{upstream.url}/{name}/v1"
        shared = {"enabled": True, "base-url": url, "api-key": "key-of-" + name, "wire-api": wire, "models": [model]}
        return {"name": name, **shared, **fields}

    providers = [offered(wire, wire, f"{wire}-model") for wire in DIALECTS]
    twins = [offered("bad", "chat", "twin", priority=2), offered("good", "chat", "twin", priority=1)]
    with daemon(config(*providers, *twins, disable_cooling=True, request_retry=0)) as running:
        yield running


def ask(gateway: Daemon, entry: str, model: str, *, stream: bool = False) -> Any:
    dialect = DIALECTS[entry]
    return gateway.post(dialect.path, dialect.request("hi", model=model, stream=stream))


@pytest.mark.parametrize("label", [JSON, SSE, "application/x-ndjson", "text/html", "text/plain", ""])
@pytest.mark.parametrize("form", [SSE, JSON])
@pytest.mark.parametrize("wire", DIALECTS)
def test_an_answer_is_read_whatever_its_label_says(
    gateway: Daemon, upstream: Upstream, wire: str, form: str, label: str
) -> None:
    body = GOOD[wire][form]
    upstream.will_answer(label, *(body[at : at + 1] for at in range(9)), body[9:])
    for entry in DIALECTS:
        for stream in (True, False):
            answer = ask(gateway, entry, f"{wire}-model", stream=stream)
            assert answer.status_code == 200, answer.text
            assert "Hello" in answer.text and "error" not in answer.text.replace('"error":null', "")


REFUSAL = {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}


@pytest.mark.parametrize("label", [JSON, SSE, "text/html", "text/plain", ""])
@pytest.mark.parametrize("framed", [True, False])
def test_an_error_under_a_200_keeps_its_code_and_words(
    gateway: Daemon, upstream: Upstream, framed: bool, label: str
) -> None:
    upstream.will_answer(label, sse(REFUSAL) if framed else json.dumps(REFUSAL).encode())
    for wire in ("chat", "responses"):
        answer = ask(gateway, "chat", f"{wire}-model", stream=True)
        assert answer.status_code == 429, answer.text
        assert answer.json()["error"]["code"] == "insufficient_quota"
        assert "You exceeded your current quota" in answer.json()["error"]["message"]


@pytest.mark.parametrize("wire", DIALECTS)
def test_an_answer_inside_a_wrapper_is_taken_out(gateway: Daemon, upstream: Upstream, wire: str) -> None:
    upstream.will_answer(JSON, b'{"code": 200, "msg": "ok", "data": %s}' % GOOD[wire][JSON])
    for entry in DIALECTS:
        assert "Hello" in ask(gateway, entry, f"{wire}-model").text


def skipped(gateway: Daemon, provider: str) -> float:
    found = re.search(rf'tppcd_events_skipped_total{{provider="{provider}"}} (\S+)', gateway.get("/metrics").text)
    return float(found[1]) if found else 0.0


@pytest.mark.parametrize("wire", DIALECTS)
def test_events_that_cannot_be_read_are_counted_by_provider(gateway: Daemon, upstream: Upstream, wire: str) -> None:
    odd = b"data:\n\nevent: keepalive\ndata: ping\n\n"
    upstream.will_answer(SSE, odd + GOOD[wire][SSE])
    for entry in DIALECTS:
        before = skipped(gateway, wire)
        assert "Hello" in ask(gateway, entry, f"{wire}-model", stream=True).text
        assert skipped(gateway, wire) == before + 2


ENDLESS: dict[str, bytes] = {
    "chat": sse(chat_chunk({"content": "x" * 100})) * 500,
    "responses": b"event: response.output_text.delta\n"
    + sse({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "x" * 100}),
    "messages": sse({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x" * 100}})
    * 500,
}
STARTS = {
    "messages": sse(
        *(
            {"type": "message_start", "message": MESSAGE},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        )
    )
}


def memory(gateway: Daemon, what: str) -> int:
    status = Path(f"/proc/{gateway.process.pid}/status").read_text()
    found = re.search(rf"{what}:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux's /proc is not here")
@pytest.mark.parametrize("entry", ["messages", "chat"])
@pytest.mark.parametrize("wire", DIALECTS)
def test_an_answer_without_end_takes_a_bounded_room_and_is_an_error(
    gateway: Daemon, upstream: Upstream, wire: str, entry: str
) -> None:
    """Both ways: through the hub and, where entry and upstream speak one wire, past it."""
    piece = ENDLESS[wire] * (500 if wire == "responses" else 1)
    upstream.will_answer(SSE, STARTS.get(wire, b": begun\n\n"), piece, endless=True)
    idle = memory(gateway, "VmRSS")
    Path(f"/proc/{gateway.process.pid}/clear_refs").write_text("5")  # VmHWM begins anew
    for _ in range(2):  # the second one finds the room of the first
        answer = ask(gateway, entry, f"{wire}-model")
        assert answer.status_code == 502, answer.text[:300]
        assert "larger than 64 MiB, the most that is collected for one request" in answer.text
    assert memory(gateway, "VmHWM") - idle < 120 * MIB
    upstream.will_answer(SSE, GOOD[wire][SSE])
    assert wait_for(lambda: "Hello" in ask(gateway, entry, f"{wire}-model").text, "an answer after it")


def test_a_json_answer_without_end_too_and_the_next_provider_is_asked(gateway: Daemon, upstream: Upstream) -> None:
    upstream.will_answer(JSON, b'{"choices":[{"message":{"content":"', b"x" * MIB, endless=True)
    alone = ask(gateway, "messages", "chat-model", stream=True)
    assert alone.status_code == 502 and "larger than 64 MiB" in alone.text
    answer = ask(gateway, "messages", "twin", stream=True)
    assert answer.status_code == 200 and "Hello" in answer.text
    assert answer.headers["x-tppcd-attempts"] == "2"
