"""Who is asked for what only its maker can read."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.errors import ErrorKind, GatewayError
from daemon.router.ownership import MOST_SEARCHED, kept_out
from daemon.router.plan import plan
from daemon.router.readiness import readiness
from tests.router.auths import candidate
from tests.router.conversation import NOT_MADE_HERE, World, error

A, B, C = candidate("a"), candidate("b"), candidate("c")
SERVER = error(ErrorKind.API, 500)
KEY = error(ErrorKind.AUTHENTICATION, 401)
QUOTA = error(ErrorKind.QUOTA, 429)
FOREIGN = error(ErrorKind.INVALID_REQUEST, 400, code=NOT_MADE_HERE)
ID = "previous_response_id"


def limit(seconds: float) -> GatewayError:
    return error(ErrorKind.RATE_LIMIT, 429, retry_after=seconds)


def refusal(world: World, **fields: Any) -> GatewayError:
    with pytest.raises(GatewayError) as raised:
        next(plan(world.router, world.request(**fields)))
    return raised.value


def test_the_owner_of_what_can_be_left_out_is_asked_first_whatever_the_session_prefers() -> None:
    world = World(A, B, C)
    assert world.ask(session=b"s") == "a"
    assert [world.ask(session=b"s", owner=C.auth.id) for _ in range(3)] == ["c"] * 3
    world.fails("c", SERVER)
    assert world.ask(owner=C.auth.id) == "c b", "and others when it fails"
    assert world.ask(owner=C.auth.id) in ("a", "b"), "or rests"
    world.works("c")
    world.now += 60
    assert world.ask(owner=C.auth.id) == "c"


@pytest.mark.parametrize(
    "fault, course",
    [
        (None, ["c", "c"]),
        (SERVER, ["c !api", "!overloaded"]),
        (limit(20.0), ["c !rate_limit", "!rate_limit"]),
        (limit(600.0), ["c !invalid_request", "!invalid_request"]),
        (KEY, ["c !invalid_request", "!invalid_request"]),
        (QUOTA, ["c !invalid_request", "!invalid_request"]),
        (error(ErrorKind.INVALID_REQUEST, 400), ["c !invalid_request", "c !invalid_request"]),
    ],
    ids=["answers", "stumbles", "rests-shortly", "rests-long", "key", "quota", "request"],
)
def test_what_needs_its_owner_goes_to_nobody_else(fault: object, course: list[str]) -> None:
    """A short rest is waited for, or named with its end, as any other. A long one is refused in words that help."""
    world = World(A, B, C)
    world.fails("c", fault)  # type: ignore[arg-type]
    assert [world.ask(owner=C.auth.id, needs=ID) for _ in range(2)] == course


def test_a_short_rest_of_the_owner_is_waited_for() -> None:
    world = World(A, B, rounds=2)
    world.fails("b", SERVER, None)
    assert world.ask(owner=B.auth.id, needs=ID) == "b 1s b"


def test_an_owner_that_is_the_only_candidate_fails_as_any_other() -> None:
    """Nobody else could answer in its place, so that the client is not asked to send something else."""
    world = World(A)
    world.fails("a", KEY)
    assert world.ask(owner=A.auth.id, needs=ID) == "a !authentication"


@pytest.mark.parametrize(
    "needs, code, words",
    [
        (ID, NOT_MADE_HERE, "send the whole conversation in `input`"),
        ("conversation", "conversation_not_found", "send the whole conversation in `input`"),
        ("file_id", None, "send the file itself"),
        ("container", None, "leave the container out"),
        ("compaction", None, "start a new conversation"),
    ],
)
def test_without_its_owner_it_is_refused_in_words_that_help(needs: str, code: str | None, words: str) -> None:
    error = refusal(World(A, B), owner="tppc:gone:1", needs=needs)
    assert (error.status, error.kind, error.code, error.param) == (400, ErrorKind.INVALID_REQUEST, code, needs)
    assert words in error.message


def test_an_owner_that_nobody_knows_is_looked_for_and_nobody_rests_for_it() -> None:
    """After a restart. Who is down is waited for as well: it may be the owner."""
    world = World(A, B, C)
    world.fails("a", FOREIGN)
    world.fails("b", FOREIGN)
    assert [world.ask(needs=ID) for _ in range(2)] == ["a b c"] * 2
    world.fails("c", FOREIGN)
    assert world.ask(needs=ID) == "a b c !invalid_request"
    assert not any(world.router.rests(each.auth.id) for each in (A, B, C))
    assert world.router.health.of(A.auth.id).failed == 0
    patient = World(A, B, rounds=1)
    patient.fails("a", SERVER, None)
    patient.fails("b", FOREIGN)
    assert patient.ask(needs=ID) == "a b 1s a"


def test_the_search_is_bounded() -> None:
    many = [candidate(f"p{number}") for number in range(20)]
    world = World(*many)
    for each in many:
        world.fails(each.auth.name, FOREIGN)
    assert len(world.ask(needs=ID).split()) == MOST_SEARCHED + 1


def test_only_who_has_the_clients_api_can_have_made_it() -> None:
    chat = candidate("chat", wire="chat")
    world = World(chat, A)
    assert [world.ask(needs=ID, wire="responses") for _ in range(2)] == ["a", "a"]
    assert World(chat).ask(needs=ID, wire="responses") == "chat", "which says itself what it cannot do"


@pytest.mark.parametrize("owner", ["", "tppc:gone:1"])
def test_a_compacted_conversation_that_nobody_here_can_read_is_refused(owner: str) -> None:
    """It holds all that was done: without it the model would begin the task again."""
    error = refusal(World(candidate("chat", wire="chat")), owner=owner, needs="compaction", wire="responses")
    assert (error.status, error.param) == (400, "compaction")
    assert "start a new conversation" in error.message


def test_the_reason_is_shown() -> None:
    world = World(A, B)
    request = world.request(owner=B.auth.id, needs=ID)
    assert [each.reason for each in readiness(world.router, request)] == [f"another provider made the {ID}", ""]
    assert kept_out(world.request(owner=B.auth.id), A) == ""
