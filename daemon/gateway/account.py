"""How a request ended, told once: one log line, the metrics, the state of its core auth."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.errors import GatewayError
from daemon.gateway.inbound import Inbound
from daemon.inference.response import Usage
from daemon.snapshot.core_auths import CoreAuth
from daemon.telemetry.logs import log_request
from daemon.telemetry.metrics import Metrics

CLIENT_GONE = 499
"""The status in log and metrics of a request whose client hung up (nginx's number)."""


@dataclass(slots=True)
class Account:
    """What is known of a request as it runs. Times are ``time.monotonic`` seconds. ``lost`` names what the
    request lost in translation, ``answer_lost`` what the answer did. ``estimated``: the usage is ours,
    for the answer was ended before the upstream told its own."""

    inbound: Inbound
    status: int = 0
    auth: CoreAuth | None = None
    served: str = ""
    attempts: int = 0
    first_event: float | None = None
    usage: Usage | None = None
    estimated: bool = False
    lost: tuple[str, ...] = ()
    answer_lost: tuple[str, ...] = ()
    error: GatewayError | None = None

    @property
    def measured(self) -> int | None:
        """The prompt's tokens as the upstream counted them; None when it did not say."""
        return None if self.usage is None or self.estimated else self.usage.input_tokens

    def close(self, now: float, metrics: Metrics) -> None:
        """Write the request's one line and count it."""
        inbound, auth, usage = self.inbound, self.auth, self.usage or Usage()
        provider = auth.name if auth else ""
        total = now - inbound.started
        first = None if self.first_event is None else self.first_event - inbound.started
        metrics.request_finished(inbound.entry, provider, self.status, first, total, self.usage, model=self.served)
        lost = self.lost + self.answer_lost
        for field in lost:
            metrics.lost(field, 1)
        fields: dict[str, object] = {
            "request_id": inbound.request_id,
            "entry": inbound.entry,
            "model": inbound.request.model,
            "served": self.served,
            "provider": provider,
            "auth": auth.id if auth else "",
            "status": self.status,
            "first_ms": None if first is None else round(first * 1000, 1),
            "total_ms": round(total * 1000, 1),
            "tokens_in": usage.input_tokens,
            "tokens_cached": usage.cached_tokens,
            "tokens_out": usage.output_tokens,
            "attempts": self.attempts,
            "stream": inbound.request.stream,
        }
        if self.estimated:
            fields["tokens"] = "estimated"
        if lost:
            fields["lost"] = ",".join(dict.fromkeys(lost))
        if self.error is not None:
            fields["error"] = self.error.kind.value
        log_request(fields)
