"""A make of upstream that listens: the simulator's model, the make's demands and its way of answering."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from msgspec.structs import replace

from daemon.simulate import chat, messages, responses
from daemon.simulate.answer import REASONING, Answer, PromptCache, compose
from daemon.simulate.conversation import Answered, Conversation, Refused
from daemon.simulate.demand import Asked
from daemon.simulate.faults import OK, Problem
from tests.e2e.makes import answers
from tests.e2e.makes.demands import SINGLE_CALLS
from tests.e2e.makes.table import Make

Json = dict[str, Any]
WIRES = {"chat/completions": chat.WIRE, "responses": responses.WIRE, "messages": messages.WIRE}


class Upstream(ThreadingHTTPServer):
    """``refused`` has the sentence of each refusal, in their order; ``served`` counts the answers."""

    daemon_threads = True

    def __init__(self, make: Make) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.make = make
        self.cache = PromptCache()
        self.refused: list[str] = []
        self.served = 0
        self.url = f"http://127.0.0.1:{self.server_address[1]}/v1"

    def provider(self, **settings: object) -> Json:
        """Its entry in config.yaml."""
        make = self.make
        entry = {"name": "fox", "enabled": True, "base-url": self.url, "api-key": "key-of-fox", "wire-api": make.wire}
        return {**entry, "models": [make.model], **settings}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Upstream

    def do_GET(self) -> None:
        make = self.server.make
        row = {"id": make.model, "object": "model", "created": 1, "owned_by": make.owned_by}
        self._reply(200, {"object": "list", "data": [row]})

    def do_POST(self) -> None:
        make = self.server.make
        body: Json = json.loads(self.rfile.read(int(self.headers["content-length"])))
        path = self.path.partition("?")[0].removeprefix("/v1/")
        wire = WIRES.get(path)
        if wire is None:
            self._refuse(
                404, f"Invalid URL (POST {self.path})", {"error": {"message": f"Invalid URL (POST {self.path})"}}
            )
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(wire=wire.name, path=self.path, headers=headers, body=body)
        for demand in make.demands:
            sentence = demand.complaint(asked, demand.text)
            if sentence is not None:
                self._refuse(demand.status, sentence, demand.shape(sentence))
                return
        if any(each.name == SINGLE_CALLS for each in make.demands):
            body = body | {"messages": called_together(body["messages"])}
        try:
            answer = self._answer(wire.read(body, "key-of-fox"))
        except Refused as refused:
            problem = Problem(message=refused.message, code=refused.code, param=refused.param)
            self._refuse(refused.status, refused.message, wire.error(problem, "0" * 24))
            return
        self.server.served += 1
        if body.get("stream"):
            self._stream(wire.frames(answer, body), answer)
        else:
            self._reply(200, wire.whole(answer, body))

    def _answer(self, conversation: Conversation) -> Answer:
        # What a gateway puts between two messages that must not follow each other is no answer to the task.
        entries = tuple(entry for entry in conversation.entries if not isinstance(entry, Answered))
        conversation = replace(conversation, entries=entries)
        answer = compose(conversation, size=1000, key="key-of-fox", cache=self.server.cache, fault=OK)
        shown = REASONING if self.server.make.thinking else answer.reasoning
        return replace(answer, reasoning=shown)

    def _stream(self, frames: Iterator[bytes], answer: Answer) -> None:
        make, identity = self.server.make, answer.identity[:12]
        if make.wire == "chat":
            frames = answers.chat(
                frames,
                identity=identity,
                call_id=make.call_id,
                thinking=make.thinking,
                whole_calls=make.whole_calls,
                usage=make.usage,
            )
        elif make.wire == "messages":
            frames = answers.messages(frames, identity=identity, call_id=make.call_id)
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        with contextlib.suppress(OSError):  # the gateway has hung up
            for frame in answers.noisy(frames, make.noise):
                self.wfile.write(frame)

    def _refuse(self, status: int, sentence: str, body: object) -> None:
        self.server.refused.append(sentence)
        self._reply(status, body)

    def _reply(self, status: int, body: object) -> None:
        data = json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(data)

    def version_string(self) -> str:
        return self.server.make.server

    def log_message(self, format: str, *args: object) -> None: ...


def called_together(messages: list[Json]) -> list[Json]:
    """What the model has called in one answer, in one message again, by the ids that the answer gave its calls: the
    scripted model counts its steps by messages."""
    turns: list[Json] = []
    caller: Json = {}
    for message in messages:
        calls = message.get("tool_calls")
        if calls and caller and caller["tool_calls"][0]["id"][:-1] == calls[0]["id"][:-1]:
            caller["tool_calls"] += calls
            continue
        if calls:
            message = caller = message | {"tool_calls": [*calls]}
        turns.append(message)
    return turns


@contextlib.contextmanager
def upstream(make: Make) -> Iterator[Upstream]:
    """One on a free port."""
    with Upstream(make) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
