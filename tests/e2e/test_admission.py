"""How many requests there are at once, over real sockets: the daemon's own limit, a provider's, and the queue."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Thread

import pytest

from tests import harness
from tests.dialects import CHAT, MESSAGES, RESPONSES, Dialect, script
from tests.harness import Daemon, Simulator, config, provider, wait_for

ENTRIES = {"messages": MESSAGES, "chat": CHAT, "responses": RESPONSES}
LONG = script({"text": "word " * 400})
COUNT = "/v1/messages/count_tokens"
WAITING = re.compile(r"^tppcd_core_auth_requests_waiting\{.*\} (\d+)", re.M)
LIMIT = re.compile(r"^tppcd_core_auth_concurrency_limit\{.*\} (\d+)", re.M)


def connected(gateway: Daemon) -> socket.socket:
    host, port = gateway.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)))


def written(dialect: Dialect, prompt: str, *, stream: bool) -> bytes:
    """A request as it goes over the connection."""
    body = json.dumps(dialect.request(prompt, stream=stream)).encode()
    head = f"POST {dialect.path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


def sent(gateway: Daemon, dialect: Dialect, prompt: str = LONG, *, stream: bool = True) -> socket.socket:
    """A request whose answer nobody reads."""
    client = connected(gateway)
    client.sendall(written(dialect, prompt, stream=stream))
    return client


@contextlib.contextmanager
def held(gateway: Daemon, upstream: Simulator) -> Iterator[socket.socket]:
    """One request that has reached its upstream, and stays there."""
    upstream.fail({"fault": "stall", "seconds": 600})
    with contextlib.closing(sent(gateway, CHAT)) as client:
        wait_for(lambda: upstream.open_requests() == 1, "the request to reach the upstream")
        yield client
    wait_for(lambda: upstream.open_requests() == 0, "the hang-up to reach the upstream")


@pytest.fixture(scope="module")
def limited(_first: Simulator) -> Iterator[Daemon]:
    text = config(provider("fox", _first), limits={"concurrent-requests": 1, "body": 4096}, disable_cooling=True)
    with harness.daemon(text) as running:
        yield running


@pytest.fixture
def narrow(upstream: Simulator) -> Iterator[Daemon]:
    """Its provider gets one request at a time."""
    with harness.daemon(config(provider("fox", upstream, max_concurrent=1))) as running:
        yield running


def test_beyond_the_limit_every_entry_answers_429_in_its_dialect(limited: Daemon, upstream: Simulator) -> None:
    asked = [(each, each.path) for each in ENTRIES.values()] + [(MESSAGES, COUNT)]
    with held(limited, upstream), ThreadPoolExecutor(len(asked)) as threads:
        answers = list(threads.map(lambda each: limited.post(each[1], each[0].request("x")), asked))
    assert [(each.status_code, each.headers["retry-after"]) for each in answers] == [(429, "1")] * len(asked)
    assert all(
        "limits.concurrent-requests" in (dialect.failure({"type": "error", **answer.json()}) or "")
        for (dialect, _), answer in zip(asked, answers, strict=True)
    )


@pytest.mark.parametrize("stream", [True, False])
def test_who_hangs_up_and_asks_again_gets_the_place_it_has_left(
    limited: Daemon, upstream: Simulator, stream: bool
) -> None:
    """The limit is one."""
    for _ in range(5):
        upstream.fail({"fault": "stall", "seconds": 600})
        client = sent(limited, CHAT, stream=stream)
        wait_for(lambda: upstream.open_requests() == 1, "the request to reach the upstream")
        client.close()
        assert limited.post(CHAT.path, CHAT.request("x")).status_code == 200


@pytest.mark.parametrize(
    ("path", "content", "status"),
    [
        (CHAT.path, b"{", 400),
        (COUNT, b"[]", 400),
        (CHAT.path, b" " * 5000, 413),
        (RESPONSES.path, json.dumps(RESPONSES.request("x", model="nobodys")).encode(), 404),
        (CHAT.path, json.dumps(CHAT.request("x", model="m" * 3000)).encode(), 400),
        (MESSAGES.path, json.dumps(MESSAGES.request("x")).encode(), 200),
        (COUNT, json.dumps(MESSAGES.request("x")).encode(), 200),
    ],
)
def test_every_end_gives_its_place_back(limited: Daemon, path: str, content: bytes, status: int) -> None:
    """The limit is one: a second request of the kind would wait for ever."""
    for _ in range(3):
        answer = limited.http.post(limited.url + path, content=content, headers={"content-type": "application/json"})
        assert answer.status_code == status, answer.text


def test_a_body_that_never_comes_gives_its_place_back(limited: Daemon) -> None:
    for _ in range(3):
        with contextlib.closing(connected(limited)) as client:
            client.sendall(f"POST {CHAT.path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n{{".encode())
    assert limited.post(CHAT.path, CHAT.request("x")).status_code == 200


def test_who_waits_for_a_provider_is_served_when_its_turn_comes(narrow: Daemon, upstream: Simulator) -> None:
    with ThreadPoolExecutor(6) as threads:
        with held(narrow, upstream):
            asked = [threads.submit(narrow.post, CHAT.path, CHAT.request(f"x{number}")) for number in range(6)]
            wait_for(lambda: WAITING.findall(narrow.get("/metrics").text) == ["6"], "six to wait")
            assert upstream.open_requests() == 1
        assert [each.result().status_code for each in asked] == [200] * 6


def test_who_waits_and_hangs_up_leaves_at_once(narrow: Daemon, upstream: Simulator) -> None:
    """Its request never reaches the upstream, and the next one gets the place."""
    with held(narrow, upstream):
        for _ in range(3):
            sent(narrow, CHAT, "left").close()
        wait_for(lambda: narrow.log.count(" status=499 ") >= 3, "three hang-ups")
    assert narrow.post(CHAT.path, CHAT.request("stayed")).status_code == 200
    assert not any("left" in json.dumps(each) for each in upstream.requests)


class OneAtATime:
    """An upstream that never answers. ``refused``: how many requests came while it had an earlier one, whose end it
    had not been sent."""

    def __init__(self) -> None:
        self.refused = self.asked = 0
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                head = connection.recv(65536)
                if not head.startswith(b"POST"):
                    connection.close()
                    continue
                self.refused += any(map(_is_open, self._open))
                self._open.append(connection)
                self.asked += 1

    def has_got(self, number: int) -> bool:
        return self.asked == number

    def close(self) -> None:
        self._listener.close()
        for connection in self._open:
            connection.close()


def _is_open(connection: socket.socket) -> bool:
    try:
        while data := connection.recv(65536, socket.MSG_DONTWAIT):
            del data
    except BlockingIOError:
        return True
    except ConnectionResetError:
        return False
    return False


@pytest.mark.parametrize(
    ("settings", "affinity"), [({"max_concurrent": 1}, True), ({}, False)], ids=["limited", "unlimited"]
)
def test_a_resend_comes_after_the_end_of_what_its_client_has_left(settings: dict[str, int], affinity: bool) -> None:
    """A client hangs up and asks again at once, fifty times: an upstream that takes one at a time has always been
    sent the end of the one before."""
    with contextlib.closing(OneAtATime()) as upstream:
        fox = provider("fox", upstream.url, models=["gpt-5"], **settings)
        with harness.daemon(config(fox, routing={"session-affinity": affinity})) as gateway:
            client = sent(gateway, CHAT, "x")
            for number in range(1, 50):
                wait_for(partial(upstream.has_got, number), "the request to reach the upstream")
                following = connected(gateway)
                gateway.process.send_signal(signal.SIGSTOP)  # so that it sees both at once
                client.close()
                following.sendall(written(CHAT, "x", stream=bool(number % 2)))
                gateway.process.send_signal(signal.SIGCONT)
                client = following
            wait_for(partial(upstream.has_got, 50), "the last request to reach the upstream")
            client.close()
            assert (upstream.asked, upstream.refused) == (50, 0)


def test_a_limit_that_nobody_announced_costs_no_client_its_answer() -> None:
    """Three at once are taken, and 429 is answered above that; twelve ask at once, again and again."""
    with (
        harness.simulator("--max-concurrent", "3") as upstream,
        harness.daemon(config(provider("fox", upstream))) as gateway,
        ThreadPoolExecutor(12) as threads,
    ):
        answers = list(threads.map(lambda number: gateway.post(CHAT.path, CHAT.request(f"x{number}")), range(120)))
        limits = LIMIT.findall(gateway.get("/metrics").text)
    assert {each.status_code for each in answers} == {200}
    assert [int(each) <= 5 for each in limits] == [True], "what it takes is learned; a raise is tried now and then"
