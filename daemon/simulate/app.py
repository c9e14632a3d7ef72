"""The simulator as a raw ASGI application.

    POST …/responses, …/chat/completions, …/messages    the three wires
    POST …/messages/count_tokens                        a count by the length of the body
    GET  …/models                                       the models it claims to have
    GET  /_simulate[?bodies=1]                          what was seen, what is open, which faults wait
    POST /_simulate    {"faults": […], "always": […], "reset": true, "delay-ms": n, "chunk-bytes": n,
                        "max-concurrent": n, "models": […]}, each optional

A request's fault is named by its ``x-simulate`` header, else by its model (``gpt-5+cut``), else it
is the next of the queue. ``always`` are faults for every request, until replaced by other ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Any

import msgspec
import uvicorn
import uvloop
from msgspec import UNSET, Struct, UnsetType

from daemon.simulate import chat, messages, responses
from daemon.simulate.answer import CHARS_PER_TOKEN, PromptCache, compose
from daemon.simulate.conversation import Conversation, Json, Refused
from daemon.simulate.delivery import (
    HTML,
    ClientGone,
    Pace,
    Receive,
    Send,
    send_body,
    send_json,
    send_refusal,
    send_status,
    send_stream,
    until_gone,
)
from daemon.simulate.faults import (
    PLAIN,
    Fault,
    Problem,
    Profile,
    UnknownFault,
    choose,
    of_relay,
    parse,
    parse_text,
)
from daemon.simulate.ledger import Ledger
from daemon.simulate.relay import Asked, concurrency
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
    always: list[object] | UnsetType = UNSET
    reset: bool = False
    delay_ms: float | UnsetType = UNSET
    chunk_bytes: int | UnsetType = UNSET
    max_concurrent: int | UnsetType = UNSET
    models: tuple[str, ...] | UnsetType = UNSET


class Simulator:
    """One local upstream. ``connections`` counts the open client connections, which only the server knows.

    ``key``, when set, is the only API key that is accepted; else any key, or none, will do. ``always`` are
    faults for the whole run; a key with ``max_concurrent`` requests open gets no more (0 = no limit).
    """

    def __init__(
        self,
        *,
        ledger: Ledger | None = None,
        pace: Pace | None = None,
        key: str = "",
        profile: Profile = PLAIN,
        always: Iterable[Fault] = (),
        max_concurrent: int = 0,
    ) -> None:
        self.connections: Callable[[], int] = int
        self._models: tuple[str, ...] = MODELS
        self._ledger = ledger or Ledger()
        self._pace = pace or Pace()
        self._key = key
        self._profile = profile
        self._always = tuple(always)
        self._max_concurrent = max_concurrent
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
        elif path.endswith("/messages/count_tokens") and self._profile is PLAIN:
            await send_json(send, 200, {"input_tokens": len(await _read(receive)) // CHARS_PER_TOKEN})
        elif path.endswith("/models") and scope["method"] == "GET":
            if self._key and _key_of(_headers(scope)) != self._key:
                await send_json(send, 401, openai_error(Problem(message="Incorrect API key provided"), ""))
                return
            await send_json(send, 200, _listing(self._models))
        else:
            body = openai_error(Problem(message=f"Invalid URL ({scope['method']} {path})"), "")
            await send_json(send, 404, body)

    async def _control(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "POST":
            try:
                self._apply(msgspec.json.decode(await _read(receive) or b"{}", type=Control))
            except (msgspec.MsgspecError, UnknownFault) as error:
                await send_json(send, 400, openai_error(Problem(message=str(error)), ""))
                return
        state = self._ledger.state(bodies=b"bodies=1" in scope["query_string"])
        setting = {
            "profile": self._profile.name,
            "always": [fault.name for fault in self._always],
            "max-concurrent": self._max_concurrent,
        }
        await send_json(send, 200, {"connections": self.connections(), "pace": self._pace, **setting, **state})

    def _apply(self, control: Control) -> None:
        faults = [parse(fault) for fault in control.faults]
        if control.always is not UNSET:
            self._always = tuple(parse(fault) for fault in control.always)
        if control.models is not UNSET:
            self._models = control.models
        if control.max_concurrent is not UNSET:
            self._max_concurrent = control.max_concurrent
        if control.reset:
            self._ledger.reset()
            self._cache = PromptCache()
        self._ledger.queue(faults)
        changes = {name: getattr(control, name) for name in ("delay_ms", "chunk_bytes")}
        pace = {name: value for name, value in changes.items() if value is not UNSET}
        self._pace = msgspec.structs.replace(self._pace, **pace)

    async def _answer(self, wire: Wire, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _headers(scope)
        raw = await _read(receive)
        key = _key_of(headers)
        try:
            body = msgspec.json.decode(raw, type=Json)
            asked = Asked(wire=wire.name, path=scope["path"], headers=headers, body=body)
            fault = self._fault(asked, key)
        except (msgspec.MsgspecError, UnknownFault) as error:
            await self._refuse(wire, send, Refused(f"We could not parse the JSON body of your request: {error}"))
            return
        seen = self._ledger.begin(asked=asked, key=key, fault=fault)

        async def noting_status(message: MutableMapping[str, Any]) -> None:
            seen.status = message.get("status", seen.status)
            await send(message)

        outcome = "aborted"
        try:
            async with asyncio.TaskGroup() as tasks:
                watch = tasks.create_task(until_gone(receive))
                outcome = await self._respond(wire, noting_status, asked, raw_size=len(raw), key=key, fault=fault)
                watch.cancel()
        except* ClientGone:
            outcome = "aborted"
        finally:
            self._ledger.finish(seen, outcome)

    def _fault(self, asked: Asked, key: str) -> Fault:
        named = asked.headers.get("x-simulate") or str(asked.body.get("model")).partition("+")[2]
        own = parse_text(named) if named else self._ledger.next_fault()
        if self._key and key != self._key:
            return self._profile.bad_key
        if 0 < self._max_concurrent <= self._ledger.open_of(key):
            return of_relay(concurrency(self._max_concurrent))
        return choose(own, self._always, self._profile.demands, asked)

    async def _respond(self, wire: Wire, send: Send, asked: Asked, *, raw_size: int, key: str, fault: Fault) -> str:
        if fault.kind == "stall-head":
            await asyncio.sleep(fault.seconds)
        if fault.kind == "html":
            return await send_body(send, fault.status, HTML, content_type="text/html")
        if fault.kind == "relay":
            return await send_refusal(send, fault, asked)
        if fault.kind == "status":
            return await send_status(send, fault, wire.error(fault.problem, "0" * 24))
        try:
            conversation = self._read(wire, asked, key)
            answer = compose(conversation, size=raw_size, key=key, cache=self._cache, fault=fault)
        except Refused as refused:
            return await self._refuse(wire, send, refused)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return await self._refuse(wire, send, Refused(f"Invalid request body: {type(error).__name__} {error}"))
        if conversation.stream:
            return await send_stream(send, wire, answer, asked.body, fault, self._pace)
        if fault.kind in ("error-event", "failed", "cut", "end"):
            return await send_json(send, 500, wire.error(fault.problem, answer.identity))
        return await send_json(send, 200, wire.whole(answer, asked.body))

    def _read(self, wire: Wire, asked: Asked, key: str) -> Conversation:
        conversation = wire.read(asked.body, key)
        if not self._profile.session_cache:
            return conversation
        return msgspec.structs.replace(conversation, cache_key=asked.session or None)

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


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _key_of(headers: Mapping[str, str]) -> str:
    return headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")


def _listing(models: Iterable[str]) -> Json:
    data = [{"id": model, "object": "model", "created": 1754425777, "owned_by": "simulate"} for model in models]
    return {"object": "list", "data": data}


# --- running it -----------------------------------------------------------------------------------


GRACE = 1
"""Seconds that running answers get at the end; stalled ones would never finish."""


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling, which re-raises the signal and so spoils the exit code."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises OSError where the address is taken."""
    return socket.create_server((host, port), backlog=1024, reuse_port=False)


def serve(simulator: Simulator, listener: socket.socket, announce: Callable[[], None]) -> None:
    """Serves on ``listener`` until SIGINT or SIGTERM; ``announce`` is called once they are handled."""
    uvloop.run(_serve(simulator, listener, announce))


async def _serve(simulator: Simulator, listener: socket.socket, announce: Callable[[], None]) -> None:
    config = uvicorn.Config(
        simulator,
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        # A cut is a response left unfinished on purpose; uvicorn would call each one an error.
        log_level="critical",
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )
    server = _Server(config)
    simulator.connections = lambda: len(server.server_state.connections)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, setattr, server, "should_exit", True)
    announce()
    await server.serve(sockets=[listener])
