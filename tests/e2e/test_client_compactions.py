"""Claude Code and Codex compact their conversation, once through every wire, and go on with what the summary says.

Codex has two ways. With a provider of config.toml it asks for a summary in an ordinary turn; with its own provider
(``openai_base_url``) it sends a ``compaction_trigger`` and takes nothing but one ``compaction`` item for an answer.
Claude Code always asks for a summary: upon ``/compact``, or when a prompt is too long for the model.
Seen with Claude Code 2.1.332 and Codex 0.171.0.
"""

from __future__ import annotations

import json
from typing import Final

import pytest

from tests.e2e.agents import Agent, agent
from tests.harness import Simulator, config, daemon, provider

CODEX: Final = ("codex", "built-in codex")
WIRES: Final = ("chat", "messages", "responses")
LIMIT: Final = "14000"
"""Tokens after which Codex compacts: its own instructions and tools are 10,000, and the task makes 7,000 more."""
FILLER: Final = "x" * 1000
TASK: Final = [
    {"tool": "exec_command", "input": {"cmd": "printf %s eins-1 > one.txt"}},
    {"parallel": [{"tool": "exec_command", "input": {"cmd": "head -c 10000 /dev/zero | tr '\\0' x"}}] * 3},
]
SUMMARY: Final = "SUMMARY-BY-SIMULATOR"
SEALED: Final = '"type": "compaction"'


def fox(upstream: Simulator, wire: str, name: str = "fox", priority: int = 0) -> dict[str, object]:
    models = [{"name": "gpt-5", "alias": "shared"}]
    return provider(name, upstream, wire_api=wire, models=models, priority=priority, defaults={"model": "gpt-5"})


def fills_its_context(client: Agent) -> None:
    """A task that is too long for Codex' limit before it is done."""
    client.asked(f"Do it. SCRIPT={json.dumps(TASK)}")
    assert (client.work / "one.txt").read_text("utf-8") == "eins-1"


def goes_on(client: Agent, upstream: Simulator) -> None:
    """The next task is done with the summary in place of what it stands for."""
    upstream.control(reset=True)
    client.makes("two.txt", "zwei-2")
    sent = [json.dumps(each["body"]) for each in upstream.requests]
    assert len(sent) == 2, "one question and one result: no second compaction"
    for body in sent:
        assert SUMMARY in body or SEALED in body
        assert FILLER not in body


@pytest.mark.parametrize(
    "wire", [pytest.param(wire, marks=pytest.mark.soak if wire == "messages" else ()) for wire in WIRES]
)
@pytest.mark.parametrize("kind", CODEX)
def test_codex_goes_on_after_its_compaction(upstream: Simulator, wire: str, kind: str) -> None:
    with daemon(config(fox(upstream, wire), request_retry=0)) as gateway:
        with agent(kind, gateway.url, "shared", model_auto_compact_token_limit=LIMIT) as client:
            fills_its_context(client)
            goes_on(client, upstream)
        assert "attempt failed" not in gateway.log
