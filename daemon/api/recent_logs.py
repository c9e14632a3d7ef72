"""``GET /v0/management/logs``: the newest log records, by request id, provider and level."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Raw
from starlette.requests import Request
from starlette.responses import Response

from daemon.api.answers import LogLines
from daemon.api.problems import answer
from daemon.errors import ErrorKind, LocalError
from daemon.telemetry import logs
from daemon.telemetry.log_lines import JsonLines
from daemon.telemetry.log_ring import CAPACITY, SEVERITIES, LogRing, Wanted

MOST_DEFAULT: Final = 100
FIELDS: Final = {"request-id": "request_id", "provider": "provider"}
"""Query parameter -> field of a record."""


class LogRoute:
    """``ring`` is the process's own; tests give one of theirs."""

    def __init__(self, ring: LogRing = logs.RECENT) -> None:
        self._ring = ring
        self._render = JsonLines()

    async def lines(self, request: Request) -> Response:
        query = request.query_params
        chosen = self._ring.select(wanted(query), number(query, "limit", MOST_DEFAULT, CAPACITY))
        lines = [Raw(logs.masked(self._render(kept.record)).encode()) for kept in chosen]
        return answer(LogLines(last=self._ring.last, lines=lines))


def wanted(query: Mapping[str, str]) -> Wanted:
    """What the query asks for. Raises 400."""
    level = query.get("level", "debug").lower()
    if level not in SEVERITIES:
        raise LocalError(ErrorKind.INVALID_REQUEST, f"level must be one of: {', '.join(SEVERITIES)}")
    fields = {field: query[name] for name, field in FIELDS.items() if query.get(name)}
    return Wanted(after=number(query, "after", 0, 2**63), severity=SEVERITIES[level], fields=fields)


def number(query: Mapping[str, str], name: str, default: int, most: int) -> int:
    """A whole number of the query, not negative, cut to ``most``. Raises 400."""
    text = query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise LocalError(ErrorKind.INVALID_REQUEST, f"{name} must be a whole number from 0")
    return min(int(text), most)
