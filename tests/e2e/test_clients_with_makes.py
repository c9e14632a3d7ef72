"""The real Codex and the real Claude Code do their task through every make that ``tppcd simulate --profile`` plays.

Codex comes twice: with a provider of its config.toml, and with its own provider at the gateway's address, which sends
more of the Responses API. What its profile does not say of a make, or of the model, is learned from one refusal.
Seen with Claude Code 2.1.332 and Codex 0.171.0.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import pytest

from tests.clients import run_client
from tests.e2e.playing import MAIN, PLAYED, Played, refusals
from tests.harness import config, daemon

TASKS: Final = {
    "claude": ("run-claude-code.sh", "basic"),
    "codex": ("run-codex.sh", "basic"),
    "built-in codex": ("run-codex.sh", "builtin"),
}
SUBAGENTS: Final = ("run-claude-code.sh", "subagent")
"""Two, which Claude Code runs in the background: what they return comes in a turn of the user's, later."""
IN_THE_SUITE: Final = frozenset(
    {("gemini chat", "claude"), ("deepseek chat", "codex"), ("vllm responses", "built-in codex")}
)


def cells(*kinds: str, makes: tuple[Played, ...] = PLAYED) -> list[Any]:
    """(make, kind), those that are not in the suite for `make soak`."""
    pairs = [(make, kind) for make in makes for kind in kinds]
    return [
        pytest.param(
            make, kind, id=f"{make.name}-{kind}", marks=() if (make.name, kind) in IN_THE_SUITE else pytest.mark.soak
        )
        for make, kind in pairs
    ]


def play(make: Played, runner: str, scenario: str, *, at_once: int = 1) -> None:
    """``at_once``: how many requests of the client may be under way before the first has taught anything."""
    with make.upstream() as upstream:
        text = config(make.provider("fox", upstream), disable_cooling=True, request_retry=0)
        with daemon(text) as gateway:
            said = run_client(runner, gateway.url, make.model, scenario)
        assert "PASS" in said
        refused = Counter(each["fault"] for each in refusals(upstream))
        assert max(refused.values(), default=0) <= at_once, f"a refusal that did not teach: {refused}"


@pytest.mark.parametrize(("make", "kind"), cells(*TASKS))
def test_a_task(make: Played, kind: str) -> None:
    play(make, *TASKS[kind])


@pytest.mark.soak
@pytest.mark.parametrize("make", MAIN, ids=lambda make: make.name)
def test_subagents_in_the_background(make: Played) -> None:
    play(make, *SUBAGENTS, at_once=3)
