"""The spans of one request: its own, and one for each attempt at an upstream.

    client's traceparent ─▶ SERVER ``POST /v1/messages`` ─┬─▶ CLIENT ``chat gpt-5``  error.type: http_503
                                                          └─▶ CLIENT ``chat gpt-5``  gen_ai.usage.output_tokens: 83

Called once for each of these, never for an event of a stream. Where traces are off and metrics are on, the spans are
the API's empty ones.
"""

from __future__ import annotations

import time
from time import monotonic

from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, format_trace_id, set_span_in_context

from daemon.telemetry.otel.facts import Attempt, AttemptAnswer, Ended
from daemon.telemetry.otel.inference_numbers import InferenceNumbers, counts_of
from daemon.telemetry.otel.names import CHAT, FIRST_EVENT, USAGE_NAMES, Name

Value = str | int | float | bool


class RequestTrace:
    """Of one request, on the event loop. ``started`` is ``time.monotonic`` seconds."""

    __slots__ = ("_asked", "_attempt", "_begun", "_context", "_numbers", "_open", "_propagator", "_span", "_started",
                 "_tracer", "trace_id")  # fmt: skip

    def __init__(
        self,
        span: Span,
        tracer: Tracer,
        started: float,
        *,
        propagator: TextMapPropagator | None,
        numbers: InferenceNumbers | None,
    ) -> None:
        self._span, self._tracer, self._started = span, tracer, started
        self._propagator, self._numbers = propagator, numbers
        self._context = set_span_in_context(span)
        context = span.get_span_context()
        self.trace_id = format_trace_id(context.trace_id) if context.is_valid else ""
        self._begun = time.time_ns() - int((monotonic() - started) * 1e9)
        self._open: Span | None = None  # that of the attempt that runs
        self._attempt: Attempt
        self._asked = 0.0

    def attempt(self, attempt: Attempt) -> dict[str, str]:
        """An attempt begins; the headers by which its upstream knows the trace."""
        attributes: dict[str, Value] = {
            Name.OPERATION: CHAT,
            Name.SYSTEM: attempt.system,
            Name.MODEL: attempt.model,
            Name.HOST: attempt.host,
            Name.PORT: attempt.port,
            Name.PROVIDER: attempt.provider,
            Name.AUTH: attempt.auth,
        }
        if attempt.streamed:
            attributes[Name.STREAM] = True
        self._attempt, self._asked = attempt, monotonic()
        self._open = self._tracer.start_span(
            f"{CHAT} {attempt.model}", context=self._context, kind=SpanKind.CLIENT, attributes=attributes
        )
        headers: dict[str, str] = {}
        if self._propagator is not None:
            self._propagator.inject(headers, set_span_in_context(self._open))
        return headers

    def answered(self, answer: AttemptAnswer) -> None:
        """The attempt has its whole answer."""
        span, self._open = self._open, None
        if span is None:
            return
        first = None if answer.first is None or not self._attempt.streamed else answer.first - self._asked
        if span.is_recording():
            said: dict[str, Value | None] = {
                Name.ANSWER_ID: answer.id,
                Name.ANSWER_MODEL: answer.model,
                Name.FIRST_CHUNK: first,
                **dict(zip(USAGE_NAMES, counts_of(answer.usage), strict=True)),
            }
            span.set_attributes({name: value for name, value in said.items() if value is not None and value != ""})
            if answer.finish:
                span.set_attribute(Name.FINISH, [answer.finish])
        span.end()
        if self._numbers is not None:
            self._numbers.answered(self._attempt, monotonic() - self._asked, first, answer.usage)

    def failed(self, reason: str, kind: str = "", status: int | None = None) -> None:
        """The attempt that runs has failed, if one does. ``kind`` is the class of the failure, ``status`` that of the
        upstream's refusal."""
        span, self._open = self._open, None
        if span is None:
            return
        span.set_attribute(Name.ERROR, reason)
        if kind:
            span.set_attribute(Name.ERROR_CLASS, kind)
        if status:
            span.set_attribute(Name.STATUS, status)
        span.set_status(Status(StatusCode.ERROR))
        span.end()
        if self._numbers is not None:
            self._numbers.failed(self._attempt, monotonic() - self._asked, reason)

    def end(self, ended: Ended) -> None:
        """The request has ended."""
        if self._open is not None:  # nobody has said how: the client has gone, or the daemon stops
            self.failed(ended.error or "internal")
        span = self._span
        if not span.is_recording():
            return
        said: dict[str, Value] = {
            Name.STATUS: ended.sent,
            Name.ERROR: ended.error,
            Name.PROVIDER: ended.provider,
            Name.ATTEMPTS: ended.attempts,
        }
        span.set_attributes({name: value for name, value in said.items() if value})
        if ended.error and ended.status >= 500:
            span.set_status(Status(StatusCode.ERROR))
        if ended.first_event is not None:
            span.add_event(FIRST_EVENT, timestamp=self._begun + int((ended.first_event - self._started) * 1e9))
        span.end()
