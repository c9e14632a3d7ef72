"""Pinned cases 123 to 142: who rests, what is asked again, and what the client gets, from the upstream's own bytes.

``pytest -k case_125`` runs those of one case; what is otherwise here is in docs/decisions/0003-pinned-cases.md.
"""

from __future__ import annotations

import json

import pytest

from daemon.errors import ErrorKind, RemoteError, Scope
from daemon.router.plan import Answered, Ask, Failed, plan
from daemon.router.rest_rules import LONGEST, SHORT_LONGEST, with_jitter
from daemon.wires.failures.remote_errors import decode_error, remote_error
from tests.router.auths import candidate
from tests.router.conversation import World, error

A, B, C = candidate("a"), candidate("b"), candidate("c")
SERVER = error(ErrorKind.API, 500)
KEY = error(ErrorKind.AUTHENTICATION, 401)


def refusal(status: int, message: str = "no", headers: dict[str, str] | None = None, **fields: str) -> RemoteError:
    """As the judge makes it of an upstream's answer."""
    body = json.dumps({"error": {"message": message, **fields}}).encode()
    return decode_error(status, headers or {}, body)


def rests(world: World) -> list[str]:
    return [each.auth.name for each in world.candidates if world.router.rests(each.auth.id)]


def test_case_123_one_more_round_for_one_core_auth() -> None:
    world = World(A, rounds=1)
    world.fails("a", SERVER)
    assert world.ask() == "a 1s a !api"


def test_case_123_a_limit_of_five_milliseconds_and_three_rounds() -> None:
    world = World(A, rounds=3)
    world.fails("a", refusal(429, headers={"retry-after-ms": "5"}))
    assert world.ask().count("a ") == 4
    assert world.ask().count("a ") == 4, "limits are not counted as repeats of what is down"


def test_case_123_a_request_keeps_the_rounds_it_began_with() -> None:
    world = World(A, rounds=1)
    world.fails("a", SERVER)
    request = world.request()
    world.rounds = 0
    steps = plan(world.router, request)
    assert next(steps) == Ask(A)
    steps.send(Failed(SERVER))  # a pause, so there is a second round
    steps.close()


def test_case_124_somebody_who_is_ready_is_asked_without_a_wait() -> None:
    world = World(A, B, rounds=3)
    world.fails("a", SERVER)
    assert world.ask() == "a b"


def test_case_124_a_refused_key_makes_no_further_round() -> None:
    world = World(A, B, rounds=3)
    world.fails("a", KEY)
    world.fails("b", KEY)
    assert world.ask() == "a b !authentication"
    assert world.ask() == "!authentication"


REQUESTS_FAULT = (
    (refusal(400), 400),
    (refusal(409), 409),
    (refusal(413), 413),
    (refusal(422), 422),
    (refusal(502, code="cyber_policy"), 400),
    (refusal(400, code="content_policy_violation"), 400),
    (remote_error({"error": {"code": "cyber_policy", "message": "no"}}), 400),
    (refusal(403, "This request violates our usage policies"), 400),
    (refusal(502, code="context_length_exceeded"), 400),
    (refusal(502, "Your input exceeds the context window of this model"), 400),
    (refusal(404, "Item with id 'rs_1' not found. Items are not persisted when `store` is set to false."), 404),
)


@pytest.mark.parametrize(("fault", "status"), REQUESTS_FAULT)
def test_case_125_the_requests_own_fault_stops_at_once(fault: RemoteError, status: int) -> None:
    world = World(A, B, rounds=3)
    world.fails("a", fault)
    assert world.ask() == f"a !{fault.kind}"
    assert fault.status == status
    assert rests(world) == []


@pytest.mark.parametrize("code", ["sensitive_words_detected", "data_inspection_failed", "content_moderation"])
def test_case_125_a_relays_word_filter_is_asked_once_more(code: str) -> None:
    world = World(A, B, C)
    for name in "ab":
        world.fails(name, refusal(500, code=code))
    assert world.ask() == "a b !content"
    assert rests(world) == []


@pytest.mark.parametrize(
    "message", ["The 'gpt-5' model is not supported when using Codex with a ChatGPT account.", "model not supported"]
)
def test_case_126_a_model_that_one_lacks_is_asked_of_the_next(message: str) -> None:
    world = World(A, B, strategy="fill-first")
    world.fails("a", refusal(400, message))
    assert [world.ask(), world.ask()] == ["a b", "b"]


@pytest.mark.parametrize(
    ("fault", "resting"),
    [
        (refusal(401, type="authentication_error"), ["a"]),
        (refusal(401, type="invalid_request_error"), []),
        (refusal(401, code="invalid_request_error"), []),
        (refusal(401, "Incorrect API key provided", type="invalid_request_error"), ["a"]),
        (refusal(401, type="invalid_request_error", code="invalid_api_key"), ["a"]),
        (refusal(401, "You didn't provide an API key.", type="invalid_request_error"), ["a"]),
        (refusal(429, code="invalid_request_error"), ["a"]),
    ],
)
def test_case_127_a_401_that_calls_the_request_wrong_condemns_no_key(fault: RemoteError, resting: list[str]) -> None:
    world = World(A, B)
    world.fails("a", fault)
    assert world.ask() == "a b"
    assert rests(world) == resting
    assert fault.kind is (ErrorKind.RATE_LIMIT if fault.upstream_status == 429 else ErrorKind.AUTHENTICATION)


def test_case_129_with_disable_cooling_the_upstreams_status_comes_again() -> None:
    world = World(candidate("a", disable_cooling=True), rounds=0)
    for fault in (refusal(403), refusal(429)):
        world.fails("a", fault)
        assert [world.ask(), world.ask()] == [f"a !{fault.kind}"] * 2
        assert fault.retry_after is None
    assert rests(world) == []


def test_case_130_a_second_429_inside_the_rest_changes_nothing_and_one_after_it_doubles() -> None:
    world = World(A)
    together = [plan(world.router, world.request()) for _ in range(2)]
    for each in together:
        world.router.slots._running.clear()  # one at a time: not a refusal for too many at once
        assert next(each) == Ask(A)
    for each in together:
        world.router.slots._running.clear()
        world.router.slots.take(A.auth.id)
        with pytest.raises(RemoteError):
            each.send(Failed(refusal(429)))
    assert until(world) == 1.0
    world.fails("a", refusal(429))
    world.now += 1
    world.ask()
    assert until(world) == 2.0
    world.now += 2
    world.fails("a", refusal(429, headers={"retry-after": "7"}))
    world.ask()
    assert until(world) == 7.0, "the upstream's own time replaces it"


def until(world: World) -> float:
    return world.router.rests(A.auth.id)[0][1].until - world.now


def test_case_130_a_refused_key_inside_a_short_rest_makes_it_long() -> None:
    world = World(A)
    late = world.request()
    world.fails("a", refusal(429))
    world.ask()
    world.router.failed(late, A, KEY, began=world.now - 1, running=1)
    assert (until(world), world.router.rests(A.auth.id)[0][1].kind) == (LONGEST, ErrorKind.AUTHENTICATION)


@pytest.mark.parametrize("text", ["context canceled", "unexpected EOF", "stream closed before response.completed"])
def test_case_131_a_cut_stream_rests_nobody_but_the_same_words_with_a_status_do(text: str) -> None:
    world = World(A, B)
    world.fails("a", RemoteError(ErrorKind.API, text, reason="cut"))
    assert [world.ask(), world.ask()] == ["a b", "a b"]
    assert rests(world) == []
    world.fails("a", refusal(500, text))
    assert world.ask() == "a b"
    assert rests(world) == ["a"]


def test_case_131_a_client_that_hangs_up_rests_nobody() -> None:
    world = World(A)
    steps = plan(world.router, world.request())
    next(steps)
    steps.close()
    assert rests(world) == []
    assert world.ask() == "a"


@pytest.mark.parametrize(
    "fault",
    [refusal(500, "something odd"), remote_error({"type": "error", "error": {"type": "server_error", "message": "x"}})],
    ids=["http", "in-stream"],
)
def test_case_132_an_unknown_500_rests_this_model_alone(fault: RemoteError) -> None:
    world = World(A, B)
    world.fails("a", fault)
    assert world.ask() == "a b"
    world.works("a")
    assert world.ask([candidate("a", "sibling")], name="sibling") == "sibling"
    assert world.ask([A, B]) == "b"


@pytest.mark.parametrize("random", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("most", [SHORT_LONGEST, LONGEST])
def test_case_133_jitter(most: float, random: float) -> None:
    for seconds in (0.1, 1.0, 8.0, 29.0, most):
        assert seconds <= with_jitter(seconds, random, most) <= min(seconds * 1.25, seconds + 2.0, most)


def test_case_133_a_doubled_rest_is_never_over_its_most() -> None:
    world = World(A)
    world.router.random = lambda: 1.0
    world.fails("a", SERVER)
    lengths = []
    for _ in range(8):
        world.ask()
        lengths.append(until(world))
        world.now += until(world)
    assert max(lengths) == SHORT_LONGEST
    assert lengths == sorted(lengths)


@pytest.mark.parametrize("shown", [False, True])
def test_case_136_a_stream_is_asked_again_until_its_first_byte_and_never_after(shown: bool) -> None:
    world = World(A, B)
    steps = plan(world.router, world.request())
    assert next(steps) == Ask(A)
    failed = Failed(RemoteError(ErrorKind.API, "no", reason="cut"), shown=shown)
    if shown:
        with pytest.raises(RemoteError):
            steps.send(failed)
        return
    assert steps.send(failed) == Ask(B)
    with pytest.raises(StopIteration):
        steps.send(Answered(0.01))


def test_case_137_overloaded_everywhere_is_a_real_error_and_not_a_refusal() -> None:
    world = World(A, B)
    for name in "ab":
        world.fails(name, refusal(503, type="overloaded_error"))
    assert world.ask(longest_wait=0.0) == "a b !overloaded"
    assert world.ask(longest_wait=0.0) == "!overloaded"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (decode_error(404, {}, b"Cannot POST /v1/messages/count_tokens"), None),
        (decode_error(404, {"content-type": "text/html"}, b"<html><title>404</title></html>"), None),
        (refusal(404, "The model `gpt-9` does not exist", code="model_not_found"), ErrorKind.MODEL_NOT_FOUND),
    ],
)
def test_case_140_only_a_404_of_the_model_says_that_it_is_not_there(fault: RemoteError, kind: ErrorKind | None) -> None:
    """An upstream without ``count_tokens`` keeps its models."""
    assert (fault.kind is ErrorKind.MODEL_NOT_FOUND) is (kind is not None)
    world = World(A, B)
    world.fails("a", fault)
    world.ask()
    found = world.router.rests(A.auth.id)
    assert all(rest.until - world.now <= SHORT_LONGEST for _, rest in found) is (kind is None)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (RemoteError(ErrorKind.TIMEOUT, "late"), 504),
        (RemoteError(ErrorKind.API, "no"), 502),
        (refusal(500), 500),
        (refusal(418), 418),
        (RemoteError(ErrorKind.API, "no", status=599), 599),
    ],
)
def test_case_141_statuses(fault: RemoteError, status: int) -> None:
    assert fault.status == status


def test_a_region_that_is_not_served_rests_nobody() -> None:
    for fault in (
        refusal(403, "Country, region, or territory not supported", code="unsupported_country_region_territory"),
        refusal(403, "Access from your region is not allowed"),
        refusal(403, "User location is not supported for the API use."),
        refusal(403, "该地区不支持访问"),
        refusal(403, "Our services are not available in your country"),
    ):
        world = World(A, B)
        world.fails("a", fault)
        assert [world.ask(), world.ask()] == ["a b", "a b"], fault.message
        assert rests(world) == []
        assert fault.scope is Scope.REQUEST


def test_a_change_of_the_core_auth_ends_its_rest_and_a_change_of_its_use_does_not() -> None:
    world = World(A)
    world.fails("a", KEY)
    world.ask()
    world.router.follow([candidate("a", priority=3, weight=2, max_concurrent=4).auth])
    assert world.router.rests(A.auth.id)
    world.router.follow([candidate("a", headers=(("x", "1"),)).auth])
    assert not world.router.rests(A.auth.id)
