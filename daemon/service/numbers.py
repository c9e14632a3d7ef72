"""The numbers that parts of the daemon know by themselves, as metrics: each part is asked at a scrape.

What a scrape asks is in memory: no file, no database and no upstream is looked at for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import product
from typing import Final

from daemon.api.services import Services
from daemon.config.provider import KINDS, Provider
from daemon.service.appliers import DaemonLog
from daemon.service.server import GatewayServer
from daemon.sources.file import FileSource
from daemon.store.source import StoreSource
from daemon.telemetry.metrics import Labels, Numbers
from daemon.upstream.discovery import ModelDiscovery
from daemon.upstream.http.transport import Transport

STATES: Final = ("enabled", "disabled", "failed")
SEVERITIES: Final = ("error", "warning")


class DaemonNumbers:
    """Of one daemon. ``store`` gives its provider store, None while there is none."""

    def __init__(
        self,
        services: Services,
        log: DaemonLog,
        file: FileSource,
        discovery: ModelDiscovery,
        transport: Transport,
        store: Callable[[], StoreSource | None],
    ) -> None:
        self._services = services
        self._log = log
        self._file = file
        self._discovery = discovery
        self._transport = transport
        self._store = store

    def show(self, server: GatewayServer) -> None:
        """From now on they are among the metrics, and those of ``server``'s connections."""
        file, log, live, metrics = self._file, self._log, self._services.live, self._services.metrics
        admission, gathered = live.admission, live.gathered
        asked: Mapping[str, Callable[[], Numbers]] = {
            "tppcd_degraded": self._degraded,
            "tppcd_config_diagnostics": self._diagnostics,
            "tppcd_config_file_events_total": lambda: file.events,
            "tppcd_config_file_last_event_timestamp_seconds": lambda: file.last_event,
            "tppcd_config_file_last_look_timestamp_seconds": lambda: file.last_look,
            "tppcd_providers_by_state": self._providers,
            "tppcd_model_lists": lambda: {(state,): count for state, count in self._discovery.states().items()},
            "tppcd_amendments_learned": self._learned,
            "tppcd_admission_requests": lambda: {("running",): admission.running, ("waiting",): admission.waiting},
            "tppcd_admission_limit": lambda: admission.limit,
            "tppcd_admission_refused_total": lambda: admission.refused,
            "tppcd_answers_held_bytes": lambda: gathered.taken,
            "tppcd_answers_held_limit_bytes": lambda: gathered.all,
            "tppcd_log_lines_dropped_total": lambda: log.dropped,
            "tppcd_log_queue_lines": lambda: log.waiting,
            "tppcd_client_connections": lambda: len(server.server_state.connections),
            "tppcd_client_connections_limit": lambda: server.most_connections,
            "tppcd_upstream_connections": self._upstream_connections,
            "tppcd_store_up": self._store_up,
            "tppcd_store_rows": self._store_rows,
        }
        for name, numbers in asked.items():
            metrics.ask_at_scrape(name, numbers)

    def _degraded(self) -> float:
        outcome = self._services.reloader.outcome
        return 1 if outcome is not None and outcome.degraded else 0

    def _diagnostics(self) -> Numbers:
        outcome = self._services.reloader.outcome
        every = ((severity,) for severity in SEVERITIES)
        return _counted(every, ((each.severity,) for each in outcome.diagnostics) if outcome else ())

    def _providers(self) -> Numbers:
        snapshot = self._services.current.get_or_none()
        every = product(KINDS, STATES)
        return _counted(every, ((each.kind, _state(each)) for each in snapshot.named_providers) if snapshot else ())

    def _learned(self) -> Numbers:
        snapshot, counts = self._services.current.get_or_none(), Counter[Labels]()
        for auth in snapshot.core_auths if snapshot else ():
            for name, count in self._services.live.learned.counts(auth.id).items():
                counts[auth.name, name] += count
        return counts

    def _upstream_connections(self) -> Numbers:
        busy, idle = self._transport.connections
        return {("busy",): busy, ("idle",): idle}

    def _store_up(self) -> Numbers:
        store = self._store()
        return None if store is None else store.problem is None

    def _store_rows(self) -> Numbers:
        store = self._store()
        if store is None:
            return {}
        rows, failed = len(store.rows or ()), len(store.problems)
        return {("usable",): rows - failed, ("failed",): failed}


def _state(provider: Provider) -> str:
    if not provider.enabled:
        return "disabled"
    return "failed" if provider.failed else "enabled"


def _counted(every: Iterable[Labels], seen: Iterable[Labels]) -> Mapping[Labels, float]:
    """How often each was seen, those of ``every`` also where it is never."""
    return {**dict.fromkeys(every, 0), **Counter(seen)}
