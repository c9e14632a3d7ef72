"""``GET /daemon``: the process itself, for ``tppcd status`` and ``tppcd doctor``.

Of the environment it shows names alone: those that config.yaml refers to (``env:NAME``) and those that the packycode
settings come from, each with whether it is set where the daemon runs.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import resource
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from daemon.api.management.views import timestamp
from daemon.api.problems import json_response
from daemon.api.schemas import Schema
from daemon.api.services import Services

AMBIENT: Final = {"PACKYCODE_API_KEY", "PACKYCODE_BASE_URL"}
OPEN_FILES: Final = "/proc/self/fd"


class InFlightView(Schema, frozen=True):
    """Inference requests: those that run, and those that wait for a place (``limits.concurrent-requests``)."""

    running: int
    waiting: int


class FilesView(Schema, frozen=True):
    """File descriptors. ``open`` is null where the system does not say, ``limit`` where there is none."""

    open: int | None
    limit: int | None


class DaemonView(Schema, frozen=True):
    """The process that serves. ``environment``: names that the configuration refers to, and whether each is set for the
    daemon; never a value. ``listening`` has ``host:port``, ``uptime`` is in seconds."""

    version: str
    pid: int
    user: str
    started: str
    uptime: float
    config: str
    state_directory: str
    listening: list[str]
    in_flight: InFlightView
    models: int
    environment: dict[str, bool]
    files: FilesView
    dropped_log_lines: int


async def show_daemon(services: Services, request: Request) -> Response:
    process, snapshot = services.process, services.current.get_or_none()
    uptime = time.monotonic() - services.started
    names = {*env_names(snapshot.written)} if snapshot else set()
    if snapshot and snapshot.config.packycode.enabled:
        names |= AMBIENT
    view = DaemonView(
        version=services.version,
        pid=os.getpid(),
        user=user_name(os.geteuid()),
        started=timestamp(time.time() - uptime),
        uptime=round(uptime, 3),
        config=process.config,
        state_directory=process.state_directory,
        listening=list(process.listening),
        in_flight=InFlightView(running=services.live.admission.running, waiting=services.live.admission.waiting),
        models=len(snapshot.models.names()) if snapshot else 0,
        environment={name: bool(process.environ.get(name)) for name in sorted(names)},
        files=await asyncio.to_thread(_files),
        dropped_log_lines=services.dropped_log_lines(),
    )
    return json_response(view)


def env_names(value: object) -> Iterator[str]:
    """The names that ``env:`` references have, anywhere in what a file says."""
    match value:
        case str() if value.startswith("env:"):
            yield value.removeprefix("env:")
        case Mapping():
            for each in value.values():
                yield from env_names(each)
        case list() | tuple():
            for each in value:
                yield from env_names(each)


def user_name(number: int) -> str:
    """The name of a user; its number where it has none, as in many containers."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _files() -> FilesView:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = None
    with suppress(OSError):
        used = len(os.listdir(OPEN_FILES))
    return FilesView(open=used, limit=None if soft == resource.RLIM_INFINITY else soft)
