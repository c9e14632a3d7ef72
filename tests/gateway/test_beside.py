"""A turn state goes to and from its own core auth only; what passes down is for clients of the same wire."""

from __future__ import annotations

from msgspec.structs import replace

from daemon.gateway.beside import Beside
from daemon.gateway.origins import Origins
from daemon.snapshot.core_auths import CoreAuth
from tests.gateway.inbounds import inbound
from tests.router.auths import core_auth

STATE = "x-codex-turn-state"
FOX, WOLF = core_auth("fox"), core_auth("wolf")


def beside(origins: Origins, *auths: CoreAuth, wire: str = "responses", state: str = "T") -> Beside:
    asked = inbound(wire)
    snapshot = replace(asked.snapshot, core_auths=auths)
    return Beside(replace(asked, headers={"user-agent": "codex_exec/1", STATE: state}, snapshot=snapshot), origins)


def test_a_turn_state_goes_back_to_the_core_auth_that_made_it_and_to_no_other() -> None:
    origins = Origins()
    beside(origins, FOX, WOLF).down(FOX, {STATE: "T"})
    again = beside(origins, FOX, WOLF)
    assert again.up(FOX, "s")[STATE] == "T"
    assert STATE not in again.up(WOLF, "s")


def test_one_of_unknown_origin_goes_where_only_one_can_have_made_it() -> None:
    assert beside(Origins(), FOX).up(FOX, "s")[STATE] == "T"
    assert STATE not in beside(Origins(), FOX, WOLF).up(FOX, "s")


def test_limits_pass_down_on_the_same_wire_alone() -> None:
    said = {"x-codex-primary-used-percent": "3", "server": "s"}
    same, other = beside(Origins(), FOX), beside(Origins(), FOX, wire="messages")
    same.down(FOX, said)
    other.down(FOX, said)
    assert (same.passed, other.passed) == ((("x-codex-primary-used-percent", "3"),), ())
    same.down(core_auth("owl", wire="chat"), said)
    assert same.passed == (), "the latest answer is another upstream's"
