"""The simulator as a raw ASGI application.

    POST …/responses, …/chat/completions, …/messages    the three wires
    POST …/messages/count_tokens                        a count by the length of the body
    GET  …/models                                       the models it claims to have
    GET  /_simulate[?bodies=1]                          what was seen, what is open, which faults wait
    POST /_simulate    {"faults": […], "reset": true, "delay-ms": n, "chunk-bytes": n}, each optional

A request's fault is named by its ``x-simulate`` header, else by its model (``gpt-5+cut``), else it
is the next of the queue.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, MutableMapping
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from daemon.simulate import chat, messages, responses
from daemon.simulate.answer import CHARS_PER_TOKEN, PromptCache, compose
from daemon.simulate.conversation import Json, Refused
from daemon.simulate.delivery import (
    HTML,
    ClientGone,
    Pace,
    Receive,
    Send,
    send_body,
    send_json,
    send_stream,
    until_gone,
)
from daemon.simulate.faults import FAULTS, Fault, Problem, UnknownFault, parse
from daemon.simulate.ledger import Ledger, Seen
from daemon.simulate.wire import Wire, openai_error

Scope = MutableMapping[str, Any]

WIRES = {"/responses": responses.WIRE, "/chat/completions": chat.WIRE, "/messages": messages.WIRE}
MODELS = (
    "gpt-5",
    "gpt-5-minimal",
    "gpt-5-low",
    "gpt-5-medium",
    "gpt-5-high",
    "gpt-5-codex",
    "gpt-5-codex-low",
    "gpt-5-codex-medium",
    "gpt-5-codex-high",
    "codex-mini-latest",
)
CONTROL = "/_simulate"


class Control(Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """The body of ``POST /_simulate``."""

    faults: list[object] = []
    reset: bool = False
    delay_ms: float | UnsetType = UNSET
    chunk_bytes: int | UnsetType = UNSET


class Simulator:
    """One local upstream. ``connections`` counts the open client connections, which only the server knows.

    ``key``, when set, is the only API key that is accepted; else any key, or none, will do.
    """

    def __init__(self, *, ledger: Ledger | None = None, pace: Pace | None = None, key: str = "") -> None:
        self.connections: Callable[[], int] = int
        self._ledger = ledger or Ledger()
        self._pace = pace or Pace()
        self._key = key
        self._cache = PromptCache()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI's entry; only HTTP is served."""
        if scope["type"] != "http":
            return
        path = scope["path"].rstrip("/")
        wire = next((wire for ending, wire in WIRES.items() if path.endswith(ending)), None)
        if path == CONTROL:
            await self._control(scope, receive, send)
        elif wire is not None and scope["method"] == "POST":
            await self._answer(wire, scope, receive, send)
        elif path.endswith("/messages/count_tokens"):
            await send_json(send, 200, {"input_tokens": len(await _read(receive)) // CHARS_PER_TOKEN})
        elif path.endswith("/models") and scope["method"] == "GET":
            await send_json(send, 200, _models())
        else:
            told = openai_error(Problem(message=f"Invalid URL ({scope['method']} {path})"), "")
            await send_json(send, 404, told)

    async def _control(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "POST":
            try:
                self._apply(msgspec.json.decode(await _read(receive) or b"{}", type=Control))
            except (msgspec.MsgspecError, UnknownFault) as error:
                await send_json(send, 400, openai_error(Problem(message=str(error)), ""))
                return
        state = self._ledger.state(bodies=b"bodies=1" in scope["query_string"])
        await send_json(send, 200, {"connections": self.connections(), "pace": self._pace, **state})

    def _apply(self, control: Control) -> None:
        faults = [parse(fault) for fault in control.faults]
        if control.reset:
            self._ledger.reset()
            self._cache = PromptCache()
        self._ledger.queue(faults)
        changes = {name: getattr(control, name) for name in ("delay_ms", "chunk_bytes")}
        told = {name: value for name, value in changes.items() if value is not UNSET}
        self._pace = msgspec.structs.replace(self._pace, **told)

    async def _answer(self, wire: Wire, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        raw = await _read(receive)
        key = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")
        try:
            body = msgspec.json.decode(raw, type=Json)
            fault = self._fault(headers, str(body.get("model")))
        except (msgspec.MsgspecError, UnknownFault) as error:
            await self._refuse(wire, send, Refused(f"We could not parse the JSON body of your request: {error}"))
            return
        seen = self._ledger.begin(wire=wire.name, path=scope["path"], key=key, body=body, fault=fault)
        outcome = "aborted"
        try:
            async with asyncio.TaskGroup() as tasks:
                watch = tasks.create_task(until_gone(receive))
                outcome = await self._respond(wire, send, seen, raw_size=len(raw), key=key, fault=fault)
                watch.cancel()
        except* ClientGone:
            outcome = "aborted"
        finally:
            self._ledger.finish(seen, outcome)

    def _fault(self, headers: dict[str, str], model: str) -> Fault:
        named = headers.get("x-simulate") or model.partition("+")[2]
        if not named:
            return self._ledger.next_fault()
        return parse(msgspec.json.decode(named) if named.startswith("{") else named)

    async def _respond(self, wire: Wire, send: Send, seen: Seen, *, raw_size: int, key: str, fault: Fault) -> str:
        body = seen.body or {}
        if self._key and key != self._key:
            fault = FAULTS["unauthorized"]
        if fault.kind == "stall-head":
            await asyncio.sleep(fault.seconds)
        if fault.kind == "html":
            return await send_body(send, fault.status, HTML, content_type="text/html")
        if fault.kind == "status":
            retry_after = {} if fault.retry_after is None else {"retry-after": f"{fault.retry_after:g}"}
            return await send_json(send, fault.status, wire.error(fault.problem, "0" * 24), retry_after)
        try:
            conversation = wire.read(body, key)
            answer = compose(conversation, size=raw_size, key=key, cache=self._cache, fault=fault)
        except Refused as refused:
            return await self._refuse(wire, send, refused)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return await self._refuse(wire, send, Refused(f"Invalid request body: {type(error).__name__} {error}"))
        if conversation.stream:
            return await send_stream(send, wire, answer, body, fault, self._pace)
        if fault.kind in ("error-event", "failed", "cut", "end"):
            return await send_json(send, 500, wire.error(fault.problem, answer.identity))
        return await send_json(send, 200, wire.whole(answer, body))

    async def _refuse(self, wire: Wire, send: Send, refused: Refused) -> str:
        problem = Problem(message=refused.message, code=refused.code, param=refused.param)
        return await send_json(send, refused.status, wire.error(problem, "0" * 24))


async def _read(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _models() -> Json:
    data = [{"id": model, "object": "model", "created": 1754425777, "owned_by": "simulate"} for model in MODELS]
    return {"object": "list", "data": data}
