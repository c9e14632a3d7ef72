"""When an upstream is asked about a key, how often, and what follows from its answer. What it may answer is in
``upstream/test_key_check.py``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from loguru import logger

from daemon.errors import ErrorKind, RemoteError
from daemon.gateway.key_checks import KeyChecks
from daemon.gateway.key_verdicts import MOST_REMEMBERED, REMEMBERED, KeyVerdicts, key_setting
from daemon.router.router import Router
from daemon.router.states import AuthStates, AuthView
from daemon.snapshot.snapshot import Snapshot
from daemon.telemetry.audit import AuditLog
from daemon.telemetry.failure_events import FailureEvents
from daemon.upstream.diagnosis import Diagnosis
from daemon.upstream.http.call import UpstreamCall, UpstreamResponse
from tests.gateway.fakes import answering
from tests.snapshot.world import snapshot

LIST = b'{"data":[{"id":"gpt-5"}]}'
REFUSED = Diagnosis(ok=False, explanation="the upstream is reached but refuses the key (401)", verified="no")
TAKEN = Diagnosis(ok=True, explanation="", verified="yes")


def configured(**keys: str) -> Snapshot:
    """A provider for each key; ``FOX_off`` is disabled."""
    providers = [
        {
            "name": name.removesuffix("_off"),
            "enabled": not name.endswith("_off"),
            "base-url": f"https://{name.removesuffix('_off')}.example/v1",
            "api-key": key,
        }
        for name, key in keys.items()
    ]
    return snapshot(json.dumps({"tppc": {"providers": providers}}))


class Box:
    """Upstreams that take keys which begin with ``good``, and what the daemon knows of them."""

    def __init__(self, pause: float = 0) -> None:
        self.now = 1000.0
        self.calls: list[tuple[str, bool]] = []  # (host, whether the key was sent)
        self.hold: asyncio.Event | None = None
        self.most = self.open_calls = 0
        self.lines: list[str] = []
        self.audit = AuditLog()
        self.router = Router(clock=lambda: self.now, wall=lambda: self.now)
        self.states = AuthStates(self.router)
        events = FailureEvents(self.audit)
        self.verdicts = KeyVerdicts(self.states, self.router, events, clock=lambda: self.now)
        self.checks = KeyChecks(self.open, self.verdicts, at_once=2, pause=pause)
        self.in_force: Snapshot | None = None

    async def open(self, call: UpstreamCall) -> UpstreamResponse:
        key = call.headers.get("authorization", "")
        self.calls.append((call.url.split("/")[2].partition(".")[0], bool(key)))
        self.open_calls += 1
        self.most = max(self.most, self.open_calls)
        try:
            if self.hold is not None:
                await self.hold.wait()
        finally:
            self.open_calls -= 1
        if "broken" in key:
            raise RuntimeError("a mistake of ours")
        if "away" in key:
            raise RemoteError(ErrorKind.API, "nothing listens")
        return answering(LIST if "good" in key else b"{}", status=200 if "good" in key else 401)

    def follow(self, snapshot: Snapshot) -> None:
        """In the order of the daemon's appliers."""
        self.in_force = snapshot
        self.router.follow(snapshot.core_auths)
        self.states.keep_only(auth.id for auth in snapshot.core_auths)
        self.checks.follow(snapshot)

    def view(self, name: str) -> AuthView:
        assert self.in_force is not None
        (auth,) = [each for each in self.in_force.core_auths if each.name == name]
        return self.states.view(auth.id)

    async def settled(self) -> None:
        """Nothing is due and nobody is asked."""
        for _ in range(200):
            await asyncio.sleep(0)


@asynccontextmanager
async def running(pause: float = 0) -> AsyncIterator[Box]:
    box = Box(pause)
    sink = logger.add(lambda line: box.lines.append(str(line).strip()), level="WARNING", format="{message}")
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(box.checks.run())
        try:
            yield box
        finally:
            task.cancel()
            logger.remove(sink)


@pytest.mark.asyncio
async def test_each_key_is_asked_once_per_change_and_not_per_reload() -> None:
    async with running() as box:
        box.follow(configured(fox="good-1", wolf="bad-1", lynx_off="bad-2"))
        await box.settled()
        assert box.calls == [("fox", True), ("wolf", True), ("fox", False)]
        box.follow(configured(fox="good-1", wolf="bad-1", lynx_off="bad-2"))
        box.follow(configured(fox="good-1", wolf="bad-1", lynx_off="bad-2"))
        await box.settled()
        assert len(box.calls) == 3
        box.calls.clear()
        box.follow(configured(fox="good-1", wolf="good-2", lynx="bad-2"))
        await box.settled()
        assert sorted(box.calls) == [("lynx", True), ("wolf", False), ("wolf", True)]
        assert (box.view("wolf").verified, box.view("wolf").state) == ("yes", "ready")
        box.calls.clear()
        box.follow(configured(fox_off="good-1"))
        box.follow(configured(fox="good-1"))
        await box.settled()
        assert sorted(box.calls) == [("fox", False), ("fox", True)]


@pytest.mark.asyncio
async def test_the_first_requests_of_a_start_go_before_the_question() -> None:
    async with running(pause=3600) as box:
        box.follow(configured(fox="good-1"))
        await box.settled()
        assert box.calls == []
    async with running(pause=0.01) as box, asyncio.timeout(30):
        box.follow(configured(fox="good-1", wolf="good-2"))
        while len(box.calls) < 4:
            await asyncio.sleep(0.01)


@pytest.mark.asyncio
async def test_a_refused_key_rests_for_half_an_hour_with_one_warning_and_one_event() -> None:
    async with running() as box:
        events = box.audit.subscribe(None)
        box.follow(configured(fox="bad-1"))
        await box.settled()
        fox = box.view("fox")
        assert (fox.verified, fox.verified_at, fox.state, fox.until) == ("no", 1000.0, "cooling", 2800.0)
        assert fox.reason == "key refused (invalid_key)"
        (line,) = box.lines
        assert "refuses the key (401)" in line and "tppc.providers[0].api-key" in line and "bad-1" not in line
        event = await anext(aiter(events))
        assert (event.kind, event.fields["state"]) == ("auth", "cooling")
        box.now += 1800.0
        assert box.view("fox").state == "ready"  # the first request may try it


@pytest.mark.asyncio
async def test_two_that_hang_hold_up_two_places_and_the_newest_come_first() -> None:
    async with running() as box:
        box.hold = asyncio.Event()
        box.follow(configured(a="away-1", b="away-2", c="away-3", d="away-4"))
        await box.settled()
        assert [host for host, _ in box.calls] == ["a", "b"]
        box.follow(configured(a="away-1", b="away-2", c="away-3", d="away-4", e="away-5"))
        box.hold.set()
        await box.settled()
        assert [host for host, _ in box.calls] == ["a", "b", "e", "c", "d"]
        assert box.most == 2
        assert (box.view("a").verified, box.view("a").verified_at, box.view("a").state) == ("unknown", 1000.0, "ready")
        assert box.lines == []


@pytest.mark.asyncio
async def test_an_answer_about_a_key_that_has_gone_is_dropped() -> None:
    async with running() as box:
        box.hold = asyncio.Event()
        box.follow(configured(fox="bad-1"))
        await box.settled()
        box.follow(configured(fox="good-1"))
        box.hold.set()
        await box.settled()
        assert (box.view("fox").verified, box.lines) == ("yes", [])


@pytest.mark.asyncio
async def test_a_mistake_concerns_one_key_alone() -> None:
    async with running() as box:
        box.follow(configured(fox="broken-1", wolf="good-1"))
        await box.settled()
        assert (box.view("fox").verified, box.view("wolf").verified) == ("unknown", "yes")
        (line,) = box.lines
        assert line == "the key of fox could not be checked: RuntimeError"


@pytest.mark.asyncio
async def test_a_key_that_serves_is_not_taken_out_of_service_by_its_list() -> None:
    """Some upstreams refuse their list to every key: a request that is answered says more."""
    async with running() as box:
        box.hold = asyncio.Event()
        box.follow(snap := configured(fox="bad-1"))
        await box.settled()
        box.states.succeeded(snap.core_auths[0].id)
        box.hold.set()
        await box.settled()
        assert (box.view("fox").verified, box.view("fox").state, box.lines) == ("unknown", "ready", [])


@pytest.mark.asyncio
async def test_disable_cooling_keeps_it_in_service_and_the_warning() -> None:
    async with running() as box:
        fox = {"name": "fox", "enabled": True, "base-url": "https://fox.example", "api-key": "b"}
        text = json.dumps({"disable-cooling": True, "tppc": {"providers": [fox]}})
        box.follow(snapshot(text))
        await box.settled()
        assert (box.view("fox").verified, box.view("fox").state) == ("no", "ready")
        assert len(box.lines) == 1


@pytest.mark.asyncio
async def test_what_a_write_has_heard_is_not_asked_again() -> None:
    async with running() as box:
        snap = configured(fox="good-1", wolf="good-2")
        fox, wolf = snap.core_auths
        box.verdicts.remember(fox, "", TAKEN)
        box.verdicts.remember(wolf, "", TAKEN)
        box.now += REMEMBERED
        box.verdicts.remember(fox, "", TAKEN)
        box.follow(snap)
        await box.settled()
        assert sorted(box.calls) == [("wolf", False), ("wolf", True)]  # that was too long ago
        assert box.view("fox").verified == "yes"
        for number in range(2 * MOST_REMEMBERED):
            box.verdicts.remember(fox, str(number), TAKEN)
        kept = [box.verdicts.known(fox, str(number)) for number in range(2 * MOST_REMEMBERED)]
        assert sum(each is not None for each in kept) == MOST_REMEMBERED


@pytest.mark.asyncio
async def test_a_probe_that_is_taken_ends_the_rest_and_one_that_is_refused_begins_it() -> None:
    """The provider test by hand; a public list then ends only what such a question began."""
    async with running() as box:
        box.follow(snap := configured(fox="good-1"))
        await box.settled()
        (fox,) = snap.core_auths
        for _ in range(2):
            box.verdicts.found(fox, REFUSED, snap)
            assert (box.view("fox").state, box.view("fox").verified) == ("cooling", "no")
        assert len(box.lines) == 1
        box.verdicts.found(fox, TAKEN, snap)
        assert (box.view("fox").state, box.view("fox").verified) == ("ready", "yes")
        down = Diagnosis(ok=False, explanation="the upstream is reached but fails (503)")
        box.verdicts.found(fox, down, snap)
        assert box.view("fox").verified == "yes"
        public = Diagnosis(ok=True, explanation="", models=("gpt-5",))
        box.router.cooldowns.failed(
            fox.id, "gpt-5", "", RemoteError(ErrorKind.AUTHENTICATION, "x", upstream_status=401),
            began=box.now, now=box.now, wall=box.now,
        )  # fmt: skip
        box.verdicts.found(fox, public, snap)
        assert box.view("fox").state == "cooling"
        box.verdicts.found(fox, TAKEN, snap)
        assert box.view("fox").state == "ready"


@pytest.mark.asyncio
async def test_an_answered_request_takes_back_that_the_key_was_refused() -> None:
    async with running() as box:
        box.follow(snap := configured(fox="bad-1"))
        await box.settled()
        box.states.succeeded(snap.core_auths[0].id)
        assert (box.view("fox").verified, box.view("fox").verified_at) == ("unknown", None)


@pytest.mark.parametrize(
    ("text", "env", "words"),
    [
        ('{"tppc":{"providers":[{"name":"fox","enabled":true,"base-url":"https://f.example","api-key":"k"}]}}', {},
         "set the right key in config.yaml: tppc.providers[0].api-key"),
        ('{"tppc":{"providers":[{"name":"fox","enabled":true,"base-url":"https://f.example","api-key":"env:FOX_KEY"}]}}',
         {"env:FOX_KEY": "k"}, "correct what env:FOX_KEY has, or set tppc.providers[0].api-key in config.yaml"),
        ('{"packycode":{"enabled":true,"base-url":"https://p.example","credentials":{"openai-api-key":"k"}}}', {},
         "set the right key in config.yaml: packycode.credentials.openai-api-key"),
    ],
)  # fmt: skip
def test_the_warning_says_where_the_key_is(text: str, env: dict[str, str], words: str) -> None:
    snap = snapshot(text, env=env)
    assert key_setting(snap.core_auths[0], snap) == words
