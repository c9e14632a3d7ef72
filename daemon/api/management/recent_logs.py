"""``GET /logs``: the newest log records, by request id, provider, level and status."""

from __future__ import annotations

from typing import Final

from msgspec import Raw
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from daemon.api.management.handlers import whole_number
from daemon.api.problems import json_response
from daemon.api.schemas import LogLines
from daemon.api.services import Services
from daemon.errors import ErrorKind, LocalError
from daemon.telemetry import logs
from daemon.telemetry.log_lines import JsonLines
from daemon.telemetry.log_ring import CAPACITY, SEVERITIES, LogFilter, is_status

DEFAULT_LINES: Final = 100
FIELDS: Final = {"request-id": "request_id", "provider": "provider"}
"""Query parameter -> field of a log record."""


async def list_logs(services: Services, request: Request) -> Response:
    """The records that the query asks for, oldest first."""
    query, last = request.query_params, logs.RECENT.last
    records = logs.RECENT.select(log_filter(query), whole_number(query, "limit", DEFAULT_LINES, CAPACITY))
    render = JsonLines()
    # A record that came meanwhile has a greater number than ``last``, and is shown by the next request.
    lines = [Raw(logs.masked(render(each.record)).encode()) for each in records if each.id <= last]
    return json_response(LogLines(last=last, lines=lines))


def log_filter(query: QueryParams) -> LogFilter:
    """The filter of the query. Raises 400."""
    level = query.get("level", "debug").lower()
    if level not in SEVERITIES:
        raise LocalError(ErrorKind.INVALID_REQUEST, f"level must be one of: {', '.join(SEVERITIES)}")
    statuses = frozenset(each.lower() for each in query.getlist("status"))
    if not all(map(is_status, statuses)):
        raise LocalError(ErrorKind.INVALID_REQUEST, "status must be an HTTP status or a class of them: 429, 4xx")
    fields = {field: query[name] for name, field in FIELDS.items() if query.get(name)}
    return LogFilter(
        after=whole_number(query, "after", 0, 2**63), severity=SEVERITIES[level], statuses=statuses, fields=fields
    )
