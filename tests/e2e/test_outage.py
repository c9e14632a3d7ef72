"""A rehearsed outage (SC-005): a provider fails every client, somebody changes one thing, and answers come again.

Measured is from the change (the PATCH is sent, the file is renamed) to the first good answer at a client that asks all
the time, on new sessions. ``make soak`` prints it; nothing is asserted but that the answers come.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from threading import Event, Thread

import httpx
import pytest

from tests.dialects import MESSAGES
from tests.harness import PATIENCE, Daemon, Simulator, config, daemon, provider, simulator, wait_for
from tests.managing import KEY, ask

ROUNDS = 10
FAILS: list[object] = ["server_error"]
HANGS: list[object] = [{"fault": "stall_head", "seconds": 600}]
RESTING = 0.3
"""Seconds of outage before the change: the provider rests by then, as it would."""

Change = Callable[[Daemon, Simulator, Simulator], object]
"""Of a daemon, its upstream that fails, and one that is well."""


def fox(upstream: Simulator, **fields: object) -> dict[str, object]:
    return provider("fox", upstream, priority=1, **fields)


def alone(bad: Simulator, _: Simulator) -> str:
    return config(fox(bad), remote_management={"secret-key": KEY})


def with_a_spare(bad: Simulator, good: Simulator) -> str:
    return config(fox(bad), provider("owl", good, enabled=False), remote_management={"secret-key": KEY})


def with_another(bad: Simulator, good: Simulator) -> str:
    """Which answers only when fox has hung for a minute."""
    settings = {"timeouts": {"first-event": 60}, "remote_management": {"secret-key": KEY}}
    return config(fox(bad), provider("owl", good), **settings)


def packycode(bad: Simulator, _: Simulator) -> str:
    block = {"enabled": True, "base-url": f"{bad.url}/v1", "credentials": {"openai-api-key": "key-of-packycode"}}
    return config(packycode=block, remote_management={"secret-key": KEY})


def patch(gateway: Daemon, path: str, body: object) -> None:
    answer = ask(gateway, "PATCH", path, body)
    assert answer.status_code == 200, answer.text


def patch_fox(gateway: Daemon, **fields: object) -> None:
    patch(gateway, "/tppc", {"providers": [{"name": "fox", **fields}]})


def save_another_url(gateway: Daemon, bad: Simulator, good: Simulator) -> None:
    gateway.save(gateway.config.read_text("utf-8").replace(bad.url, good.url))


OUTAGES: dict[str, tuple[list[object], Callable[[Simulator, Simulator], str], Change]] = {
    "PATCH /tppc with another base-url": (
        FAILS,
        alone,
        lambda gateway, _, good: patch_fox(gateway, **{"base-url": f"{good.url}/v1"}),
    ),
    "PATCH /tppc that enables another provider": (
        FAILS,
        with_a_spare,
        lambda gateway, *_: patch(gateway, "/tppc", {"providers": [{"name": "owl", "enabled": True}]}),
    ),
    "PATCH /tppc that disables the one that hangs": (
        HANGS,
        with_another,
        lambda gateway, *_: patch_fox(gateway, enabled=False),
    ),
    "PATCH /packycode with another base-url": (
        FAILS,
        packycode,
        lambda gateway, _, good: patch(gateway, "/packycode", {"base-url": f"{good.url}/v1"}),
    ),
    "config.yaml saved with another base-url": (FAILS, alone, save_another_url),
}


class Client:
    """Asks all the time. ``answered``: when each good answer came, in ``time.monotonic`` seconds. One that has no
    answer after ``hurry`` seconds asks again, as people do."""

    def __init__(self, gateway: Daemon, hurry: float = 0.5) -> None:
        self.answered: list[float] = []
        self.failed = 0
        self._gateway, self._hurry, self._over = gateway, hurry, Event()
        self._thread = Thread(target=self._run)

    def __enter__(self) -> Client:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        number = 0
        with httpx.Client(trust_env=False, timeout=self._hurry) as http:
            while not self._over.is_set():
                number += 1
                try:
                    answer = http.post(f"{self._gateway.url}{MESSAGES.path}", json=MESSAGES.request(f"task {number}"))
                    good = answer.status_code == 200
                except httpx.TimeoutException:
                    good = False
                if good:
                    self.answered.append(time.monotonic())
                else:
                    self.failed += 1
                    time.sleep(0.002)


@pytest.mark.soak
@pytest.mark.parametrize("name", OUTAGES)
def test_how_long_an_outage_lasts_after_the_change(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    faults, text, change = OUTAGES[name]
    changed, recovered = list[float](), list[float]()
    with simulator() as bad, simulator() as good:
        bad.control(always=faults)
        for _ in range(ROUNDS):
            with daemon(text(bad, good)) as gateway, Client(gateway) as client:
                wait_for(lambda: client.failed > 0, "the outage")
                time.sleep(RESTING)
                assert client.answered == []
                began = time.monotonic()
                change(gateway, bad, good)
                changed.append(time.monotonic() - began)
                wait_for(lambda: client.answered, "an answer", seconds=PATIENCE)
                recovered.append(client.answered[0] - began)
    with capsys.disabled():
        print(
            f"\n{name}: done after {_ms(changed)}, first good answer after {_ms(recovered)} "
            f"({ROUNDS} rounds; the goal of SC-005 is a minute)"
        )


def _ms(seconds: list[float]) -> str:
    return f"{statistics.median(seconds) * 1000:.0f} ms (at most {max(seconds) * 1000:.0f})"
