"""Over real sockets: limits in the heads of answers, a balance, usage, and how they are shown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.e2e.served import QuietHandler, served
from tests.harness import Daemon, config, daemon, provider, tppcd, wait_for
from tests.managing import KEY, ask

ANSWER = {
    "id": "c",
    "object": "chat.completion",
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 30, "completion_tokens": 20, "total_tokens": 50},
}
CHUNK = {
    "id": "c",
    "object": "chat.completion.chunk",
    "choices": [{"index": 0, "delta": {"content": "hello"}, "finish_reason": "stop"}],
}


class LimitedServer:
    """``headers`` are those of each answer to a request; ``status`` 429 refuses them. ``balances`` are the heads of the
    questions for the balance."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.status = 200
        self.balances: list[str] = []
        self.url = ""


@contextmanager
def limited() -> Iterator[LimitedServer]:
    """Such a server on a free port."""
    server = LimitedServer()

    class Handler(QuietHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path == "/user/balance":
                server.balances.append(str(self.headers))
                self._answer(200, b'{"data": {"left": "12.50"}}')
            else:
                self._answer(404, b"{}")

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if server.status != 200:
                self._answer(server.status, b'{"error": {"message": "too many requests"}}', **server.headers)
            elif body.get("stream"):
                frames = f"data: {json.dumps(CHUNK)}\n\ndata: [DONE]\n\n".encode()
                self._answer(200, frames, "text/event-stream", **server.headers)
            else:
                self._answer(200, json.dumps(ANSWER).encode(), **server.headers)

        def _answer(self, status: int, body: bytes, kind: str = "application/json", **headers: str) -> None:
            self.send_response(status)
            for name, value in {"content-type": kind, "content-length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    with served(Handler) as url:
        server.url = url
        yield server


def chat(running: Daemon, *, stream: bool = False) -> str:
    """One request: who has answered it."""
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": stream}
    answer = running.post("/v1/chat/completions", body)
    assert answer.status_code == 200, answer.text
    return answer.headers["x-tppcd-provider"]


def row(running: Daemon, name: str) -> dict[str, Any]:
    (found,) = [each for each in ask(running, "GET", "/auths").json()["auths"] if each["name"] == name]
    shown: dict[str, Any] = found
    return shown


def test_limits_balance_and_usage_are_read_shown_and_followed() -> None:
    """``headroom`` asks whoever has the most left, by the heads of whole answers, of streams and of refusals."""
    with limited() as fox, limited() as owl:
        entry = {"wire_api": "chat", "models": ["m"]}
        text = config(
            provider("fox", f"{fox.url}/v1", balance_url=f"{fox.url}/user/balance#data.left", **entry),
            provider("owl", f"{owl.url}/v1", **entry),
            routing={"strategy": "headroom", "session-affinity": False},
            remote_management={"secret-key": KEY},
            request_retry=0,
        )
        with daemon(text) as running:
            fox.headers = {"x-codex-primary-used-percent": "30", "x-codex-primary-reset-after-seconds": "3600"}
            owl.headers = {"x-ratelimit-remaining-tokens": "80", "x-ratelimit-limit-tokens": "100"}
            assert [chat(running) for _ in range(2)] == ["fox", "fox"]
            fox.headers = {"x-codex-primary-used-percent": "90", "x-codex-primary-reset-after-seconds": "3600"}
            assert [chat(running, stream=True), chat(running), chat(running)] == ["fox", "owl", "owl"]
            owl.status, owl.headers = 429, {"anthropic-ratelimit-requests-remaining": "0", "retry-after": "120"}
            assert chat(running) == "fox"
            assert row(running, "fox")["load"]["headroom"] == 0.1
            assert [each["name"] for each in row(running, "fox")["load"]["limits"]] == ["primary"]
            assert row(running, "owl")["load"]["headroom"] == 0.0

            balance = wait_for(lambda: row(running, "fox")["balance"], "the balance")
            assert (balance["amount"], balance["problem"]) == (12.5, None)
            assert "Bearer key-of-fox" in fox.balances[0]
            assert row(running, "owl")["balance"] is None
            _check_status(running)
            _check_metrics(running)
            _check_usage(running)
            running.reload(text.replace('"fox"', '"elk"'))
            assert 'name="fox"' not in running.get("/metrics").text


def _check_status(running: Daemon) -> None:
    """A core auth that rests is shown with the reason, the status and the end of the rest."""
    shown = tppcd("status", "--socket", str(running.home / "run" / "admin.sock"), home=running.home).stdout
    assert re.search(r"ready +fox .*\n +tppc:fox:.*headroom 10 %  balance 12\.5 \d+ s ago\n", shown), shown
    until = r" +until \d{4}-\d\d-\d\d [\d:.]+ \(in [\d:]+( s)?\): too many requests \(http_429\)\n"
    assert re.search(rf"cooling +owl .*\n +tppc:owl:.*headroom 0 %.*\n{until}", shown), shown


def _check_metrics(running: Daemon) -> None:
    shown = running.get("/metrics").text
    for line in (
        r'tppcd_core_auth_state\{name="owl",state="cooling"\} 1\.0',
        r'tppcd_core_auth_state\{name="fox",state="ready"\} 1\.0',
        r'tppcd_core_auth_rests\{name="owl",reason="rate_limit"\} 1\.0',
        r'tppcd_rests_total\{name="owl",reason="rate_limit"\} 1\.0',
        r'tppcd_credential_attempts_total\{name="owl",result="rate_limit"\} 1\.0',
        r'tppcd_core_auth_headroom_ratio\{auth="tppc:fox:\w+",name="fox"\} 0\.0?9\d+|0\.1',
        r'tppcd_core_auth_balance\{auth="tppc:fox:\w+",name="fox"\} 12\.5',
        r'tppcd_core_auth_requests_running\{auth="tppc:fox:\w+",name="fox"\} 0\.0',
    ):
        assert re.search(line, shown), line


def _check_usage(running: Daemon) -> None:
    rows = {each["provider"]: each for each in ask(running, "GET", "/usage").json()["rows"]}
    assert (rows["fox"]["requests"], rows["owl"]["requests"], rows["owl"]["failures"]) == (4, 2, 0)
    assert (rows["owl"]["input-tokens"], rows["owl"]["output-tokens"]) == (60, 40)
    assert ask(running, "GET", "/tps?window=60&provider=owl&model=m").json()["output-tokens"] == 40
