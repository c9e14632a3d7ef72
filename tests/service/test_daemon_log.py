"""The daemon's log follows the configuration: levels and outputs change while it runs, and a stuck output holds up
nobody."""

from __future__ import annotations

import asyncio
import io
import os
import sys
from pathlib import Path

import pytest
from loguru import logger
from msgspec.structs import replace

from daemon.config.schema import Config
from daemon.config.sections import Logging, LogLevels
from daemon.service.appliers import DaemonLog
from daemon.snapshot.snapshot import Snapshot
from daemon.telemetry import logs
from daemon.telemetry.log_sink import LogSink
from tests.telemetry.conftest import untouched_logging  # noqa: F401 - a fixture
from tests.upstream.adapters.test_registry import snapshot

pytestmark = pytest.mark.asyncio


def with_logging(settings: Logging, *, debug: bool = False) -> Snapshot:
    return replace(snapshot(), config=Config(logging=settings, debug=debug))


@pytest.mark.parametrize(
    "option, settings, debug, requests, gateway",
    [
        (None, Logging(), False, "INFO", "INFO"),
        (None, Logging(level="error"), False, "ERROR", "ERROR"),
        (None, Logging(level="error"), True, "DEBUG", "DEBUG"),
        ("warning", Logging(level="error"), True, "WARNING", "WARNING"),
        (None, Logging(levels=LogLevels(gateway="debug")), False, "INFO", "DEBUG"),
        ("error", Logging(levels=LogLevels(gateway="debug", request="warning")), False, "WARNING", "DEBUG"),
        (None, Logging(levels=LogLevels(request="error")), True, "ERROR", "DEBUG"),
    ],
)
async def test_whose_level_counts(
    option: str | None, settings: Logging, debug: bool, requests: str, gateway: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The part's own, else ``--log-level``, else ``debug``, else ``logging.level``; back to INFO afterwards."""
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    log = DaemonLog(option, None, {})
    await log.follow(with_logging(settings, debug=debug))
    least = [next(each for each in LEVELS if logs.is_logged(each, area)) for area in ("request", "gateway")]
    assert least == [requests, gateway]
    if option is None:
        await log.follow(with_logging(Logging()))
        assert logs.is_logged("INFO", "request") and not logs.is_logged("DEBUG", "gateway")
    log.close()


LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


async def test_a_new_level_keeps_the_outputs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No file is opened again, no thread started."""
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    log = DaemonLog(None, None, {})
    file = Logging(file=str(tmp_path / "tppcd.log"))
    await log.follow(with_logging(file))
    before = log._sink
    await log.follow(with_logging(replace(file, level="debug")))
    assert log._sink is before
    await log.follow(with_logging(replace(file, format="json")))
    assert log._sink is not before
    log.close()


async def test_other_outputs_while_the_old_one_is_stuck_and_the_loop_turns(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A terminal that was stopped with Ctrl+S: the reload that sends the log elsewhere does not wait for it."""
    turns, of_close = 0, []
    close = LogSink.close

    def closing(sink: LogSink) -> None:
        before = turns
        close(sink, 0.2)
        of_close.append(turns - before)

    monkeypatch.setattr(LogSink, "close", closing)
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        log = DaemonLog(None, None, {})
        for _ in range(400):
            logger.bind(filler="x" * 1000).info("burst")
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(log.follow(with_logging(Logging(file=str(tmp_path / "tppcd.log")))))
            while not following.done():
                await asyncio.sleep(0)
                turns += 1
        assert of_close[0] > 10, "the loop stood still until the old output was given up"
        logger.info("to the file")
        reader = asyncio.create_subprocess_exec("cat", stdin=reading, stdout=asyncio.subprocess.DEVNULL)
        cat = await reader  # unsticks both
        log.close()
    os.close(reading)
    await cat.wait()
    assert "to the file" in (tmp_path / "tppcd.log").read_text()
