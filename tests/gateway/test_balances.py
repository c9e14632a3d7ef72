"""When balances are asked, and what is kept of the answers: fake upstreams and a clock."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from daemon.errors import ErrorKind, RemoteError
from daemon.gateway.balances import INTERVAL, Balance, Balances
from daemon.snapshot.core_auths import CoreAuth
from daemon.snapshot.snapshot import Current
from daemon.upstream.http.call import UpstreamCall, UpstreamResponse
from tests.router.auths import core_auth

URL = "https://up.example/balance"


class Body:
    """A body that arrives at once."""

    def __init__(self, data: bytes) -> None:
        self._parts = [data, b""]
        self.ended = True

    async def read(self) -> bytes:
        return self._parts.pop(0)

    def gather(self) -> None: ...

    def close(self) -> None: ...


class Box:
    """Balances of the core auths in force, of upstreams that answer ``says``; ``urls`` are what was asked."""

    def __init__(self, *auths: CoreAuth) -> None:
        self.now = 50.0
        self.says: bytes | Exception = b'{"balance": 7}'
        self.urls: list[str] = []
        self.auths = auths
        current = SimpleNamespace(get=lambda: self._snapshot, get_or_none=lambda: self._snapshot)
        self.balances = Balances(
            self._open, cast(Current, current), clock=lambda: self.now, wall=lambda: 1e9 + self.now
        )

    @property
    def _snapshot(self) -> Any:
        return SimpleNamespace(core_auths=self.auths, config=SimpleNamespace(upstream_ca=""))

    async def _open(self, call: UpstreamCall) -> UpstreamResponse:
        self.urls.append(call.url)
        if isinstance(self.says, Exception):
            raise self.says
        return UpstreamResponse(200, {}, Body(self.says), "up.example")

    async def ask(self, after: float = 0.0) -> int:
        """Looks; how often somebody has been asked so far."""
        self.now += after
        await self.balances.ask()
        return len(self.urls)


FOX = core_auth("fox", balance_url=URL)


@pytest.mark.asyncio
async def test_each_is_asked_at_most_once_in_five_minutes_whatever_came_of_it() -> None:
    box = Box(FOX, core_auth("owl", balance_url=f"{URL}#balance"), core_auth("elk"))
    assert await box.ask() == 2
    assert await box.ask(INTERVAL - 1) == 2
    box.says = RemoteError(ErrorKind.API, "refused")
    assert await box.ask(1) == 4
    assert await box.ask(INTERVAL - 1) == 4
    assert await box.ask(1) == 6
    assert box.balances.of(core_auth("elk").id) is None


@pytest.mark.asyncio
async def test_a_failure_keeps_the_last_amount_and_says_why_without_the_key() -> None:
    box = Box(FOX)
    await box.ask()
    assert box.balances.of(FOX.id) == Balance(amount=7.0, at=1e9 + 50)
    box.says = RemoteError(ErrorKind.API, "no such key: sk-fox")
    await box.ask(INTERVAL)
    balance = box.balances.of(FOX.id)
    assert balance is not None
    assert (balance.amount, balance.at) == (7.0, 1e9 + 50)
    assert balance.problem.startswith("no such key")
    assert "sk-fox" not in balance.problem
    box.says = b'{"balance": 5}'
    await box.ask(INTERVAL)
    assert box.balances.of(FOX.id) == Balance(amount=5.0, at=1e9 + 50 + 2 * INTERVAL)


@pytest.mark.asyncio
@pytest.mark.parametrize("fault", [ValueError("x"), OSError(5, "x"), KeyError("sk-fox")])
async def test_a_mistake_concerns_one_alone(fault: Exception) -> None:
    box = Box(FOX)
    box.says = fault
    await box.ask()
    balance = box.balances.of(FOX.id)
    assert balance is not None and balance.amount is None
    assert type(fault).__name__ in balance.problem
    assert "sk-fox" not in balance.problem


@pytest.mark.asyncio
async def test_another_address_is_asked_at_once_and_one_that_is_gone_is_forgotten() -> None:
    box = Box(FOX)
    await box.ask()
    box.auths = (core_auth("fox", balance_url=f"{URL}/2"),)
    assert await box.ask(1) == 2
    assert box.urls[-1] == f"{URL}/2"
    box.auths = (core_auth("fox"),)
    await box.ask(1)
    assert box.balances.of(FOX.id) is None
