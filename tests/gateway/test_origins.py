"""Encrypted reasoning that passes through goes to the core auth that made it."""

from __future__ import annotations

from daemon.gateway import origins as module
from daemon.gateway.origins import Origins

FOX, WOLF = "tppc:fox:1", "tppc:wolf:2"


def allowed(origins: Origins, piece: bytes = b"x") -> list[str]:
    return [auth for auth in (FOX, WOLF) if origins.may_go(auth, piece)]


def test_the_maker_alone_gets_it_back() -> None:
    origins = Origins()
    origins.made(FOX, b"x")
    assert allowed(origins) == [FOX]
    assert allowed(origins, b"y") == [FOX, WOLF]


def test_who_takes_a_piece_of_unknown_origin_has_vouched_for_it() -> None:
    origins = Origins()
    origins.accepted(WOLF, [b"x"])
    assert allowed(origins) == [WOLF]


def test_who_refused_a_piece_is_not_sent_it_again() -> None:
    origins = Origins()
    origins.refused(FOX, [b"x"])
    assert allowed(origins) == [WOLF]
    origins.accepted(WOLF, [b"x"])
    assert allowed(origins) == [WOLF]


def test_the_oldest_is_forgotten_first() -> None:
    origins = Origins()
    for number in range(module.MOST_REMEMBERED + 1):
        origins.made(FOX, b"%d" % number)
    assert allowed(origins, b"0") == [FOX, WOLF]
    assert allowed(origins, b"1") == [FOX]
