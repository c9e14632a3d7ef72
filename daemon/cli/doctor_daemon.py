"""The part of ``tppcd doctor`` about the daemon that runs: what it reports of itself, and where it differs from here.

The shell in which the command runs may have another environment, another version or another config.yaml than the
daemon, so that a check here says nothing about it. Of the environment names are compared, never values. Pure, but for
``ask``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct

from daemon import __version__
from daemon.cli.reload import diagnostic_line
from daemon.service.admin import AdminClient, DaemonUnreachable, Json, items

PATIENCE: Final = 5.0
FEW_FILES: Final = 1024
"""Each client and each upstream connection is a file; with fewer, some dozens of agents are too many."""
NEARLY_ALL: Final = 0.8
START_IT: Final = "restart it from where they are set, or keep the keys in files: file:/path"


class Result(Struct, frozen=True, kw_only=True):
    """One line. ``hint`` says what to do."""

    state: Literal["ok", "warn", "fail"]
    about: str
    text: str
    hint: str = ""


class RunningDaemon(Struct, frozen=True, kw_only=True):
    """``health`` and ``process`` are its answers, empty where none came; ``unreachable`` is why."""

    socket: Path
    health: Json = {}
    process: Json = {}
    unreachable: str = ""
    forbidden: bool = False

    @property
    def environment(self) -> Json:
        """Name -> whether it is set for the daemon."""
        names = self.process.get("environment")
        return names if isinstance(names, Mapping) else {}


def ask(socket: Path) -> RunningDaemon:
    """What runs behind the admin socket."""
    client = AdminClient(socket, PATIENCE)
    try:
        health, process = (client.request("GET", path) for path in ("/healthz", "/v0/management/daemon"))
    except DaemonUnreachable as error:
        forbidden = isinstance(error.__cause__, PermissionError)
        return RunningDaemon(socket=socket, unreachable=str(error), forbidden=forbidden)
    return RunningDaemon(
        socket=socket, health=health[1] if health[0] == 200 else {}, process=process[1] if process[0] == 200 else {}
    )


def results(daemon: RunningDaemon, path: Path, names: Iterable[str], here: Mapping[str, str]) -> Iterator[Result]:
    """``path`` is the config.yaml that was tested, ``names`` are the environment variables that it refers to."""
    if not daemon.health:
        state: Literal["ok", "warn"] = "warn" if daemon.forbidden else "ok"
        text = daemon.unreachable if daemon.forbidden else f"no daemon is running at {daemon.socket}"
        yield Result(
            state=state, about="daemon", text=text, hint="" if daemon.forbidden else "start it with: tppcd run"
        )
        return
    health, process = daemon.health, daemon.process
    text = f"running: {health.get('status')}, generation {health.get('generation')}"
    yield Result(state="ok" if health.get("status") == "ok" else "warn", about="daemon", text=text)
    last = health.get("last-reload")
    for each in items(last, "diagnostics") if isinstance(last, Mapping) else ():
        wrong = isinstance(each, Mapping) and each.get("severity") == "error"
        yield Result(state="fail" if wrong else "warn", about="daemon", text=diagnostic_line(each))
    yield from _other_version(health)
    yield from _other_file(process, path)
    yield from environment(daemon.environment, names, here)
    yield from _files(process)
    if lost := process.get("dropped-log-lines"):
        hint = "its output is stuck or too slow: look at the disk, the journal, or who reads the pipe"
        yield Result(state="warn", about="log", text=f"{lost} log lines were lost since the start", hint=hint)


def _other_version(health: Json) -> Iterator[Result]:
    running = health.get("version")
    if running and running != __version__:
        text = f"tppcd {running} is running, {__version__} is installed here"
        yield Result(state="warn", about="version", text=text, hint="restart the daemon, or use the command beside it")


def _other_file(process: Json, path: Path) -> Iterator[Result]:
    config = process.get("config")
    if config and os.path.realpath(str(config)) != os.path.realpath(path):
        text = f"the daemon reads {config}, this test read {path.absolute()}"
        yield Result(state="warn", about="daemon", text=text, hint=f"test that one: tppcd doctor --config {config}")


def environment(there: Json, names: Iterable[str], here: Mapping[str, str]) -> Iterator[Result]:
    """Which variables are set in one of the two places only."""
    if not there:
        return
    known = sorted({*names, *there})
    only_here = [name for name in known if here.get(name) and not there.get(name)]
    only_there = [name for name in known if there.get(name) and not here.get(name)]
    if only_here:
        text = f"set in this shell, but not for the daemon: {', '.join(only_here)}"
        yield Result(state="warn", about="environment", text=text, hint=START_IT)
    if only_there:
        text = f"set for the daemon, but not in this shell: {', '.join(only_there)}"
        yield Result(state="ok", about="environment", text=text, hint="checks here cannot use them")
    if not only_here and not only_there:
        text = "the same variables are set for the daemon and in this shell"
        yield Result(state="ok", about="environment", text=text)


def _files(process: Json) -> Iterator[Result]:
    files = process.get("files")
    if not isinstance(files, Mapping) or not isinstance(limit := files.get("limit"), int):
        return
    used = files.get("open")
    known = isinstance(used, int)
    text = f"{used} of {limit} file descriptors are open" if known else f"at most {limit} file descriptors"
    if limit < FEW_FILES or (isinstance(used, int) and used > NEARLY_ALL * limit):
        hint = "raise the limit: LimitNOFILE= in the unit, or ulimit -n before the start"
        yield Result(state="warn", about="files", text=text, hint=hint)
    else:
        yield Result(state="ok", about="files", text=text)
