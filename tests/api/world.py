"""A small daemon for the API tests: a real snapshot of a YAML text, real services, an entry that only answers."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import httpx
from starlette.types import Receive, Scope, Send

from daemon.api.app import build
from daemon.api.guard import identity_headers, request_info
from daemon.api.services import Services
from daemon.config.document import parse
from daemon.config.load import load
from daemon.gateway.admission import Admission
from daemon.gateway.failure_reports import FailureReports
from daemon.gateway.key_verdicts import KeyVerdicts
from daemon.gateway.learned import LearnedAmendments
from daemon.reload.outcome import ReloadOutcome
from daemon.router.router import Router
from daemon.router.states import AuthStates
from daemon.snapshot.snapshot import Current, Snapshot
from daemon.snapshot.snapshot import build as build_snapshot
from daemon.telemetry.audit import AuditLog
from daemon.telemetry.failure_events import FailureEvents
from daemon.telemetry.metrics import Metrics
from daemon.upstream.adapters.registry import AdapterRegistry
from tests.gateway.targets import nowhere

ADMIN_SOCKET = "/run/tppcd/admin.sock"
KEY = "management-key-1"
MANAGED = f"""
remote-management:
  secret-key: {KEY}
packycode:
  enabled: true
  base-url: https://user:hidden@packy.example/v1?token=hidden
  credentials:
    openai-api-key: sk-packy-planted
tppc:
  providers:
    - name: Fox
      enabled: true
      base-url: https://fox.example
      api-key: env:FOX_KEY
      models: [fox-large, {{name: gpt-5, alias: fox-gpt}}]
      headers: {{X-Team: planted-header, X-Session: $X-Session}}
    - name: wolf
      enabled: false
      base-url: https://wolf.example
      api-key: sk-wolf-planted
"""
ENVIRONMENT = {"FOX_KEY": "sk-fox-planted"}


def snapshot(text: str, generation: int = 1) -> Snapshot:
    fragment = load(parse(text.encode()), resolve=lambda reference: ENVIRONMENT[reference.removeprefix("env:")])
    assert fragment.settings is not None, fragment.diagnostics
    return build_snapshot(fragment, generation=generation)


@dataclass
class Reloads:
    """Answers what it is told to; remembers why it was asked."""

    outcome: ReloadOutcome | None = None
    answer: ReloadOutcome | None = None
    reasons: tuple[str, ...] = ()

    async def reload(self, reason: str) -> ReloadOutcome:
        self.reasons += (reason,)
        assert self.answer is not None
        return self.answer


async def echo_entry(scope: Scope, receive: Receive, send: Send, services: Services) -> None:
    """Answers like an entry does: with its own identity headers."""
    info = request_info(scope)
    headers = identity_headers(info, services.current.get().config_header)
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"entry"})


class World:
    """One daemon; ``now`` is its monotonic clock."""

    def __init__(self, text: str | None = "{}", *, generation: int = 1) -> None:
        self.now = 1000.0
        self.reloads = Reloads()
        router = Router(clock=lambda: self.now, wall=lambda: self.now)
        states = AuthStates(router)
        events = FailureEvents(AuditLog())
        live = SimpleNamespace(
            learned=LearnedAmendments(),
            adapters=AdapterRegistry(nowhere),
            admission=Admission(),
            counted=nullcontext,
            router=router,
            failures=FailureReports(states, events),
            keys=KeyVerdicts(states, router, events),
        )
        self.services = Services(
            current=Current(None if text is None else snapshot(text, generation)),
            reloader=self.reloads,
            audit=AuditLog(clock=lambda: 1.0),
            metrics=Metrics(),
            states=states,
            live=cast(Any, live),
            counter=cast(Any, None),
            version="1.2.3",
            started=time.monotonic(),
        )
        self.app = build(self.services, entry=echo_entry, clock=lambda: self.now)

    @property
    def key(self) -> dict[str, str]:
        """The header of whoever may manage."""
        return {"x-management-key": KEY}

    async def ask(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | list[tuple[str, str]] | None = None,
        *,
        client: str | None = "127.0.0.1",
        base: str = "http://127.0.0.1:8317",
        body: object = None,
    ) -> httpx.Response:
        """One request from the address ``client``; None = over the admin socket. ``body`` is JSON, or text as it is."""
        ends = {"client": None, "server": (ADMIN_SOCKET, None)} if client is None else {"server": ("127.0.0.1", 8317)}

        async def connected(scope: Scope, receive: Receive, send: Send) -> None:
            await self.app({**scope, **ends}, receive, send)

        transport = httpx.ASGITransport(app=connected, client=(client or "", 5000))
        async with httpx.AsyncClient(transport=transport, base_url=base) as http:
            if isinstance(body, str):
                return await http.request(method, path, headers=headers, content=body)
            return await http.request(method, path, headers=headers, json=body)

    async def get(self, path: str, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        return await self.ask("GET", path, headers, **more)

    async def manage(self, path: str, key: str = KEY, **more: Any) -> httpx.Response:
        return await self.ask("GET", f"/v0/management{path}", {"x-management-key": key}, **more)
