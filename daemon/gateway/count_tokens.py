"""``count_tokens``: the upstream's own count where it has one, else experience, else a tokenizer.

``x-tppcd-count-source`` says which: ``upstream`` (a Messages upstream was asked, for a moment only),
``calibrated`` (the estimate, corrected by what this model's prompts really were) or ``estimate``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic
from typing import Final

import msgspec
from msgspec import Struct

from daemon.errors import RemoteError
from daemon.gateway.counting import Calibration, TokenCounter, estimate
from daemon.inference.request import Request
from daemon.snapshot.models import Candidate, ModelUnknown
from daemon.snapshot.snapshot import Snapshot
from daemon.upstream.adapters.table import adapter_of
from daemon.upstream.http.call import UpstreamCall, UpstreamResponse
from daemon.wires.json import changed

PATIENCE: Final = 3.0
"""Seconds for an upstream's count: the client can live with an estimate, but not with waiting."""
ASK_AGAIN_AFTER: Final = 600.0
"""Seconds before an upstream without the endpoint, or too slow, is asked again."""
MOST_REMEMBERED: Final = 4096


class _Count(Struct):
    input_tokens: int


class CountTokens:
    """One per daemon. ``open`` is the transport's; its failures are never raised."""

    def __init__(
        self, *, open: Callable[[UpstreamCall], Awaitable[UpstreamResponse]], calibration: Calibration
    ) -> None:
        self._open = open
        self._calibration = calibration
        self._silent: dict[str, float] = {}  # core auth ID -> when it may be asked again, ``time.monotonic`` seconds

    async def count(
        self, counter: TokenCounter, request: Request, body: bytes, headers: Mapping[str, str], snapshot: Snapshot
    ) -> tuple[int, str]:
        """(prompt tokens, their source)."""
        try:
            candidate = snapshot.models.resolve(request.model).candidates[0]
        except (ModelUnknown, IndexError):
            return await counter.count(request)
        if url := adapter_of(candidate.auth).count_url(candidate.auth.base_url):
            tokens = await self._ask(url, candidate, body, headers, snapshot)
            if tokens is not None:
                return tokens, "upstream"
        tokens = self._calibration.corrected(candidate.model, estimate(request))
        return (tokens, "calibrated") if tokens is not None else await counter.count(request)

    async def _ask(
        self, url: str, candidate: Candidate, body: bytes, headers: Mapping[str, str], snapshot: Snapshot
    ) -> int | None:
        auth = candidate.auth
        now = monotonic()
        if self._silent.get(auth.id, 0.0) > now:
            return None
        call = UpstreamCall(
            url=url,
            headers=adapter_of(auth).headers(auth, headers, same_wire=True),
            body=changed(body, model=candidate.model),
            connect_timeout=PATIENCE,
            proxy=auth.proxy_url,
            ca=snapshot.config.upstream_ca,
        )
        try:
            async with asyncio.timeout(PATIENCE):
                with await self._open(call) as answer:
                    if answer.status == 200:
                        return msgspec.json.decode(await answer.read_whole(), type=_Count).input_tokens
        except (TimeoutError, RemoteError, msgspec.DecodeError):
            pass  # an estimate is the answer then
        if len(self._silent) >= MOST_REMEMBERED:
            self._silent.clear()
        self._silent[auth.id] = now + ASK_AGAIN_AFTER
        return None
