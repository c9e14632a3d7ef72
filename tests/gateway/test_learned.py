"""What has helped is remembered for its core auth, model and condition, and within bounds."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.gateway.learned import LIFETIME, MOST, MOST_PER_AUTH, LearnedAmendments, met_by
from daemon.inference.request import ReasoningOptions, Request, Tool
from daemon.upstream.amendments.parameters import LEAVE_OUT
from daemon.upstream.amendments.rule import Amendment, Condition, Proposal
from tests.router.auths import candidate

FOX = candidate("fox")
STORE = Amendment(LEAVE_OUT, "store")
LOSSY = Amendment("only what is said")
ALWAYS: frozenset[Condition] = frozenset({""})


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def learned(clock: Clock) -> LearnedAmendments:
    return LearnedAmendments(clock)


def left_out(name: str, condition: Condition = "") -> Proposal:
    return Proposal(amendment=Amendment(LEAVE_OUT, name), condition=condition)


def test_it_holds_for_its_core_auth_and_model_alone(learned: LearnedAmendments) -> None:
    learned.remember(FOX, [left_out("store")], 1)
    assert learned.of(FOX, ALWAYS) == (STORE,)
    assert learned.of(candidate("fox", "gpt-4.1"), ALWAYS) == ()
    assert learned.of(candidate("wolf"), ALWAYS) == ()


def test_a_condition_holds_where_it_is_met(learned: LearnedAmendments) -> None:
    learned.remember(FOX, [left_out("reasoning_effort", "tools")], 1)
    assert learned.of(FOX, ALWAYS) == ()
    assert learned.of(FOX, frozenset({"", "tools"})) == (Amendment(LEAVE_OUT, "reasoning_effort"),)


@pytest.mark.parametrize(
    ("said", "met"),
    [
        ({}, {"thinking"}),
        ({"tools": (Tool(name="f"),)}, {"tools", "thinking"}),
        ({"temperature": 0.0}, {"temperature", "thinking"}),
        ({"reasoning": ReasoningOptions(enabled=False)}, set()),
        ({"reasoning": ReasoningOptions(effort="none")}, set()),
        ({"reasoning": ReasoningOptions(effort="low")}, {"thinking"}),
    ],
)
def test_which_conditions_a_request_meets(said: dict[str, Any], met: set[str]) -> None:
    assert met_by(Request(wire="chat", model="m", messages=(), **said)) == {"", *met}


def test_what_is_of_one_request_is_not_remembered(learned: LearnedAmendments) -> None:
    learned.remember(FOX, [Proposal(amendment=STORE, lasting=False)], 1)
    assert len(learned) == 0


def test_a_loss_of_content_is_in_force_after_two_different_requests(learned: LearnedAmendments) -> None:
    for request, expected in ((1, ()), (1, ()), (2, (LOSSY,))):
        learned.remember(FOX, [Proposal(amendment=LOSSY)], request)
        assert learned.of(FOX, ALWAYS) == expected


def test_a_changed_profile_forgets(learned: LearnedAmendments) -> None:
    learned.remember(FOX, [left_out("store")], 1)
    assert learned.of(candidate("fox", profile="codex-relay"), ALWAYS) == ()
    assert len(learned) == 0


def test_time_forgets(learned: LearnedAmendments, clock: Clock) -> None:
    learned.remember(FOX, [left_out("store")], 1)
    clock.now += LIFETIME - 1
    assert [entry.expires_in for entry in learned.view(FOX.auth.id)] == [1]
    assert learned.of(FOX, ALWAYS) == (STORE,)
    clock.now += 1
    assert learned.view(FOX.auth.id) == []
    assert learned.of(FOX, ALWAYS) == ()


def test_a_core_auth_that_is_gone_or_cleared_is_forgotten(learned: LearnedAmendments) -> None:
    wolf = candidate("wolf")
    learned.remember(FOX, [left_out("store"), left_out("user")], 1)
    learned.remember(wolf, [left_out("store")], 1)
    assert learned.clear(FOX.auth.id) == 2
    assert learned.clear(FOX.auth.id) == 0
    learned.keep_only([FOX.auth.id])
    assert (learned.of(FOX, ALWAYS), learned.of(wolf, ALWAYS), len(learned)) == ((), (), 0)


def test_each_core_auth_has_its_bound_and_the_least_recently_used_goes_first(learned: LearnedAmendments) -> None:
    learned.remember(FOX, [left_out("store")], 1)
    for number in range(MOST_PER_AUTH - 1):
        learned.remember(candidate("fox", f"m{number}"), [left_out("user")], 1)
    assert learned.of(FOX, ALWAYS) == (STORE,), "used: the newest now"
    learned.remember(candidate("fox", "one more"), [left_out("user")], 1)
    assert len(learned) == MOST_PER_AUTH
    assert learned.of(FOX, ALWAYS) == (STORE,)
    assert learned.of(candidate("fox", "m0"), ALWAYS) == ()


def test_all_together_are_bounded(learned: LearnedAmendments) -> None:
    for number in range(MOST + 100):
        learned.remember(candidate(f"fox{number % 200}", f"m{number}"), [left_out("user")], number)
    assert len(learned) == MOST


def test_a_hundred_thousand_hostile_refusals_leave_the_table_bounded(learned: LearnedAmendments) -> None:
    for number in range(100_000):
        learned.remember(FOX, [left_out(f"p{number}")], number)
    assert len(learned) == MOST_PER_AUTH
    assert learned.of(candidate("wolf"), frozenset({"", "tools"})) == ()
