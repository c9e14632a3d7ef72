"""What the routes need, put together once by ``service.run`` and passed to ``api.app.build``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from daemon.errors import ErrorKind, LocalError
from daemon.gateway.access import ClientAccess
from daemon.gateway.request_lines import RequestLines
from daemon.router.states import AuthStates
from daemon.snapshot.snapshot import Current, Snapshot
from daemon.telemetry.audit import AuditLog
from daemon.telemetry.metrics import Metrics
from daemon.upstream.http.egress import EgressPolicy

if TYPE_CHECKING:  # the routes pass these on without using what is inside
    from daemon.gateway.balances import Balance
    from daemon.gateway.counting import TokenCounter
    from daemon.gateway.live_state import LiveState
    from daemon.reload.outcome import ReloadOutcome
    from daemon.reload.writing import ConfigWriting
    from daemon.store.service import ProviderService


class Reloads(Protocol):
    """The side of the reload pipeline that the API sees (``reload.reloader.Reloader``)."""

    @property
    def outcome(self) -> ReloadOutcome | None:
        """The latest outcome; None before the first."""
        ...

    async def reload(self, reason: str) -> ReloadOutcome:
        """Read the sources now, apply or refuse, and return the outcome."""
        ...


@dataclass(frozen=True, slots=True)
class Process:
    """What the daemon was started with, and where it listens. Of ``environ`` only names are shown."""

    config: str = ""
    state_directory: str = ""
    listening: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Services:
    """One daemon's parts. ``started`` is ``time.monotonic()`` at the start; ``draining`` becomes true when the daemon
    begins to stop, ``refusing`` while new requests are refused. Mutable because of these flags, and of what is known a
    moment later (``process``, ``providers``); the rest never changes."""

    current: Current
    reloader: Reloads
    audit: AuditLog
    metrics: Metrics
    states: AuthStates
    live: LiveState
    counter: TokenCounter
    version: str
    started: float
    access: ClientAccess = field(default_factory=ClientAccess)
    draining: bool = False
    refusing: bool = False
    models_problem: Callable[[str], str] = lambda _: ""
    """Why it is not known what the upstream of this core auth lists; empty where it is known, or is not asked."""
    balance: Callable[[str], Balance | None] = lambda _: None
    """What the provider of this core auth says is left; None where it is not asked."""
    dropped_log_lines: Callable[[], int] = int
    """How many lines the log has lost since the start."""
    egress: EgressPolicy = field(default_factory=EgressPolicy)
    writing: ConfigWriting | None = None
    """The writer of config.yaml; None where the configuration does not come from a file."""
    providers: ProviderService | None = None
    """The provider store; None where there is none."""
    passes_traces: bool = True
    """Whether the trace context of clients is used, and passed on to upstreams."""
    process: Process = field(default_factory=Process)
    lines: RequestLines = field(init=False)
    """Log and count of the requests that no handler runs."""

    def __post_init__(self) -> None:
        self.lines = RequestLines(self.metrics)


def snapshot_in_force(services: Services) -> Snapshot:
    """The snapshot to serve one request with; 503 while there is none yet."""
    snapshot = services.current.get_or_none()
    if snapshot is None:
        raise LocalError(
            ErrorKind.OVERLOADED, "no configuration has been loaded yet", status=503, retry_after=1, reason="starting"
        )
    return snapshot
