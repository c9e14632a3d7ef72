"""Each make of upstream, played by the simulator: every entry gets a tool turn, whole and streamed.

Once with the make's profile, and once without, where the makes' refusals must teach. The real clients are in
``test_makes``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from daemon.simulate.makes import ALL
from daemon.simulate.makes.failures import failures
from daemon.simulate.makes.make import Api, Make
from tests.dialects import DIALECTS, MESSAGES
from tests.e2e.tool_turns import asked, first_turn, second_turn, text_of, turn_of
from tests.harness import Daemon, Simulator, config, daemon, simulator

PLAYED = [(make, api) for make in ALL.values() for api in make.apis if make.models or api.wire.name == "responses"]
KNOWN = ("known", "unknown")


def alias(make: Make, api: Api, known: str) -> str:
    """The model that a client asks for."""
    return f"{make.name}/{api.wire.name}/{known}"


@pytest.fixture(scope="module")
def upstream() -> Iterator[Simulator]:
    with simulator() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(upstream: Simulator) -> Iterator[Daemon]:
    """A provider per make, API and profile, all at the one simulator."""
    providers = [
        {
            "name": alias(make, api, known).replace("/", "-").replace(".", "-"),
            "enabled": True,
            "base-url": upstream.url + (api.base or "/v1"),
            "api-key": "key",
            "wire-api": api.wire.name,
            "profile": (make.profile or make.name) if known == "known" else "none",
            "models": [{"name": make.models[0].name if make.models else "gpt-5", "alias": alias(make, api, known)}],
        }
        for make, api in PLAYED
        for known in KNOWN
    ]
    with daemon(config(*providers, disable_cooling=True, request_retry=0)) as running:
        yield running


@pytest.mark.parametrize("known", KNOWN)
@pytest.mark.parametrize(("make", "api"), PLAYED, ids=[f"{make.name} {api.wire.name}" for make, api in PLAYED])
def test_each_entry_gets_a_tool_turn(upstream: Simulator, gateway: Daemon, make: Make, api: Api, known: str) -> None:
    """The make refuses for the same reason at most once per entry: what one has taught holds."""
    upstream.control(profile=make.name, reset=True)
    for entry in DIALECTS:
        for stream in (True, False):
            body = first_turn(entry, alias(make, api, known), stream=stream)
            called = turn_of(entry, asked(gateway, entry, body))
            done = asked(gateway, entry, second_turn(entry, body, called))
            assert "made" in text_of(entry, done), f"{entry}, stream {stream}"
    again = Counter(row["fault"] for row in upstream.requests if row["status"] >= 400)
    assert all(times <= len(DIALECTS) for times in again.values()), again


FAILURES = {"quota": "billing_error", "rate_limit": "rate_limit_error", "overloaded": "overloaded_error"}
OTHERS = {("gemini", "quota"): "rate_limit_error", ("qwen", "overloaded"): "rate_limit_error"}
"""Where the make's own words are no clearer."""
FAILING = [(name, fault) for name in ALL for fault in failures(name)]


@pytest.mark.parametrize(("name", "fault"), FAILING)
def test_what_is_not_the_requests_fault_is_read_from_the_words_of_the_make(
    upstream: Simulator, gateway: Daemon, name: str, fault: str
) -> None:
    upstream.control(profile=name, reset=True, faults=[fault])
    make = ALL[name]
    answer = gateway.post(MESSAGES.path, MESSAGES.request("hi", model=alias(make, make.apis[0], "unknown")))
    assert answer.json()["error"]["type"] == OTHERS.get((name, fault), FAILURES[fault])
