"""Every table of the router is bounded: sessions, models, families and clients are whatever clients say."""

from __future__ import annotations

from collections.abc import Sized

import pytest

from daemon.errors import ErrorKind
from daemon.router import affinity, cooldowns, retry_budget, selection, slots
from daemon.router.router import Router
from daemon.snapshot.listings import Candidate
from tests.router.auths import candidate
from tests.router.conversation import World, error

AUTHS = 20
FAULTS = (
    error(ErrorKind.API, 500),
    error(ErrorKind.MODEL_NOT_FOUND, 404),
    error(ErrorKind.WRONG_CLIENT, 403),
    error(ErrorKind.RATE_LIMIT, 429),
    error(ErrorKind.API, None),
)


def sizes(router: Router) -> dict[str, int]:
    """Of every table that the router has, by the way to it: whatever has a size and is reached from it."""
    found: dict[str, int] = {}

    def look(name: str, value: object) -> None:
        if isinstance(value, Sized) and not isinstance(value, str | bytes | tuple):
            found[name] = max(found.get(name, 0), len(value))
        if isinstance(value, dict):
            for each in value.values():
                look(f"{name}[]", each)
        elif not isinstance(value, Candidate) and type(value).__module__.startswith("daemon.router"):
            names = (*getattr(type(value), "__slots__", ()), *vars(value)) if hasattr(value, "__dict__") else ()
            for each in names or getattr(type(value), "__slots__", ()):
                if not callable(inner := getattr(value, each)):
                    look(f"{name}.{each}", inner)

    look("", router)
    return found


def drive(world: World, *, sessions: int, models: int) -> None:
    """Each session asks for a model of its own, until it is answered; every seventh attempt fails in some way."""
    attempts = iter(range(10**9))

    def script(_: Candidate) -> object:
        number = next(attempts)
        return FAULTS[number // 7 % len(FAULTS)] if number % 7 == 0 else None

    auths = [each.auth for each in world.candidates]
    for auth in auths:
        world.answers[auth.name] = script  # type: ignore[assignment]
    served = [[Candidate(auth, f"model-{number}") for auth in auths] for number in range(models)]
    for number in range(sessions):
        world.now += 0.01
        world.ask(
            served[number % models],
            name=f"model-{number % models}" if number % 2 else f"made-up-{number}",
            session=b"%d" % number,
            family=f"client-{number}",
            client=str(number),
            strategy=("round-robin", "weighted", "least-busy", "headroom")[number % 4],
        )


def check(world: World) -> None:
    found = sizes(world.router)
    per_auth = ("headroom", "health", "concurrency", "budget", "_auths", "_configured", "slots")
    assert {name for name in found if name.split(".")[1].partition("[")[0] not in per_auth} <= {
        ".turns",
        ".turns._cursors",
        ".turns._credits",
        ".turns._credits[]",
        ".cooldowns",
        ".cooldowns._by_auth",
        ".cooldowns._by_auth[]",
        ".affinity",
        ".affinity._sessions",
        ".affinity._avoided",
    }, "a table that no bound is known of"
    assert found[".affinity._sessions"] <= affinity.MOST
    assert found[".cooldowns"] <= cooldowns.MOST
    assert found[".turns"] <= selection.MOST_NAMES
    assert found[".turns._credits[]"] <= AUTHS
    assert found.pop(".budget._first[]") <= retry_budget.MOST
    assert found.pop(".budget._repeats[]", 0) <= retry_budget.MOST
    assert found.pop(".health._auths[].first_events") <= 20
    rest = {name: size for name, size in found.items() if name.split(".")[1].partition("[")[0] in per_auth}
    assert max(rest.values()) <= AUTHS
    world.router.follow([])
    after = sizes(world.router)
    assert {name: size for name, size in after.items() if size and "_cursors" not in name} == {
        ".affinity": after[".affinity"],
        ".affinity._sessions": after[".affinity"],
        ".turns": after[".turns"],
        ".turns._credits": after[".turns._credits"],
    }, "nothing stays of core auths that are gone"


@pytest.mark.parametrize(
    ("sessions", "models"),
    [(2_000, 1_000), pytest.param(100_000, 1_000, marks=pytest.mark.soak)],
)
def test_every_table_is_bounded(sessions: int, models: int) -> None:
    world = World(*(candidate(f"p{number}") for number in range(AUTHS)))
    drive(world, sessions=sessions, models=models)
    check(world)


def test_the_tables_keep_to_their_bounds_above_them() -> None:
    """What would take too long by requests, straight into the tables."""
    world = World(candidate("a"))
    router, auth_id = world.router, world.candidates[0].auth.id
    for number in range(affinity.MOST + 1000):
        router.affinity.answered(b"%d" % number, auth_id, began=world.now, now=world.now)
        router.affinity.broke_off(b"%d" % number, auth_id, now=world.now)
    assert len(router.affinity) == affinity.MOST
    assert router.affinity.of(b"0", now=world.now) == (), "the one not answered for longest is forgotten"
    for number in range(cooldowns.MOST + 1000):
        router.cooldowns.failed(auth_id, str(number), "", FAULTS[0], began=0, now=number, wall=0)
    assert len(router.cooldowns) <= cooldowns.MOST
    for number in range(selection.MOST_NAMES + 10):
        router.turns.next(str(number), world.candidates, lambda _: True)
        router.turns.weighted(str(number), world.candidates)
    assert len(router.turns) == selection.MOST_NAMES, "the oldest is forgotten, and not all"
    for _ in range(retry_budget.MOST + 10):
        router.budget.asked(auth_id, now=world.now)
    tickets = [router.slots.wait(str(number), [auth_id], lambda: None) for number in range(slots.MOST_WAITING + 1)]
    assert [ticket is None for ticket in tickets] == [False] * slots.MOST_WAITING + [True]
    assert sizes(router)[".budget._first[]"] == retry_budget.MOST
