"""Conversations with thinking of the real clients, which change over from one make to the other, also between a tool's
call and its result: no make refuses one, each gets its own thinking back, and what stays behind is reported.

Makes differ in where their thinking stands, and in whether they insist on having it back: Gemini signs its calls,
DeepSeek and Kimi show ``reasoning_content``, the Responses upstreams that keep nothing show ``reasoning_text``.
Seen with Claude Code 2.1.332 and Codex 0.171.0.
"""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from typing import Any, Final

import pytest
from msgspec import Struct

from tests.e2e.agents import AGENTS, Agent, agent
from tests.e2e.playing import Played, refusals
from tests.harness import Daemon, Simulator, config, daemon

GEMINI: Final = Played("gemini", "chat")
DEEPSEEK: Final = Played("deepseek", "chat")
KIMI: Final = Played("kimi", "chat")
PLAIN: Final = Played("deepseek", "responses")
OTHERS: Final = (
    Played("kimi", "messages"),
    Played("vllm", "responses"),
    Played("openrouter", "chat"),
)
UNSIGNED: Final = (Played("kimi", "messages"),)
"""Thinking of Messages that nobody has signed does not go back from a client of another API; this is reported."""
LEARNED: Final = frozenset({"/anthropic/v1/messages thinking"})
"""Kimi takes no adaptive thinking over Messages: one refusal teaches that. It is about no earlier thinking."""
NAMED: Final = (GEMINI, DEEPSEEK, KIMI, PLAIN)
PAIRS: Final = (
    *itertools.permutations(NAMED, 2),
    *((one, two) for other in OTHERS for one, two in ((GEMINI, other), (other, PLAIN))),
)
IN_THE_SUITE: Final = frozenset(
    {("gemini chat, deepseek chat", "codex"), ("kimi chat, deepseek responses", "built-in codex")}
)
THOUGHT: Final = "I look at the offered tools"
SIGNATURE: Final = '"thought_signature": "gAAAAAB'
SEALED: Final = re.compile('"(?:encrypted_content|signature)": "gAAAAAB')


def cells() -> list[Any]:
    rows = [(one, two, kind, f"{one.name}, {two.name}") for one, two in PAIRS for kind in AGENTS]
    return [
        pytest.param(
            one, two, kind, id=f"{name}-{kind}", marks=() if (name, kind) in IN_THE_SUITE else pytest.mark.soak
        )
        for one, two, kind, name in rows
    ]


class Exchange(Struct, frozen=True):
    """A request that was answered: to whom it went, what was ``sent``, and what the daemon reported as ``lost``."""

    provider: str
    sent: str
    lost: tuple[str, ...]

    @property
    def thoughts(self) -> int:
        """How many pieces of earlier thinking it has."""
        if SIGNATURE in self.sent:
            return self.sent.count(SIGNATURE)
        return max(self.sent.count(THOUGHT), len(SEALED.findall(self.sent)))


class Conversation:
    """A client in front of a daemon with two providers. ``fox`` is asked first."""

    def __init__(self, gateway: Daemon, client: Agent, upstreams: dict[str, Simulator]) -> None:
        self.gateway = gateway
        self.client = client
        self.upstreams = upstreams
        self.refused: Counter[str] = Counter()
        self.turns = 0

    def turn(self, *, fails: str = "", after: int = 0) -> list[Exchange]:
        """One task, which has two answers: a call, and the last word. ``fails`` answers the first ``after`` requests
        and no more of this turn."""
        for name, upstream in self.upstreams.items():
            upstream.fail(*["ok"] * after, *["server_error"] * 40 if name == fails else ())
        seen = len(self.gateway.log)
        self.turns += 1
        self.client.makes(f"file-{self.turns}.txt", f"word-{self.turns}")
        found = [each for upstream in self.upstreams.values() for each in refusals(upstream)]
        self.refused.update(f"{each['path']} {each['fault']}" for each in found if each["status"] != 500)
        assert self.refused.keys() <= LEARNED and max(self.refused.values(), default=0) <= 1, self.refused
        return self._exchanges(self.gateway.log[seen:])

    def _exchanges(self, log: str) -> list[Exchange]:
        answered = {
            name: [json.dumps(each["body"]) for each in upstream.requests if each["status"] == 200]
            for name, upstream in self.upstreams.items()
        }
        lines = re.findall(r" request_id=.* provider=(\w+) .*status=200 (.*)", log)
        found = [Exchange(name, answered[name].pop(0), tuple(_lost(rest))) for name, rest in lines]
        assert not any(answered.values()), "requests that are in no line of the log"
        return found


def _lost(line: str) -> list[str]:
    found = re.search(r"\blost=(\S+)", line)
    return found[1].split(",") if found else []


@pytest.mark.parametrize(("one", "two", "kind"), cells())
def test_makes_by_turns(one: Played, two: Played, kind: str) -> None:
    with one.upstream() as fox, two.upstream() as wolf:
        providers = [
            make.provider(name, upstream, models=[{"name": make.model, "alias": "shared"}], priority=priority)
            for name, make, upstream, priority in (("fox", one, fox, 1), ("wolf", two, wolf, 0))
        ]
        with (
            daemon(config(*providers, disable_cooling=True, request_retry=0)) as gateway,
            agent(kind, gateway.url, "shared") as client,
        ):
            conversation = Conversation(gateway, client, {"fox": fox, "wolf": wolf})
            exchanges = [
                *conversation.turn(),
                *conversation.turn(fails="fox", after=1),
                *conversation.turn(fails="fox"),
                *conversation.turn(),
            ]
    assert [each.provider for each in exchanges[:6]] == ["fox", "fox", "fox", "wolf", "wolf", "wolf"]
    makes = {"fox": one, "wolf": two}
    before: list[str] = []
    for number, each in enumerate(exchanges):
        own = [place for place, name in enumerate(before) if name == each.provider]
        signed = makes[each.provider] == GEMINI
        # A signature stands at calls alone: the first of the two answers of a turn.
        due = [place for place in own if not signed or place % 2 == 0]
        if makes[each.provider] not in UNSIGNED:
            assert each.thoughts >= len(due), f"request {number} lacks its own thinking: {each.thoughts} of {len(due)}"
        if (len(own) < len(before) and each.thoughts < len(before)) or each.thoughts < len(due):
            assert any("reasoning" in name for name in each.lost), f"request {number} is silent: {each.lost}"
        before.append(each.provider)
