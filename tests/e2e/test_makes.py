"""The real Claude Code and the real Codex do a task with tools through every make of upstream.

Their tasks have five turns: calls in parallel, one that fails, one of a tool that does not exist, an image (and, of
Claude Code, a PDF). Every make is asked with its profile, and without one, where its refusals must teach. Seen with
Claude Code 2.1.332 and Codex 0.171.0.
"""

from __future__ import annotations

from collections import Counter

import pytest

from tests.clients import run_client
from tests.e2e.makes.table import BY_NAME
from tests.e2e.makes.upstream import upstream
from tests.harness import config, daemon

CLIENTS = {"claude": "run-claude-code.sh", "codex": "run-codex.sh"}
QUICK = (
    ("deepseek", "claude"),
    ("kimi", "codex"),
    ("mistral", "claude"),
    ("nvidia", "codex"),
    ("kimi messages", "claude"),
)
"""Of the makes that demand most: what the usual run takes, some 4 s each."""


def played(name: str, client: str, **settings: object) -> None:
    """The client's task through the make, without a hang: the upstream's deadlines are two seconds."""
    make = BY_NAME[name]
    with upstream(make) as server:
        timeouts = {"first-event": 2, "idle": 2}
        text = config(server.provider(timeouts=timeouts, **settings), disable_cooling=True, request_retry=0)
        with daemon(text) as gateway:
            said = run_client(CLIENTS[client], gateway.url, make.model, "tools")
        assert "PASS" in said
        assert server.served >= 3
        again = {sentence: times for sentence, times in Counter(server.refused).items() if times > 2}
        assert not again, "a refusal that did not teach"


@pytest.mark.parametrize(("name", "client"), QUICK)
def test_a_task_through_a_make_that_demands_much(name: str, client: str) -> None:
    played(name, client, profile=BY_NAME[name].profile)


@pytest.mark.soak
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", BY_NAME)
def test_a_task_through_every_make_whose_profile_is_set(name: str, client: str) -> None:
    played(name, client, profile=BY_NAME[name].profile)


@pytest.mark.soak
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", BY_NAME)
def test_a_task_through_every_make_of_which_nothing_is_known(name: str, client: str) -> None:
    played(name, client, profile="none")
