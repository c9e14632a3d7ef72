"""The one line and the count of every request that no ``RequestHandler`` runs.

    refused before an upstream is chosen ─┐
    count_tokens, the list of models     ─┼─▶ RequestLines ─▶ log line, ``tppcd_requests_total``, failures
    refused before it is a request       ─┘

Whoever has shown no key yet may write ``line_limit.MOST`` lines a second in all; what is left out is counted, and
reported by one of these lines, a second after it began. The metrics count every request.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Final

from loguru import logger
from msgspec import Struct

from daemon.errors import GatewayError
from daemon.gateway.count_tokens import TokenCount
from daemon.gateway.request_record import count_failure, failure_words
from daemon.snapshot.listings import Candidate
from daemon.telemetry.failure_cause import level_of
from daemon.telemetry.line_limit import MOST, PERIOD, LineLimit
from daemon.telemetry.logs import is_logged, log_request
from daemon.telemetry.metrics import Metrics
from daemon.telemetry.request_sentence import LOGGER

OTHER: Final = "other"
"""The entry of what came to none of the entries, whatever its path: strangers try many."""
_BY_WEIGHT: Final = ("INFO", "WARNING", "ERROR")


class EndedRequest(Struct, frozen=True, kw_only=True):
    """A request that has ended, as its line reports it. ``started`` is ``time.monotonic`` seconds. ``admitted``:
    its key, or its place on this host, has been accepted. ``error`` is what it was answered with, None for an
    answer and for a client that is gone. ``count`` is what count_tokens answered."""

    entry: str
    status: int
    started: float
    request_id: str = ""
    admitted: bool = False
    error: GatewayError | None = None
    model: str = ""
    count: TokenCount | None = None

    @property
    def asked(self) -> Candidate | None:
        """Which upstream answered, if one did."""
        return None if self.count is None else self.count.asked


class RequestLines:
    """One per daemon; used on its event loop."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._limit = LineLimit()
        self._left_out = 0
        self._due = 0.0  # when that is reported
        self._worst = 0  # of the lines left out, as an index of ``_BY_WEIGHT``
        self._timer: asyncio.TimerHandle | None = None

    def ended(self, request: EndedRequest) -> None:
        """Count it, and write its line unless it is a stranger's beyond the limit."""
        now = monotonic()
        total = now - request.started
        provider = request.asked.auth.name if request.asked is not None else ""
        self._metrics.request_started()
        self._metrics.request_finished(request.entry, provider, request.status, None, total)
        count_failure(self._metrics, request.entry, request.status, request.error)
        level = level_of(request.status, request.error)
        if not is_logged(level, LOGGER):
            return
        if request.admitted or self._may_write(level, now):
            log_request(_fields(request, total), level)

    def unparsed(self, error: GatewayError) -> None:
        """A connection was refused before there was a request on it."""
        self.ended(EndedRequest(entry=OTHER, status=error.status, started=monotonic(), error=error))

    def close(self) -> None:
        """Report what has been left out, at the end of the daemon."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._left_out:
            self._write_left_out()

    def _may_write(self, level: str, now: float) -> bool:
        # The report goes first where there is one place only: a flood takes every place as soon as it is free.
        if self._left_out and now >= self._due and self._limit.takes(now):
            self._write_left_out()
        if self._limit.takes(now):
            return True
        if not self._left_out:
            self._due = now + PERIOD
        self._left_out += 1
        self._worst = max(self._worst, _BY_WEIGHT.index(level))
        if self._timer is None:
            self._wait(PERIOD)
        return False

    def _wait(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._report_left_out)

    def _report_left_out(self) -> None:
        self._timer = None
        now = monotonic()
        if not self._left_out:
            return
        if now >= self._due and self._limit.takes(now):
            self._write_left_out()
        else:
            self._wait(max(self._due - now, self._limit.wait(now)))

    def _write_left_out(self) -> None:
        left_out, self._left_out = self._left_out, 0
        level, self._worst = _BY_WEIGHT[self._worst], 0
        which = f"requests without an accepted key have {MOST} lines a second"
        logger.bind(refused=left_out).log(level, f"… and {left_out:,} more refused: {which}")


def _fields(request: EndedRequest, total: float) -> dict[str, object]:
    fields: dict[str, object] = {}
    if request.request_id:
        fields["request_id"] = request.request_id
    fields["entry"] = request.entry
    if request.model:
        fields["model"] = request.model
    if request.asked is not None:
        fields["served"] = request.asked.model
        fields["provider"] = request.asked.auth.name
        fields["auth"] = request.asked.auth.id
    fields["status"] = request.status
    fields["total_ms"] = round(total * 1000, 1)
    if request.count is not None:
        fields["tokens_in"] = request.count.tokens
        fields["source"] = request.count.source
    word, reason = failure_words(request.status, request.error)
    if word:
        fields["error"] = word
    if reason:
        fields["reason"] = reason
    return fields
