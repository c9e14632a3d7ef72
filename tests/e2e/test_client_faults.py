"""Claude Code over streams that fail within a tool call: it runs no half call, asks again, and does its task.

It runs a call as soon as its block is closed. With a stop before ``error`` it ran ``{"comm`` as a whole call, was
refused by its own tool, went on with the next step, and exited 0 with the file not made (2.1.197, 2.1.332).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clients import run_client
from tests.e2e.strict import KEY, StrictUpstream, needs_upstream, strict_upstream
from tests.harness import Daemon, Simulator, config, daemon, provider

CODE = "run-claude-code.sh"
WITHIN_THE_CALL = 26
"""Events of the simulator's Messages stream: past its thinking, within the arguments."""


@pytest.fixture(scope="module")
def strict() -> Iterator[StrictUpstream]:
    with strict_upstream() as running:
        yield running


@pytest.fixture(scope="module")
def translating(strict: StrictUpstream) -> Iterator[Daemon]:
    entry = {"name": "fox", "enabled": True, "base-url": f"{strict.url}/v1", "api-key": KEY}
    with daemon(config(entry, disable_cooling=True, request_retry=0)) as running:
        yield running


@pytest.fixture(scope="module")
def passing_through(_first: Simulator) -> Iterator[Daemon]:
    with daemon(config(provider("fox", _first, wire_api="messages"), disable_cooling=True, request_retry=0)) as running:
        yield running


@needs_upstream
@pytest.mark.parametrize(
    ("scenario", "faults"),
    [("bash", ["stream_cut"]), ("tools", ["ok", "ok", "ok", "stream_error"])],
    ids=["first turn", "last turn"],
)
def test_translated(strict: StrictUpstream, translating: Daemon, scenario: str, faults: list[str]) -> None:
    strict.fail(*faults)
    assert "PASS" in run_client(CODE, translating.url, "gpt-5", scenario)
    assert strict.state()["faults_left"] == 0


@pytest.mark.parametrize("fault", ["cut", "error_event"])
def test_passed_through(upstream: Simulator, passing_through: Daemon, fault: str) -> None:
    """Also where the upstream itself says that it failed."""
    upstream.fail({"fault": fault, "after": WITHIN_THE_CALL})
    assert "PASS" in run_client(CODE, passing_through.url, "gpt-5", "bash")
