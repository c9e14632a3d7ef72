"""A prompt's tokens (``count_tokens``, ``input_tokens``): the upstream's own count where it has one, else experience,
else a tokenizer.

``x-tppcd-count-source`` says which: ``upstream`` (one of the client's wire was asked, for a moment only),
``calibrated`` (the estimate, corrected by what this model's prompts really were) or ``estimate``.

Whom to ask says the router: nobody who rests or has no room, and the next one where one fails. A failure here rests
nobody, since many upstreams have no such endpoint or limit it apart, but for one: a model that the upstream says it
does not have.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from time import monotonic
from typing import Final

import msgspec
from msgspec import Struct

from daemon.errors import ErrorKind, RemoteError
from daemon.gateway.counting import Calibration, TokenCounter, estimate
from daemon.gateway.routing import routed_count
from daemon.inference.request import Request
from daemon.router.router import RoutedRequest, Router
from daemon.snapshot.listings import Candidate
from daemon.snapshot.models import ModelUnknown
from daemon.snapshot.snapshot import Snapshot
from daemon.upstream.adapters.registry import AdapterRegistry
from daemon.wires.json import NOT_JSON, changed
from daemon.wires.table import WIRES

PATIENCE: Final = 3.0
"""Seconds for the upstreams' counts: the client can live with an estimate, but not with waiting."""
ASK_AGAIN_AFTER: Final = 600.0
"""Seconds before an upstream without the endpoint, or too slow, is asked again."""
SHORT: Final = 30.0
"""The same for one that has no time now: 429 and 5xx."""
MOST_REMEMBERED: Final = 4096


class _Count(Struct):
    input_tokens: int


class TokenCount(Struct, frozen=True):
    """The prompt's tokens and their source; ``asked`` is whose count it is, None where it is ours."""

    tokens: int
    source: str
    asked: Candidate | None = None


class CountTokens:
    """One per daemon. The failures of upstreams are never raised; ``count`` raises ``LocalError`` for a prompt of which
    a part is kept by an upstream that does not count."""

    def __init__(self, *, adapters: AdapterRegistry, calibration: Calibration, router: Router) -> None:
        self._adapters = adapters
        self._calibration = calibration
        self._router = router
        self._silent: dict[str, float] = {}  # core auth ID -> when it may be asked again, ``time.monotonic`` seconds

    async def count(
        self, counter: TokenCounter, request: Request, body: bytes, headers: Mapping[str, str], snapshot: Snapshot
    ) -> TokenCount:
        try:
            resolution = snapshot.models.resolve(request.model)
            first = resolution.candidates[0]
        except (ModelUnknown, IndexError):
            return await _counted(counter, request)
        routed = routed_count(request, headers, snapshot.config, resolution)
        try:
            async with asyncio.timeout(PATIENCE):
                count = await self._ask_in_turn(routed, request.wire, body, headers)
        except TimeoutError:
            count = None
        if count is not None:
            return count
        tokens = self._calibration.corrected(first.model, estimate(request))
        if tokens is None:
            return await _counted(counter, request)
        _check_whole(request)
        return TokenCount(tokens, "calibrated")

    async def _ask_in_turn(
        self, request: RoutedRequest, wire: str, body: bytes, headers: Mapping[str, str]
    ) -> TokenCount | None:
        """Of the first that counts; None where nobody does."""
        now = monotonic()
        tried = {each.auth.id for each in request.candidates if not self._may_count(each, wire, now)}
        while (candidate := self._router.choose(request, tried)) is not None:
            tried.add(candidate.auth.id)
            self._router.slots.take(candidate.auth.id)
            try:
                tokens = await self._ask(request, candidate, body, headers)
            finally:
                self._router.slots.release(candidate.auth.id)
            if tokens is not None:
                return TokenCount(tokens, "upstream", candidate)
        return None

    def _may_count(self, candidate: Candidate, wire: str, now: float) -> bool:
        adapter = self._adapters.of(candidate.auth)
        return adapter.wire.name == wire and adapter.can_count and self._silent.get(candidate.auth.id, 0.0) <= now

    async def _ask(
        self, request: RoutedRequest, candidate: Candidate, body: bytes, headers: Mapping[str, str]
    ) -> int | None:
        adapter, began = self._adapters.of(candidate.auth), self._router.clock()
        seconds = ASK_AGAIN_AFTER
        try:
            passed = adapter.headers(headers, same_wire=True)
            sent = changed(body, model=candidate.model)
            with await adapter.open_count(sent, passed, patience=PATIENCE) as answer:
                await adapter.accept(answer)
                return msgspec.json.decode(await answer.read_whole(), type=_Count).input_tokens
        except RemoteError as error:
            if error.kind is ErrorKind.MODEL_NOT_FOUND:
                self._router.failed(request, candidate, error, began=began, running=1)
                return None
            if error.upstream_status == 429 or (error.upstream_status or 0) >= 500:
                seconds = SHORT
        except NOT_JSON:
            pass  # an estimate is the answer then
        except asyncio.CancelledError:  # too late, or the client has gone
            self._silence(candidate.auth.id, seconds)
            raise
        self._silence(candidate.auth.id, seconds)
        return None

    def _silence(self, auth_id: str, seconds: float) -> None:
        if len(self._silent) >= MOST_REMEMBERED:
            self._silent.clear()
        self._silent[auth_id] = monotonic() + seconds


async def _counted(counter: TokenCounter, request: Request) -> TokenCount:
    _check_whole(request)
    return TokenCount(*await counter.count(request))


def _check_whole(request: Request) -> None:
    """Raises ``LocalError`` where a part of the prompt is not in the request: nobody here can count that."""
    wire = WIRES[request.wire]
    wire.refuse_foreign(request)
    tuple(wire.foreign_fields(request.extra.get(request.wire, {})))
