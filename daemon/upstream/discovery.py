"""Which models each upstream lists: asked soon after the start, on a reload and every hour, off the path of requests.

    follow(core auths) ─▶ what is due ─▶ GET {base-url}/models, a few at once ─▶ publish(every list that is known)

1. Nothing waits for this: not the start, not a reload, not a request. An upstream that hangs takes one of ``at_once``
   places for ``patience`` seconds.
2. Lists are kept by core auth ID: as long as the ID is in force, so over reloads. A failure keeps the last list.
3. What never failed is asked before what did, and of these the newest first: a provider that is created while 2,000
   others cannot be reached is not at the end of their queue.
4. The state of each (listed, unlisted, failing) is logged when it changes, and not again.
5. Lists that come in together are published together, at most ``settle`` seconds late: each makes a new registry.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Iterable
from heapq import nsmallest
from math import inf
from typing import Final, Literal, Protocol

from loguru import logger
from msgspec import Struct, structs

from daemon.errors import RemoteError
from daemon.masks import Masks
from daemon.snapshot.core_auths import CoreAuth
from daemon.snapshot.listings import Lists
from daemon.upstream.diagnosis import explain
from daemon.upstream.model_list import ModelsResponse, Open, ask_models, listed_owners, usable_names
from daemon.upstream.privacy import secrets_of

MOST_IN_ALL: Final = 200_000
"""Names of all upstreams together; of equal lists one is counted."""
MOST_DOUBLINGS: Final = 16

State = Literal["unknown", "listed", "unlisted", "failing"]


class DiscoveryTiming(Struct, frozen=True, kw_only=True):
    """Seconds. ``interval``: between two questions to an upstream that answers, give or take a tenth. ``retry``: after
    a failure that may be over soon, doubled each time up to ``retry_most``; ``retry_kept``: the same of an upstream
    that has models without a list, so there is no haste. ``retry_refused``: after one that lasts until somebody changes
    something (a wrong key, a wrong address), doubled each time up to ``interval``. ``least``: between two questions to
    one upstream, whoever asks for them. ``first_kept``: before the first question to an upstream that has models
    without a list: relays limit how many requests a key has at once, and those that clients send after a start go
    first. ``patience``: for one question. ``settle``: how late a list may be published. ``at_once`` counts
    questions."""

    interval: float = 3600.0
    retry: float = 5.0
    retry_kept: float = 60.0
    retry_most: float = 300.0
    retry_refused: float = 300.0
    least: float = 2.0
    first_kept: float = 1.5
    patience: float = 10.0
    settle: float = 0.25
    at_once: int = 8


class Timer(Protocol):
    def cancel(self) -> None: ...


class Clock(Protocol):
    """The event loop is one."""

    def time(self) -> float: ...

    def call_at(self, when: float, callback: Callable[[], None], /) -> Timer: ...


class ListResult(Struct, frozen=True, kw_only=True):
    """What came of one question. ``names`` None: no list; ``lasting``: nor is there one before something is changed.
    ``owners`` own the models. ``explanation`` and ``hint`` say why."""

    state: State
    names: tuple[str, ...] | None = None
    owners: frozenset[str] = frozenset()
    lasting: bool = False
    explanation: str = ""
    hint: str = ""


class UpstreamModels(Struct, eq=False):
    """What is known of one core auth's models. ``due`` and ``asked`` are seconds of the clock, ``due`` infinite while
    the question is on its way; ``batch`` counts the calls of ``follow``."""

    auth: CoreAuth
    ca: str
    due: float
    batch: int
    names: tuple[str, ...] | None = None
    state: State = "unknown"
    problem: str = ""
    failures: int = 0
    asked: float = -inf


class ModelDiscovery:
    """``open`` is the engine's, ``clock`` the running loop by default. ``owned`` is called with the owners of the
    models that a core auth's upstream lists: they may show of which make it is."""

    def __init__(
        self,
        open: Open,
        *,
        timing: DiscoveryTiming | None = None,
        clock: Clock | None = None,
        owned: Callable[[CoreAuth, Collection[str]], None] = lambda _auth, _owners: None,
    ) -> None:
        self._open = open
        self._owned = owned
        self._timing = timing or DiscoveryTiming()
        self._clock = clock or asyncio.get_running_loop()
        self._upstreams: dict[str, UpstreamModels] = {}
        self.asking: set[str] = set()  # the IDs of those whose answer is waited for
        self._lists: dict[tuple[str, ...], tuple[str, ...]] = {}  # one object for all that are equal
        self._batch = 0
        self._changed: float | None = None  # since when a list is known that is not published
        self._wake = asyncio.Event()

    def follow(self, auths: Iterable[CoreAuth], ca: str = "") -> None:
        """These are in force now: the new ones are asked, those that are gone are forgotten. ``ca`` is an extra CA
        file, '' for none."""
        self._batch += 1
        before, self._upstreams = self._upstreams, {}
        for auth in auths:
            if not auth.discover:
                continue
            known = before.get(auth.id)
            if known is None:
                pause = self._timing.first_kept if auth.keeps_models else 0.0
                known = UpstreamModels(auth=auth, ca=ca, due=self._clock.time() + pause, batch=self._batch)
            elif _question(known.auth, known.ca) != _question(auth, ca):
                changes = {"auth": auth, "ca": ca, "due": self._clock.time(), "batch": self._batch, "failures": 0}
                known = structs.replace(known, **changes)
            else:
                known.auth = auth
            self._upstreams[auth.id] = known
        self._wake.set()

    def refresh(self, source: str = "") -> None:
        """Asks the upstream of the provider with this ``source`` again, or all of them, also those that were asked a
        moment ago or are being asked."""
        now = self._clock.time()
        for each in self._upstreams.values():
            if source in ("", each.auth.source):
                each.due = min(each.due, max(now, each.asked + self._timing.least))
        self._wake.set()

    def problem(self, auth_id: str) -> str:
        """Why the list of this core auth's upstream is not known, or not as new as it could be; empty where it is, or
        nobody has asked."""
        upstream = self._upstreams.get(auth_id)
        return "" if upstream is None else upstream.problem

    async def run(self, publish: Callable[[Lists], None]) -> None:
        """Asks for ever; may be run again after it failed: then those whose answer was waited for are asked again."""
        for each in self._upstreams.values():
            if each.due == inf:
                each.due = self._clock.time()
        self.asking.clear()
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._wake.clear()
                for each in self._next():
                    self.asking.add(each.auth.id)
                    each.due, each.asked = inf, self._clock.time()
                    tasks.create_task(self._ask(each))
                if self._changed is not None and self._clock.time() >= self._publish_at():
                    self._publish(publish)
                await self._pause()

    def _next(self) -> list[UpstreamModels]:
        """What is asked now."""
        now, places = self._clock.time(), self._timing.at_once - len(self.asking)
        due = (each for key, each in self._upstreams.items() if each.due <= now and key not in self.asking)
        return nsmallest(places, due, key=lambda each: (each.failures, -each.batch)) if places > 0 else []

    def _publish_at(self) -> float:
        """At once where no other list is on its way."""
        assert self._changed is not None
        return self._changed + self._timing.settle if self.asking else self._changed

    def _publish(self, publish: Callable[[Lists], None]) -> None:
        self._changed = None
        known = {key: each.names for key, each in self._upstreams.items() if each.names is not None}
        self._lists = {names: names for names in known.values()}
        publish(known)

    async def _pause(self) -> None:
        """Until something is due, or happens."""
        due = inf if self._changed is None else self._publish_at()
        if len(self.asking) < self._timing.at_once:
            waiting = (each.due for key, each in self._upstreams.items() if key not in self.asking)
            due = min(due, min(waiting, default=inf))
        timer = self._clock.call_at(due, self._wake.set) if due < inf else None
        try:
            await self._wake.wait()
        finally:
            if timer is not None:
                timer.cancel()

    async def _ask(self, upstream: UpstreamModels) -> None:
        """One question, and when the next one is due."""
        key = upstream.auth.id
        try:
            result = await self._result(upstream)
            masked = Masks(secrets_of(upstream.auth))(result.explanation)
            result = structs.replace(result, explanation=masked)
            if self._upstreams.get(key) is upstream:  # it has not gone meanwhile, nor is it to be asked otherwise
                self._keep(upstream, result)
        finally:
            self.asking.discard(key)
            self._wake.set()

    async def _result(self, upstream: UpstreamModels) -> ListResult:
        auth, seconds = upstream.auth, self._timing.patience
        try:
            async with asyncio.timeout(seconds):
                response = await ask_models(self._open, auth, connect_timeout=auth.timeouts.connect, ca=upstream.ca)
            return result_of(response, auth)
        except TimeoutError:
            return ListResult(state="failing", explanation=f"no answer in {seconds:g} s")
        except RemoteError as error:
            return ListResult(state="failing", explanation=error.message)
        except Exception as error:  # a key that cannot be opened, or a mistake of ours: it concerns this one alone
            return ListResult(state="failing", explanation=f"{type(error).__name__}: {error}", lasting=True)

    def _keep(self, upstream: UpstreamModels, result: ListResult) -> None:
        timing, now = self._timing, self._clock.time()
        if result.names is None:
            first, most = timing.retry_kept if upstream.auth.keeps_models else timing.retry, timing.retry_most
            if result.lasting:
                first, most = timing.retry_refused, timing.interval
            pause = min(first * 2 ** min(upstream.failures, MOST_DOUBLINGS), most)
            upstream.failures += 1
        else:
            pause, upstream.failures = timing.interval, 0
            self._owned(upstream.auth, result.owners)
            # Some relays list theirs in another order each time.
            if set(result.names) != set(upstream.names or ()):
                upstream.names = self._bounded(upstream, result.names)
                self._changed = now if self._changed is None else self._changed
        upstream.due = min(upstream.due, now + pause * random.uniform(0.9, 1.1))
        upstream.problem = "" if result.names is not None else result.explanation
        before, upstream.state = upstream.state, result.state
        if result.state != before:
            _report(upstream, before, result)

    def _bounded(self, upstream: UpstreamModels, names: tuple[str, ...]) -> tuple[str, ...]:
        """The list, as one object with its equals, and as much of it as there is room for."""
        if names not in self._lists:
            room = max(0, MOST_IN_ALL - sum(map(len, self._lists)))
            if len(names) > room:
                name = upstream.auth.name
                logger.bind(provider=name).warning(
                    "upstreams list too many models: {} of {}'s are left out", len(names) - room, name
                )
                names = names[:room]
        return self._lists.setdefault(names, names)


def result_of(response: ModelsResponse, auth: CoreAuth) -> ListResult:
    """What a response says of the models."""
    # Nothing of a body that is no list: what upstreams write there may be anything, and the log is no place for it.
    diagnosis = explain(response, has_key=bool(auth.api_key), model="", quoting=False)
    if diagnosis.models is not None:
        owners = listed_owners(response.data)
        return ListResult(state="listed", names=usable_names(diagnosis.models), owners=owners)
    soon_over = response.status in (408, 425, 429) or response.status >= 500
    return ListResult(
        state="unlisted" if diagnosis.ok and not soon_over else "failing",
        lasting=not soon_over,
        explanation=diagnosis.explanation,
        hint=diagnosis.hint,
    )


def _question(auth: CoreAuth, ca: str) -> tuple[object, ...]:
    """What a question consists of, beside key and URL, which are in the ID."""
    return auth.wire, auth.headers, auth.proxy_url, ca


def _report(upstream: UpstreamModels, before: State, result: ListResult) -> None:
    """A change of state. What changes in a list is reported by the reload that puts it in force."""
    auth, what = upstream.auth, f"models of {upstream.auth.label}"
    if result.state == "listed":
        if before == "failing":
            logger.bind(provider=auth.name).info("{} are listed again", what)
        return
    if upstream.names is not None:
        instead = "the last list stays"
    elif auth.keeps_models:
        instead = f"its {len(auth.models)} built-in models are served"
    elif auth.models:
        instead = f"until it lists some it has {len(auth.models)} of the seed's"
    else:
        instead = f"it is asked for any by {auth.name}/MODEL"
    hint = f" ({result.hint})" if result.hint else ""
    level = "INFO" if result.state == "unlisted" else "WARNING"
    logger.bind(provider=auth.name).log(level, "{} are not known: {}{}; {}", what, result.explanation, hint, instead)
