"""The provider store under load: reloads at once with traffic, ``kill -9`` while callers write, 2,000 providers."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import pytest

from daemon.store.database import Database
from daemon.store.encryption import encryption_keys, generated_keys
from daemon.store.place import database_place
from daemon.store.provider_fields import fields_of
from daemon.store.repository import ProviderRepository
from tests.e2e.nodes import ENCRYPTION_KEY, Node, api, row, running, settings
from tests.harness import ROOT, Simulator, simulator, wait_for

CALLERS = 4
RELOADERS = 50
MANY = 2_000


@contextmanager
def beside(module: str, url: str, *options: str) -> Iterator[dict[str, object]]:
    """``tests.e2e.load`` or ``tests.e2e.lag`` as long as the block lasts; afterwards what it measured."""
    command = [sys.executable, "-m", module, url, *options]
    measured: dict[str, object] = {}
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield measured
        measured.update(json.loads(process.communicate(timeout=60)[0]))
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def sides() -> Iterator[dict[str, Simulator]]:
    """Two upstreams, each with a key of its own: the key of one is 401 at the other."""
    with simulator("--key", "key-of-left") as left, simulator("--key", "key-of-right") as right:
        yield {"left": left, "right": right}


@pytest.mark.parametrize("rate, rounds", [(40, 3), pytest.param(200, 60, marks=pytest.mark.soak)])
def test_of_50_reloads_at_once_no_request_fails_and_none_sees_half_a_provider(
    url: str, sides: dict[str, Simulator], rate: int, rounds: int
) -> None:
    """The provider moves between two upstreams meanwhile. It has no other to go to, so a wrong key would be seen.

    200 requests/s are for a machine that has nothing else to do.
    """

    def move(side: str) -> int:
        changes = {"base_url": f"{sides[side].url}/v1", "api_key": f"key-of-{side}"}
        return node.api("PUT", "/providers/fox", changes).status_code

    def reload(number: int) -> int:
        which = "fox/" if number % 2 else ""
        return node.api("POST", f"/admin/providers/{which}reload").status_code

    with running([Node(settings(url))]) as (node,), ThreadPoolExecutor(RELOADERS + 1) as pool:
        node.gateway.http.timeout = httpx.Timeout(90)
        first = row("fox", sides["left"], models=["gpt-5"], api_key="key-of-left")
        assert node.api("POST", "/providers", first).status_code == 201
        load = "--rate", str(rate), "--streams", "2", "--words", "200"
        with beside("tests.e2e.load", node.gateway.url, *load) as measured:
            wait_for(lambda: total(sides["left"]) >= 20, "the load to begin")
            for number in range(rounds):
                side = ("right", "left")[number % 2]
                before = total(sides[side])
                reloads = [pool.submit(reload, each) for each in range(RELOADERS // 2)]
                moved = pool.submit(move, side)
                reloads += [pool.submit(reload, each) for each in range(RELOADERS // 2, RELOADERS)]
                assert {each.result() for each in [*reloads, moved]} == {200}
                wait_for(lambda: total(sides[side]) > before, f"{side} to be asked")  # noqa: B023
        print(f"{rounds * RELOADERS} reloads, {rounds} moves; the load: {measured}")
        assert measured["failed"] == []
        assert measured["answered"] == measured["sent"]
        assert "Traceback" not in node.gateway.log


def total(upstream: Simulator) -> int:
    return int(upstream.state()["requests"]["total"])


class Caller:
    """Creates providers and changes each once, until nobody answers any more."""

    def __init__(self, url: str, prefix: str) -> None:
        self.created: set[str] = set()
        self.changed: set[str] = set()
        self._url = url
        self._prefix = prefix
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    @property
    def answers(self) -> int:
        return len(self.created) + len(self.changed)

    def _run(self) -> None:
        with suppress(httpx.TransportError), httpx.Client(trust_env=False, timeout=30) as client:
            for number in range(1_000_000):
                name = f"{self._prefix}-{number}"
                body = row(name, "http://127.0.0.1:1/v1")
                answer = api(client, self._url, "POST", "/providers?skip-check=1", body)
                assert answer.status_code == 201, answer.text
                self.created.add(name)
                answer = api(client, self._url, "PUT", f"/providers/{name}", {"timeout": 7, "models": ["other"]})
                assert answer.status_code == 200, answer.text
                self.changed.add(name)


@pytest.mark.parametrize("times", [2, pytest.param(60, marks=pytest.mark.soak)])
def test_every_answered_write_is_there_after_a_kill(url: str, times: int) -> None:
    """What was not answered is there whole, or not at all."""
    chance = random.Random(times)
    created: set[str] = set()
    changed: set[str] = set()
    with running([Node(settings(url))]) as (node,):
        for turn in range(times):
            callers = [Caller(node.gateway.url, f"{turn}-{number}") for number in range(CALLERS)]
            answers = chance.randrange(4, 16)
            wait_for(lambda: sum(each.answers for each in callers) >= answers, "writes to be answered")  # noqa: B023
            time.sleep(chance.uniform(0, 0.03))  # another moment of the next write each time; nothing waits for it
            node.kill()
            for each in callers:
                each.thread.join()
                created |= each.created
                changed |= each.changed
            node.start()
            found = {each["provider"]["name"]: each for each in shown(node)}
            assert created <= found.keys()
            for name, entry in found.items():
                provider = entry["provider"]
                assert (provider["timeout"], provider["models"]) in [(7.0, ["other"]), (300.0, [f"model-of-{name}"])]
                assert name not in changed or provider["timeout"] == 7.0
                assert (entry["is_running"], entry["error"]) == (True, None)
    print(f"{times} kills: {len(created)} created and {len(changed)} changed, {len(found)} rows")


def shown(node: Node) -> list[dict[str, Any]]:
    return list(node.api("GET", "/providers").raise_for_status().json()["providers"])


@pytest.mark.soak
def test_with_2000_providers_a_start_and_a_change_are_quick(url: str, upstream: Simulator) -> None:
    """Prints; `make soak` is where somebody reads it."""
    with running([Node(settings(url))]) as (node,):
        fill(url, node, upstream)
        node.stop()
        began = time.monotonic()
        node.start(fresh=True)
        print(f"start with {MANY} providers: {time.monotonic() - began:.2f} s")
        assert len(shown(node)) == MANY
        assert node.ask(f"model-of-p{MANY - 1}") == (200, f"p{MANY - 1}")
        times = []
        with beside("tests.e2e.lag", node.gateway.url) as lag:
            for number in range(20):
                began = time.monotonic()
                assert node.api("PUT", f"/providers/p{number * 97}", {"timeout": 7 + number}).status_code == 200
                times.append((time.monotonic() - began) * 1000)
        print(f"a change, in force when it is answered: {sorted(times)[10]:.0f} ms, {max(times):.0f} ms at most")
        print(f"an answer of /healthz meanwhile, in ms: {lag}")


def fill(url: str, node: Node, upstream: Simulator) -> None:
    state = node.gateway.state_directory
    database = Database(database_place(url, state))
    database.prepare()
    repository = ProviderRepository(
        database, lambda make: encryption_keys(ENCRYPTION_KEY) if url else generated_keys(state, make=make)
    )
    for number in range(MANY):
        repository.create(fields_of(row(f"p{number}", upstream)))
    database.close()
