"""``kill -9`` of the daemon while callers change its configuration: one whole file, and the next start serves."""

from __future__ import annotations

import os
import random
import re
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.dialects import MESSAGES
from tests.harness import Daemon, Simulator, daemon, wait_for

KEY = "management-key-1"
CALLERS = 6
PADDING = "".join(f"      # {'a long remark ' * 20}{number}\n" for number in range(30))


def text(upstream: Simulator) -> str:
    """Some 50 KB, so that a write is many pages."""
    entries = (
        f"    - name: p{number}   # the {number}th\n      enabled: true\n      base-url: {upstream.url}/v1\n"
        f"      api-key: key-of-p{number}\n      priority: 0\n{PADDING}"
        for number in range(CALLERS)
    )
    return f"remote-management: {{secret-key: {KEY}}}\ntppc:\n  providers:\n{''.join(entries)}# the end\n"


class Caller:
    """Counts one provider's priority up, until nobody answers any more."""

    def __init__(self, url: str, number: int) -> None:
        self.number = number
        self.sent = self.answered = 0
        self._url = f"{url}/v0/management/tppc"
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        with suppress(httpx.TransportError), httpx.Client(trust_env=False, timeout=30) as client:
            while True:
                self.sent += 1
                body = {"providers": [{"name": f"p{self.number}", "priority": self.sent}]}
                answer = client.patch(self._url, json=body, headers={"x-management-key": KEY})
                assert answer.status_code == 200, answer.text
                self.answered = self.sent


@pytest.fixture
def home() -> Iterator[Path]:
    """A short path: the admin socket's must fit into 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="tppcd-") as directory:
        yield Path(directory)


@pytest.mark.parametrize("times", [2, pytest.param(60, marks=pytest.mark.soak)])
@pytest.mark.parametrize("linked", [False, True], ids=["renamed", "in place"])
def test_a_daemon_that_is_killed_leaves_one_whole_file_and_starts_again(
    upstream: Simulator, home: Path, times: int, linked: bool
) -> None:
    whole = text(upstream)
    path = home / "config.yaml"
    path.write_text(whole)
    path.chmod(0o600)
    if linked:
        os.link(path, home / "twin.yaml")
    chance = random.Random(times)
    halfway = 0
    for _ in range(times):
        path.write_text(whole)
        with daemon(None, home=home) as running:
            callers = killed_while_writing(running, chance.randrange(3, 12))
        halfway += len(begun(home))
        with daemon(None, home=home) as again:
            check(path, whole, callers)
            assert again.post(MESSAGES.path, MESSAGES.request("x")).status_code == 200
            assert priorities(again) == [int(each) for each in re.findall(r"priority: (\d+)", path.read_text())]
            assert begun(home) == []
    print(f"{times} kills, {halfway} of them in the middle of a write")


def killed_while_writing(running: Daemon, answers: int) -> list[Caller]:
    """Ended once so many writes were answered and the next one has begun."""
    callers = [Caller(running.url, number) for number in range(CALLERS)]
    wait_for(lambda: sum(each.answered for each in callers) >= answers, "writes to be answered")
    for _ in range(answers):  # another moment of the write each time
        while not begun(running.home):
            pass
    running.stop(signal.SIGKILL)
    for each in callers:
        each.thread.join()
    return callers


def begun(home: Path) -> list[str]:
    """What is there only while config.yaml is written: the new file, or what a write in place keeps."""
    kept = home / "state" / "unfinished"
    return [*left_behind(home), *(path.name for path in kept.glob("?" * 64))]


def left_behind(home: Path) -> list[str]:
    return [each for each in os.listdir(home) if each.endswith(".tmp")]


def check(path: Path, whole: str, callers: list[Caller]) -> None:
    """Every byte is there; what was answered is in it, what was not may be."""
    now = path.read_text()
    assert re.sub(r"priority: \d+", "priority: 0", now) == whole
    for each, found in zip(callers, re.findall(r"priority: (\d+)", now), strict=True):
        assert int(found) in (each.answered, each.sent)


def priorities(running: Daemon) -> list[int]:
    answer: Any = running.get("/v0/management/tppc", headers={"x-management-key": KEY}).json()
    return [each["priority"] for each in answer["tppc"]["providers"]]
