"""What the trace of a request is given: of its record, of an attempt, of an answer. Only asked where traces are on."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from daemon.errors import RemoteError
from daemon.gateway.client_request import ClientRequest
from daemon.gateway.request_record import CLIENT_GONE, RequestRecord, failure_words
from daemon.gateway.response_pipe import AnswerSummary, PreparedRequest
from daemon.masks import Masks
from daemon.snapshot.core_auths import CoreAuth
from daemon.snapshot.listings import Candidate
from daemon.telemetry.failure_cause import reason_of
from daemon.telemetry.otel.facts import Attempt, AttemptAnswer, Ended
from daemon.telemetry.otel.names import FAMILIES, SYSTEMS

if TYPE_CHECKING:  # it imports OpenTelemetry
    from daemon.telemetry.otel.request_trace import RequestTrace
    from daemon.telemetry.otel.tracing import Tracing

LONGEST: Final = 256
"""Characters of what an upstream calls its answer and its model."""


def begin(tracing: Tracing, client_request: ClientRequest) -> RequestTrace:
    """A request has reached its handler."""
    return tracing.request(
        client_request.entry,
        client_request.started,
        client_request.headers,
        request_id=client_request.request_id,
        model=client_request.request.model,
    )


def attempt(trace: RequestTrace, candidate: Candidate, prepared: PreparedRequest) -> dict[str, str]:
    """An upstream is about to be asked; the headers that it gets for it."""
    auth = candidate.auth
    host, port = _place(auth.base_url)
    return trace.attempt(
        Attempt(
            provider=auth.name,
            auth=auth.id,
            system=system_of(auth),
            model=candidate.model,
            host=host,
            port=port,
            streamed=prepared.streamed,
        )
    )


def answered(trace: RequestTrace, record: RequestRecord, summary: AnswerSummary, masks: Masks) -> None:
    """The upstream's answer is complete. What the upstream chose is masked as it is for the client."""
    start = summary.start
    trace.answered(
        AttemptAnswer(
            id="" if start is None else masks(start.id)[:LONGEST],
            model="" if start is None else masks(start.model)[:LONGEST],
            finish=summary.finish or "",
            first=record.upstream_first,
            usage=summary.usage,
        )
    )


def failed(trace: RequestTrace, error: RemoteError) -> None:
    """The attempt has failed."""
    trace.failed(reason_of(error), error.kind.value, error.upstream_status)


def end(trace: RequestTrace, record: RequestRecord, *, begun: bool) -> None:
    """The request has ended, as its record says. ``begun``: a response has begun, whose status is 200 where an event
    in it reports the failure."""
    _, reason = failure_words(record.status, record.error)
    sent = 200 if record.in_stream else record.status
    if record.status == CLIENT_GONE:
        sent = 200 if begun else 0
    trace.end(
        Ended(
            status=record.status,
            sent=sent,
            error=reason,
            first_event=record.first_event,
            provider="" if record.auth is None else record.auth.name,
            attempts=record.attempts,
        )
    )


def system_of(auth: CoreAuth) -> str:
    """Whose API it is, in the word of the conventions."""
    return SYSTEMS.get(auth.profile) or FAMILIES[auth.provider]


@lru_cache(maxsize=1024)
def _place(base_url: str) -> tuple[str, int]:
    parts = urlsplit(base_url.strip())
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
