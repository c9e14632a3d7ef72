"""``tppcd run``: everything built once, run in one task group, taken down in reverse."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from socket import AF_UNIX, socket
from typing import TYPE_CHECKING, cast

from daemon import __version__
from daemon.api.app import build
from daemon.api.management.upstream_rule import host_of, hosts_of
from daemon.api.services import Process, Services
from daemon.config.schema import Config
from daemon.errors import stopping
from daemon.gateway.balances import Balances
from daemon.gateway.counting import TokenCounter
from daemon.gateway.deadlines import Deadlines
from daemon.gateway.key_checks import KeyChecks
from daemon.gateway.learned import LearnedAmendments
from daemon.gateway.live_state import LiveState
from daemon.gateway.recovery import Recovery
from daemon.reload.appliers import Applier
from daemon.reload.reloader import Reloader
from daemon.reload.supervise import supervised
from daemon.reload.writing import ConfigWriting
from daemon.router.router import Router
from daemon.router.states import AuthStates
from daemon.service.admin import state_directory
from daemon.service.appliers import DaemonLog, appliers
from daemon.service.drain import Drain
from daemon.service.listeners import announce, listen
from daemon.service.options import RunOptions, StartRefused
from daemon.service.protocol import limits_for_process
from daemon.service.server import GatewayServer, install_exception_handler
from daemon.service.sockets import describe
from daemon.service.surroundings import lasting_problems, open_audit_file
from daemon.snapshot.snapshot import Current, Snapshot
from daemon.sources.base import Source
from daemon.sources.file import FileSource
from daemon.state.copies import History, LastGood
from daemon.state.files import make_directory
from daemon.store.service import ProviderService
from daemon.store.source import NAME as STORE
from daemon.store.source import StoreSource
from daemon.systemd import Notifier, dump_stacks_on_crash, watchdog
from daemon.telemetry.audit import AuditLog
from daemon.telemetry.failure_events import FailureEvents
from daemon.telemetry.metrics import Metrics
from daemon.upstream.adapters.registry import AdapterRegistry
from daemon.upstream.discovery import ModelDiscovery
from daemon.upstream.http.addresses import AllowedNetworks
from daemon.upstream.http.egress import EgressPolicy
from daemon.upstream.http.transport import Transport

if TYPE_CHECKING:
    from uvicorn._types import ASGIApplication

GC_THRESHOLD = 5_000
"""Allocations between two runs of the garbage collector: requests make too few cycles for more. The first of many
thousands takes longer than a stream should wait."""
SWITCH_S = 0.001
"""How long a thread that computes (a reload with 2,000 providers, a count of tokens) keeps the loop from running when
it has something to do. Python's 5 ms are spent at each step of a request."""

UPSTREAM_HOSTS = "upstream-hosts.json"
"""In the state directory: which upstream hosts were set through the management API."""


async def serve(options: RunOptions, environ: Mapping[str, str] = os.environ) -> None:
    """Run until SIGTERM or SIGINT. Raises ``ConfigRefused`` or ``StartRefused`` before anything is served."""
    dump_stacks_on_crash()
    install_exception_handler(asyncio.get_running_loop())
    log = DaemonLog(options.log_level, options.log_format, environ)
    try:
        await Daemon(options, environ, log).run()
    finally:
        log.close()


class Daemon:
    """The parts of one daemon, and the order in which they live."""

    def __init__(self, options: RunOptions, environ: Mapping[str, str], log: DaemonLog) -> None:
        self._options, self._environ, self._log = options, environ, log
        self._notifier = Notifier.from_environ(environ)
        self._drain, self._deadlines, self._stop = Drain(), Deadlines(), asyncio.Event()
        current, audit, learned = Current(), AuditLog(), LearnedAmendments()
        router = Router(clock=time.monotonic, wall=time.time)
        states, metrics = AuthStates(router), Metrics(version=__version__)
        self._failure_events = FailureEvents(audit)
        self._state_dir = state = _make_directory(state_directory(environ))
        self._store: StoreSource | None = None
        self._lasting = lasting = lasting_problems(state, options.config)
        self._audit_file = open_audit_file(state, audit, lasting)
        egress = EgressPolicy(state / UPSTREAM_HOSTS, lambda: _private_allowed(current))
        self._transport = Transport(egress)
        adapters = AdapterRegistry(self._transport.open)
        self._discovery = ModelDiscovery(self._transport.open, owned=adapters.listed)
        self._recovery = Recovery(self._transport.open, router, current)
        self._balances = Balances(self._transport.open, current, clock=time.monotonic, wall=time.time)
        history = History(state, options.config)
        self._reloader = Reloader(
            current=current,
            source=FileSource(options.config, lasting=lasting),
            others=self._open_store,
            last_good=LastGood(state, options.config),
            history=history,
            appliers=(*appliers(log, adapters, router, (states, learned)), *self._own_appliers()),
            on_reload=self._look_again,
            lasting=lasting,
            audit=audit,
            metrics=metrics,
            notify=self._notifier,
            environ=environ,
        )
        self._writing = ConfigWriting(options.config, state, self._reloader, history)
        self._services = Services(
            current=current,
            reloader=self._reloader,
            audit=audit,
            metrics=metrics,
            states=states,
            live=LiveState(
                adapters=adapters,
                states=states,
                metrics=metrics,
                deadlines=self._deadlines,
                learned=learned,
                events=self._failure_events,
                router=router,
                counted=self._drain.request,
            ),
            counter=TokenCounter(),
            version=__version__,
            started=time.monotonic(),
            models_problem=self._discovery.problem,
            balance=self._balances.of,
            dropped_log_lines=lambda: log.dropped,
            egress=egress,
            writing=self._writing,
        )
        self._key_checks = KeyChecks(self._transport.open, self._services.live.keys)

    async def run(self) -> None:
        try:
            await self._writing.clean_up()
            snapshot = await self._reloader.start(self._options.require)
            sockets = listen(self._options, self._environ, snapshot, self._lasting)
            self._services.process = self._process(sockets)
            app = cast("ASGIApplication", build(self._services))
            unparsed = self._services.lines.unparsed
            server = GatewayServer(app, sockets, limits=limits_for_process(), refused=unparsed)
            await self._serve(server, sockets, snapshot)
        finally:
            await self._transport.close()
            if self._store is not None:
                await asyncio.to_thread(self._store.close)
            self._failure_events.close()
            if self._audit_file is not None:
                self._audit_file.close()

    def _process(self, sockets: Sequence[socket]) -> Process:
        return Process(
            config=str(self._options.config.absolute()),
            state_directory=str(self._state_dir),
            listening=tuple(describe(each) for each in sockets if each.family != AF_UNIX),
            environ=self._environ,
        )

    def _own_appliers(self) -> Sequence[Applier]:
        return (self._follow_store_key, self._note_remote_hosts, self._ask_for_models, self._follow_live)

    def _look_again(self) -> None:
        """Somebody asks for a reload: what no configuration says is new as well."""
        self._transport.look_at_certificates()
        self._discovery.refresh()

    def _open_store(self, settings: Config) -> tuple[Source, ...]:
        """The provider store, where the first configuration says; another place needs a restart."""
        self._store = StoreSource(
            settings.provider_store.url,
            encryption_key=settings.provider_store.encryption_key,
            state_dir=self._state_dir,
            environ=self._environ,
            base=self._options.config.parent,
            opened=gc.freeze,  # the libraries that are imported for it stay, too
        )
        self._services.providers = ProviderService(
            self._store,
            apply=lambda: self._reloader.reload(STORE, source=STORE),
            running=lambda: frozenset(auth.source for auth in self._services.current.get().core_auths),
            owner=self._owner,
            refresh=self._discovery.refresh,
        )
        return (self._store,)

    def _owner(self, name: str) -> str:
        """The file, where it has a provider of this name in lower case."""
        providers = self._services.current.get().providers
        taken = any(each.kind != "store" and each.is_named(name) for each in providers)
        return self._options.config.name if taken else ""

    @asynccontextmanager
    async def _note_remote_hosts(self, _old: Snapshot | None, new: Snapshot) -> AsyncIterator[None]:
        """Before any request may connect: a URL may have been set through another daemon of the same store. Afterwards
        hosts are forgotten that nothing mentions any more."""
        egress = self._services.egress
        hosts = [host_of(auth.base_url) for auth in new.core_auths if auth.set_by == "remote"]
        if hosts:
            await asyncio.to_thread(egress.note, hosts, AllowedNetworks.PUBLIC)
        mentioned = await asyncio.to_thread(hosts_of, new) if egress.hosts else frozenset[str]()
        yield
        # The URL of a provider whose references fail may not be known.
        if egress.hosts and not any(each.failed for each in new.providers) and egress.follow(mentioned):
            await asyncio.to_thread(egress.forget)

    @asynccontextmanager
    async def _follow_store_key(self, _old: Snapshot | None, new: Snapshot) -> AsyncIterator[None]:
        yield
        if self._store is not None:
            self._store.set_encryption_key(new.config.provider_store.encryption_key)

    @asynccontextmanager
    async def _ask_for_models(self, old: Snapshot | None, new: Snapshot) -> AsyncIterator[None]:
        yield
        self._discovery.follow(new.core_auths, new.config.upstream_ca)
        if old is not None and old.config != new.config:  # a row of the store that changes asks its own upstream alone
            self._discovery.refresh()

    @asynccontextmanager
    async def _follow_live(self, _old: Snapshot | None, new: Snapshot) -> AsyncIterator[None]:
        """What counts requests, and what asks upstreams about their keys."""
        yield
        self._services.live.admission.follow(new.config.limits.concurrent_requests)
        self._key_checks.follow(new)

    async def _serve(self, server: GatewayServer, sockets: Sequence[socket], snapshot: Snapshot) -> None:
        async with asyncio.TaskGroup() as tasks:
            vital = {
                "the reload pipeline": tasks.create_task(supervised("the reload pipeline", self._reloader.run)),
                "the request clock": tasks.create_task(supervised("the request clock", self._deadlines.run)),
            }
            discover = partial(self._discovery.run, self._reloader.put_lists)
            background = [
                *vital.values(),
                tasks.create_task(supervised("the discovery of models", discover)),
                tasks.create_task(supervised("the recovery of upstreams", self._recovery.run)),
                tasks.create_task(supervised("the questions for balances", self._balances.run)),
                tasks.create_task(supervised("the check of keys", self._key_checks.run)),
                tasks.create_task(supervised("the counts of failures", self._failure_events.run)),
                tasks.create_task(watchdog(self._notifier, lambda: _ended(vital))),
                tasks.create_task(self._end_late_requests()),
            ]
            self._follow_signals(tasks)
            serving = tasks.create_task(server.run())
            announce(sockets, snapshot)
            self._notifier.ready(f"serving generation {snapshot.generation}")
            _settle_garbage()
            await self._stop.wait()
            self._services.audit.close()
            await self._drain.run(server, self._notifier)
            await serving
            self._services.lines.close()
            for task in background:
                task.cancel()

    def _follow_signals(self, tasks: asyncio.TaskGroup) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_stop_signal)
        loop.add_signal_handler(signal.SIGUSR1, self._log.look_again)
        loop.add_signal_handler(signal.SIGHUP, lambda: tasks.create_task(self._reloader.reload("SIGHUP")))

    def _on_stop_signal(self) -> None:
        """Once to drain, twice to hurry."""
        if self._stop.is_set():
            self._drain.hurry()
        self._services.draining = True
        self._stop.set()

    async def _end_late_requests(self) -> None:
        """At the drain's end, every request that is still running ends with an error in its dialect."""
        await self._drain.final.wait()
        self._deadlines.interrupt_all(stopping())


def _ended(vital: Mapping[str, asyncio.Task[None]]) -> str | None:
    """The self-check: which vital part has ended; None while all of them run."""
    return next((f"{name} has ended" for name, task in vital.items() if task.done()), None)


def _private_allowed(current: Current) -> bool:
    snapshot = current.get_or_none()
    return snapshot is not None and snapshot.config.remote_management.allow_private_upstreams


def _make_directory(directory: Path) -> Path:
    try:
        make_directory(directory)
    except OSError as error:
        raise StartRefused(
            f"the state directory {directory} cannot be created: {error.strerror} (set STATE_DIRECTORY to another one)"
        ) from error
    return directory


def _settle_garbage() -> None:
    """The objects of the start-up stay; the collector need not visit them again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)
    sys.setswitchinterval(SWITCH_S)
