"""OpenTelemetry of one daemon: off, and then nothing of it is imported, unless the environment asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from loguru import logger

from daemon.api.inference.entry import ROUTES
from daemon.api.public.status import metrics_of_now
from daemon.api.services import Services
from daemon.reload.supervise import supervised
from daemon.service.appliers import DaemonLog
from daemon.telemetry.otel.settings import read

if TYPE_CHECKING:
    from daemon.telemetry.otel.running import OpenTelemetry


class Telemetry:
    """``begin`` before anything is served; ``stop`` when nothing is any more."""

    def __init__(self, environ: Mapping[str, str], log: DaemonLog) -> None:
        self._settings = settings = read(environ)
        self._running: OpenTelemetry | None = None
        targets = (settings.traces, settings.metrics)
        log.always = tuple(value for target in targets if target is not None for _, value in target.headers)

    def begin(self, services: Services) -> None:
        """Report what cannot be honoured, and start what is asked for. A failure leaves OpenTelemetry off."""
        settings = self._settings
        services.passes_traces = settings.passes
        for problem in settings.problems:
            logger.warning("OpenTelemetry: {}", problem)
        if settings.traces is None and settings.metrics is None:
            return
        try:
            from daemon.telemetry.otel.running import OpenTelemetry

            scheme = "https" if services.current.get().config.tls.cert else "http"
            numbers = partial(metrics_of_now, services)
            running = OpenTelemetry(settings, ROUTES, services.metrics, numbers, scheme=scheme)
        except Exception as error:
            logger.opt(exception=error).error(
                "OpenTelemetry: cannot start ({}), so nothing is exported; serving goes on", type(error).__name__
            )
            return
        self._running = running
        services.live.tracing = services.lines.tracing = running.tracing
        for signal, target in (("traces", settings.traces), ("metrics", settings.metrics)):
            if target is not None:
                logger.bind(endpoint=target.shown).info("OpenTelemetry: {} go to {}", signal, target.shown)

    async def run(self) -> None:
        """What it does beside requests, for ever; returns at once where it is off."""
        if self._running is not None:
            await supervised("the export of metrics", self._running.run)

    async def stop(self) -> None:
        """Export what is left, for two seconds at most."""
        if self._running is not None:
            await self._running.stop()
