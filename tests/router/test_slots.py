"""Places at core auths, and the queue for them."""

from __future__ import annotations

from math import inf

from daemon.router.concurrency import CLEAN, FORGOTTEN, Concurrency
from daemon.router.slots import MOST_WAITING, Slots, Ticket


def waiting(slots: Slots, client: str, *auth_ids: str) -> Ticket:
    ticket = slots.wait(client, auth_ids, lambda: None)
    assert ticket is not None
    return ticket


def test_clients_take_turns() -> None:
    """One with three requests does not keep the other from its first."""
    slots = Slots(lambda _: 1)
    slots.take("a")
    first = [waiting(slots, "greedy", "a") for _ in range(3)]
    other = waiting(slots, "other", "a")
    order = []
    for _ in range(4):
        slots.release("a")
        order.append(next(each for each in (*first, other) if each.auth_id and each not in order))
    assert order == [first[0], other, first[1], first[2]]


def test_the_sessions_of_a_client_take_turns() -> None:
    """Many people often share one key."""
    slots = Slots(lambda _: 1)
    slots.take("a")
    tickets = {
        name: slots.wait(client, ["a"], lambda: None, session=session)
        for name, client, session in (
            ("busy 1", "key", b"busy"),
            ("busy 2", "key", b"busy"),
            ("quiet", "key", b"quiet"),
            ("other", "other key", b"busy"),
        )
    }
    order: list[str] = []
    for _ in tickets:
        slots.release("a")
        order += [name for name, ticket in tickets.items() if ticket and ticket.auth_id and name not in order]
    assert order == ["busy 1", "other", "quiet", "busy 2"]


def test_who_waits_for_several_gets_the_first_and_leaves_the_rest() -> None:
    slots = Slots(lambda _: 1)
    slots.take("a")
    slots.take("b")
    ticket = waiting(slots, "one", "a", "b")
    slots.release("b")
    assert ticket.auth_id == "b"
    slots.release("a")
    assert (slots.running("a"), slots.running("b"), slots.waiting("a")) == (0, 1, 0)


def test_nobody_passes_the_queue() -> None:
    slots = Slots(lambda _: 1)
    slots.take("a")
    ticket = waiting(slots, "one", "a")
    slots.release("a")
    assert ticket.auth_id == "a"
    assert not slots.is_free("a")


def test_who_leaves_gives_back_what_it_was_given() -> None:
    slots = Slots(lambda _: 1)
    slots.take("a")
    first, second = waiting(slots, "one", "a"), waiting(slots, "two", "a")
    slots.release("a")
    slots.leave(first)
    slots.leave(first)
    assert second.auth_id == "a"
    assert slots.running("a") == 1


def test_the_queue_is_bounded() -> None:
    slots = Slots(lambda _: 1)
    slots.take("a")
    for number in range(MOST_WAITING):
        waiting(slots, str(number), "a")
    assert slots.wait("late", ["a"], lambda: None) is None


def test_a_limit_that_rises_lets_the_next_ones_in() -> None:
    limits = {"a": 1.0}
    slots = Slots(lambda auth_id: limits[auth_id])
    slots.take("a")
    first, second = waiting(slots, "one", "a"), waiting(slots, "two", "a")
    limits["a"] = 2
    slots.follow_limits()
    assert (first.auth_id, second.auth_id) == ("a", "")


def test_a_limit_is_learned_raised_and_forgotten() -> None:
    table, now = Concurrency(), 0.0
    assert table.limit("a", 0, now) == inf
    table.refused("a", 4, now)
    assert table.limit("a", 0, now) == 3
    assert table.limit("a", 2, now) == 2, "max-concurrent is the upper bound"
    for _ in range(CLEAN):
        table.answered("a", 3, now)
    assert table.limit("a", 0, now) == 4
    table.refused("a", 4, now)
    for _ in range(2 * CLEAN - 1):
        table.answered("a", 3, now)
    assert table.limit("a", 0, now) == 3, "the raise was refused at once: the next one takes twice as many"
    table.answered("a", 3, now)
    assert table.limit("a", 0, now) == 4
    now += FORGOTTEN + 1
    assert table.limit("a", 0, now) == inf
