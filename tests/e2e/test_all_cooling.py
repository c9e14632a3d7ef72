"""Over real sockets: everybody rests from before, and each client gets what it acts on."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests import harness
from tests.dialects import CHAT, MESSAGES, RESPONSES
from tests.harness import Daemon, Simulator, config, provider

ENTRIES = {"messages": MESSAGES, "chat": CHAT, "responses": RESPONSES}
FAULTS: dict[str, object] = {
    "limited": {"fault": "rate_limit", "retry-after": 300},
    "refused": "unauthorized",
    "down": {"fault": "unavailable", "retry-after": 20},
}


@pytest.fixture(scope="module")
def resting(_first: Simulator) -> Iterator[Daemon]:
    """Each provider has failed once, in its own way."""
    with harness.daemon(config(*(provider(name, _first) for name in FAULTS), request_retry=0)) as running:
        for name, fault in FAULTS.items():
            _first.fail(fault)
            assert running.post(CHAT.path, CHAT.request("x", model=f"{name}/gpt-5")).status_code >= 400
        _first.reset()
        yield running


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize(
    ("name", "status", "wait", "should_retry"),
    [("limited", 429, range(200, 301), "false"), ("refused", 401, None, "false"), ("down", 503, range(1, 26), None)],
)
def test_the_class_of_the_cause_and_when_to_come_back(
    resting: Daemon,
    upstream: Simulator,
    entry: str,
    name: str,
    status: int,
    wait: range | None,
    should_retry: str | None,
    stream: bool,
) -> None:
    dialect = ENTRIES[entry]
    answer = resting.post(dialect.path, dialect.request("x", model=f"{name}/gpt-5", stream=stream))
    assert answer.status_code == status, answer.text
    assert answer.headers.get("x-should-retry") == should_retry
    if wait is None:
        assert "retry-after" not in answer.headers
        assert "provider's key in config.yaml was refused, not your own" in answer.text
    else:
        assert int(answer.headers["retry-after"]) in wait
    assert name in json.dumps(dialect.failure({"type": "error", **answer.json()}))
    assert upstream.state()["requests"]["total"] == 0, "nobody was asked"
