"""Which models upstreams list: when they are asked, how many at once, what is kept and what is logged.

Real sockets, and a clock that is moved by hand: nothing is due unless the test moves it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Collection, Sequence

import pytest
from loguru import logger

from daemon.config.schema import DEFAULT_MODELS
from daemon.secret import Secret
from daemon.snapshot.core_auths import CoreAuth
from daemon.snapshot.listings import Lists
from daemon.upstream import discovery as discovery_module
from daemon.upstream.discovery import DiscoveryTiming, ModelDiscovery
from daemon.upstream.http.transport import Transport
from tests.upstream.model_server import ManualClock, listing, models_at, response, upstream

HOUR = 3600 * 1.1
REFUSED = response(b"{}", status="401 Unauthorized")
DOWN = response(b"{}", status="503 Down")


class Box:
    """A discovery at work: what it has published last, and what it has logged."""

    def __init__(self, timing: DiscoveryTiming) -> None:
        self.clock = ManualClock()
        self.transport = Transport()
        self.owned: list[tuple[str, Collection[str]]] = []
        self.discovery = ModelDiscovery(self.transport.open, timing=timing, clock=self.clock, owned=self.own)
        self.published: list[Lists] = []
        self.lines: list[str] = []
        self._news = asyncio.Event()

    def own(self, auth: CoreAuth, owners: Collection[str]) -> None:
        self.owned.append((auth.name, owners))

    def publish(self, lists: Lists) -> None:
        self.published.append(lists)
        self._news.set()

    def log(self, line: str) -> None:
        self.lines.append(line.rstrip())
        self._news.set()

    async def until(self, published: int = 0, lines: int = 0) -> None:
        async with asyncio.timeout(20):
            while len(self.published) < published or len(self.lines) < lines:
                self._news.clear()
                await self._news.wait()

    def follow(self, *auths: CoreAuth, ca: str = "") -> None:
        self.discovery.follow(auths, ca)

    @property
    def names(self) -> dict[str, Sequence[str]]:
        """What was published last, by provider."""
        return {key.split(":")[1]: names for key, names in self.published[-1].items()}


@contextlib.asynccontextmanager
async def running(**timing: float) -> AsyncIterator[Box]:
    box = Box(DiscoveryTiming(**timing))  # type: ignore[arg-type]  # at_once is a whole number in the tests, too
    sink = logger.add(box.log, format="{level} {message}")
    try:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(box.discovery.run(box.publish))
            yield box
            task.cancel()
    finally:
        logger.remove(sink)
        await box.transport.close()


@pytest.mark.asyncio
async def test_asked_at_once_and_then_every_hour() -> None:
    async with models_at(listing("a", "b")) as server, running() as box:
        box.follow(upstream("fox", server.url))
        await box.until(published=1)
        assert box.names == {"fox": ("a", "b")}
        server.says = listing("b", "c")
        box.clock.move(HOUR)
        await box.until(published=2)
        assert box.names == {"fox": ("b", "c")}
        assert (len(server.heads), box.lines) == (2, [])


@pytest.mark.asyncio
async def test_who_owns_the_models_is_passed_on_with_every_list() -> None:
    """Also where the names are the same: another server may have taken the place of the first."""
    async with models_at(owned("vllm")) as server, running() as box:
        box.follow(upstream("fox", server.url))
        await box.until(published=1)
        server.says = owned("sglang")
        box.clock.move(HOUR)
        await server.requests(2)
        await settled(box)
        server.says = DOWN
        box.clock.move(HOUR)
        await box.until(lines=1)
    assert box.owned == [("fox", {"vllm"}), ("fox", {"sglang"})]


def owned(owner: str) -> bytes:
    return response(json.dumps({"data": [{"id": "a", "owned_by": owner}]}).encode())


@pytest.mark.asyncio
async def test_a_list_in_another_order_is_no_change() -> None:
    async with models_at(listing("a", "b")) as server, running() as box:
        box.follow(upstream("fox", server.url))
        await box.until(published=1)
        server.says = listing("b", "a")
        box.clock.move(HOUR)
        await server.requests(2)
        await settled(box)
        server.says = listing("b", "a", "c")
        box.clock.move(HOUR)
        await box.until(published=2)
        assert len(box.published) == 2


@pytest.mark.asyncio
async def test_a_failure_keeps_the_last_list_and_is_logged_once() -> None:
    async with models_at(listing("a")) as server, running() as box:
        box.follow(upstream("fox", server.url))
        await box.until(published=1)
        server.says = DOWN
        box.clock.move(HOUR)
        await box.until(lines=1)
        (line,) = box.lines
        assert line.startswith("WARNING models of fox are not known: the upstream is reached but fails (503)")
        assert line.endswith("; the last list stays")
        for count, pause in enumerate((5, 10, 20, 40, 80), start=3):  # and so it goes on, ever more slowly
            box.clock.move(pause * 0.85)
            await asyncio.sleep(0)
            assert len(server.heads) == count - 1
            box.clock.move(pause * 0.26)
            await server.requests(count)
            await settled(box)
        server.says = listing("a")
        box.clock.move(200)
        await box.until(lines=2)
        assert box.lines[1:] == ["INFO models of fox are listed again"]
        assert len(box.published) == 1


async def settled(box: Box) -> None:
    """Until no question is on its way."""
    async with asyncio.timeout(20):
        while box.discovery.asking:
            await asyncio.sleep(0)


@pytest.mark.asyncio
async def test_what_lasts_is_not_asked_again_so_soon() -> None:
    async with models_at(REFUSED) as server, running() as box:
        box.follow(upstream("fox", server.url))
        await box.until(lines=1)
        assert "refuses the key (401)" in box.lines[0] and box.lines[0].endswith("; it is asked for any by fox/MODEL")
        box.clock.move(260)
        await settled(box)
        assert len(server.heads) == 1
        box.clock.move(80)
        await server.requests(2)


@pytest.mark.asyncio
async def test_an_upstream_without_a_list_is_no_failure() -> None:
    async with models_at(response(b"{}", status="404 Not Found")) as server, running() as box:
        box.follow(upstream("codex", server.url, models=DEFAULT_MODELS))
        await box.until(lines=1)
        assert box.lines[0].startswith("INFO models of codex are not known: ")
        assert box.lines[0].endswith("; until it lists some it has 10 of the seed's")


@pytest.mark.asyncio
async def test_an_upstream_that_cannot_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with running() as box:
        box.follow(upstream("fox", f"http://127.0.0.1:{port}/v1"))
        await box.until(lines=1)
        assert "; the connection is refused: " in box.lines[0]


@pytest.mark.asyncio
async def test_a_key_that_cannot_be_opened_fails_its_provider_alone() -> None:
    class ShutKey(Secret):
        def reveal(self) -> str:
            raise ValueError("cannot be opened")

    async with models_at(listing("a")) as server, running() as box:
        box.follow(upstream("shut", server.url, api_key=ShutKey("x")), upstream("fox", server.url))
        await box.until(published=1, lines=1)
        assert "ValueError: cannot be opened" in box.lines[0]
        assert box.names == {"fox": ("a",)}


@pytest.mark.asyncio
async def test_one_that_hangs_delays_nobody_and_is_given_up() -> None:
    async with models_at() as hanging, models_at(listing("a")) as server, running(patience=0.2) as box:
        hanging.gate.clear()
        box.follow(upstream("hanging", hanging.url), upstream("fox", server.url))
        await hanging.requests(1)
        await server.requests(1)
        await box.until(lines=1)
        assert "models of hanging are not known: no answer in 0.2 s" in box.lines[0]
        box.clock.move(1)
        await box.until(published=1)
        assert box.names == {"fox": ("a",)}


@pytest.mark.asyncio
async def test_a_reload_asks_again_but_not_all_the_time() -> None:
    async with models_at(listing("a")) as server, running() as box:
        box.follow(upstream("fox", server.url))
        await box.until(published=1)
        server.says = listing("b")
        for _ in range(50):
            box.discovery.refresh()
        await settled(box)
        assert len(server.heads) == 1
        box.clock.move(2)
        await box.until(published=2)
        assert (box.names, len(server.heads)) == ({"fox": ("b",)}, 2)


@pytest.mark.asyncio
async def test_a_reload_of_one_asks_that_one() -> None:
    async with models_at(listing("a")) as server, models_at(listing("o")) as other, running() as box:
        box.follow(upstream("fox", server.url, source="store:fox"), upstream("owl", other.url, source="store:owl"))
        await box.until(published=1)
        box.clock.move(2)
        server.says = other.says = listing("new")
        box.discovery.refresh("store:fox")
        await box.until(published=2)
        assert box.names == {"fox": ("new",), "owl": ("o",)}


@pytest.mark.asyncio
async def test_a_reload_while_it_is_being_asked_asks_once_more() -> None:
    async with models_at(listing("a")) as server, running() as box:
        server.gate.clear()
        box.follow(upstream("fox", server.url))
        await server.requests(1)
        box.discovery.refresh()
        server.gate.set()
        await box.until(published=1)
        box.clock.move(2)
        await server.requests(2)


@pytest.mark.asyncio
async def test_lists_are_kept_over_reloads_and_forgotten_with_their_core_auth() -> None:
    async with models_at(listing("a")) as server, models_at(listing("o")) as other, running() as box:
        fox, owl = upstream("fox", server.url), upstream("owl", other.url)
        box.follow(fox)
        await box.until(published=1)
        box.follow(upstream("fox", server.url, weight=3), owl)
        await box.until(published=2)
        assert (box.names, len(server.heads)) == ({"fox": ("a",), "owl": ("o",)}, 1)
        box.follow(owl)
        box.follow(owl, fox)
        await server.requests(2)
        await box.until(published=3)
        assert box.names == {"owl": ("o",), "fox": ("a",)}


@pytest.mark.asyncio
async def test_another_url_another_proxy_or_another_ca_is_another_question() -> None:
    async with models_at(listing("a")) as server, models_at(listing("moved")) as other, running() as box:
        box.follow(upstream("fox", server.url))
        await box.until(published=1)
        box.follow(upstream("fox", other.url))
        await box.until(published=2)
        assert box.names == {"fox": ("moved",)}
        box.follow(upstream("fox", other.url, proxy_url="direct"))
        await other.requests(2)
        box.follow(upstream("fox", other.url, headers=(("x-a", "1"),)))
        await other.requests(3)
        box.follow(upstream("fox", other.url), ca="/nowhere.pem")
        await settled(box)
        assert box.names == {"fox": ("moved",)}  # kept while it is asked otherwise


@pytest.mark.asyncio
async def test_the_answer_to_a_question_that_is_no_more_asked_is_dropped() -> None:
    async with models_at(listing("late")) as server, models_at(listing("o")) as other, running() as box:
        server.gate.clear()
        box.follow(upstream("fox", server.url))
        await server.requests(1)
        box.follow(upstream("owl", other.url))
        server.gate.set()
        await settled(box)
        await box.until(published=1)
        assert box.published == [{f"store:owl:{other.url}": ("o",)}]


@pytest.mark.asyncio
async def test_a_few_at_once_and_those_that_never_failed_and_came_last_first() -> None:
    async with models_at(DOWN) as dead, models_at(listing("a")) as server, running(at_once=4) as box:
        old = [upstream(f"dead{number}", f"{dead.url}/{number}") for number in range(20)]
        dead.gate.clear()
        box.follow(*old)
        await dead.requests(4)
        box.follow(*old, upstream("new", server.url))
        await settled_at(box, 4)
        assert (dead.most, len(server.heads)) == (4, 0)
        dead.gate.set()
        await box.until(lines=4)
        await server.requests(1)
        await box.until(lines=20)
        assert dead.most == 4
        assert [head.split(" ")[1] for head in dead.heads].count("/v1/0/models") == 1


async def settled_at(box: Box, count: int) -> None:
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(box.discovery.asking) == count


@pytest.mark.asyncio
async def test_many_lists_are_published_together() -> None:
    async with models_at(listing("a")) as server, running() as box:
        box.follow(*(upstream(f"fox{number}", f"{server.url}/{number}") for number in range(100)))
        await server.requests(100)
        await box.until(published=1)
        assert len(box.published) == 1
        assert len(box.names) == 100
        assert len({id(names) for names in box.names.values()}) == 1  # equal lists are one object


@pytest.mark.asyncio
async def test_all_lists_together_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery_module, "MOST_IN_ALL", 5)
    says, others = listing("a", "b", "c"), listing("d", "e", "f")
    async with models_at(says) as server, models_at(others) as other, running() as box:
        box.follow(upstream("fox", server.url), upstream("fox2", server.url, id="store:fox2:x"))
        await box.until(published=1)
        box.follow(upstream("fox", server.url), upstream("owl", other.url))
        await box.until(published=2, lines=1)
        assert box.names == {"fox": ("a", "b", "c"), "owl": ("d", "e")}
        assert box.lines == ["WARNING upstreams list too many models: 1 of owl's are left out"]


@pytest.mark.asyncio
async def test_it_may_be_run_again_after_it_failed() -> None:
    async with models_at(listing("a")) as server:
        box = Box(DiscoveryTiming())
        box.follow(upstream("fox", server.url))
        server.gate.clear()
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(box.discovery.run(box.publish))
            await server.requests(1)
            task.cancel()
        server.gate.set()
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(box.discovery.run(box.publish))
            await box.until(published=1)
            task.cancel()
        assert box.names == {"fox": ("a",)}
        await box.transport.close()


@pytest.mark.asyncio
async def test_who_has_a_list_or_the_seeds_ids_alone_is_not_asked() -> None:
    async with models_at(listing("a")) as server, running() as box:
        box.follow(upstream("fox", server.url, discover=False), upstream("owl", server.url))
        await box.until(published=1)
        assert (box.names, len(server.heads)) == ({"owl": ("a",)}, 1)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("says", "level", "problem"),
    [
        (REFUSED, "WARNING", "refuses the key (401)"),
        (DOWN, "WARNING", "fails (503)"),
        (response(b"{}", status="404 Not Found"), "INFO", "has no list of models (404"),
        (response(b"<html>", kind="text/html"), "WARNING", "a web page (200)"),
        (response(b"", "location: https://other.example/", status="302 Found"), "WARNING", "redirects (HTTP 302) to"),
    ],
)
async def test_a_provider_that_has_models_without_a_list_goes_on_with_them(
    says: bytes, level: str, problem: str
) -> None:
    async with models_at(says) as server, running() as box:
        relay = upstream("relay", server.url, models=DEFAULT_MODELS, keeps_models=True)
        box.follow(relay)
        await settled(box)
        assert server.heads == []  # what clients send after a start goes first
        box.clock.move(4)
        await box.until(lines=1)
        assert box.lines[0].startswith(f"{level} models of relay are not known: ")
        assert box.lines[0].endswith("; its 10 built-in models are served")
        assert problem in box.discovery.problem(relay.id)
        box.clock.move(50)  # there is no haste
        await settled(box)
        assert len(server.heads) == 1
        server.says = listing("a")
        box.clock.move(400)
        await box.until(published=1)
        assert (box.discovery.problem(relay.id), len(server.heads)) == ("", 2)
        assert "connection: close" in server.heads[0].lower()  # a server with one thread is free again
