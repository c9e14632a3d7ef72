"""Timeouts per provider over real sockets: each of them ends an attempt in time, and says which setting it was."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator

import pytest

from tests.dialects import MESSAGES, events, script
from tests.harness import Daemon, Simulator, config, daemon, provider

FLOWING = script({"text": "word " * 400})
SLOW = {"fault": "slow", "after": 0, "seconds": 0.1}
CASES = [
    pytest.param("first-event", "stall_head", True, id="no head"),
    pytest.param("first-event", {"fault": "stall", "after": 0}, False, id="no event"),
    pytest.param("idle", {"fault": "stall", "after": 8}, True, id="no next event"),
    pytest.param("total", SLOW, False, id="whole answer"),
    pytest.param("total", SLOW, True, id="streamed answer"),
]
BRIEF = {"first-event": 0.5, "idle": 0.5, "total": 1.0}


@contextlib.contextmanager
def full_listener() -> Iterator[str]:
    """An address whose backlog is full, so that no connection is made there and none is refused."""
    with contextlib.ExitStack() as sockets:
        listener = sockets.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            client = sockets.enter_context(socket.socket())
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                client.connect(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"


@pytest.fixture(scope="module")
def gateway(_first: Simulator) -> Iterator[Daemon]:
    """Each kind of provider with each limit, as a provider or a packycode of its own would have it."""
    text = json.loads(
        config(
            *(provider(f"tppc-{limit}", _first, timeouts={limit: BRIEF[limit]}) for limit in BRIEF),
            disable_cooling=True,
            request_retry=0,
        )
    )
    with full_listener() as full:
        text["tppc"]["providers"].append(provider("tppc-connect", full, timeouts={"connect": 0.5}))
        text["packycode"] = packycode(f"{_first.url}/v1", BRIEF)
        with daemon(json.dumps(text)) as running:
            yield running


def packycode(url: str, timeouts: object) -> dict[str, object]:
    return {
        "enabled": True,
        "base-url": url,
        "credentials": {"openai-api-key": "key-of-packycode"},
        "timeouts": timeouts,
    }


@pytest.mark.parametrize("kind", ["tppc", "packycode"])
@pytest.mark.parametrize("limit, fault, streamed", CASES)
def test_each_limit_ends_the_attempt_and_is_named(
    upstream: Simulator, gateway: Daemon, kind: str, limit: str, fault: object, streamed: bool
) -> None:
    name = "packycode" if kind == "packycode" else f"tppc-{limit}"
    upstream.fail(fault)
    body = MESSAGES.request(FLOWING, model=f"{name}/gpt-5", stream=streamed)
    with gateway.stream(MESSAGES.path, body) as answer:
        if answer.status_code == 200:  # the answer had begun
            assert limit in ("idle", "total") and streamed
            said = [MESSAGES.failure(each) for each in events(answer)][-1] or ""
        else:
            answer.read()
            assert answer.status_code == 504, answer.text
            said = answer.json()["error"]["message"]
    assert f"timeouts.{limit}" in said
    assert answer.headers["x-tppcd-provider"] == name
    upstream.reset()


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_no_connection_in_time(gateway: Daemon, streamed: bool) -> None:
    answer = gateway.post(MESSAGES.path, MESSAGES.request("x", model="tppc-connect/gpt-5", stream=streamed))
    assert (answer.status_code, answer.headers["x-tppcd-provider"]) == (504, "tppc-connect"), answer.text
    assert "timeouts.connect" in answer.json()["error"]["message"]


def test_a_total_that_is_longer_than_the_answer_ends_nothing(upstream: Simulator, gateway: Daemon) -> None:
    body = MESSAGES.request("x", model="tppc-total/gpt-5", stream=True)
    with gateway.stream(MESSAGES.path, body) as answer:
        assert MESSAGES.terminal(list(events(answer))[-1])


def test_a_reload_of_a_limit_is_in_force_for_the_next_request(upstream: Simulator) -> None:
    """The daemon's own ``total`` is that of every provider that has none; a new one ends no request that runs."""
    fox = provider("fox", upstream)
    with daemon(config(fox, disable_cooling=True, request_retry=0)) as running:
        upstream.fail(SLOW)
        with running.stream(MESSAGES.path, MESSAGES.request(script({"text": "word " * 8}), stream=True)) as answer:
            seen = events(answer)
            next(seen)
            running.reload(config(fox, disable_cooling=True, request_retry=0, timeouts={"total": 0.5}))
            assert MESSAGES.terminal(list(seen)[-1])
        upstream.fail(SLOW)
        refused = running.post(MESSAGES.path, MESSAGES.request(FLOWING))
        assert (refused.status_code, "timeouts.total" in refused.text) == (504, True), refused.text
