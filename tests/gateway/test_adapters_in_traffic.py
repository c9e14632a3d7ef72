"""Traffic goes through the adapters of the registry and nowhere else: the one that is there serves the next attempt."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import inf
from time import monotonic
from typing import Any

import pytest
from msgspec.structs import replace

from daemon.config.provider import RequestDefaults
from daemon.config.schema import ModelEntry
from daemon.errors import ErrorKind, RemoteError
from daemon.gateway.deadlines import Deadlines
from daemon.gateway.live_state import LiveState
from daemon.gateway.request_handler import RequestHandler
from daemon.gateway.request_state import RequestState
from daemon.router.states import AuthStates
from daemon.snapshot.core_auths import CoreAuth, UpstreamTimeouts
from daemon.telemetry.metrics import Metrics
from daemon.upstream.adapters.adapter import Adapter
from daemon.upstream.adapters.registry import AdapterRegistry
from daemon.upstream.http.transport import Transport
from tests.gateway.fakes import HANG, RecordingClient, answering
from tests.gateway.test_passthrough import frames, opening, text, whole
from tests.gateway.test_request_handler import Run, request
from tests.router.auths import core_auth
from tests.upstream.adapters.test_registry import snapshot

pytestmark = pytest.mark.asyncio

MODELS = (ModelEntry(name="gpt-5", alias="asked-for"),)
WIRES = ["messages", "responses", "chat"]
KINDS = {"file": {"kind": "tppc"}, "store": {"kind": "store", "type": "openai", "source": "store:fox"}}


@asynccontextmanager
async def answering_server(said: str) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A Chat Completions server that says ``said``: its base URL, and the heads of what it was asked."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        stream = whole("chat").replace(b"hello", said.encode())
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n" + stream)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("entry", WIRES)
async def test_one_that_is_replaced_is_what_the_next_request_goes_through(entry: str, kind: str) -> None:
    """Over real sockets, on both ways: passed through and translated."""
    async with answering_server("old") as (old, asked), answering_server("new") as (new, asked_new):
        transport = Transport()
        adapters = AdapterRegistry(transport.open)
        live = LiveState(adapters=adapters, states=AuthStates(), metrics=Metrics(), deadlines=Deadlines())
        fox = core_auth("fox", wire="chat", base_url=old, models=MODELS, **KINDS[kind])
        adapters.put(adapters.prepare(snapshot(fox)))

        async def body() -> bytes:
            client = RecordingClient()
            await RequestHandler(live, request(entry, [fox], stream=True), client, RequestState()).run()
            return client.body

        try:
            assert b"old" in await body()
            adapters.replace(fox.id, adapters.build(replace(fox, base_url=new)))
            assert b"new" in await body()
        finally:
            await transport.close()
    assert (len(asked), len(asked_new)) == (1, 1)


class Canned(Adapter):
    """Asks nobody, and says ``hello``."""

    async def open(self, body: bytes, headers: dict[str, str], *, watched: bool = True, path: str = "") -> Any:
        return answering(whole(self.wire.name))


@pytest.mark.parametrize("entry", WIRES)
@pytest.mark.parametrize("stream", [False, True])
async def test_an_adapter_of_another_make_serves_like_any_other(entry: str, stream: bool) -> None:
    run = Run(entry=entry, stream=stream)
    fox = run.request.snapshot.core_auths[0]
    run.live.adapters.put(run.live.adapters.prepare(run.request.snapshot))
    run.live.adapters.replace(fox.id, Canned(run.live.adapters.of(fox).kind, fox, run.upstreams.open))
    await run()
    assert b"hello" in run.client.body
    assert (run.client.head.provider, run.upstreams.calls) == ("fox", [])


async def test_an_attempt_that_has_begun_ends_on_the_adapter_that_it_began_with() -> None:
    run = Run(answering(frames("chat", *opening("chat"), *text("chat", "hello"), done=False), HANG))
    fox = run.request.snapshot.core_auths[0]
    run.live.adapters.put(run.live.adapters.prepare(run.request.snapshot))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run())
        while not run.client.body:
            await asyncio.sleep(0)
        moved = replace(fox, timeouts=UpstreamTimeouts(idle=7.0))
        run.live.adapters.put(run.live.adapters.prepare(snapshot(moved)))
        assert run.state.deadline > monotonic() + 100
        run.state.expire()
    assert b"timeouts.idle" in run.client.body and b"300 s" in run.client.body


# --- fallback models ------------------------------------------------------------------------------


def failing(status: int, message: str) -> Any:
    body = json.dumps({"error": {"message": message}}).encode()
    return answering(body, status=status, content_type="application/json")


def asked_models(run: Run) -> list[tuple[str, str]]:
    """(provider, model) of each attempt."""
    return [(provider, run.sent(number)["model"]) for number, provider in enumerate(run.asked)]


def with_fallbacks(*script: Any, entry: str = "chat", **more: Any) -> Run:
    run = Run(*script, entry=entry, **more)
    fox, wolf = run.request.snapshot.core_auths
    fox = replace(fox, fallback_models=("small", "tiny"), **KINDS["store"])
    run.request = request(entry, [fox, wolf], stream=more.get("stream", True))
    return run


@pytest.mark.parametrize("entry", WIRES)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "failure",
    [
        (429, "Rate limit reached for requests"),
        (404, "The model `gpt-5` does not exist"),
        (500, "it broke"),
        (503, "overloaded"),
        None,
    ],
)
async def test_the_same_provider_is_asked_with_its_fallback_models_first(
    entry: str, stream: bool, failure: tuple[int, str] | None
) -> None:
    first = RemoteError(ErrorKind.API, "could not be reached") if failure is None else failing(*failure)
    run = await with_fallbacks(first, failing(500, "it broke"), answering(whole("chat")), entry=entry, stream=stream)()
    assert asked_models(run) == [("fox", "gpt-5"), ("fox", "small"), ("fox", "tiny")]
    record = run.handler.record
    assert (record.status, record.served, record.attempts) == (200, "tiny", 3)
    assert run.client.head.attempts == 3


async def test_after_the_last_fallback_comes_the_next_provider() -> None:
    broken = [failing(500, "it broke") for _ in range(3)]
    run = await with_fallbacks(*broken, answering(whole("chat")))()
    assert asked_models(run)[-2:] == [("fox", "tiny"), ("wolf", "gpt-5")]


@pytest.mark.parametrize(("status", "asked"), [(400, ["fox"]), (422, ["fox"]), (401, ["fox", "wolf"])])
async def test_another_4xx_is_no_matter_of_the_model(status: int, asked: list[str]) -> None:
    run = await with_fallbacks(failing(status, "no"), answering(whole("chat")))()
    assert run.asked == asked


# --- defaults, and the limit of a whole answer ----------------------------------------------------


@pytest.mark.parametrize("entry", WIRES)
async def test_a_request_gets_the_providers_defaults_on_either_way(entry: str) -> None:
    run = Run(answering(whole("chat")), entry=entry, temperature=0.7)
    fox = replace(
        run.request.snapshot.core_auths[0], request_defaults=RequestDefaults(temperature=0.1, max_tokens=77, top_p=0.5)
    )
    run.request = request(entry, [fox], stream=True, temperature=0.7)
    run.request = replace(run.request, request=replace(run.request.request, temperature=0.7))
    await run()
    sent = run.sent(0)
    assert (sent["temperature"], sent["top_p"], sent["max_completion_tokens"]) == (0.7, 0.5, 77)
    assert run.client.head.lost == ()


def limited(*auths: CoreAuth) -> list[CoreAuth]:
    return [replace(each, timeouts=UpstreamTimeouts(whole=20.0, idle=1000.0), **KINDS["store"]) for each in auths]


@pytest.mark.parametrize("entry", WIRES)
@pytest.mark.parametrize("stream", [False, True])
async def test_timeout_limits_a_whole_answer_and_no_stream_that_flows(entry: str, stream: bool) -> None:
    begun = frames("chat", *opening("chat"), *text("chat", "hello"), done=False)
    run = Run(answering(begun, HANG), answering(whole("chat")), entry=entry, stream=stream)
    run.request = request(entry, limited(*run.request.snapshot.core_auths), stream=stream)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(run())
        while not run.upstreams.calls or (stream and not run.client.body):
            await asyncio.sleep(0)
        if stream:
            assert run.state.ends == inf
            task.cancel()
            return
        assert run.state.ends == pytest.approx(monotonic() + 20, abs=5)
        run.state.expire_whole()  # as ``Deadlines`` does when that has passed
    assert (run.asked, run.handler.record.status) == (["fox", "wolf"], 200)


async def test_what_exceeds_the_limit_is_named_by_the_stores_setting() -> None:
    run = Run(HANG, stream=False)
    run.request = request("chat", limited(run.request.snapshot.core_auths[0]), stream=False)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run())
        while not run.upstreams.calls:
            await asyncio.sleep(0)
        run.state.expire_whole()
    assert run.client.status == 504
    assert "no whole answer within 20 s (timeout)" in json.loads(run.client.body)["error"]["message"]
