"""An upstream of Chat Completions on a raw socket: what it sends, and when it closes, is up to the test."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from typing import NamedTuple

ANSWER = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-5",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "fine"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}


class Call(NamedTuple):
    """``nth`` on its connection, from 0."""

    method: str
    path: str
    key: str
    nth: int


Reply = Callable[[Call], bytes | None]
"""None: close the connection without an answer."""


def reply(status: int = 200, body: object = ANSWER, **headers: str) -> bytes:
    """A whole answer, after which the connection stays open. ``retry_after`` is the header ``retry-after``."""
    payload = json.dumps(body).encode()
    named = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    kind = "content-type: application/json"
    return f"HTTP/1.1 {status} X\r\n{kind}\r\n{named}content-length: {len(payload)}\r\n\r\n".encode() + payload


def refusal(status: int, message: str = "no", **headers: str) -> bytes:
    return reply(status, {"error": {"message": message}}, **headers)


class RawUpstream:
    """``calls`` are the requests for completions, ``lists`` those for models, which it does not list."""

    def __init__(self, answer: Reply) -> None:
        self.answer = answer
        self.lists: bytes = refusal(503, connection="close")  # so that requests meet no connection but their own
        self.calls: list[Call] = []
        self.open = 0
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.url = f"http://{self.host}/v1"

    def run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self, connection: socket.socket) -> None:
        with self._lock:
            self.open += 1
        nth = 0
        try:
            with connection, connection.makefile("rb") as reader:
                while (call := _read(reader, nth)) is not None:
                    if call.method == "POST":
                        nth += 1
                        with self._lock:
                            self.calls.append(call)
                    sent = self.answer(call) if call.method == "POST" else self.lists
                    if sent is None:
                        return
                    connection.sendall(sent)
                    if call.method == "GET":
                        return
        except OSError:
            pass  # whoever asked has gone
        finally:
            with self._lock:
                self.open -= 1


def _read(reader: object, nth: int) -> Call | None:
    line = reader.readline().decode("latin-1")  # type: ignore[attr-defined]
    if not line:
        return None
    headers: dict[str, str] = {}
    while header := reader.readline().decode("latin-1").strip():  # type: ignore[attr-defined]
        name, _, value = header.partition(":")
        headers[name.lower()] = value.strip()
    reader.read(int(headers.get("content-length", "0")))  # type: ignore[attr-defined]
    method, path, _ = line.split(" ", 2)
    return Call(method, path, headers.get("authorization", "").removeprefix("Bearer "), nth)


@contextlib.contextmanager
def raw_upstream(answer: Reply) -> Iterator[RawUpstream]:
    upstream = RawUpstream(answer)
    threading.Thread(target=upstream.run, daemon=True).start()
    try:
        yield upstream
    finally:
        upstream.close()
