"""What is known of a request, and how it is reported when it has ended: one log line, and the metrics."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from daemon.errors import GatewayError, internal
from daemon.gateway.client_request import ClientRequest
from daemon.inference.response import Usage
from daemon.snapshot.core_auths import CoreAuth
from daemon.telemetry.failure_cause import Cause, Reason, cause_of, level_of, reason_of
from daemon.telemetry.logs import log_request
from daemon.telemetry.metrics import Metrics

CLIENT_GONE = 499
"""The status in log and metrics of a request whose client hung up (nginx's number)."""
UNNAMED = "unnamed"
_NAME = re.compile(r"[\w.\[\]-]{1,160}", re.ASCII)
_PREFIX = re.compile(r"[\w\[\]]{1,32}", re.ASCII)


def loss_names(lost: Iterable[str]) -> tuple[str, ...]:
    """Names for log, metrics and headers. Some that an encoder gives hold a word of the client's (a tool's name, a
    block's type): what is no name, but text, is left out of it."""
    return tuple([name if _NAME.fullmatch(name) else f"{_before_text(name)}{UNNAMED}" for name in lost])


def _before_text(name: str) -> str:
    """The place in a name that holds text: ``tools.``; '' for none."""
    first, dot, _ = name.partition(".")
    return first + dot if dot and _PREFIX.fullmatch(first) else ""


def failure_words(status: int, error: GatewayError | None) -> tuple[str, str]:
    """(class, reason) of a failure; '' where there is none to say."""
    if status == CLIENT_GONE:
        return "", Reason.DISCONNECTED.value
    return ("", "") if error is None else (error.kind.value, reason_of(error))


def count_failure(metrics: Metrics, entry: str, status: int, error: GatewayError | None) -> None:
    """Count a request that has failed; nothing for an answer."""
    if status == CLIENT_GONE:
        metrics.request_failed(entry, Cause.CLIENT)
    elif error is not None:
        metrics.request_failed(entry, cause_of(error))


@dataclass(slots=True)
class RequestRecord:
    """What is known of a request as it runs. Times are ``time.monotonic`` seconds. ``lost`` names what the
    request lost in translation, ``answer_lost`` what the answer did. ``estimated``: the usage is ours,
    for the answer was ended before the upstream said its own. ``lost_in_name`` is what the model's name asks for and
    no candidate has, the same for each attempt.

    ``first_event`` is when the first event of the answer was written to the client (a keep-alive is none);
    ``asked_at`` and ``upstream_first`` are of the latest attempt: when it was sent, and when its first event came.
    """

    client_request: ClientRequest
    status: int = 0
    auth: CoreAuth | None = None
    served: str = ""
    attempts: int = 0
    first_event: float | None = None
    asked_at: float = 0.0
    upstream_first: float | None = None
    usage: Usage | None = None
    estimated: bool = False
    lost: tuple[str, ...] = ()
    lost_in_name: tuple[str, ...] = ()
    answer_lost: tuple[str, ...] = ()
    error: GatewayError | None = None

    @property
    def measured(self) -> int | None:
        """The prompt's tokens as the upstream counted them; None when it did not say."""
        return None if self.usage is None or self.estimated else self.usage.input_tokens

    def fail(self, error: GatewayError) -> None:
        """The client has got this error, or would have."""
        self.error, self.status = error, error.status

    def asked(self, now: float) -> None:
        """An attempt begins."""
        self.asked_at, self.upstream_first = now, None

    def shown(self, now: float) -> None:
        """Something of the answer has been written to the client; the first time counts."""
        if self.first_event is None:
            self.first_event = now

    def report(self, now: float, metrics: Metrics) -> None:
        """Write the request's one line and count it."""
        if not self.status:  # nobody has said how it ended: what ended it is still on its way up
            self.fail(internal())
        client_request, auth, usage = self.client_request, self.auth, self.usage or Usage()
        provider = auth.name if auth else ""
        total = now - client_request.started
        first = None if self.first_event is None else self.first_event - client_request.started
        upstream_first = None if self.upstream_first is None else self.upstream_first - self.asked_at
        metrics.request_finished(
            client_request.entry, provider, self.status, first, total, self.usage, model=self.served
        )
        lost = self.lost + self.answer_lost
        for field in lost:
            metrics.lost(field, 1)
        fields: dict[str, object] = {
            "request_id": client_request.request_id,
            "entry": client_request.entry,
            "model": client_request.request.model,
            "served": self.served,
            "provider": provider,
            "auth": auth.id if auth else "",
            "status": self.status,
            "first_ms": None if first is None else round(first * 1000, 1),
            "upstream_first_ms": None if upstream_first is None else round(upstream_first * 1000, 1),
            "total_ms": round(total * 1000, 1),
            "tokens_in": usage.input_tokens,
            "tokens_cached": usage.cached_tokens,
            "tokens_out": usage.output_tokens,
            "attempts": self.attempts,
            "stream": client_request.request.stream,
        }
        if self.estimated:
            fields["tokens"] = "estimated"
        if lost:
            fields["lost"] = ",".join(dict.fromkeys(lost))
        if self.status != 200:
            count_failure(metrics, client_request.entry, self.status, self.error)
            word, reason = failure_words(self.status, self.error)
            if word:
                fields["error"] = word
            fields["reason"] = reason
        log_request(fields, level_of(self.status, self.error))
