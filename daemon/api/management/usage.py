"""``GET /usage`` and ``GET /tps``: what finished requests have used, since the start or lately."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from daemon.api.management.views import belongs
from daemon.api.problems import json_response
from daemon.api.schemas import TpsView, UsageView, Used, UsedBy
from daemon.api.services import Services, snapshot_in_force
from daemon.config.provider import lower_name
from daemon.errors import ErrorKind, LocalError
from daemon.snapshot.snapshot import Snapshot
from daemon.telemetry.usage import Counts, Spent, UsageCounts, UsageRow

LONGEST_WINDOW: Final = 86_400
_WINDOW: Final = re.compile(r"(\d{1,6})([smh]?)", re.ASCII)
_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3600}


async def show_usage(services: Services, request: Request) -> Response:
    """Per provider, model and entry, since the start."""
    usage = services.metrics.usage
    total = usage.since_start(lambda _: True)
    rows = [
        UsedBy(**_fields(Spent(total.seconds, counts)), provider=row.provider, model=row.model, entry=row.entry)
        for row, counts in usage.rows()
    ]
    return json_response(UsageView(seconds=round(total.seconds, 3), total=Used(**_fields(total)), rows=rows))


async def show_speed(services: Services, request: Request) -> Response:
    """Of one provider, one model, or all. Raises 400 for a window that is none, 404 for a name that nobody knows."""
    query, snapshot, usage = request.query_params, snapshot_in_force(services), services.metrics.usage
    window = window_of(query)
    provider, model = query.get("provider") or None, query.get("model") or None
    providers = None if provider is None else _providers(provider, snapshot, usage)
    models = None if model is None else _models(model, snapshot, usage)

    def chosen(row: UsageRow) -> bool:
        return (providers is None or row.provider in providers) and (models is None or row.model in models)

    spent = usage.since_start(chosen) if window is None else usage.lately(window, chosen)
    counts = spent.counts
    return json_response(
        TpsView(
            window=window,
            seconds=round(spent.seconds, 3),
            provider=provider,
            model=model,
            requests=counts.requests,
            failures=counts.failures,
            input_tokens=counts.input_tokens,
            output_tokens=counts.output_tokens,
            tokens_per_second=_rate(spent),
            answer_speed=_speed(counts),
        )
    )


def window_of(query: Mapping[str, str]) -> int | None:
    """``60``, ``60s``, ``5m``, ``1h`` in seconds; None: since the start. Raises 400."""
    text = query.get("window", "")
    if not text:
        return None
    match = _WINDOW.fullmatch(text)
    seconds = int(match[1]) * _SECONDS[match[2]] if match else 0
    if not 1 <= seconds <= LONGEST_WINDOW:
        raise LocalError(
            ErrorKind.INVALID_REQUEST,
            f"window must be 1 to {LONGEST_WINDOW} seconds, such as 60 or 5m; leave it out to count since the start",
        )
    return seconds


def _providers(chosen: str, snapshot: Snapshot, usage: UsageCounts) -> frozenset[str]:
    """The names that a family, or a name in any case, means. Raises 404."""
    names = {auth.name for auth in snapshot.core_auths if belongs(auth, chosen)}
    names.update(each.name for each in snapshot.providers if each.is_named(chosen))
    names.update(
        row.provider for row in usage.known() if row.provider and lower_name(row.provider) == lower_name(chosen)
    )
    if not names:
        raise LocalError(ErrorKind.NOT_FOUND, f"there is no provider {chosen[:100]!r}; GET /providers lists them")
    return frozenset(names)


def _models(chosen: str, snapshot: Snapshot, usage: UsageCounts) -> frozenset[str]:
    """The upstreams' names of what clients, or upstreams, call so. Raises 404."""
    names = {listing.by_name[chosen] for listing in snapshot.models.by_name.get(chosen, ())}
    names.update(row.model for row in usage.known() if row.model == chosen)
    if not names:
        raise LocalError(ErrorKind.NOT_FOUND, f"there is no model {chosen[:100]!r}; GET /models lists them")
    return frozenset(names)


def _fields(spent: Spent) -> dict[str, Any]:
    counts = spent.counts
    return {
        "requests": counts.requests,
        "failures": counts.failures,
        "input_tokens": counts.input_tokens,
        "output_tokens": counts.output_tokens,
        "cached_tokens": counts.cached_tokens,
        "cache_write_tokens": counts.cache_write_tokens,
        "reasoning_tokens": counts.reasoning_tokens,
        "tokens_per_second": _rate(spent),
        "answer_speed": _speed(counts),
    }


def _rate(spent: Spent) -> float:
    return round((spent.counts.input_tokens + spent.counts.output_tokens) / max(spent.seconds, 0.001), 3)


def _speed(counts: Counts) -> float | None:
    return round(counts.output_tokens / counts.seconds, 3) if counts.seconds > 0 else None
