"""Long campaign (`make soak`): all try to get in at once, and nobody else waits for it. Prints the loop's lag."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from typing import Any

import argon2
import httpx
import pytest

from tests.e2e.test_access import AWAY, BEHIND_A_PROXY, INSIDE, PAGES, managed
from tests.harness import ROOT, Daemon, daemon
from tests.managing import KEY, text

pytestmark = pytest.mark.soak

SECONDS = 15.0
PAUSE = 0.02
"""Between two tries of one attacker: they and the daemon share the machine, and the lag is the daemon's to show."""

_numbers = count()


def stranger() -> dict[str, str]:
    """Somebody new, told by the proxy, with as many forged addresses as fit."""
    number = next(_numbers)
    forged = "198.51.100.1, " * 2000
    return {"x-forwarded-for": f"{forged}203.0.{number >> 8 & 255}.{number & 255}"}


def guess(http: httpx.Client) -> httpx.Response:
    return http.get("/v0/management/auths", headers={"x-management-key": f"guess-{next(_numbers)}"} | stranger())


def guess_from_one_place(http: httpx.Client) -> httpx.Response:
    headers = {"x-management-key": f"guess-{next(_numbers)}", "x-forwarded-for": "203.0.113.66"}
    return http.get("/v0/management/auths", headers=headers)


def rebind(http: httpx.Client) -> httpx.Response:
    return http.get("/v0/management/auths", headers={"host": "127.0.0.1.evil.com", "x-management-key": KEY})


def forge(http: httpx.Client) -> httpx.Response:
    page = list(PAGES.values())[next(_numbers) % len(PAGES)]
    return http.patch("/v0/management/packycode", json={"enabled": True}, headers={"x-management-key": KEY} | page)


def reach_inside(http: httpx.Client) -> httpx.Response:
    """With the right key: the costliest of all, since each one is loaded and checked whole."""
    url = INSIDE[next(_numbers) % len(INSIDE)]
    body = {"enabled": True, "base-url": url, "credentials": {"openai-api-key": "k"}}
    return http.patch("/v0/management/packycode", json=body, headers={"x-management-key": KEY} | AWAY)


REFUSED: dict[Callable[[httpx.Client], httpx.Response], set[int]] = {
    guess: {401, 429},
    guess_from_one_place: {401, 403, 429},
    rebind: {403},
    forge: {403},
    reach_inside: {422},
}


@contextmanager
def lag(gateway: Daemon) -> Iterator[dict[str, Any]]:
    """Filled in when the block has ended."""
    command = [sys.executable, "-m", "tests.e2e.lag", gateway.url]
    seen: dict[str, Any] = {}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        yield seen
        seen.update(json.loads(process.communicate()[0]))


def besiege(gateway: Daemon, way: Callable[[httpx.Client], httpx.Response]) -> Counter[int]:
    told: Counter[int] = Counter()
    end = time.monotonic() + SECONDS
    with httpx.Client(base_url=gateway.url, trust_env=False, timeout=60) as http:
        while time.monotonic() < end:
            told[way(http).status_code] += 1
            time.sleep(PAUSE)
    return told


def test_a_siege_opens_nothing_and_keeps_nobody_waiting(capsys: pytest.CaptureFixture[str]) -> None:
    key = argon2.PasswordHasher().hash(KEY)
    with daemon(managed(key=key, **BEHIND_A_PROXY)) as gateway:
        before = text(gateway)
        with lag(gateway) as quiet:
            time.sleep(3)
        with lag(gateway) as besieged, ThreadPoolExecutor() as pool:
            ways = [*REFUSED, guess]
            told = list(pool.map(lambda way: besiege(gateway, way), ways))
        for way, seen in zip(ways, told, strict=True):
            assert set(seen) <= REFUSED[way], way
        assert text(gateway) == before
        assert "Traceback" not in gateway.log
        tries = {way.__name__: dict(seen) for way, seen in zip(ways, told, strict=True)}
        with capsys.disabled():
            print(f"\n{tries}; load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
            for name, lags in (("quiet", quiet), ("besieged", besieged)):
                print(f"{name}: " + ", ".join(f"{key} {value:.1f}" for key, value in lags.items()) + " (ms)")
