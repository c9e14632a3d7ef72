"""The simulator as a raw ASGI application.

    POST …/responses, …/chat/completions, …/messages    the three wires
    POST …/messages/count_tokens                        a count by the length of the body
    GET  …/models                                       the models it claims to have
    GET  /_simulate[?bodies=1]                          what was seen, what is open, which faults wait
    POST /_simulate    {"faults": […], "always": […], "reset": true, "delay-ms": n, "chunk-bytes": n,
                        "max-concurrent": n, "models": […], "profile": NAME}, each optional

A request's fault is named by its ``x-simulate`` header, else by its model (``gpt-5+cut``), else it
is the next of the queue. ``always`` are faults for every request, until replaced by other ones.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable, MutableMapping
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from daemon.simulate import reading
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
    send_refusal,
    send_status,
    send_stream,
    until_gone,
)
from daemon.simulate.demand import Asked
from daemon.simulate.faults import Fault, Problem, UnknownFault, choose, of_demand, parse, parse_text
from daemon.simulate.ledger import Ledger
from daemon.simulate.makes import ALL, PLAIN
from daemon.simulate.makes.make import Api, Make
from daemon.simulate.model import Model
from daemon.simulate.relay import concurrency
from daemon.simulate.wire import Wire, openai_error

Scope = MutableMapping[str, Any]

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
    profile: str | UnsetType = UNSET


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
        make: Make = PLAIN,
        always: Iterable[Fault] = (),
        max_concurrent: int = 0,
    ) -> None:
        self.connections: Callable[[], int] = int
        self._models: tuple[str, ...] = ()
        self._ledger = ledger or Ledger()
        self._pace = pace or Pace()
        self._key = key
        self._make = make
        self._always = tuple(always)
        self._max_concurrent = max_concurrent
        self._cache = PromptCache()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI's entry; only HTTP is served."""
        if scope["type"] != "http":
            return
        path = scope["path"].rstrip("/")
        api = self._make.api(path)
        if path == CONTROL:
            await self._control(scope, receive, send)
            return
        send = self._with_headers(send)
        if api is not None and scope["method"] == "POST":
            await self._answer(api, scope, receive, send)
        elif path.endswith("/messages/count_tokens") and self._make.counts:
            await send_json(send, 200, {"input_tokens": len(await _read(receive)) // CHARS_PER_TOKEN})
        elif scope["method"] == "GET" and self._make.lists(path):
            await self._list(scope, send)
        elif self._make.no_route is not None:
            await send_refusal(send, self._make.no_route, _asked_nothing(scope))
        else:
            body = openai_error(Problem(message=f"Invalid URL ({scope['method']} {path})"), "")
            await send_json(send, 404, body)

    def _with_headers(self, send: Send) -> Send:
        """``send``, with the headers that the make has in every answer."""
        headers = dict(self._make.headers)
        if self._make.request_id:
            headers[self._make.request_id] = secrets.token_hex(16)
        if not headers:
            return send
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]

        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *pairs]}
            await send(message)

        return sending

    async def _list(self, scope: Scope, send: Send) -> None:
        asked = _asked_nothing(scope)
        if self._key and asked.key != self._key:
            fault = self._make.bad_key
            if fault.kind == "demand":
                await send_refusal(send, fault, asked)
            else:
                await send_status(send, fault, openai_error(fault.problem, ""))
            return
        await send_json(send, 200, self._make.listed(self._listed()))

    def _listed(self) -> tuple[str, ...]:
        """The models that it says it has: those set, those of the make, or the usual ones."""
        return self._models or tuple(model.name for model in self._make.models) or MODELS

    def _known(self, name: str) -> Model | None:
        """What is known of a model. One that was set is one of the make, even if nothing is known of it."""
        found = self._make.model(name)
        return Model(name=name) if found is None and name in self._models else found

    async def _control(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "POST":
            try:
                self._apply(msgspec.json.decode(await _read(receive) or b"{}", type=Control))
            except (msgspec.MsgspecError, UnknownFault) as error:
                await send_json(send, 400, openai_error(Problem(message=str(error)), ""))
                return
        state = self._ledger.state(bodies=b"bodies=1" in scope["query_string"])
        setting = {
            "profile": self._make.name,
            "base-urls": {api.wire.name: api.base or "/v1" for api in self._make.apis},
            "models": self._listed(),
            "always": [fault.name for fault in self._always],
            "max-concurrent": self._max_concurrent,
        }
        await send_json(send, 200, {"connections": self.connections(), "pace": self._pace, **setting, **state})

    def _apply(self, control: Control) -> None:
        faults = [parse(fault) for fault in control.faults]
        if control.always is not UNSET:
            self._always = tuple(parse(fault) for fault in control.always)
        if control.profile is not UNSET:
            self._make = _make_named(control.profile)
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

    async def _answer(self, api: Api, scope: Scope, receive: Receive, send: Send) -> None:
        raw = await _read(receive)
        try:
            body = msgspec.json.decode(raw, type=Json)
            model = self._known(str(body.get("model")).partition("+")[0])
            asked = Asked(wire=api.wire.name, path=scope["path"], headers=_headers(scope), body=body, model=model)
            fault = self._fault(api, asked)
        except (msgspec.MsgspecError, UnknownFault) as error:
            await self._refuse(api.wire, send, Refused(f"We could not parse the JSON body of your request: {error}"))
            return
        seen = self._ledger.begin(asked=asked, key=asked.key, fault=fault)

        async def noting_status(message: MutableMapping[str, Any]) -> None:
            seen.status = message.get("status", seen.status)
            await send(message)

        outcome = "aborted"
        try:
            async with asyncio.TaskGroup() as tasks:
                watch = tasks.create_task(until_gone(receive))
                outcome = await self._respond(api, noting_status, asked, raw_size=len(raw), fault=fault)
                watch.cancel()
        except* ClientGone:
            outcome = "aborted"
        finally:
            self._ledger.finish(seen, outcome)

    def _fault(self, api: Api, asked: Asked) -> Fault:
        named = asked.headers.get("x-simulate") or str(asked.body.get("model")).partition("+")[2]
        own = parse_text(named) if named else self._ledger.next_fault()
        if self._key and asked.key != self._key:
            return self._make.bad_key
        if 0 < self._max_concurrent <= self._ledger.open_of(asked.key):
            return of_demand(concurrency(self._max_concurrent))
        always = map(self._make.own, self._always)
        return choose(self._make.own(own), always, map(of_demand, api.demands), asked)

    async def _respond(self, api: Api, send: Send, asked: Asked, *, raw_size: int, fault: Fault) -> str:
        wire = api.wire
        if fault.kind == "stall-head":
            await asyncio.sleep(fault.seconds)
        if fault.kind == "html":
            return await send_body(send, fault.status, HTML, content_type="text/html")
        if fault.kind == "demand":
            return await send_refusal(send, fault, asked)
        if fault.kind == "status":
            return await send_status(send, fault, wire.error(fault.problem, "0" * 24))
        try:
            conversation = reading.read(self._make, api, asked)
            answer = compose(conversation, size=raw_size, key=asked.key, cache=self._cache, fault=fault)
        except Refused as refused:
            return await self._refuse(wire, send, refused)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return await self._refuse(wire, send, Refused(f"Invalid request body: {type(error).__name__} {error}"))
        if conversation.stream:
            return await send_stream(send, wire, answer, asked.body, fault, self._pace)
        if fault.kind in ("error-event", "failed", "cut", "end"):
            return await send_json(send, 500, wire.error(fault.problem, answer.identity))
        return await send_json(send, 200, wire.whole(answer, asked.body))

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


def _asked_nothing(scope: Scope) -> Asked:
    """A request whose body does not matter."""
    return Asked(wire="", path=scope["path"], headers=_headers(scope), body={})


def _make_named(name: str) -> Make:
    if name and name not in ALL:
        raise UnknownFault(f"unknown profile {name!r}; there are: {', '.join(ALL)}")
    return ALL[name] if name else PLAIN
