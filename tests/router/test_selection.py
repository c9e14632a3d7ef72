"""The order in which candidates are asked."""

from __future__ import annotations

from daemon.router.selection import MAX_CURSORS, Rotation
from tests.router.auths import candidate


def names(rotation: Rotation, model: str, *candidates: object) -> str:
    return "".join(each.auth.name for each in rotation.order(model, candidates))  # type: ignore[arg-type]


def test_the_first_rotates_and_the_others_follow_as_fallbacks() -> None:
    rotation, three = Rotation(), [candidate("a"), candidate("b"), candidate("c")]
    assert [names(rotation, "gpt-5", *three) for _ in range(4)] == ["abc", "bca", "cab", "abc"]


def test_each_model_has_a_cursor_of_its_own() -> None:
    rotation, two = Rotation(), [candidate("a"), candidate("b")]
    assert names(rotation, "gpt-5", *two) == "ab"
    assert names(rotation, "gpt-5-codex", *two) == "ab"
    assert names(rotation, "gpt-5", *two) == "ba"


def test_a_higher_tier_comes_whole_before_a_lower_one() -> None:
    rotation = Rotation()
    tiers = [candidate("low"), candidate("A", priority=5), candidate("B", priority=5)]
    assert [names(rotation, "m", *tiers) for _ in range(3)] == ["ABlow", "BAlow", "ABlow"]


def test_one_candidate_needs_no_cursor() -> None:
    assert names(Rotation(), "m", candidate("only")) == "only"


def test_cursors_are_bounded_for_names_come_from_clients() -> None:
    rotation, two = Rotation(), [candidate("a"), candidate("b")]
    for number in range(MAX_CURSORS + 10):
        rotation.order(f"model-{number}", two)
    assert len(rotation._cursors) <= MAX_CURSORS
