"""What a snapshot does to the models that core auths register, in numbers."""

from __future__ import annotations

import pytest

from daemon.snapshot.registrations import registrations
from daemon.snapshot.snapshot import with_lists
from tests.snapshot.world import snapshot, tppc

OWN = "models: [m]"
FOX, WOLF, OWL = f"fox, {OWN}", f"wolf, {OWN}", f"owl, {OWN}"


@pytest.mark.parametrize(
    ("old", "new", "registered", "unregistered", "unchanged"),
    [
        (None, (FOX, WOLF), 2, 0, 0),
        ((FOX, WOLF), (FOX, WOLF), 0, 0, 2),
        ((FOX,), (FOX, WOLF), 1, 0, 1),
        ((FOX, WOLF), (WOLF,), 0, 1, 1),
        ((FOX, WOLF), (f"{WOLF}, enabled: false", FOX), 0, 1, 1),
        ((FOX, WOLF), (FOX, OWL), 1, 1, 1),
        ((FOX,), ("fox, models: [m, n]",), 1, 0, 0),  # the same client, with other models
        ((FOX,), (f"{FOX}, priority: 3",), 0, 0, 1),
        ((FOX,), (f"{FOX}, api-key: sk-planted-other",), 1, 1, 0),  # another key is another client
        ((), (), 0, 0, 0),
    ],
)
def test_core_auths_are_counted_by_what_happens_to_their_models(
    old: tuple[str, ...] | None, new: tuple[str, ...], registered: int, unregistered: int, unchanged: int
) -> None:
    before = None if old is None else snapshot(tppc(*old) if old else "{}")
    counts = registrations(before, snapshot(tppc(*new) if new else "{}", generation=2))
    assert dict(counts) == {"registered": registered, "unregistered": unregistered, "unchanged": unchanged}


def test_a_new_list_of_models_is_a_registration_and_the_same_is_none() -> None:
    before = snapshot(tppc("fox, models: discover", WOLF))
    (fox, _) = before.core_auths
    listed = with_lists(before, {fox.id: ("a", "b")})
    again = with_lists(listed, {fox.id: ("b", "a")})
    assert registrations(before, listed)["registered"] == 1
    assert registrations(listed, again) == {"registered": 0, "unregistered": 0, "unchanged": 2}
