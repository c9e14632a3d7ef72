"""Over real sockets: upstreams that stay connected behind a complete answer, beat, or hang up without a word, and one
whose answer lacks its beginning."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import ThreadingHTTPServer
from itertools import product
from typing import Any

import pytest

from tests.dialects import DIALECTS
from tests.e2e.served import QuietHandler
from tests.harness import Daemon, config, daemon, provider

Json = dict[str, Any]
ARGUMENTS = '{"path":"a"}'
CALL = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "Read", "arguments": ARGUMENTS}}
USAGE = {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14}


def chunk(delta: Json, reason: str | None = None, **fields: Any) -> bytes:
    choices = [{"index": 0, "delta": delta, "finish_reason": reason}]
    whole = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-5", "choices": choices, **fields}
    return b"data: %b\n\n" % json.dumps(whole).encode()


SAID = chunk({"role": "assistant", "content": "fine"}) + chunk({"tool_calls": [CALL]}) + chunk({}, "tool_calls")
COUNTS = chunk({}, usage=USAGE).replace(json.dumps([{"index": 0, "delta": {}, "finish_reason": None}]).encode(), b"[]")
BEATS = {"silent": b"", "comments": b": still here\n\n", "empty chunks": chunk({}), "text": b"data: ping\n\n"}
CASES = {f"{name}, {beat}": (SAID + counts, BEATS[beat])
         for name, counts in (("usage", COUNTS), ("no usage", b"")) for beat in BEATS}  # fmt: skip
"""What the upstream says, and what it goes on with."""
NO_START = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
LIMITS = {"timeouts": {"idle": 600, "first-event": 600}}
"""Seconds, longer than the test's client waits."""


class Upstream(ThreadingHTTPServer):
    """Sends the body of the case that the request names, and then its beat ten times a second until the gateway hangs
    up, or ``over`` is set."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.over = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(QuietHandler):
    server: Upstream

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["content-length"])).decode()
        case = next((case for case in CASES if f"CASE={case}." in asked), None)
        body, beat = (NO_START, b"") if case is None else CASES[case]
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)
            while case is not None and not self.server.over.wait(0.1):
                self.wfile.write(beat)
        self.close_connection = True


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    server = Upstream()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def gateway(upstream: Upstream) -> Iterator[Daemon]:
    fox = provider("fox", f"{upstream.url}/v1", wire_api="chat", models=["gpt-5"], **LIMITS)
    wolf = provider("wolf", upstream.url, wire_api="messages", models=["claude-x"], **LIMITS)
    with daemon(config(fox, wolf, request_retry=0, disable_cooling=True)) as running:
        yield running


def is_complete(entry: str, answer: str) -> bool:
    """Whether a client sees the text, the call, and no failure."""
    plain = answer.replace("\\", "").replace(" ", "")
    call = '"name":"Read"' in plain and (ARGUMENTS in plain or f'"input":{ARGUMENTS}' in plain)
    return "fine" in plain and call and '"error":{' not in plain and END[entry] in plain


END = {
    "messages": '"stop_reason":"tool_use"',
    "responses": '"status":"completed"',
    "chat": '"finish_reason":"tool_calls"',
}


def test_an_upstream_that_stays_connected_ends_all_the_same(upstream: Upstream, gateway: Daemon) -> None:
    """Each case from each entry, streamed or not, all at once: some wait for usage that does not come."""

    def ask(asked: tuple[str, str, bool]) -> str:
        name, case, stream = asked
        dialect = DIALECTS[name]
        answer = gateway.post(dialect.path, dialect.request(f"CASE={case}.", stream=stream))
        return "" if answer.status_code == 200 and is_complete(name, answer.text) else f"{asked}: {answer.text}"

    with ThreadPoolExecutor(64) as pool:
        wrong = [each for each in pool.map(ask, product(DIALECTS, CASES, (True, False))) if each]
    assert not wrong, "\n".join(wrong)
    assert not upstream.over.is_set()


def test_a_messages_answer_without_its_start_goes_to_no_client(gateway: Daemon) -> None:
    for name in ("messages", "chat"):
        dialect = DIALECTS[name]
        answer = gateway.post(dialect.path, dialect.request("x", stream=True) | {"model": "claude-x"})
        assert answer.status_code == 502 and "no message_start" in answer.text
