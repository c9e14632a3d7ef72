"""A Messages server that lags behind the API: it refuses what its rules say, and answers everything else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import httpx

from tests.e2e.served import QuietHandler, served

Body = dict[str, Any]
Rule = Callable[[Body, Mapping[str, str]], str | None]
"""(body, headers with lower-case names) -> the words of a refusal, None where it is taken."""

ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 2},
}
EVENTS = (
    {"type": "message_start", "message": ANSWER | {"content": [], "stop_reason": None}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hello"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
    {"type": "message_stop"},
)


class RefusingServer:
    """``asked`` are the bodies that arrived, ``headers`` theirs, ``refused`` the words that were said. ``behind`` is
    the base URL of a server that answers in its place; empty for none."""

    def __init__(self, rules: Sequence[Rule], behind: str) -> None:
        self.rules = rules
        self.behind = behind
        self.asked: list[Body] = []
        self.headers: list[dict[str, str]] = []
        self.refused: list[str] = []
        self.url = ""

    def words_for(self, body: Body, headers: Mapping[str, str]) -> str | None:
        return next((words for rule in self.rules if (words := rule(body, headers))), None)


@contextmanager
def refusing(*rules: Rule, behind: str = "") -> Iterator[RefusingServer]:
    """Such a server on a free port."""
    server = RefusingServer(rules, behind)

    class Handler(QuietHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"]))
            body, headers = json.loads(raw), {name.lower(): value for name, value in self.headers.items()}
            if self.path.endswith("count_tokens"):
                self.answer(404, b"{}")
                return
            server.asked.append(body)
            server.headers.append(headers)
            words = server.words_for(body, headers)
            if words is not None:
                server.refused.append(words)
                error = {"type": "error", "error": {"type": "invalid_request_error", "message": words}}
                self.answer(400, json.dumps(error).encode())
            elif server.behind:
                kept = {"content-type": "application/json", "anthropic-version": "2023-06-01"}
                answer = httpx.post(server.behind + "/v1/messages", content=raw, headers=kept, timeout=60)
                self.answer(answer.status_code, answer.content, answer.headers["content-type"])
            elif body.get("stream"):
                frames = "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in EVENTS)
                self.answer(200, frames.encode(), "text/event-stream")
            else:
                self.answer(200, json.dumps(ANSWER).encode())

        def answer(self, status: int, body: bytes, kind: str = "application/json") -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with served(Handler) as url:
        server.url = url
        yield server
