"""What has to follow a new snapshot: the log, the adapters, and the live state of core auths that have gone.

Registry and core auths are inside the snapshot, so this list is short.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Final, Protocol

from msgspec import structs

from daemon.config import log_sizes
from daemon.config.references import reference_at
from daemon.config.sections import Logging, LogLevels
from daemon.reload.appliers import Applier
from daemon.router.router import Router
from daemon.secret import Secret
from daemon.snapshot.core_auths import CoreAuth
from daemon.snapshot.snapshot import Snapshot
from daemon.telemetry import logs
from daemon.telemetry.log_lines import LogFormat
from daemon.telemetry.log_outputs import FileOutput
from daemon.telemetry.logs import Levels
from daemon.upstream.adapters.registry import AdapterRegistry
from daemon.upstream.privacy import secrets_of

OPEN_SECONDS: Final = 10.0
"""Within which a log file must be open."""


class DaemonLog:
    """The daemon's log over its life: first as the command line says, then as the configuration says. ``level`` and
    ``format`` of the command line override the file; None = the file decides."""

    def __init__(self, level: str | None, format: LogFormat | None, environ: Mapping[str, str]) -> None:
        self._level_option = level
        self._format_option = format
        self._environ = environ
        self._applied = Logging()
        self._levels = Levels(level or "info")
        self._sink = logs.configure(self._levels, format or "text", environ=environ)

    @property
    def dropped(self) -> int:
        """Lines lost so far because the output was stuck."""
        return self._sink.dropped

    async def follow(self, snapshot: Snapshot) -> None:
        """Take over level, format and file, and the secrets now in use. Raises OSError where the file
        cannot be opened; the log stays as it was then."""
        config = snapshot.config
        of_upstreams = await asyncio.to_thread(_secrets, snapshot.core_auths)
        logs.register_secrets([*config.api_keys, config.remote_management.secret_key, *map(Secret, of_upstreams)])
        settings = config.logging
        levels = _levels(settings, self._level_option or ("debug" if config.debug else settings.level))
        outputs = structs.replace(settings, level="info", levels=LogLevels())
        if outputs != self._applied:
            try:
                file = await _opened(settings) if settings.file else None
            except OSError as error:
                reference = reference_at(snapshot.written, "logging", "file")
                raise OSError(error.errno, error.strerror, reference or settings.file) from error
            before, format = self._sink, self._format_option or settings.format
            self._sink = logs.configure(levels, format, file=file, environ=self._environ)
            self._applied, self._levels = outputs, levels
            await asyncio.to_thread(before.close)  # which takes seconds where its output is stuck
        elif levels != self._levels:
            logs.set_levels(levels)
            self._levels = levels

    def look_again(self) -> None:
        """A log file that was moved away is opened again now, not at its next line."""
        self._sink.look_again()

    def close(self) -> None:
        self._sink.close()


def _levels(settings: Logging, default: str) -> Levels:
    areas = {name: level for name, level in structs.asdict(settings.levels).items() if level is not None}
    return Levels(default, areas)


async def _opened(settings: Logging) -> FileOutput:
    """The log file, opened in a thread of its own: a network mount that does not answer holds up that thread, neither
    the loop nor those that share the pool. Raises OSError."""
    rotation, retention = log_sizes.size(settings.rotation), log_sizes.retention(settings.retention)
    assert rotation is not None and retention is not None, "the rules have checked both"
    keep_files, keep_seconds = retention
    loop = asyncio.get_running_loop()
    opened: asyncio.Future[FileOutput] = loop.create_future()

    def put(result: FileOutput | OSError) -> None:
        if opened.done():  # too late
            if isinstance(result, FileOutput):
                result.close()
        elif isinstance(result, FileOutput):
            opened.set_result(result)
        else:
            opened.set_exception(result)

    def work() -> None:
        result: FileOutput | OSError
        try:
            result = FileOutput(
                Path(settings.file), rotation=rotation, keep_files=keep_files, keep_seconds=keep_seconds
            )
        except OSError as error:
            result = error
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(put, result)

    Thread(target=work, name="log-file", daemon=True).start()
    try:
        async with asyncio.timeout(OPEN_SECONDS):
            return await opened
    except TimeoutError:
        raise OSError(errno.ETIMEDOUT, f"not opened within {OPEN_SECONDS:g} s", settings.file) from None


def _secrets(auths: Iterable[CoreAuth]) -> Iterable[str]:
    """Of all upstreams, each once. Of 2,000 they take 20 ms, for which the loop should not stand still."""
    return dict.fromkeys(text for auth in auths for text in secrets_of(auth))


class KeyedByAuth(Protocol):
    """Live state that is kept by core auth ID."""

    def keep_only(self, auth_ids: Iterable[str]) -> None: ...


def appliers(
    log: DaemonLog, adapters: AdapterRegistry, router: Router, live: Sequence[KeyedByAuth]
) -> Sequence[Applier]:
    """In the order in which they are prepared."""

    @asynccontextmanager
    async def follow_log(_old: Snapshot | None, new: Snapshot) -> AsyncIterator[None]:
        """Prepared, not retired: a log file that cannot be opened refuses the snapshot, and the
        secrets of the new one are masked before its first line is written."""
        await log.follow(new)
        yield

    @asynccontextmanager
    async def build_adapters(_old: Snapshot | None, new: Snapshot) -> AsyncIterator[None]:
        prepared = adapters.prepare(new)
        yield
        adapters.put(prepared)

    @asynccontextmanager
    async def forget_gone(_old: Snapshot | None, new: Snapshot) -> AsyncIterator[None]:
        yield
        router.follow(new.core_auths)
        for state in live:
            state.keep_only(auth.id for auth in new.core_auths)

    return (follow_log, build_adapters, forget_gone)
