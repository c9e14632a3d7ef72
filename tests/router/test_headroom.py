"""What is left of a core auth's limits, as the heads of its answers say it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from daemon.errors import ErrorKind
from daemon.router.headroom import FARTHEST, KEPT, WINDOWS, Headroom
from daemon.router.states import AuthStates
from tests.router.auths import candidate, core_auth
from tests.router.conversation import World, error

WALL = 1_790_000_000.0


def iso(seconds: int) -> str:
    """So many seconds after ``WALL``, without a zone."""
    return datetime.fromtimestamp(WALL + seconds, UTC).replace(tzinfo=None).isoformat()


def heard(headers: dict[str, str], *, wall: float = WALL) -> Headroom:
    headroom = Headroom()
    headroom.heard("x", headers, now=100.0, wall=wall)
    return headroom


@pytest.mark.parametrize(
    ("headers", "left", "seconds"),
    [
        ({"x-codex-primary-used-percent": "37.5", "x-codex-primary-reset-after-seconds": "90"}, 0.625, 90),
        ({"x-codex-primary-used-percent": "100", "x-codex-primary-reset-at": str(int(WALL) + 30)}, 0.0, 30),
        ({"x-codex-primary-used-percent": "10", "x-codex-secondary-used-percent": "90"}, 0.1, None),
        ({"x-codex-primary-used-percent": "104"}, 0.0, None),
        ({"x-codex-primary-used-percent": "1", "x-codex-primary-reset-at": f"{iso(440)}Z"}, 0.99, 440),
        (
            {
                "x-ratelimit-remaining-requests": "9",
                "x-ratelimit-limit-requests": "10",
                "x-ratelimit-reset-requests": "6m0s",
            },
            0.9,
            360,
        ),
        (
            {
                "x-ratelimit-remaining-tokens": "30",
                "x-ratelimit-limit-tokens": "40",
                "x-ratelimit-reset-tokens": "1s",
            },
            0.75,
            1,
        ),
        (
            {
                "x-ratelimit-remaining-tokens": "1",
                "x-ratelimit-limit-tokens": "4",
                "x-ratelimit-reset-tokens": "120ms",
            },
            0.25,
            0.12,
        ),
        (
            {
                "x-ratelimit-remaining-requests-day": "5",
                "x-ratelimit-limit-requests-day": "10",
                "x-ratelimit-reset-requests-day": "33011.382867",
            },
            0.5,
            33011.382867,
        ),
        (
            {
                "anthropic-ratelimit-input-tokens-remaining": "20",
                "anthropic-ratelimit-input-tokens-limit": "100",
                "anthropic-ratelimit-input-tokens-reset": f"{iso(410)}+00:00",
            },
            0.2,
            410,
        ),
        (
            {
                "anthropic-ratelimit-unified-5h-utilization": "0.42",
                "anthropic-ratelimit-unified-5h-reset": str(int(WALL) + 7),
            },
            0.58,
            7,
        ),
        ({"x-ratelimit-remaining-requests": "0"}, 0.0, None),
        ({"x-ratelimit-remaining-requests": "12", "x-ratelimit-limit-requests": "10"}, 1.0, None),
    ],
)
def test_the_tightest_window_counts_until_its_reset(
    headers: dict[str, str], left: float, seconds: float | None
) -> None:
    """After the reset it is full again; without one it is forgotten after a while."""
    headroom = heard(headers)
    until = 100.0 + (KEPT if seconds is None else seconds)
    assert headroom.left("x", now=100.0) == pytest.approx(left)
    assert headroom.left("x", now=until - 0.01) == pytest.approx(left)
    assert headroom.left("x", now=until) == (None if seconds is None else 1.0)
    assert headroom.windows("x", now=until) == []


@pytest.mark.parametrize(
    "value", ["-1", "nan", "inf", "1e3", "1" + 30 * "0", "text", "", "١٢", "1_0", "5, 6", "0x10", "10%", "1.2.3", "+5"]
)
@pytest.mark.parametrize("name", [headers.used or headers.remaining for headers in WINDOWS])
def test_what_can_be_no_number_is_not_heard(name: str, value: str) -> None:
    assert heard({name: value}).left("x", now=100.0) is None
    before = heard({name: "1" if name.endswith("utilization") else "100"})
    known = before.left("x", now=100.0)
    before.heard("x", {name: value}, now=101.0, wall=WALL)
    assert before.left("x", now=101.0) == known


@pytest.mark.parametrize(
    "reset",
    ["-5", "nan", "1" + 30 * "0", "soon", "", "9999-12-31T23:59:59Z", "4102444799", str(FARTHEST + 1), "99999d"],
)
def test_a_reset_that_is_no_time_or_too_far_away_is_none(reset: str) -> None:
    headroom = heard({"x-codex-primary-used-percent": "80", "x-codex-primary-reset-at": reset})
    assert headroom.left("x", now=100.0) == pytest.approx(0.2)
    assert headroom.left("x", now=100.0 + KEPT) is None


def test_a_moment_that_has_passed_is_now() -> None:
    headroom = heard({"x-codex-primary-used-percent": "100", "x-codex-primary-reset-at": str(int(WALL) - 3600)})
    assert headroom.left("x", now=100.0) == 1.0


@pytest.mark.parametrize("limit", ["0", "text", "-3", "1" + 30 * "0"])
def test_a_remainder_of_nobody_knows_what_is_shown_but_not_compared(limit: str) -> None:
    headroom = heard({"x-ratelimit-remaining-requests": "12", "x-ratelimit-limit-requests": limit})
    assert headroom.left("x", now=100.0) is None
    assert [(name, each.remaining) for name, each in headroom.windows("x", now=100.0)] == [("requests", 12.0)]


def test_an_answer_without_such_headers_changes_nothing_and_a_later_one_replaces() -> None:
    headroom = heard({"x-codex-primary-used-percent": "80"})
    headroom.heard("x", {"content-type": "text/event-stream"}, now=101.0, wall=WALL)
    assert headroom.left("x", now=101.0) == pytest.approx(0.2)
    headroom.heard("x", {"x-codex-primary-used-percent": "5"}, now=102.0, wall=WALL)
    assert headroom.left("x", now=102.0) == pytest.approx(0.95)


def test_the_table_holds_the_snapshots_core_auths_and_a_fixed_number_of_windows() -> None:
    headroom = Headroom()
    everything = {headers.used or headers.remaining: "1" for headers in WINDOWS}
    for number in range(1000):
        headroom.heard(f"a{number}", everything | {f"x-ratelimit-remaining-{number}": "1"}, now=1.0, wall=WALL)
    assert len(headroom.windows("a1", now=1.0)) == len({headers.name for headers in WINDOWS})
    headroom.keep_only(["a1"])
    assert len(headroom) == 1


def test_the_strategy_asks_whoever_has_most_left() -> None:
    """Who does not say counts as half full; those that are equal take turns; a reset makes full again."""
    fox, owl, elk = (candidate(name) for name in ("fox", "owl", "elk"))
    world = World(fox, owl, elk, strategy="headroom")
    assert [world.ask() for _ in range(3)] == ["fox", "owl", "elk"]
    percent, after = "x-codex-primary-used-percent", "x-codex-primary-reset-after-seconds"
    world.router.heard(owl.auth.id, {percent: "40"})
    assert [world.ask() for _ in range(3)] == ["owl"] * 3
    world.router.heard(owl.auth.id, {percent: "60"})
    assert [world.ask() for _ in range(2)] == ["fox", "elk"]
    world.router.heard(fox.auth.id, {percent: "99", after: "30"})
    assert [world.ask() for _ in range(2)] == ["elk", "elk"]
    world.now += 31
    assert world.ask() == "fox"
    world.fails("fox", error(ErrorKind.API, 500))
    assert world.ask() == "fox elk"


def test_what_a_core_auth_carries_is_shown_with_its_windows() -> None:
    world = World(candidate("fox", max_concurrent=4))
    auth_id = core_auth("fox").id
    world.router.heard(auth_id, {"x-codex-primary-used-percent": "75", "x-codex-primary-reset-after-seconds": "60"})
    world.router.slots.take(auth_id)
    load = AuthStates(world.router).load(auth_id)
    assert (load.running, load.waiting, load.limit, load.headroom) == (1, 0, 4, 0.25)
    assert [(each.name, each.left, each.resets_at) for each in load.windows] == [
        ("primary", 0.25, world.router.wall_time(world.now + 60))
    ]
