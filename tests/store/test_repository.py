"""The repository: one suite for SQLite and PostgreSQL, on real ones."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec import UNSET

from daemon.config.schema import ModelEntry
from daemon.secret import Secret
from daemon.snapshot.core_auths import short
from daemon.store.encryption import EncryptionKeys
from daemon.store.errors import (
    InvalidProvider,
    NameTaken,
    NoSuchProvider,
    RowChanged,
    StoreUnusable,
    WrongEncryptionKey,
)
from daemon.store.provider_fields import ProviderFields, fields_of
from daemon.store.provider_row import StoredProvider, UnreadableRow
from tests.store.world import BEGIN, PLANTED, World, body


def test_a_created_provider_is_found_by_id_by_name_and_in_the_list(world: World) -> None:
    row = world.repository.create(body(models=["a", {"name": "b", "alias": "c"}], fallback_models=["z", "a"]))
    assert (row.id, row.name, row.type, row.base_url) == (1, "fox", "openai", "https://fox.example/v1")
    assert (row.timeout, row.enabled, row.extra_config, row.set_by) == (300.0, True, {}, "local")
    assert row.models == (ModelEntry(name="a"), ModelEntry(name="b", alias="c"))
    assert row.fallback_models == ("z", "a")  # their order counts
    assert row.created_at == row.updated_at == BEGIN + timedelta(seconds=1)
    assert row.row_version == 1
    assert world.repository.get(row.id) == row
    assert world.repository.get_by_name(" FOX ") == row
    assert world.repository.list() == (row,)
    assert world.another().load().rows == (row,)


def test_the_list_is_in_the_order_of_creation_and_can_be_paged_and_filtered(world: World) -> None:
    for name in ("wolf", "fox", "owl"):
        world.repository.create(body(name, enabled=name != "fox"))
    names = [each.name for each in world.repository.list()]
    assert names == ["wolf", "fox", "owl"]
    assert [each.name for each in world.repository.list(enabled=True)] == ["wolf", "owl"]
    assert [each.name for each in world.repository.list(enabled=False)] == ["fox"]
    assert [each.name for each in world.repository.list(limit=2)] == ["wolf", "fox"]
    assert [each.name for each in world.repository.list(after=2, limit=2)] == ["owl"]


def test_a_name_is_taken_in_any_case(world: World) -> None:
    world.repository.create(body("Fox"))
    with pytest.raises(NameTaken, match="the name 'fOX' is taken by a provider of the store"):
        world.repository.create(body("fOX"))
    world.repository.create(body("wolf"))
    with pytest.raises(NameTaken):
        world.repository.update("wolf", fields_of({"name": "FOX"}))
    assert world.repository.update("fox", fields_of({"name": "FOX"})).name == "FOX"
    assert [each.name for each in world.repository.list()] == ["FOX", "wolf"]


def test_an_id_is_never_given_again(world: World) -> None:
    first = world.repository.create(body("fox"))
    world.repository.delete("fox")
    assert world.repository.create(body("fox")).id > first.id


def test_what_is_not_there_is_said_so(world: World) -> None:
    asked: list[Callable[[], object]] = [
        lambda: world.repository.get(7),
        lambda: world.repository.get_by_name("fox"),
        lambda: world.repository.update("fox", ProviderFields()),
        lambda: world.repository.delete("fox"),
    ]
    for ask in asked:
        with pytest.raises(NoSuchProvider, match=r"there is no provider '(fox|7)' in the store"):
            ask()


def test_an_update_is_partial_and_null_clears_the_key(world: World) -> None:
    before = world.repository.create(body(type="vllm", timeout=30, extra_config={"top_p": 0.5}))
    row = world.repository.update("fox", fields_of({"base_url": "https://other.example", "enabled": False}))
    assert isinstance(row, StoredProvider)
    assert (row.base_url, row.enabled, row.row_version) == ("https://other.example", False, 2)
    assert (row.timeout, row.extra_config, row.created_at) == (30.0, {"top_p": 0.5}, before.created_at)
    assert row.updated_at > before.updated_at
    assert (row.api_key, row.key_id) == (before.api_key, before.key_id)
    cleared = world.repository.update("fox", fields_of({"api_key": None}))
    assert (cleared.api_key, cleared.key_id) == (None, "")
    assert world.repository.update("fox", fields_of({"api_key": "********"})).api_key is None


def test_a_change_that_would_leave_a_wrong_provider_changes_nothing(world: World) -> None:
    before = world.repository.create(body())
    version = world.repository.version()
    for change in ({"base_url": "ftp://x"}, {"type": "carrier-pigeon"}, {"api_key": None}):
        with pytest.raises(InvalidProvider):
            world.repository.update("fox", fields_of(change))
    assert world.repository.list() == (before,)
    assert world.repository.version() == version


def test_a_write_over_a_row_that_changed_since_is_refused(world: World) -> None:
    world.repository.create(body())
    world.repository.update("fox", fields_of({"timeout": 10}), expected=1)
    with pytest.raises(RowChanged, match="it is at version 2, you have read 1"):
        world.repository.update("fox", fields_of({"timeout": 20}), expected=1)
    with pytest.raises(RowChanged):
        world.repository.delete("fox", expected=1)
    assert world.repository.delete("fox", expected=2).name == "fox"


def test_two_daemons_that_change_two_fields_at_once_lose_neither(world: World) -> None:
    world.repository.create(body(timeout=1))
    repositories = [world.another() for _ in range(4)]

    def change(number: int) -> StoredProvider:
        field = {"timeout": number + 1} if number % 2 else {"extra_config": {"max_tokens": number + 1}}
        return repositories[number % 4].update("fox", fields_of(field))

    with ThreadPoolExecutor(4) as threads:  # each daemon has one thread
        list(threads.map(lambda first: list(map(change, range(first, 40, 4))), range(4)))
    row = world.repository.get_by_name("fox")
    assert isinstance(row, StoredProvider)
    assert row.row_version == 41
    assert world.repository.version() == 41


def test_two_daemons_that_create_the_same_name_at_once_make_one(world: World) -> None:
    repositories = [world.another() for _ in range(4)]

    def create(number: int) -> str:
        try:
            return repositories[number].create(body()).name
        except NameTaken:
            return "taken"

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(create, range(4))) == ["fox", "taken", "taken", "taken"]


def test_the_version_counts_every_change_by_whomever(world: World) -> None:
    assert world.repository.version() == 0
    world.repository.create(body("fox"))
    world.repository.create(body("wolf"))
    assert world.repository.version() == 2
    world.sql("UPDATE providers SET timeout = 7 WHERE name = 'fox'")
    after = world.repository.version()
    assert after > 2
    row = world.repository.get_by_name("fox")
    assert isinstance(row, StoredProvider)
    assert (row.timeout, row.row_version) == (7.0, 2)  # so its ETag is another one, too
    world.sql("DELETE FROM providers")
    assert world.repository.version() > after
    assert world.repository.load().rows == ()


def test_rows_that_did_not_change_are_the_same_objects(world: World) -> None:
    for name in ("fox", "wolf"):
        world.repository.create(body(name))
    fox, wolf = world.repository.load().rows
    world.repository.update("wolf", fields_of({"timeout": 9}))
    after = world.repository.load().rows
    assert after[0] is fox
    assert after[1] is not wolf


# Rows that another hand has written.


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("type = 'carrier-pigeon'", "unknown provider type"),
        ("base_url = 'ftp://fox'", "base_url must be a valid http"),
        ("timeout = 0.001", "timeout: must be from 1 to 86400, got 0.001"),
        ("""fallback_models = '{"m": true}'""", "fallback_models: expected a list, got keys and values"),
        ("""models = '"gpt-5"'""", "models: expected a list, got text"),
        ("""extra_config = '[1]'""", "extra_config: expected an object, got a list"),
        ("""extra_config = '{"temperature": "hot"}'""", "extra_config.temperature: expected a number, got text"),
    ],
)
def test_a_row_written_wrongly_by_hand_is_unreadable_and_stops_no_other(
    world: World, change: str, message: str
) -> None:
    world.repository.create(body("fox"))
    wolf = world.repository.create(body("wolf"))
    world.sql(f"UPDATE providers SET {change} WHERE name = 'fox'")
    fox, other = world.repository.load().rows
    assert isinstance(fox, UnreadableRow)
    assert message in fox.message
    assert other == wolf
    assert world.repository.get_by_name("fox") == fox


def test_text_that_is_no_json_makes_a_row_unreadable_on_sqlite_which_keeps_any(tmp_path: Path) -> None:
    with World("", tmp_path) as world:
        world.repository.create(body())
        world.sql("UPDATE providers SET models = '{'")
        (fox,) = world.repository.load().rows
        assert isinstance(fox, UnreadableRow)


def test_an_unreadable_row_is_repaired_by_giving_what_is_wrong_with_it(world: World) -> None:
    world.repository.create(body("fox", timeout=12))
    world.sql("UPDATE providers SET type = 'carrier-pigeon', fallback_models = '7'")
    with pytest.raises(InvalidProvider, match="type"):
        world.repository.update("fox", fields_of({"timeout": 15}))
    row = world.repository.update("fox", fields_of({"type": "openai"}))
    assert isinstance(row, StoredProvider)
    assert (row.timeout, row.fallback_models) == (12.0, ())


def test_an_unreadable_row_can_be_disabled_and_deleted_and_not_enabled(world: World) -> None:
    world.repository.create(body("fox"))
    world.sql("UPDATE providers SET type = 'carrier-pigeon'")
    row = world.repository.switch("fox", enabled=False, expected=2)
    assert isinstance(row, UnreadableRow)
    assert (row.enabled, row.row_version) == (False, 3)
    assert world.repository.switch("fox", enabled=False) == row
    with pytest.raises(InvalidProvider):
        world.repository.switch("fox", enabled=True)
    assert world.repository.delete("fox", expected=3) == row


def test_a_row_inserted_by_hand_needs_only_what_has_no_default(world: World) -> None:
    world.sql(
        "INSERT INTO providers (name, name_key, type, base_url, api_key) "
        "VALUES ('Fox', 'fox', 'openai', 'https://fox.example', 'env:FOX_KEY')"
    )
    (row,) = world.repository.load().rows
    assert isinstance(row, StoredProvider)
    assert (row.reference, row.timeout, row.enabled, row.models, row.row_version) == (
        "env:FOX_KEY",
        300.0,
        True,
        None,
        1,
    )
    assert abs(row.created_at - row.updated_at) < timedelta(seconds=1)
    assert row.created_at.year >= 2026


def test_the_database_itself_refuses_what_no_row_may_be(world: World) -> None:
    world.repository.create(body())
    for statement in (
        "INSERT INTO providers (name, name_key, type, base_url) VALUES ('FOX', 'fox', 'openai', 'https://x')",
        "UPDATE providers SET timeout = 0",
        "UPDATE providers SET name_key = ''",
    ):
        with pytest.raises(StoreUnusable, match="refuses the row"):
            world.sql(statement)


# Keys at rest.


def test_a_key_is_sealed_and_in_clear_nowhere(world: World) -> None:
    row = world.repository.create(body())
    assert row.api_key is not None
    assert row.api_key.startswith("gAAAA")
    assert world.key.open(row.api_key) == PLANTED
    assert PLANTED not in repr(world.look("SELECT * FROM providers"))
    assert PLANTED not in repr(row)
    if not world.url:
        assert all(PLANTED.encode() not in each.read_bytes() for each in world.directory.rglob("*") if each.is_file())


def test_a_reference_is_kept_as_it_is_written(world: World) -> None:
    row = world.repository.create(body(api_key="env:FOX_KEY"))
    assert (row.api_key, row.reference, row.key_id) == ("env:FOX_KEY", "env:FOX_KEY", "")
    assert (row.core_auth_id, row.client_id) == (None, None)  # each daemon resolves it for itself
    sealed = world.repository.update("fox", fields_of({"api_key": PLANTED}))
    assert (sealed.reference, bool(sealed.key_id)) == (None, True)


def test_the_stable_ids_are_those_of_the_contract(world: World) -> None:
    url = "https://fox.example/v1"
    row = world.repository.create(body("Fox"))
    assert row.core_auth_id == f"store:fox:{short('store:fox', PLANTED, url)}"
    assert row.client_id == f"store:models:{short('store:models', 'Fox', url, PLANTED)}"
    moved = world.repository.update("fox", fields_of({"base_url": "https://b.example"}))
    assert moved.core_auth_id == f"store:fox:{short('store:fox', PLANTED, 'https://b.example')}"
    named = world.repository.update("fox", fields_of({"name": "Wolf"}))
    assert named.core_auth_id == f"store:wolf:{short('store:wolf', PLANTED, 'https://b.example')}"
    keyless = world.repository.update("wolf", fields_of({"type": "vllm", "api_key": None}))
    assert keyless.core_auth_id == f"store:wolf:{short('store:wolf', '', 'https://b.example')}"


def test_the_same_key_again_changes_nothing_and_another_one_gets_a_new_key_id(world: World) -> None:
    row = world.repository.create(body())
    again = world.repository.update("fox", fields_of({"api_key": PLANTED}))
    assert (again.api_key, again.key_id, again.core_auth_id) == (row.api_key, row.key_id, row.core_auth_id)
    other = world.repository.update("fox", fields_of({"api_key": "sk-planted-other"}))
    assert other.key_id != row.key_id
    assert other.core_auth_id != row.core_auth_id


def test_a_url_remembers_from_where_it_was_set(world: World) -> None:
    assert world.repository.create(body(), set_by="remote").set_by == "remote"
    assert world.repository.update("fox", fields_of({"timeout": 5}), set_by="local").set_by == "remote"
    changed = fields_of({"base_url": "https://b.example"})
    assert world.repository.update("fox", changed, set_by="local").set_by == "local"


def test_another_encryption_key_is_refused_in_words(world: World) -> None:
    world.repository.create(body())
    other = EncryptionKeys((secrets.token_bytes(32),))
    for keys in (other, None):
        stranger = world.another(keys=lambda make, keys=keys: keys)  # type: ignore[misc]
        for ask in (stranger.load, lambda: stranger.create(body("wolf")), stranger.rekey):  # noqa: B023
            with pytest.raises(WrongEncryptionKey) as caught:
                ask()
            assert world.key.newest in str(caught.value)
            assert "provider-store.encryption-key" in str(caught.value)
    assert [each.name for each in world.repository.list()] == ["fox"]


def test_without_any_encryption_key_no_key_can_be_set_and_keyless_rows_can(world: World) -> None:
    keyless = world.another(keys=lambda make: None)
    keyless.create(body("wolf", type="vllm", api_key=None))
    keyless.create(body("owl", api_key="env:OWL"))
    with pytest.raises(StoreUnusable, match=r"needs provider-store\.encryption-key"):
        keyless.create(body("fox"))
    assert [each.name for each in keyless.load().rows] == ["wolf", "owl"]


def test_the_first_daemon_claims_the_database_for_its_key(world: World) -> None:
    world.repository.claim()
    world.repository.claim()
    assert world.repository.load().fingerprint == world.key.newest
    other = world.another(keys=lambda make: EncryptionKeys((secrets.token_bytes(32),)))
    with pytest.raises(WrongEncryptionKey):
        other.claim()


def test_a_daemon_with_another_key_changes_nothing(world: World) -> None:
    """Nothing that needs no key either: it cannot read what it has written, so it would not be in force."""
    world.repository.create(body("fox"))
    other = world.another(keys=lambda make: EncryptionKeys((secrets.token_bytes(32),)))
    with pytest.raises(WrongEncryptionKey):
        other.create(body("owl", api_key="env:OWL"))
    with pytest.raises(WrongEncryptionKey):
        other.update("fox", fields_of({"timeout": 7}))
    with pytest.raises(WrongEncryptionKey):
        other.switch("fox", enabled=False)
    with pytest.raises(WrongEncryptionKey):
        other.delete("fox")
    (row,) = world.repository.load().rows
    assert (row.name, row.row_version) == ("fox", 1)


def test_rekey_seals_all_with_the_newest_key_while_a_daemon_with_both_goes_on(world: World) -> None:
    old, new = secrets.token_bytes(32), secrets.token_bytes(32)
    before = world.another(keys=lambda make: EncryptionKeys((old,)))
    both = world.another(keys=lambda make: EncryptionKeys((new, old)))
    after = world.another(keys=lambda make: EncryptionKeys((new,)))
    rows = [before.create(body(name, api_key=f"sk-planted-{name}")) for name in ("fox", "wolf")]
    before.create(body("owl", api_key="env:OWL"))
    both.create(body("elk"))  # sealed with the old one, which the other daemons have
    assert [each.name for each in before.load().rows] == ["fox", "wolf", "owl", "elk"]
    version = both.version()
    assert both.rekey() == 3
    assert both.version() > version  # so that every daemon reads the rows again
    assert len(both.load().rows) == 4
    contents = after.load()
    assert contents.fingerprint == EncryptionKeys((new,)).newest
    opened = [EncryptionKeys((new,)).open(str(each.api_key)) for each in contents.rows[:2]]  # type: ignore[union-attr]
    assert opened == ["sk-planted-fox", "sk-planted-wolf"]
    for old_row, row in zip(rows, contents.rows, strict=False):
        assert isinstance(row, StoredProvider)
        assert (row.key_id, row.core_auth_id) == (old_row.key_id, old_row.core_auth_id)
    with pytest.raises(WrongEncryptionKey):
        before.load()
    assert both.rekey() == 3  # once more does no harm


def test_rekey_stops_at_a_key_that_cannot_be_opened_and_changes_nothing(world: World) -> None:
    world.repository.create(body("fox"))
    world.repository.create(body("wolf"))
    world.sql("UPDATE providers SET api_key = 'gAAAAbroken' WHERE name = 'wolf'")
    before = world.look("SELECT api_key FROM providers ORDER BY id")
    new = EncryptionKeys((secrets.token_bytes(32),))
    assert new.newest != world.key.newest
    with pytest.raises(StoreUnusable, match="provider 'wolf': its key cannot be opened"):
        world.repository.rekey()
    assert world.look("SELECT api_key FROM providers ORDER BY id") == before


def test_a_change_of_one_field_gives_one_field() -> None:
    assert fields_of({"api_key": "***"}).api_key is UNSET
    assert fields_of({"api_key": " k "}).api_key == Secret("k")
