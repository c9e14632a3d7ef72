"""A rehearsal: three providers, of which one fails in each way that a provider can, and comes back."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.crowd import Crowd, kept, needless_failures, shares
from tests.harness import Daemon, Simulator, config, daemon, provider, simulator

TROUBLED = "fox"
TIMEOUTS = {"first-event": 2.0, "idle": 2.0}
LATENESS = 0.02
"""Seconds to the first event of a provider that is well."""
FAULTS: dict[str, list[object]] = {
    "500": ["server_error"],
    "stalls": [{"fault": "stall_head", "seconds": 600}],
    "stalls in a stream": [{"fault": "stall", "after": 1, "seconds": 600}],
    "cuts early": [{"fault": "cut", "after": 2}],
    "cuts late": [{"fault": "cut", "after": 60}],
    "429, in a second": ["rate_limit"],
    "429": ["too_many"],
    "502": ["bad_gateway"],
    "10 times slower": [{"fault": "stall_head", "seconds": 10 * LATENESS}],
}
WELL: list[object] = [{"fault": "stall_head", "seconds": LATENESS}]


@contextmanager
def three(*options: str) -> Iterator[tuple[Daemon, Simulator]]:
    """A daemon with three providers, and the one that gets into trouble."""
    with simulator(*options) as fox, simulator(*options) as wolf, simulator(*options) as bear:
        for each in (fox, wolf, bear):
            each.control(always=WELL)
        providers = (provider(name, each) for name, each in (("fox", fox), ("wolf", wolf), ("bear", bear)))
        with daemon(config(*providers, timeouts=TIMEOUTS)) as gateway:
            yield gateway, fox


@pytest.mark.asyncio
async def test_a_small_rehearsal() -> None:
    """No client sees a failure that another provider could have served, sessions stay where nothing failed, and whoever
    is back gets its share of the new sessions."""
    with three() as (gateway, fox):
        crowd = Crowd(gateway.url, regulars=12, words=10)
        await crowd.meet(crowd.regulars)
        for name in ("500", "429"):
            await asyncio.to_thread(fox.control, always=FAULTS[name])
            for _ in range(2):
                await crowd.meet(crowd.regulars)
                await crowd.meet_strangers(12)
            await asyncio.to_thread(fox.control, always=WELL)
            deadline = time.monotonic() + 60
            while TROUBLED not in shares(await crowd.meet_strangers(1)):
                assert time.monotonic() < deadline, "it never came back"
                await asyncio.sleep(0.05)
            assert min(shares(await crowd.meet_strangers(30)).values()) >= 9, name
        await crowd.close()
        assert needless_failures(crowd.seen) == []
        assert kept(crowd.seen, TROUBLED) > 0.95


SECONDS = 4.0
BACK = 5.0
"""Seconds after its return within which it has its share again."""
COUNTED = 2.0


@pytest.mark.soak
@pytest.mark.asyncio
async def test_a_rehearsal_under_load(capsys: pytest.CaptureFixture[str]) -> None:
    """200 requests a second and 50 streams, for more than a minute. ``REHEARSAL_LOAD=50,10`` takes less, for a machine
    that has no two cores for it."""
    rate, streams = map(int, os.environ.get("REHEARSAL_LOAD", "200,50").split(","))
    lines = []
    with three("--delay-ms", "20") as (gateway, fox):
        crowd = Crowd(gateway.url, regulars=60, words=100)
        await crowd.meet(crowd.regulars)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(crowd.run(rate=rate, streams=streams))
            began = time.monotonic()
            uneven = []
            await asyncio.sleep(SECONDS)
            for name, faults in FAULTS.items():
                start = len(crowd.seen)
                await asyncio.to_thread(fox.control, always=faults)
                await asyncio.sleep(SECONDS)
                during = crowd.seen[start:]
                await asyncio.to_thread(fox.control, always=WELL)
                await asyncio.sleep(BACK)
                back = len(crowd.seen)
                await asyncio.sleep(COUNTED)
                new = shares(crowd.seen[back:])
                least = min(new[each] for each in ("fox", "wolf", "bear"))
                if least < 0.75 * new.total() / 3 - 2:  # few are uneven by chance
                    uneven.append(name)
                whole = crowd.seen[start:]
                lines.append(
                    f"{name}: {len(during)} answers meanwhile, {sum(each.attempts > 1 for each in during)} after a "
                    f"failed attempt; failures {len(needless_failures(whole))}, streams cut before their reader's eyes "
                    f"{sum(bool(each.failure) and each.shown for each in whole)}; new sessions after its return "
                    f"{dict(new)}; kept {kept(whole, TROUBLED):.1%}"
                )
            crowd.end()
        await crowd.close()
        seconds = time.monotonic() - began
    failed = needless_failures(crowd.seen)
    with capsys.disabled():
        print(
            f"\n{len(crowd.seen)} answers in {seconds:.0f} s, {crowd.sent / seconds:.0f} plain requests/s",
            *lines,
            sep="\n",
        )
        print(f"kept in all {kept(crowd.seen, TROUBLED):.2%}; needless failures {len(failed)} {failed[:3]}")
    assert failed == []
    assert uneven == []
    assert kept(crowd.seen, TROUBLED) > 0.95


MINUTE = 60.0


@pytest.mark.soak
@pytest.mark.asyncio
async def test_a_limit_that_nobody_announces(capsys: pytest.CaptureFixture[str]) -> None:
    """Three at once: after the first minute less than two in a hundred attempts are refused, and no client sees one."""
    with simulator("--max-concurrent", "3") as upstream, daemon(config(provider("fox", upstream))) as gateway:
        upstream.control(always=[{"fault": "stall_head", "seconds": 0.2}])
        crowd, over = Crowd(gateway.url, regulars=0, words=1), asyncio.Event()

        async def ask_on() -> None:
            while not over.is_set():
                await crowd.meet_strangers(1)

        def counts() -> tuple[int, int]:
            return upstream.state()["requests"]["total"], gateway.log.count("attempt failed: too many requests")

        async with asyncio.TaskGroup() as tasks:
            for _ in range(8):
                tasks.create_task(ask_on())
            await asyncio.sleep(MINUTE)
            first = await asyncio.to_thread(counts)
            await asyncio.sleep(MINUTE)
            both = await asyncio.to_thread(counts)
            over.set()
        await crowd.close()
    asked, refused = both[0] - first[0], both[1] - first[1]
    with capsys.disabled():
        print(f"\nfirst minute: {first[0]} asked, {first[1]} refused; second: {asked} asked, {refused} refused")
    assert needless_failures(crowd.seen) == []
    assert refused < 0.02 * asked
