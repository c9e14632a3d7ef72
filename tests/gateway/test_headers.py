"""A turn state goes to and from its own core auth only; what passes down is for clients of the same wire."""

from __future__ import annotations

from msgspec.structs import replace

from daemon.gateway.headers import PassedHeaders
from daemon.gateway.reasoning.owners import ReasoningOwners
from daemon.snapshot.core_auths import CoreAuth
from tests.gateway.client_requests import client_request
from tests.gateway.targets import adapter
from tests.router.auths import core_auth

STATE = "x-codex-turn-state"
FOX, WOLF = core_auth("fox"), core_auth("wolf")


def headers(owners: ReasoningOwners, *auths: CoreAuth, wire: str = "responses", state: str = "T") -> PassedHeaders:
    request = client_request(wire)
    snapshot = replace(request.snapshot, core_auths=auths)
    return PassedHeaders(
        replace(request, headers={"user-agent": "codex_exec/1", STATE: state}, snapshot=snapshot), owners
    )


def test_a_turn_state_goes_back_to_the_core_auth_that_made_it_and_to_no_other() -> None:
    owners = ReasoningOwners()
    headers(owners, FOX, WOLF).received(adapter(FOX), {STATE: "T"})
    again = headers(owners, FOX, WOLF)
    assert again.for_upstream(adapter(FOX), "s")[STATE] == "T"
    assert STATE not in again.for_upstream(adapter(WOLF), "s")


def test_one_of_unknown_origin_goes_to_the_first_that_is_asked() -> None:
    """After a restart: who takes it is its owner, and who refuses it does not get it again."""
    owners = ReasoningOwners()
    asked = headers(owners, FOX, WOLF)
    assert asked.for_upstream(adapter(FOX), "s")[STATE] == "T"
    assert STATE not in asked.for_upstream(adapter(WOLF), "s")
    assert asked.lost == (STATE,)
    asked.accepted(adapter(WOLF))
    assert owners.of(b"T") is None, "it was not sent"
    asked.refused(adapter(FOX))
    assert STATE not in headers(owners, FOX, WOLF).for_upstream(adapter(FOX), "s")
    again = headers(owners, FOX, WOLF)
    assert again.for_upstream(adapter(WOLF), "s")[STATE] == "T"
    again.accepted(adapter(WOLF))
    assert (owners.of(b"T"), again.lost) == (WOLF.id, ())


def test_a_turn_state_is_lost_over_another_wire() -> None:
    asked = headers(ReasoningOwners(), FOX)
    messages = adapter(core_auth("owl", wire="messages"))
    assert STATE not in asked.for_upstream(messages, "s")
    assert asked.lost == (STATE,)


def test_limits_pass_down_on_the_same_wire_alone() -> None:
    limits = {"x-codex-primary-used-percent": "3", "server": "s"}
    same, other = headers(ReasoningOwners(), FOX), headers(ReasoningOwners(), FOX, wire="messages")
    same.received(adapter(FOX), limits)
    other.received(adapter(FOX), limits)
    assert (same.passed, other.passed) == ((("x-codex-primary-used-percent", "3"),), ())
    same.received(adapter(core_auth("owl", wire="chat")), limits)
    assert same.passed == (), "the latest answer is another upstream's"
