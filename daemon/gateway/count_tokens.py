"""``count_tokens``: the upstream's own count where it has one, else experience, else a tokenizer.

``x-tppcd-count-source`` says which: ``upstream`` (a Messages upstream was asked, for a moment only),
``calibrated`` (the estimate, corrected by what this model's prompts really were) or ``estimate``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from time import monotonic
from typing import Final

import msgspec
from msgspec import Struct

from daemon.errors import RemoteError
from daemon.gateway.counting import Calibration, TokenCounter, estimate
from daemon.inference.request import Request
from daemon.snapshot.listings import Candidate
from daemon.snapshot.models import ModelUnknown
from daemon.snapshot.snapshot import Snapshot
from daemon.upstream.adapters.adapter import Adapter
from daemon.upstream.adapters.registry import AdapterRegistry
from daemon.wires.json import NOT_JSON, changed

PATIENCE: Final = 3.0
"""Seconds for an upstream's count: the client can live with an estimate, but not with waiting."""
ASK_AGAIN_AFTER: Final = 600.0
"""Seconds before an upstream without the endpoint, or too slow, is asked again."""
MOST_REMEMBERED: Final = 4096


class _Count(Struct):
    input_tokens: int


class TokenCount(Struct, frozen=True):
    """The prompt's tokens and their source; ``asked`` is whose count it is, None where it is ours."""

    tokens: int
    source: str
    asked: Candidate | None = None


class CountTokens:
    """One per daemon. The failures of upstreams are never raised."""

    def __init__(self, *, adapters: AdapterRegistry, calibration: Calibration) -> None:
        self._adapters = adapters
        self._calibration = calibration
        self._silent: dict[str, float] = {}  # core auth ID -> when it may be asked again, ``time.monotonic`` seconds

    async def count(
        self, counter: TokenCounter, request: Request, body: bytes, headers: Mapping[str, str], snapshot: Snapshot
    ) -> TokenCount:
        try:
            candidate = snapshot.models.resolve(request.model).candidates[0]
        except (ModelUnknown, IndexError):
            return TokenCount(*await counter.count(request))
        adapter = self._adapters.of(candidate.auth)
        if adapter.can_count:
            tokens = await self._ask(adapter, candidate, body, headers)
            if tokens is not None:
                return TokenCount(tokens, "upstream", candidate)
        tokens = self._calibration.corrected(candidate.model, estimate(request))
        if tokens is not None:
            return TokenCount(tokens, "calibrated")
        return TokenCount(*await counter.count(request))

    async def _ask(self, adapter: Adapter, candidate: Candidate, body: bytes, headers: Mapping[str, str]) -> int | None:
        auth_id, now = candidate.auth.id, monotonic()
        if self._silent.get(auth_id, 0.0) > now:
            return None
        sent = changed(body, model=candidate.model)
        try:
            async with asyncio.timeout(PATIENCE):
                passed = adapter.headers(headers, same_wire=True)
                with await adapter.open_count(sent, passed, patience=PATIENCE) as answer:
                    if answer.status == 200:
                        return msgspec.json.decode(await answer.read_whole(), type=_Count).input_tokens
        except (*NOT_JSON, TimeoutError, RemoteError):
            pass  # an estimate is the answer then
        if len(self._silent) >= MOST_REMEMBERED:
            self._silent.clear()
        self._silent[auth_id] = now + ASK_AGAIN_AFTER
        return None
