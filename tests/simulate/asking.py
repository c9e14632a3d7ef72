"""Asking the simulator in process, without a socket."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from msgspec import Struct

from daemon.simulate.app import Simulator
from daemon.simulate.makes import ALL
from daemon.simulate.makes.make import ENDINGS, Api, Make


class Reply(Struct):
    """An answer of the simulator."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[Any]:
        """The data of its SSE frames that are JSON."""
        lines = [line.removeprefix("data: ") for line in self.body.decode().split("\n") if line.startswith("data: {")]
        return [json.loads(line) for line in lines]


def api_of(make: Make, wire: str) -> Api:
    return next(api for api in make.apis if api.wire.name == wire)


def ask(name: str, path: str, body: Any = None, *, key: str = "k", only: str = "") -> Reply:
    """One request to the make ``name``; without a body a GET."""
    simulator, sent = Simulator(make=ALL[name], key=only), []
    gone = asyncio.Event()
    waiting = [{"type": "http.request", "body": json.dumps(body or {}).encode(), "more_body": False}]

    async def receive() -> dict[str, Any]:
        if waiting:
            return waiting.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET" if body is None else "POST", "path": path, "query_string": b""}
    asyncio.run(simulator({**scope, "headers": [(b"authorization", f"Bearer {key}".encode())]}, receive, send))
    start = sent[0]
    headers = {each.decode(): value.decode() for each, value in start["headers"]}
    return Reply(start["status"], headers, b"".join(message.get("body", b"") for message in sent[1:]))


def address(name: str, wire: str) -> str:
    return (api_of(ALL[name], wire).base or "/v1") + ENDINGS[wire]
