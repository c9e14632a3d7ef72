"""Rows 56 to 63 of the catalogue of failures, over real sockets: limits, refused keys, storms, hang-ups, swaps.

The rows before them are held by: 49 ``test_causes``, ``test_failover::test_a_provider_that_cannot_be_reached…``;
50, 51 ``test_pinned_cases::test_an_upstream_that_says_nothing_ends_in_504``, ``test_endings``; 52 ``test_cut_streams``;
53, 54, 55 ``test_bounds``, ``test_odd_answers``, ``gateway/test_request_state``, ``upstream/http/test_connection``.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path

import httpx
import pytest

from tests.dialects import script
from tests.e2e.raw_upstream import Call, RawUpstream, raw_upstream, refusal, reply
from tests.harness import Daemon, Simulator, config, daemon, provider, wait_for
from tests.managing import KEY, ask

CHAT = "/v1/chat/completions"
ALONE = {"request_retry": 0, "max_retry_interval": 0, "routing": {"session-affinity": False}}
MANAGED = {"remote_management": {"secret-key": KEY}, **ALONE}


def chat(words: str = "hi", **more: object) -> dict[str, object]:
    return {"model": "gpt-5", "messages": [{"role": "user", "content": words}], **more}


def entry(name: str, upstream: RawUpstream, **settings: object) -> dict[str, object]:
    return provider(name, upstream.url, wire_api="chat", models=["gpt-5"], **settings)


def fine(_: Call) -> bytes:
    return reply()


def auth_of(gateway: Daemon, name: str) -> dict[str, object]:
    return next(each for each in ask(gateway, "GET", "/auths").json()["auths"] if each["name"] == name)


WAITS: dict[str, tuple[Callable[[], dict[str, str]], float]] = {
    # what the upstream says, and the seconds of rest that follow (a quarter more, at most two seconds)
    "seconds": (lambda: {"retry_after": "40"}, 40),
    "milliseconds": (lambda: {"retry_after_ms": "40000"}, 40),
    "date": (lambda: {"retry_after": formatdate(time.time() + 120, usegmt=True)}, 120),
    "date-beside-date": (
        lambda: {"retry_after": formatdate(time.time() + 1120, usegmt=True), "date": formatdate(time.time() + 1000)},
        120,
    ),
    "huge": (lambda: {"retry_after": "1000000000"}, 1800),
    "negative": (lambda: {"retry_after": "-5"}, 1),
    "nonsense": (lambda: {"retry_after": "soon"}, 1),
    "zero": (lambda: {"retry_after": "0"}, 1),
    "past": (lambda: {"retry_after": formatdate(time.time() - 120, usegmt=True)}, 1),
    "absent": (lambda: {}, 1),
}


def test_row_56_a_429_rests_its_core_auth_for_a_bounded_time() -> None:
    """``seconds`` of the line are those that were decided, not measured."""
    keys = {f"k{number}": said for number, (said, _) in enumerate(WAITS.values())}
    with raw_upstream(lambda call: refusal(429, "slow down", **keys[call.key]())) as upstream:
        text = config(*(entry(name, upstream, api_key=key) for name, key in zip(WAITS, keys, strict=True)), **ALONE)
        with daemon(text) as gateway:
            for name, (_, seconds) in WAITS.items():
                answer = gateway.post(CHAT, chat(model=f"{name}/gpt-5"))
                assert answer.status_code == 429, name
                found = gateway.wait_log(rf"{name} rests: .* provider={name} .* seconds=([\d.]+)")
                assert seconds - 2 <= float(found[1]) <= min(seconds * 1.25, seconds + 2) + 0.1, name


def test_row_57_a_refused_key_among_ten_is_asked_once() -> None:
    def answer(call: Call) -> bytes:
        return refusal(401, "Incorrect API key provided") if call.key == "bad" else reply()

    with raw_upstream(answer) as upstream:
        keys = ["bad", *(f"key-{number}" for number in range(9))]
        with daemon(config(*(entry(f"p{key}", upstream, api_key=key) for key in keys), **ALONE)) as gateway:
            answers = [gateway.post(CHAT, chat()) for _ in range(40)]
        assert {each.status_code for each in answers} == {200}
        asked = Counter(call.key for call in upstream.calls)
        assert asked["bad"] == 1
        assert all(asked[key] >= 4 for key in keys[1:])


def test_row_58_a_storm_of_errors_on_all_opens_the_circuit_and_one_request_tries_again() -> None:
    """No request is repeated beyond a fifth (or three), whoever asks; what they get says when to come back."""
    broken = threading.Event()
    broken.set()

    def answer(_: Call) -> bytes:
        return refusal(500, "internal") if broken.is_set() else reply()

    with raw_upstream(answer) as one, raw_upstream(answer) as two:
        text = config(entry("one", one), entry("two", two), request_retry=3, max_retry_interval=0)
        with daemon(text) as gateway:
            answers = asyncio.run(_storm(gateway, 200))
            assert {status for status, _ in answers} <= {500, 502, 503}
            refused = [after for status, after in answers if status == 503]
            assert refused, "most are not asked of anybody"
            assert all(float(after) >= 1 for after in refused)
            assert len(one.calls) + len(two.calls) < 100, "200 clients, and the upstreams are left alone"
            broken.clear()
            for each in (one, two):
                each.lists = reply(200, {"object": "list", "data": [{"id": "gpt-5"}]}, connection="close")
            wait_for(lambda: gateway.post(CHAT, chat()).status_code == 200, "a probe to bring one back")
            before = len(one.calls) + len(two.calls)
            assert all(gateway.post(CHAT, chat()).status_code == 200 for _ in range(10))
            assert len(one.calls) + len(two.calls) - before <= 10


async def _storm(gateway: Daemon, clients: int) -> list[tuple[int, str]]:
    async with httpx.AsyncClient(base_url=gateway.url, timeout=60, limits=httpx.Limits(max_connections=20)) as client:

        async def one() -> tuple[int, str]:
            answer = await client.post(CHAT, json=chat())
            return answer.status_code, answer.headers.get("retry-after", "")

        return await asyncio.gather(*(one() for _ in range(clients)))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_row_59_a_redirect_is_not_followed_and_no_key_leaves(status: int) -> None:
    with raw_upstream(fine) as elsewhere:
        location = f"http://{elsewhere.host}/v1/chat/completions"
        with raw_upstream(lambda _: refusal(status, location=location)) as moved, raw_upstream(fine) as other:
            text = config(entry("moved", moved, priority=1), entry("other", other), **ALONE)
            with daemon(text) as gateway:
                assert gateway.post(CHAT, chat()).headers["x-tppcd-provider"] == "other"
                alone = gateway.post(CHAT, chat(model="moved/gpt-5"))
        assert alone.status_code >= 400
        assert elsewhere.calls == []


def test_row_60_two_thousand_hang_ups_leave_nothing_behind() -> None:
    """Before the head of the answer, and from the first of them on no provider rests."""
    released = threading.Event()

    def answer(_: Call) -> bytes:
        released.wait(30)
        return reply()

    with raw_upstream(answer) as upstream, daemon(config(entry("fox", upstream), **MANAGED)) as gateway:
        before = open_files(gateway)
        asyncio.run(_hang_up(gateway, upstream, rounds=20, at_once=100))
        released.set()
        wait_for(lambda: open_files(gateway) <= before + 5, "the files to be closed")
        assert gateway.post(CHAT, chat()).status_code == 200
        assert auth_of(gateway, "fox")["state"] == "ready"
        wait_for(lambda: upstream.open <= 2, "the connections to be closed")


def open_files(gateway: Daemon) -> int:
    return len(list(Path(f"/proc/{gateway.process.pid}/fd").iterdir()))


async def _hang_up(gateway: Daemon, upstream: RawUpstream, *, rounds: int, at_once: int) -> None:
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    body = b'{"model":"gpt-5","messages":[{"role":"user","content":"hi"}]}'
    head = (
        f"POST {CHAT} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )

    async def one() -> asyncio.StreamWriter:
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(head.encode() + body)
        await writer.drain()
        return writer

    for number in range(rounds):
        writers = await asyncio.gather(*(one() for _ in range(at_once)))
        while number % 4 == 0 and upstream.open < 1:  # some hang up before they are asked for, some after
            await asyncio.sleep(0.01)
        for writer in writers:
            writer.transport.abort()


@pytest.mark.parametrize("closes", ["once", "always"])
def test_row_61_a_kept_connection_that_closes_as_we_send_is_asked_once_more(closes: str) -> None:
    """The second request of a connection meets its end. A fresh connection that ends so is not asked again."""

    def answer(call: Call) -> bytes | None:
        return reply() if call.nth == 0 and (closes == "once" or len(upstream.calls) == 1) else None

    with raw_upstream(answer) as upstream, daemon(config(entry("fox", upstream), **MANAGED)) as gateway:
        assert gateway.post(CHAT, chat()).status_code == 200
        answers = [gateway.post(CHAT, chat()).status_code for _ in range(3)]
        assert answers == ([200] * 3 if closes == "once" else [502] * 3)
        fresh = [call for call in upstream.calls if call.nth == 0]
        assert len(fresh) == 4, "no request is sent on two fresh connections"
        if closes == "once":
            assert len(upstream.calls) >= 7, "each of the three was sent twice, once on a dead connection"
        assert auth_of(gateway, "fox")["state"] == "ready", "a connection that was cut rests nobody"


def test_row_62_the_proxies_of_the_environment_are_ignored() -> None:
    with raw_upstream(fine) as proxy, raw_upstream(fine) as upstream:
        names = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy")
        with daemon(config(entry("fox", upstream)), env=dict.fromkeys(names, f"http://{proxy.host}")) as gateway:
            assert gateway.post(CHAT, chat()).status_code == 200
        assert (len(upstream.calls), len(proxy.calls)) == (1, 0)


def test_row_63_a_provider_that_is_deleted_finishes_its_streams(upstream: Simulator, other_upstream: Simulator) -> None:
    upstream.control(delay_ms=10)
    words = script({"text": "word " * 60})
    two = provider("two", other_upstream)
    with daemon(config(provider("one", upstream, priority=1), two, **ALONE)) as gateway:
        lines: list[str] = []
        with gateway.stream(CHAT, chat(words, stream=True)) as response:
            assert response.headers["x-tppcd-provider"] == "one"
            rows = response.iter_lines()
            lines.append(next(rows))
            gateway.reload(config(two, **ALONE))
            assert gateway.post(CHAT, chat()).headers["x-tppcd-provider"] == "two"
            lines += rows
        assert "data: [DONE]" in lines
        wait_for(lambda: upstream.open_requests() == 0, "its stream to end")
