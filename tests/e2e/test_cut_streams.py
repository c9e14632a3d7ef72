"""A stream that its upstream cut is never told as a clean end, in none of the nine pairs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.dialects import CHAT, MESSAGES, RESPONSES, events, messages_tool, script
from tests.harness import Daemon, Simulator, config, daemon, provider

ENTRIES = {"messages": MESSAGES, "chat": CHAT, "responses": RESPONSES}
WIRES = ("responses", "chat", "messages")
LONG = script({"text": "word " * 20})


@pytest.fixture(scope="module")
def three(_first: Simulator) -> Iterator[Daemon]:
    """A provider of each wire, named after it, that all lead to the simulator."""
    providers = [provider(wire, _first, wire_api=wire, models=[f"{wire}-model"]) for wire in WIRES]
    with daemon(config(*providers, disable_cooling=True, request_retry=0)) as running:
        yield running


@pytest.mark.parametrize("fault", ["end", "cut"], ids=["clean-end", "abort"])
@pytest.mark.parametrize("after", [1, 4, 8, 14])
@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("entry", ENTRIES)
def test_streamed(upstream: Simulator, three: Daemon, entry: str, wire: str, after: int, fault: str) -> None:
    dialect = ENTRIES[entry]
    upstream.fail({"fault": fault, "after": after})
    body = dialect.request(LONG, stream=True, **({"model": f"{wire}-model"}))
    with three.stream(dialect.path, body) as response:
        if response.status_code != 200:
            assert response.status_code >= 500
            return
        seen = list(events(response))
    assert not any(dialect.terminal(event) for event in seen)
    assert dialect.failure(seen[-1])


@pytest.mark.parametrize("fault", ["end", "cut"])
@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("entry", ENTRIES)
def test_whole(upstream: Simulator, three: Daemon, entry: str, wire: str, fault: str) -> None:
    if wire == entry != "responses":
        pytest.skip("these pairs are asked for a whole answer, which cannot end early in a clean way")
    dialect = ENTRIES[entry]
    upstream.fail({"fault": fault, "after": 8})
    answer = three.post(dialect.path, dialect.request(LONG, model=f"{wire}-model"))
    assert answer.status_code >= 500


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_without_a_fault_every_pair_answers(
    upstream: Simulator, three: Daemon, entry: str, wire: str, stream: bool
) -> None:
    dialect = ENTRIES[entry]
    body: dict[str, Any] = dialect.request("hello", model=f"{wire}-model", stream=stream)
    if entry == "messages":
        body["tools"] = [messages_tool()]
    if not stream:
        assert three.post(dialect.path, body).json()["model"] == f"{wire}-model"
        return
    with three.stream(dialect.path, body) as response:
        assert dialect.terminal(list(events(response))[-1])
