"""What the ``OTEL_*`` variables ask for. Pure; imports nothing of OpenTelemetry.

Every variable is checked here, and what cannot be honoured is a sentence in ``problems`` that names it: the SDK's own
messages may quote a header. The variables and their meaning:
https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from daemon.secret import Secret

Signal = Literal["traces", "metrics"]
SIGNALS: Final[tuple[Signal, ...]] = ("traces", "metrics")
PROTOCOL: Final = "http/protobuf"
DEFAULT_ENDPOINT: Final = "http://localhost:4318"
DEFAULT_TIMEOUT: Final = 10_000
DEFAULT_INTERVAL: Final = 60_000
GRPC_PORT: Final = 4317
DEFAULT_BATCH: Final[Mapping[str, int]] = {
    "OTEL_BSP_SCHEDULE_DELAY": 5_000,
    "OTEL_BSP_MAX_QUEUE_SIZE": 2_048,
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": 512,
}
SAMPLERS: Final = {
    f"{prefix}{name}": name == "traceidratio"
    for prefix in ("", "parentbased_")
    for name in ("always_on", "always_off", "traceidratio")
}
"""Name -> whether ``OTEL_TRACES_SAMPLER_ARG`` says how much of it."""
COMPRESSIONS: Final = ("", "none", "gzip", "deflate")


class ExportTarget(Struct, frozen=True, kw_only=True):
    """Where one signal goes, and how. ``timeout`` in seconds."""

    endpoint: str
    headers: tuple[tuple[str, Secret], ...] = ()
    timeout: float = DEFAULT_TIMEOUT / 1000
    compression: str = "none"

    @property
    def shown(self) -> str:
        """The endpoint as a log may show it: without a user, a password or a query."""
        parts = urlsplit(self.endpoint)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


class Batch(Struct, frozen=True, kw_only=True):
    """How finished spans wait for their export: ``delay`` in seconds, the rest in spans."""

    delay: float
    queue: int
    size: int


class Settings(Struct, frozen=True, kw_only=True):
    """None: the signal is off. ``interval`` between two exports of metrics, in seconds. ``passes``: whether a client's
    trace context is used, and passed on to upstreams. ``sampled``: the part of the traces that a sampler by ratio
    keeps. ``problems``: what cannot be honoured, in words."""

    traces: ExportTarget | None = None
    metrics: ExportTarget | None = None
    interval: float = DEFAULT_INTERVAL / 1000
    batch: Batch
    sampler: str = "parentbased_always_on"
    sampled: float = 1.0
    passes: bool = True
    problems: tuple[str, ...] = ()


def read(environ: Mapping[str, str]) -> Settings:
    """What is asked for. An empty variable counts as absent."""
    reader = _Reader(environ)
    targets: dict[Signal, ExportTarget | None] = dict.fromkeys(SIGNALS)
    passes = reader.passes()
    if reader.get("OTEL_SDK_DISABLED").lower() != "true":
        targets = {signal: reader.target(signal) for signal in SIGNALS}
        if any(targets.values()):
            reader.unsupported()
    sampler, sampled = reader.sampler() if targets["traces"] else ("parentbased_always_on", 1.0)
    return Settings(
        traces=targets["traces"],
        metrics=targets["metrics"],
        interval=reader.number("OTEL_METRIC_EXPORT_INTERVAL", DEFAULT_INTERVAL) / 1000 if targets["metrics"] else 60.0,
        batch=reader.batch(checked=targets["traces"] is not None),
        sampler=sampler,
        sampled=sampled,
        passes=passes,
        problems=tuple(reader.problems),
    )


class _Reader:
    """Reads the variables and collects what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[str] = []

    def get(self, name: str) -> str:
        return self._environ.get(name, "").strip()

    def of(self, signal: Signal, what: str) -> tuple[str, str]:
        """(name, value) of an exporter's variable: that of the signal, else that of all."""
        own, common = f"OTEL_EXPORTER_OTLP_{signal.upper()}_{what}", f"OTEL_EXPORTER_OTLP_{what}"
        return (own, self.get(own)) if self.get(own) else (common, self.get(common))

    def target(self, signal: Signal) -> ExportTarget | None:
        if not self._is_on(signal):
            return None
        name, protocol = self.of(signal, "PROTOCOL")
        if protocol not in ("", PROTOCOL):
            self.problem(
                f"{name}: tppcd exports over {PROTOCOL} only, so no {signal} are exported: set it to {PROTOCOL}, and "
                "the endpoint to the collector's port for HTTP (usually 4318)"
            )
            return None
        endpoint = self._endpoint(signal)
        if not endpoint:
            return None
        name, compression = self.of(signal, "COMPRESSION")
        if compression.lower() not in COMPRESSIONS:
            self.problem(f"{name}: the compression is not known: use gzip or none")
            compression = ""
        return ExportTarget(
            endpoint=endpoint,
            headers=self._headers(signal),
            timeout=self.number(self.of(signal, "TIMEOUT")[0], DEFAULT_TIMEOUT) / 1000,
            compression=compression.lower() or "none",
        )

    def _is_on(self, signal: Signal) -> bool:
        variable = f"OTEL_{signal.upper()}_EXPORTER"
        wanted = [each for part in self.get(variable).split(",") if (each := part.strip().lower())]
        if unknown := [each for each in wanted if each not in ("otlp", "none")]:
            self.problem(f"{variable}: tppcd exports with otlp only, {_listed(unknown)} is left out")
        if wanted:
            return "otlp" in wanted
        return bool(self.of(signal, "ENDPOINT")[1])

    def _endpoint(self, signal: Signal) -> str:
        name, value = self.of(signal, "ENDPOINT")
        base = value or DEFAULT_ENDPOINT
        try:
            parts = urlsplit(base)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            self.problem(f"{name}: is not an address such as {DEFAULT_ENDPOINT}, so no {signal} are exported")
            return ""
        return base if value and signal.upper() in name else f"{base.rstrip('/')}/v1/{signal}"

    def _headers(self, signal: Signal) -> tuple[tuple[str, Secret], ...]:
        """``name=value,name=value``, values percent-encoded. Nothing of a value is ever shown."""
        variable, text = self.of(signal, "HEADERS")
        headers = []
        for number, entry in enumerate(filter(None, (each.strip() for each in text.split(","))), 1):
            name, equals, value = (part.strip() for part in entry.partition("="))
            value = unquote(value)
            if not equals or not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
                self.problem(f"{variable}: entry {number} is not name=value, it is left out")
            elif not value.isascii() or not value.isprintable():
                self.problem(f"{variable}: the value of entry {number} cannot stand in a header, it is left out")
            else:
                headers.append((name.lower(), Secret(value)))
        return tuple(headers)

    def batch(self, *, checked: bool) -> Batch:
        delay, queue, size = (
            self.number(name, default) if checked else default for name, default in DEFAULT_BATCH.items()
        )
        if size > queue:
            self.problem(f"OTEL_BSP_MAX_EXPORT_BATCH_SIZE: is larger than the queue, {queue} is used")
        return Batch(delay=delay / 1000, queue=queue, size=min(size, queue))

    def sampler(self) -> tuple[str, float]:
        name, argument = self.get("OTEL_TRACES_SAMPLER").lower(), self.get("OTEL_TRACES_SAMPLER_ARG")
        if name and name not in SAMPLERS:
            self.problem(f"OTEL_TRACES_SAMPLER: is none of {_listed(SAMPLERS)}, all traces are kept")
            name = ""
        name = name or "parentbased_always_on"
        if not SAMPLERS[name]:
            return name, 1.0
        try:
            ratio = float(argument or "1")
            if 0 <= ratio <= 1:
                return name, ratio
        except ValueError:
            pass
        self.problem("OTEL_TRACES_SAMPLER_ARG: is not a number from 0 to 1, all traces are kept")
        return name, 1.0

    def passes(self) -> bool:
        """``tracecontext`` is the one form that is known. Baggage, which may say anything, is never passed on."""
        wanted = [each for part in self.get("OTEL_PROPAGATORS").split(",") if (each := part.strip().lower())]
        unknown = [each for each in wanted if each not in ("tracecontext", "baggage", "none")]
        if unknown:
            self.problem(f"OTEL_PROPAGATORS: only tracecontext is known, {_listed(unknown)} is left out")
        return not wanted or "tracecontext" in wanted

    def unsupported(self) -> None:
        """What is asked for beside traces and metrics."""
        if self.get("OTEL_LOGS_EXPORTER").lower() not in ("", "none"):
            self.problem("OTEL_LOGS_EXPORTER: logs are not exported; let the collector read the log, it has `trace_id`")
        temporality = self.get("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE").lower()
        if temporality not in ("", "cumulative"):
            self.problem(
                "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: metrics are cumulative; "
                "the collector's cumulativetodelta processor changes that"
            )

    def number(self, name: str, default: int) -> int:
        """A whole number above 0."""
        text = self.get(name)
        if not text:
            return default
        if text.isascii() and text.isdigit() and int(text) > 0:
            return int(text)
        self.problem(f"{name}: is not a whole number above 0, {default} is used")
        return default

    def problem(self, text: str) -> None:
        if text not in self.problems:
            self.problems.append(text)


def _listed(words: Mapping[str, object] | list[str]) -> str:
    return ", ".join(words)
