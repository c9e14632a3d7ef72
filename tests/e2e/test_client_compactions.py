"""Claude Code and Codex compact their conversation, once through every wire, and go on with what the summary says.

Codex has two ways. With a provider of config.toml it asks for a summary in an ordinary turn; with its own provider
(``openai_base_url``) it sends a ``compaction_trigger`` and takes nothing but one ``compaction`` item for an answer.
Claude Code always asks for a summary: upon ``/compact``, or when a prompt is too long for the model.
Seen with Claude Code 2.1.332 and Codex 0.171.0.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.e2e.agents import Agent, agent
from tests.e2e.playing import MAIN, Played
from tests.harness import Daemon, Simulator, config, daemon, provider

WIRES: Final = ("chat", "messages", "responses")
KINDS: Final = ("codex", "built-in codex")
IN_THE_SUITE: Final = frozenset({("built-in codex", "chat"), ("claude", "messages")})
LIMIT: Final = "14000"
"""Tokens after which Codex compacts: its own instructions and tools are 10,000, and the task makes 7,000 more."""
FILLER: Final = "x" * 1000
TASK: Final = [
    {"tool": "exec_command", "input": {"cmd": "printf %s eins-1 > one.txt"}},
    {"parallel": [{"tool": "exec_command", "input": {"cmd": "head -c 10000 /dev/zero | tr '\\0' x"}}] * 3},
]
OTHER_APIS: Final = (Played("kimi", "messages"), Played("vllm", "responses"), Played("deepseek", "responses"))
"""Of makes whose first API is another one."""
SUMMARY: Final = "SUMMARY-BY-SIMULATOR"
SEALED: Final = '"type": "compaction"'
"""A summary that only the upstream can read."""


def cells(*kinds: str) -> list[Any]:
    """(kind, wire), those that are not in the suite for `make soak`."""
    pairs = [(kind, wire) for kind in kinds for wire in WIRES]
    return [pytest.param(*pair, marks=() if pair in IN_THE_SUITE else pytest.mark.soak) for pair in pairs]


def through(upstream: Simulator, wire: str, name: str = "fox", **settings: object) -> dict[str, object]:
    models = [{"name": "gpt-5", "alias": "shared"}]
    return provider(name, upstream, wire_api=wire, models=models, defaults={"model": "gpt-5"}, **settings)


@pytest.fixture
def gateway(upstream: Simulator, wire: str) -> Iterator[Daemon]:
    with daemon(config(through(upstream, wire), request_retry=0)) as running:
        yield running


def compacts(client: Agent) -> None:
    """A task that is too long for Codex' limit before it is done."""
    client.asked(f"Do it. SCRIPT={json.dumps(TASK)}")
    assert (client.work / "one.txt").read_text("utf-8") == "eins-1"


def goes_on(client: Agent, upstream: Simulator, *, past: str) -> None:
    """The next task is done with the summary in place of the ``past`` that it stands for."""
    upstream.control(reset=True)
    client.makes("two.txt", "zwei-2")
    sent = [json.dumps(each["body"]) for each in upstream.requests if each["status"] == 200]
    assert len(sent) == 2, "one question and one result: no second compaction"
    for body in sent:
        assert SUMMARY in body or SEALED in body
        assert re.search(past, body) is None


@pytest.mark.parametrize(("kind", "wire"), cells(*KINDS))
def test_codex_at_its_limit(upstream: Simulator, gateway: Daemon, kind: str) -> None:
    with agent(kind, gateway.url, "shared", model_auto_compact_token_limit=LIMIT) as client:
        compacts(client)
        goes_on(client, upstream, past=FILLER)
    assert "attempt failed" not in gateway.log


@pytest.mark.parametrize(("kind", "wire"), cells("claude"))
@pytest.mark.parametrize("cause", ["asked for", pytest.param("too long a prompt", marks=pytest.mark.soak)])
def test_claude_code(upstream: Simulator, gateway: Daemon, kind: str, cause: str) -> None:
    with agent(kind, gateway.url, "shared") as client:
        client.makes("one.txt", "eins-1")
        if cause == "asked for":
            client.asked("/compact")
        else:
            upstream.fail("context_length")
            client.makes("three.txt", "drei-3")
        goes_on(client, upstream, past="tool_use.{,200}eins-1|tool_calls.{,200}eins-1")


@pytest.mark.soak
@pytest.mark.parametrize("make", (*MAIN, *OTHER_APIS), ids=lambda make: make.name)
def test_every_make(make: Played) -> None:
    """Those that have no compaction, and those that refuse what is odd about a summary's turn."""
    with (
        make.upstream() as upstream,
        daemon(config(make.provider("fox", upstream), request_retry=0, disable_cooling=True)) as gateway,
        agent("built-in codex", gateway.url, make.model, model_auto_compact_token_limit=LIMIT) as client,
    ):
        compacts(client)
        goes_on(client, upstream, past=FILLER)


HANDED_ON: Final = [
    (kind, one, two)
    for kind in KINDS
    for one, two in itertools.permutations(WIRES, 2)
    if (kind, one) != ("built-in codex", "responses")
]
"""What a Responses upstream has encrypted goes to no other: it is all that is left of the conversation."""


@pytest.mark.soak
@pytest.mark.parametrize(("kind", "wire", "other_wire"), HANDED_ON)
def test_another_wire_goes_on(
    upstream: Simulator, other_upstream: Simulator, kind: str, wire: str, other_wire: str
) -> None:
    """What one provider has summed up, the next one reads."""
    first, second = through(upstream, wire, priority=1), through(other_upstream, other_wire, "wolf")
    with (
        daemon(config(first, second, request_retry=0, disable_cooling=True)) as gateway,
        agent(kind, gateway.url, "shared", model_auto_compact_token_limit=LIMIT) as client,
    ):
        compacts(client)
        upstream.control(always=["server_error"])
        try:
            goes_on(client, other_upstream, past=FILLER)
        finally:
            upstream.control(always=[])


@pytest.mark.soak
@pytest.mark.parametrize("wire", ["chat", "messages"])
def test_another_node_goes_on(upstream: Simulator, other_upstream: Simulator, wire: str) -> None:
    """The item is in no node's own code: a daemon that has never seen the conversation opens it."""
    with (
        daemon(config(through(upstream, wire))) as first,
        daemon(config(through(other_upstream, wire))) as second,
        agent("built-in codex", first.url, "shared", model_auto_compact_token_limit=LIMIT) as client,
    ):
        compacts(client)
        client.url = second.url
        goes_on(client, other_upstream, past=FILLER)
