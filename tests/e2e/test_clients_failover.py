"""Claude Code and Codex do their task while the provider that is asked first fails in every request, and another is
well; what is no provider's fault reaches them as it is, and nobody cools down for it.

Seen with Claude Code 2.1.332 and Codex 0.171.0. The scripted upstream of ../shared plays both providers. All cases with
`make soak`, a few in the suite.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from msgspec import Struct

from tests.clients import ended_client
from tests.e2e.strict import KEY, StrictUpstream, needs_upstream, strict_upstream
from tests.harness import Daemon, config, daemon, provider
from tests.managing import KEY as MANAGEMENT_KEY
from tests.managing import ask

pytestmark = needs_upstream

CLIENTS = {"claude": "run-claude-code.sh", "codex": "run-codex.sh"}
MANY = 400
"""Faults: the upstream uses up one with each request."""
IN_THE_SUITE = {("quota", "codex"), ("stream_rate_limit", "claude"), ("stream_cut after 12", "claude")}


class Fault(Struct, frozen=True):
    """A preset of the scripted upstream; ``after`` so many events. ``cools``: whether fox cools down for it."""

    preset: str
    after: int | None = None
    cools: bool = True

    @property
    def name(self) -> str:
        return self.preset if self.after is None else f"{self.preset} after {self.after}"

    @property
    def as_sent(self) -> dict[str, object]:
        settings: dict[str, object] = {"preset": self.preset, "seconds": 20}
        return settings if self.after is None else settings | {"after": self.after}


OF_A_PROVIDER = (
    *map(Fault, ("rate_limit", "quota", "usage_limit", "overloaded", "server_error", "invalid_key")),
    Fault("drop_connection", cools=False),
    *map(Fault, ("forbidden", "model_not_found", "bad_gateway", "hang")),
    *(
        Fault(preset, after)
        for preset in ("stream_error", "stream_failed", "stream_rate_limit")
        for after in (None, 12)
    ),
    *(Fault("stream_cut", after, cools=False) for after in (None, 12)),
)
OF_NOBODY = {
    "context_length": {"claude": "prompt_too_long", "codex": "ran out of room"},
    "stream_context_length": {"claude": "prompt_too_long", "codex": "ran out of room"},
    "incomplete": {"codex": "max_output_tokens"},
    "content_filter": {"claude": "refusal", "codex": "content_filter"},
    "refusal": {"claude": "refusal"},
    "no_usage": {},
    "empty_output": {},
}
"""Of nobody's fault, and what the client says of it, where it says something."""
DONE = {"no_usage"}
"""An answer like any other."""


def cases(names: tuple[str, ...]) -> list[object]:
    """(name, client), those that are not in the suite for `make soak`."""
    pairs = [(name, client) for name in names for client in CLIENTS]
    return [pytest.param(*pair, marks=() if pair in IN_THE_SUITE else pytest.mark.soak) for pair in pairs]


@pytest.fixture(scope="module")
def failing() -> Iterator[StrictUpstream]:
    with strict_upstream() as running:
        yield running


@pytest.fixture(scope="module")
def healthy() -> Iterator[StrictUpstream]:
    with strict_upstream() as running:
        yield running


@contextmanager
def fox_first(failing: StrictUpstream, healthy: StrictUpstream) -> Iterator[Daemon]:
    brief = {"first-event": 2, "idle": 2}
    fox = provider("fox", f"{failing.url}/v1", api_key=KEY, priority=1, timeouts=brief)
    wolf = provider("wolf", f"{healthy.url}/v1", api_key=KEY)
    with daemon(config(fox, wolf, remote_management={"secret-key": MANAGEMENT_KEY})) as running:
        yield running


def posts(upstream: StrictUpstream) -> int:
    return sum(each["method"] == "POST" for each in upstream.state()["requests"])


FAULTS = {each.name: each for each in OF_A_PROVIDER}


@pytest.mark.parametrize(("name", "client"), cases(tuple(FAULTS)))
def test_the_task_is_done_by_the_other(
    failing: StrictUpstream, healthy: StrictUpstream, name: str, client: str
) -> None:
    fault = FAULTS[name]
    failing.fail(*[fault.as_sent] * MANY)
    healthy.fail()
    with fox_first(failing, healthy) as gateway:
        done = ended_client(CLIENTS[client], gateway.url, "gpt-5", "basic")
        assert done.returncode == 0, done.stdout
        gateway.wait_log("attempt failed")
        assert ("fox rests" in gateway.log) is fault.cools
        assert "wolf rests" not in gateway.log
    assert posts(healthy) >= 2, "the task has two turns"


@pytest.mark.parametrize(("name", "client"), cases(tuple(OF_NOBODY)))
def test_what_is_nobodys_fault_reaches_the_client(
    failing: StrictUpstream, healthy: StrictUpstream, name: str, client: str
) -> None:
    failing.fail(*[name] * MANY)
    healthy.fail()
    with fox_first(failing, healthy) as gateway:
        done = ended_client(CLIENTS[client], gateway.url, "gpt-5", "basic")
        assert (done.returncode == 0) is (name in DONE), done.stdout
        assert OF_NOBODY[name].get(client, "") in done.stdout
        assert {row["state"] for row in ask(gateway, "GET", "/auths").json()["auths"]} == {"ready"}
        assert "fox rests" not in gateway.log
    assert posts(healthy) == 0, "another provider would say the same"
