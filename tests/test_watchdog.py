"""Signs of life only while the self-check finds nothing wrong."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys

import pytest

from daemon.systemd import Notifier, watchdog


class Heard(Notifier):
    """Counts pings and wakes who waits for the next."""

    def __init__(self, interval: float | None) -> None:
        super().__init__(None, interval)
        self.pings = 0

    def ping(self) -> None:
        self.pings += 1


@pytest.mark.asyncio
async def test_nobody_wants_pings() -> None:
    heard = Heard(None)
    await watchdog(heard, lambda: None)
    assert heard.pings == 0


@pytest.mark.asyncio
async def test_silence_while_something_is_wrong() -> None:
    heard = Heard(0.003)
    checks: list[str | None] = [None, "the file watch has ended", "the file watch has ended", None]
    done = asyncio.Event()

    def check() -> str | None:
        if checks:
            return checks.pop(0)
        done.set()
        return "over"

    async with asyncio.TaskGroup() as group:
        task = group.create_task(watchdog(heard, check))
        await done.wait()
        task.cancel()
    assert heard.pings == 2


def test_an_abort_prints_the_python_stack() -> None:
    """What systemd's watchdog does to a hung process, and what the journal then holds."""
    script = (
        "import os, signal\n"
        "from daemon.systemd import dump_stacks_on_crash\n"
        "def hung(): os.kill(os.getpid(), signal.SIGABRT)\n"
        "dump_stacks_on_crash()\n"
        "hung()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGABRT
    assert "Fatal Python error: Aborted" in done.stderr and "in hung" in done.stderr
