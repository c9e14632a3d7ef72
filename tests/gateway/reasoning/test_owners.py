"""Encrypted reasoning that passes through goes to the core auth that made it."""

from __future__ import annotations

from daemon.gateway.reasoning import owners as module
from daemon.gateway.reasoning.owners import ReasoningOwners

FOX, WOLF = "tppc:fox:1", "tppc:wolf:2"


def allowed(owners: ReasoningOwners, piece: bytes = b"x") -> list[str]:
    return [auth for auth in (FOX, WOLF) if owners.may_go(auth, piece)]


def test_the_maker_alone_gets_it_back() -> None:
    owners = ReasoningOwners()
    owners.made(FOX, b"x")
    assert allowed(owners) == [FOX]
    assert allowed(owners, b"y") == [FOX, WOLF]


def test_who_takes_a_piece_of_unknown_origin_has_vouched_for_it() -> None:
    owners = ReasoningOwners()
    owners.accepted(WOLF, [b"x"])
    assert allowed(owners) == [WOLF]


def test_who_refused_a_piece_is_not_sent_it_again() -> None:
    owners = ReasoningOwners()
    owners.refused(FOX, [b"x"])
    assert allowed(owners) == [WOLF]
    owners.accepted(WOLF, [b"x"])
    assert allowed(owners) == [WOLF]


def test_the_oldest_is_forgotten_first() -> None:
    owners = ReasoningOwners()
    for number in range(module.MOST_REMEMBERED + 1):
        owners.made(FOX, b"%d" % number)
    assert allowed(owners, b"0") == [FOX, WOLF]
    assert allowed(owners, b"1") == [FOX]
