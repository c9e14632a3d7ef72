"""What the gateway says of a request to whoever traces it. Plain values; imports nothing of OpenTelemetry."""

from __future__ import annotations

from msgspec import Struct

from daemon.telemetry.usage import TokenCounts


class Attempt(Struct, frozen=True, kw_only=True):
    """What an attempt asks: ``provider`` and ``auth`` are the configuration's names, ``system`` is whose API it is,
    ``model`` the upstream's name of the model. ``streamed``: a stream was asked for."""

    provider: str
    auth: str
    system: str
    model: str
    host: str
    port: int
    streamed: bool


class AttemptAnswer(Struct, frozen=True, kw_only=True):
    """What is known of an upstream's whole answer. ``first``: when the upstream's first event came, in
    ``time.monotonic`` seconds. ``usage`` None: the upstream did not say."""

    id: str
    model: str
    finish: str
    first: float | None
    usage: TokenCounts | None


class Ended(Struct, frozen=True, kw_only=True):
    """How a request ended. ``status`` is the one in the log, ``sent`` the one that went to the client, 0 for none.
    ``error`` is the reason of a failure, '' for none; ``first_event`` is ``time.monotonic`` seconds."""

    status: int
    sent: int
    error: str = ""
    first_event: float | None = None
    provider: str = ""
    attempts: int = 0
