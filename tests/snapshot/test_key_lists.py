"""A provider with a list of keys: a core auth for each, alike in all but the key, with stable IDs of its own."""

from __future__ import annotations

import pytest

from daemon.snapshot.core_auths import CoreAuth, short
from daemon.snapshot.credential_sources import credential_sources
from daemon.snapshot.diff import diff
from daemon.snapshot.summary import clients_line, models_lines, profile_lines
from tests.snapshot.world import snapshot, tppc

URL = "https://fox.example/v1"


def auths(*providers: str, env: dict[str, str] | None = None) -> tuple[CoreAuth, ...]:
    return snapshot(tppc(*providers), env=env).core_auths


def test_each_key_is_a_core_auth_with_the_ids_that_it_would_have_alone() -> None:
    both = auths("Fox, api-key: [sk-planted-1, ' sk-planted-2 ']")
    alone = [auths(f"Fox, api-key: sk-planted-{number}")[0] for number in (1, 2)]
    assert [(each.id, each.client_id) for each in both] == [(each.id, each.client_id) for each in alone]
    # Computed as the contract writes it.
    assert [each.id for each in both] == [f"tppc:fox:{short('tppc:fox', f'sk-planted-{n}', URL)}" for n in (1, 2)]
    assert both[1].client_id == f"tppc:models:{short('tppc:models', 'Fox', URL, 'sk-planted-2')}"
    assert {(each.name, each.source) for each in both} == {("Fox", "config:tppc[fox]")}
    assert [each.api_key.reveal() for each in both] == ["sk-planted-1", "sk-planted-2"]


@pytest.mark.parametrize(
    "written, labels",
    [
        ("sk-1", ["fox"]),
        ("[sk-1]", ["fox"]),
        ("[sk-1, sk-2]", ["fox (key 1)", "fox (key 2)"]),
        ("[sk-1, sk-1, sk-2]", ["fox (key 1)", "fox (key 3)"]),
        ("[sk-1, ' sk-1']", ["fox (key 1)"]),
        ("['env:A', 'env:B', sk-2]", ["fox (key 1)", "fox (key 3)"]),
    ],
)
def test_a_key_is_named_by_its_place_and_used_once(written: str, labels: list[str]) -> None:
    made = auths(f"fox, api-key: {written}", env={"env:A": "sk-9", "env:B": "sk-9"})
    assert [each.label for each in made] == labels


def test_the_keys_share_the_settings_and_each_registers_its_models() -> None:
    new = snapshot(tppc("fox, api-key: [sk-1, sk-2], models: [m], weight: 3, max-concurrent: 2, disable-cooling: true"))
    first, second = new.core_auths
    assert {(each.weight, each.max_concurrent, each.disable_cooling) for each in new.core_auths} == {(3, 2, True)}
    assert [each.client_id for each in new.models.registrations()] == [first.client_id, second.client_id]
    assert [each.auth.id for each in new.models.resolve("fox/m").candidates] == [first.id, second.id]
    assert clients_line(new) == "clients: 2 (0 packycode + 2 tppc + 0 store)"


@pytest.mark.parametrize(
    "old, new, counts",
    [
        ("sk-1", "[sk-1, sk-2]", (1, 0, 0)),
        ("[sk-1, sk-2]", "[sk-2]", (0, 0, 1)),
        ("[sk-1, sk-2]", "[sk-1, sk-3]", (0, 1, 0)),
        ("[sk-1, sk-2]", "[sk-2, sk-1]", (0, 0, 0)),
        ("[sk-1, sk-2]", "[sk-3, sk-4, sk-5]", (1, 2, 0)),
        ("[sk-1, sk-2], weight: 2", "[sk-1, sk-2], weight: 3", (0, 2, 0)),
        ("[sk-1, sk-2]", "[sk-1, sk-2], enabled: false", (0, 0, 2)),
        ("sk-1", "[sk-1]", (0, 0, 0)),
    ],
)
def test_core_auths_are_counted_by_key(old: str, new: str, counts: tuple[int, int, int]) -> None:
    """(added, changed, removed); the order of the keys changes none of them."""
    found = diff(snapshot(tppc(f"fox, api-key: {old}")), snapshot(tppc(f"fox, api-key: {new}")))
    assert (found.added, found.changed, found.removed) == counts


@pytest.mark.parametrize("written", ["sk-1", "[sk-1]", "[' sk-1']"])
def test_a_list_of_one_key_is_that_key(written: str) -> None:
    one = snapshot(tppc("fox, api-key: ' sk-1'" if "' " in written else "fox, api-key: sk-1"))
    assert snapshot(tppc(f"fox, api-key: {written}")).revision == one.revision


def test_a_new_order_is_a_new_revision_with_the_same_ids() -> None:
    one, other = (snapshot(tppc(f"fox, api-key: [{keys}]")) for keys in ("sk-1, sk-2", "sk-2, sk-1"))
    assert one.revision != other.revision
    assert {each.id for each in one.core_auths} == {each.id for each in other.core_auths}


def test_the_log_says_where_each_key_is_from_and_each_thing_once() -> None:
    new = snapshot(tppc("fox, api-key: ['env:A', sk-2], profile: codex-relay"), env={"env:A": "sk-1"})
    sources = [each.text.partition(", models")[0] for each in credential_sources(None, new)]
    where = "base-url from config.yaml, api-key from"
    assert sources == [f"{where} env:A", f"{where} config.yaml"]
    assert len(list(profile_lines(None, new))) == 1
    assert list(models_lines(new, new)) == []
