"""100,000 lines in a burst while the output is stuck: nobody waits for it, and each line is written or counted."""

from __future__ import annotations

import asyncio
import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest
from loguru import logger
from msgspec import Struct

from daemon.telemetry import logs
from tests.harness import wait_for

LINES = 100_000
FIRST = 1000
"""Lines that fill the output, before the burst."""
CHUNK = 500
"""Lines between two turns of the loop."""
FIELDS = {"request_id": "4f1c", "entry": "chat", "status": 401, "total_ms": 0.2, "filler": "x" * 200}


class Stuck(Struct, eq=False):
    """An output that takes nothing until ``release`` is called; ``text`` is all that it got in the end."""

    descriptor: int
    release: Callable[[], None]
    text: Callable[[], str]


@contextmanager
def unread(reading: int, writing: int) -> Iterator[Stuck]:
    """A pipe, or a terminal, whose reader does not read."""
    seen: list[bytes] = []

    def read() -> None:
        with suppress(OSError):  # how a terminal says that its last writer is gone
            seen.extend(iter(lambda: os.read(reading, 1 << 16), b""))

    reader = Thread(target=read)

    def text() -> str:
        os.close(writing)
        reader.join()
        return b"".join(seen).decode()

    yield Stuck(writing, reader.start, text)
    os.close(reading)


@contextmanager
def stopped_reader(tmp_path: Path) -> Iterator[Stuck]:
    """A pipe to a process that is stopped, as by a debugger or a full journal."""
    copy = tmp_path / "copy"
    with copy.open("wb") as file:
        reader = subprocess.Popen([sys.executable, "-c", COPY], stdin=subprocess.PIPE, stdout=file)
    assert reader.stdin is not None
    reader.send_signal(signal.SIGSTOP)

    def text() -> str:
        assert reader.stdin is not None
        reader.stdin.close()
        assert reader.wait(60) == 0
        return copy.read_text()

    yield Stuck(reader.stdin.fileno(), lambda: reader.send_signal(signal.SIGCONT), text)
    reader.send_signal(signal.SIGCONT)
    reader.wait(60)


COPY = "import shutil, sys; shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)"


@contextmanager
def output(kind: str, tmp_path: Path) -> Iterator[Stuck]:
    match kind:
        case "pipe":
            with unread(*os.pipe()) as stuck:
                yield stuck
        case "terminal":
            with unread(*pty.openpty()) as stuck:
                yield stuck
        case "stopped reader":
            with stopped_reader(tmp_path) as stuck:
                yield stuck


def takes_nothing(descriptor: int) -> bool:
    return not select.select([], [descriptor], [], 0)[1]


async def burst(number: int) -> int:
    """Logs ``number`` lines; returns how many turns of its own the loop has made meanwhile."""
    turns, done = 0, False

    async def count() -> None:
        nonlocal turns
        while not done:
            turns += 1
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(count())
        for at in range(0, number, CHUNK):
            for _ in range(min(CHUNK, number - at) - 1):
                logs.log_request(dict(FIELDS))
            logger.info("a line by way of loguru, as reloads have them")
            await asyncio.sleep(0)
        done = True
    return turns


@pytest.mark.parametrize("kind", ["pipe", "terminal", "stopped reader"])
def test_every_line_is_written_or_counted_and_the_loop_turns(kind: str, tmp_path: Path) -> None:
    with output(kind, tmp_path) as stuck, os.fdopen(stuck.descriptor, "w", closefd=False) as stream:
        sink = logs.configure(stream=stream, environ={})
        for _ in range(FIRST):
            logs.log_request(dict(FIELDS))
        wait_for(lambda: takes_nothing(stuck.descriptor), "the output to be full")
        assert asyncio.run(burst(LINES - FIRST)) >= (LINES - FIRST) / CHUNK
        assert takes_nothing(stuck.descriptor), "something has read: the burst has shown nothing"
        dropped = sink.dropped
        assert dropped > LINES / 2
        stuck.release()
        sink.close(60)
        lines = stuck.text().splitlines()
    (report,) = [each for each in lines if "log lines: the output did not keep up" in each]
    assert f"dropped {dropped} log lines" in report and "WARNING" in report
    assert len(lines) - 1 + dropped == LINES
