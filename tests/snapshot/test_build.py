"""Revision: the same meaning has the same one, whatever the file looks like; a new key has a new one."""

from __future__ import annotations

import hashlib

import pytest

from daemon.snapshot.snapshot import Current
from tests.snapshot.world import PACKYCODE, snapshot, tppc

BASE = PACKYCODE + tppc("fox")


@pytest.mark.parametrize(
    "text",
    [
        BASE,
        "# a comment\n" + BASE + "\n\n# another\n",
        tppc("fox") + PACKYCODE,
        BASE + "port: 8317\nhost: '127.0.0.1'\n",
        BASE.replace("\n", "\r\n"),
        BASE.replace("true", "yes"),
        BASE + "unknown: 1\n",
    ],
)
def test_same_meaning_same_revision(text: str) -> None:
    assert snapshot(text).revision == snapshot(BASE).revision


@pytest.mark.parametrize(
    "text",
    [
        BASE + "port: 8318\n",
        BASE.replace("sk-planted-packy", "sk-planted-other"),
        PACKYCODE + tppc("fox", "wolf"),
        BASE.replace("true", "false"),
    ],
)
def test_other_meaning_other_revision(text: str) -> None:
    assert snapshot(text).revision != snapshot(BASE).revision


def test_a_key_at_its_default_is_no_part_of_the_revision() -> None:
    """So that a key that a later version adds changes no revision: pinned for the empty configuration."""
    assert snapshot("{}").revision == hashlib.sha256(b"{}").hexdigest()
    written = "timeouts: {connect: 10}\nmodel-aliases: {claude-*: ''}\napi-keys: []\npackycode: {privacy: {}}\n"
    assert snapshot(written).revision == snapshot("{}").revision
    assert snapshot(tppc("fox, weight: 1, models: []")).revision == snapshot(tppc("fox")).revision
    assert snapshot(tppc("fox, models: discover, exclude-models: []")).revision == snapshot(tppc("fox")).revision


def test_excluded_models_are_a_set_of_patterns_without_case() -> None:
    """Pinned case 161: put together, in lower case, each once, sorted; the revision does not depend on the rest."""
    one, other = (snapshot(tppc(f"fox, exclude-models: {list_}")) for list_ in ("[b*, A, a]", "[' a ', B*, b*, B*]"))
    assert one.core_auths[0].exclude_models == other.core_auths[0].exclude_models == ("a", "b*")
    assert one.revision == other.revision != snapshot(tppc("fox")).revision
    assert one.core_auths[0].id == snapshot(tppc("fox")).core_auths[0].id  # what is served is in no ID


def test_where_models_come_from_is_in_no_id() -> None:
    ids = [snapshot(tppc(f"fox{more}")).core_auths[0] for more in ("", ", models: seed", ", models: [a]")]
    assert len({(each.id, each.client_id) for each in ids}) == 1
    assert [(each.discover, len(each.models)) for each in ids] == [(True, 10), (False, 10), (False, 1)]


def test_a_changed_reference_is_a_new_revision() -> None:
    text = tppc("fox, api-key: 'env:K'")
    one, two = snapshot(text, env={"env:K": "a"}), snapshot(text, env={"env:K": "b"})
    assert one.revision != two.revision


def test_a_changed_text_of_instructions_is_a_new_revision_and_its_place_is_not() -> None:
    one = snapshot(tppc("fox, instructions: 'file:/a'"), env={"file:/a": "planted"})
    moved = snapshot(tppc("fox, instructions: 'env:P'"), env={"env:P": "planted"})
    other = snapshot(tppc("fox, instructions: 'file:/a'"), env={"file:/a": "planted too"})
    assert one.revision == moved.revision
    assert len({one.revision, other.revision, snapshot(tppc("fox")).revision}) == 3
    assert "planted" not in repr(one.config) + repr(one.core_auths) + repr(one.models)


def test_what_a_snapshot_says_of_itself() -> None:
    built = snapshot(BASE + "prot: 1\n", generation=7)
    assert built.config_header == f"7/{built.revision[:12]}"
    assert len(built.revision) == 64
    assert [each.code for each in built.warnings] == ["unknown-key"]
    assert "planted" not in repr(built.config) + repr(built.core_auths) + repr(built.models)


def test_current_is_a_holder() -> None:
    current = Current()
    assert current.get_or_none() is None
    with pytest.raises(LookupError):
        current.get()
    current.set(first := snapshot("{}"))
    assert current.get() is first is current.get_or_none()
