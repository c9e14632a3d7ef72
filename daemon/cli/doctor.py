"""``tppcd doctor``: the file, the watch, the providers and the clock, tested from where the daemon would run.

    config ─▶ who may call ─▶ watch (a sentinel beside the file) ─▶ writes ─▶ directories
                        ─▶ each provider (free checks) ─▶ clock ─▶ the daemon that runs, and what it reports

A failing line makes the command exit with 1; a warning does not.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal

from msgspec import structs

from daemon.api.management.running_daemon import env_names
from daemon.cli import COMMANDS
from daemon.cli.arguments import Subparsers, add_config, add_format, add_socket
from daemon.cli.config_file import default_path, read
from daemon.cli.doctor_daemon import Result, ask, results
from daemon.cli.exit_codes import FAILURE, OK
from daemon.cli.output import print_json
from daemon.cli.terminal import Terminal, terminal
from daemon.config.schema import Config
from daemon.gateway.own_names import is_loopback_name
from daemon.reload.check import CheckResult
from daemon.service.admin import find_admin_socket, state_directory
from daemon.snapshot.core_auths import CoreAuth
from daemon.sources.file import FileSource
from daemon.sources.lasting import LastingProblems
from daemon.sources.mounts import ReplacedFiles, mounts_of, replaced
from daemon.state.exposed import exposed_config, exposed_state
from daemon.upstream.probe import Probe, probe

INDENT = " " * 6
"""Where the text of a line begins, behind its state."""
WATCH_SECONDS = 3.0
POLL_SECONDS = 0.02
MOST_SKEW = 60.0
OLDEST = 1_735_689_600.0
"""2025-01-01: a clock that says less has never been set."""


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "doctor",
        help=COMMANDS["doctor"],
        description="Each line is ok, warn or fail, with what to do. The running daemon is asked too: what it reports, "
        "and where its version, file and environment differ from those here. Exits 1 if something fails.",
    )
    add_config(parser)
    add_socket(parser)
    add_format(parser)


def run(arguments: argparse.Namespace) -> int:
    path = Path(arguments.config or default_path(os.environ))
    socket = find_admin_socket(os.environ, arguments.socket)
    shown = terminal(sys.stdout, os.environ)
    as_text = arguments.format == "text"
    show = (lambda result: print(_line(result, shown), flush=True)) if as_text else _silent
    found = asyncio.run(collected(path, socket, show))
    if not as_text:
        print_json([structs.asdict(each) for each in found])
    return FAILURE if any(each.state == "fail" for each in found) else OK


async def collected(path: Path, socket: Path, show: Callable[[Result], None]) -> list[Result]:
    """Every result, each shown as soon as it is known."""
    found = []
    async for result in results_of(path, socket):
        found.append(result)
        show(result)
    return found


async def results_of(path: Path, socket: Path) -> AsyncIterator[Result]:
    """Every result, in the order of the picture above."""
    checked = read(str(path))
    running = await asyncio.to_thread(ask, socket)
    for result in config(checked, running.environment):
        yield result
    if checked.snapshot:
        yield clients(checked.snapshot.config)
    yield await watch(path)
    for result in mounts(path):
        yield result
    yield writes(path)
    for result in directories(path, os.environ):
        yield result
    auths = checked.snapshot.core_auths if checked.snapshot else ()
    ca = checked.snapshot.config.upstream_ca if checked.snapshot else ""
    probes = await asyncio.gather(*(probe(auth, ca=ca) for auth in auths))
    for auth, each in zip(auths, probes, strict=True):
        yield provider(auth, each)
    yield clock(time.time(), [each.clock for each in probes if each.clock is not None])
    for result in results(running, path, env_names(checked.fragment.written), os.environ):
        yield result


def config(checked: CheckResult, there: Mapping[str, object] | None = None) -> Iterator[Result]:
    """The diagnostics of the file, and a summary. What only this shell lacks is no failure of the daemon: ``there`` has
    the environment variables that are set for it."""
    set_there = {name for name, is_set in (there or {}).items() if is_set and name not in os.environ}
    for each in checked.diagnostics:
        here_only = any(f"variable {name} is not set" in each.message for name in set_there)
        wrong = each.severity == "error" and not here_only
        hint = "it is set for the running daemon; only this shell lacks it" if here_only else ""
        yield Result(state="fail" if wrong else "warn", about="config", text=str(each), hint=hint)
    if checked.snapshot is None:
        return
    snapshot = checked.snapshot
    count = f"core auths: {len(snapshot.core_auths)}, models: {len(snapshot.models.names())}"
    if snapshot.core_auths:
        yield Result(state="ok", about="config", text=f"{checked.source} is valid; {count}")
    else:
        hint = "fill in packycode or tppc.providers and set enabled: true"
        yield Result(
            state="warn", about="config", text=f"{checked.source} is valid, but no provider is enabled", hint=hint
        )


def clients(config: Config) -> Result:
    """Who is served. A proxy that uses HTTP/1.1 and adds no forwarding header looks like a client on this host."""
    if config.api_keys:
        return Result(state="ok", about="clients", text="clients need one of api-keys")
    text = "api-keys is empty: only callers on this host are served"
    hint = "set api-keys before you put a reverse proxy in front: one that adds no forwarding header is not recognised"
    if config.remote_management.trusted_proxies:
        text = "api-keys is empty, but remote-management.trusted-proxies names a proxy"
        return Result(state="warn", about="clients", text=text, hint=hint)
    if not (config.host == "localhost" or is_loopback_name(config.host)):
        text += f", although the daemon listens on {config.host}"
        return Result(state="warn", about="clients", text=text, hint=hint)
    return Result(state="ok", about="clients", text=text, hint=hint)


def mounts(path: Path) -> Iterator[Result]:
    """Whether config.yaml is mounted alone, so that a new file in its place on the host is not seen."""
    absolute = str(path.absolute())
    if ReplacedFiles().among((absolute,)):
        problem = replaced(absolute)
        yield Result(state="fail", about="watch", text=f"{problem.about} {problem.message}", hint=problem.hint)
    elif mounts_of((absolute,)):
        yield Result(
            state="warn",
            about="watch",
            text=f"{path} is mounted as a single file: a new file in its place on the host is not seen",
            hint="mount its directory",
        )


def directories(path: Path, environ: Mapping[str, str]) -> Iterator[Result]:
    """Directories in which others could replace our files."""
    for problem in (exposed_state(state_directory(environ)), exposed_config(path)):
        if problem is not None:
            text = f"{problem.about} {problem.message}"
            yield Result(state="warn", about="directories", text=text, hint=problem.hint)


async def watch(path: Path) -> Result:
    """Whether the daemon's own watch notices a file made beside the config."""
    sentinel = path.with_name(f".{path.name}.doctor-{os.getpid()}")
    source = FileSource(path, lasting=LastingProblems(quiet=True))
    began = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(source.run(lambda _: None))
        try:
            noticed = await _noticed(source, sentinel)
        except OSError as error:
            return Result(
                state="warn",
                about="watch",
                text=f"cannot create a file beside {path}: {error.strerror}",
                hint="the file is still checked every second",
            )
        finally:
            watching.cancel()
            sentinel.unlink(missing_ok=True)
    if noticed:
        return Result(state="ok", about="watch", text=f"a change is noticed after {(noticed - began) * 1000:.0f} ms")
    return Result(
        state="warn",
        about="watch",
        text=f"no file events beside {path} (network or bind mount, or inotify's limits)",
        hint="changes are found by checking every second; mount the directory, raise fs.inotify.max_user_watches",
    )


async def _noticed(source: FileSource, sentinel: Path) -> float:
    """When an event came, on the monotonic clock; 0 = never. The sentinel is touched until then: the
    watch needs a moment to begin."""
    deadline = time.monotonic() + WATCH_SECONDS
    while time.monotonic() < deadline:
        _touch(sentinel)
        await asyncio.sleep(POLL_SECONDS)
        if source.events:
            return time.monotonic()
    return 0.0


def _touch(path: Path) -> None:
    """In the loop's own thread: nothing else in this command has to wait for it."""
    path.touch()


def writes(path: Path) -> Result:
    """How the management API and ``--write`` would save the file."""
    real = Path(os.path.realpath(path))
    try:
        status = real.stat()
    except OSError as error:
        return Result(state="fail", about="writes", text=f"{path} cannot be read: {error.strerror}")
    renames = os.access(real.parent, os.W_OK | os.X_OK)
    in_place = os.access(real, os.W_OK)
    foreign = status.st_uid not in (os.geteuid(), 0) and os.geteuid() != 0
    if renames and status.st_nlink == 1 and not foreign:
        return Result(state="ok", about="writes", text="the file is replaced atomically, owner and mode kept")
    if in_place:
        why = "another owner" if foreign else "a read-only directory"
        if status.st_nlink > 1:
            why = "hard links"
        return Result(state="warn", about="writes", text=f"the file is written in place, because of {why}")
    return Result(
        state="warn",
        about="writes",
        text="the file is read-only here: changes through the API are refused",
        hint="give the daemon's user write access to the file and its directory, or edit it by hand",
    )


def provider(auth: CoreAuth, result: Probe) -> Result:
    """The result of a provider's free checks."""
    diagnosis = result.diagnosis
    state: Literal["ok", "warn", "fail"] = "warn" if diagnosis.hint else "ok"
    if not diagnosis.ok:
        state = "fail"
    profile = f"; profile {auth.profile} ({auth.profile_reason})" if auth.profile else ""
    return Result(
        state=state, about=f"provider {auth.label}", text=diagnosis.explanation + profile, hint=diagnosis.hint
    )


def clock(now: float, others: list[float]) -> Result:
    """Our clock beside those of the upstreams; without them, only whether it was ever set."""
    if now < OLDEST:
        hint = "set it: certificates are checked against it"
        return Result(state="fail", about="clock", text="this machine's clock has not been set", hint=hint)
    if not others:
        return Result(state="ok", about="clock", text="is set; no upstream to compare it with")
    skew = now - sorted(others)[len(others) // 2]
    if abs(skew) > MOST_SKEW:
        text = f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the upstreams' clocks"
        return Result(state="warn", about="clock", text=text, hint="synchronize it (systemd-timesyncd, chrony)")
    return Result(state="ok", about="clock", text="agrees with the upstreams' clocks")


def _line(result: Result, shown: Terminal) -> str:
    hint = f" ({result.hint})" if result.hint else ""
    first, *more = shown.wrapped(f"{result.about}: {result.text}{hint}", INDENT)
    state = shown.state(result.state, result.state.ljust(len(INDENT) - 2))
    return "\n".join([f"{state}  {first.removeprefix(INDENT)}", *more])


def _silent(_: Result) -> None:
    """JSON is printed whole, at the end."""
