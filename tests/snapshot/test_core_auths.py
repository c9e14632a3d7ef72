"""Synthesis: which core auths a configuration has, and that no provider ever gets another one's key."""

from __future__ import annotations

import pytest
from msgspec import UNSET, UnsetType, structs

from daemon.config.provider import providers_of
from daemon.config.schema import Config, ModelEntry, Tppc, TppcProvider
from daemon.secret import Secret
from daemon.snapshot.core_auths import synthesize
from daemon.snapshot.effort import default_effort
from tests.config.world import config_of
from tests.snapshot.world import PACKYCODE, snapshot, tppc


def test_tppc_credentials() -> None:
    """The executor's credential is the entry's own key and URL."""
    (fox,) = snapshot(tppc("Fox")).core_auths
    assert (fox.name, fox.provider, fox.source) == ("Fox", "codex", "config:tppc[fox]")
    assert fox.base_url == "https://fox.example/v1"
    assert fox.api_key == Secret("sk-planted-fox")
    assert (fox.store, fox.defaults.model, default_effort(fox.defaults, "gpt-5")) == (False, "gpt-5", "high")


def test_tppc_credentials_priority() -> None:
    """A higher priority is asked first, whatever the order of the file."""
    models = snapshot(PACKYCODE + tppc("fox", "wolf, priority: 5")).models
    assert [each.auth.name for each in models.resolve("gpt-5").candidates] == ["wolf", "packycode", "fox"]


def test_tppc_no_enabled_providers() -> None:
    assert snapshot(tppc("fox, enabled: false")).core_auths == ()


def test_tppc_multiple_providers() -> None:
    """Two enabled and one disabled: two core auths, each with its own key."""
    auths = snapshot(tppc("fox", "wolf, enabled: false", "bear")).core_auths
    assert [(auth.name, auth.api_key) for auth in auths] == [
        ("fox", Secret("sk-planted-fox")),
        ("bear", Secret("sk-planted-bear")),
    ]
    assert all(auth.name in auth.base_url for auth in auths)


def test_packycode_disabled_and_enabled() -> None:
    assert snapshot(PACKYCODE.replace("true", "false")).core_auths == ()
    (auth,) = snapshot(PACKYCODE).core_auths
    assert (auth.name, auth.provider, auth.source) == ("packycode", "codex", "config:packycode")


def test_one_key_and_url_under_two_names_are_two_credentials() -> None:
    same = "base-url: 'https://x.example', api-key: k"
    one, two = snapshot(tppc(f"a, {same}", f"b, {same}")).core_auths
    assert len({one.id, two.id, one.client_id, two.client_id}) == 4


def test_the_ids_of_a_reordered_file_are_the_same() -> None:
    there = {auth.name: (auth.id, auth.client_id) for auth in snapshot(PACKYCODE + tppc("fox", "wolf")).core_auths}
    back = {auth.name: (auth.id, auth.client_id) for auth in snapshot(tppc("wolf", "fox") + PACKYCODE).core_auths}
    assert there == back


@pytest.mark.parametrize("more", ["priority: 9", "weight: 2", "headers: {X-A: b}", "models: [m]", "wire-api: chat"])
def test_use_is_not_identity(more: str) -> None:
    (plain,), (other,) = snapshot(tppc("fox")).core_auths, snapshot(tppc(f"fox, {more}")).core_auths
    assert (plain.id, plain.client_id) == (other.id, other.client_id)
    assert plain != other


def test_a_reference_is_hashed_by_its_value() -> None:
    literal = snapshot(tppc("fox")).core_auths
    referred = snapshot(tppc("fox, api-key: 'env:K'"), env={"env:K": "sk-planted-fox"}).core_auths
    assert literal == referred


def test_core_auths_that_share_an_id_are_numbered_with_a_warning() -> None:
    """The loader refuses a repeated name; other sources may still bring one."""
    twin = TppcProvider(name="fox", enabled=True, base_url="https://x.example", api_key=Secret("k"))
    config = Config(tppc=Tppc(providers=(twin, twin, structs.replace(twin, name="bear"))))
    auths, warnings = synthesize(config, providers_of(config))
    assert [auth.id.rpartition(":")[2][12:] for auth in auths] == ["", "-1", ""]
    assert auths[1].client_id == f"{auths[0].client_id}-1"
    assert [(each.dotted, each.severity) for each in warnings] == [("tppc.providers[1]", "warning")]


def test_globals_reach_every_core_auth_unless_it_says_otherwise() -> None:
    general = "proxy-url: http://p.example:1\ndisable-cooling: true\ntimeouts: {connect: 1, idle: 2}\n"
    own = "bear, proxy-url: direct, disable-cooling: false, timeouts: {idle: 9}"
    packy, fox, bear = snapshot(general + PACKYCODE + tppc("fox", own)).core_auths
    for auth in (packy, fox):
        assert (auth.proxy_url, auth.disable_cooling, auth.timeouts.idle) == ("http://p.example:1", True, 2.0)
    assert (bear.proxy_url, bear.disable_cooling) == ("direct", False)
    assert (bear.timeouts.connect, bear.timeouts.first_event, bear.timeouts.idle) == (1.0, 120.0, 9.0)


def test_storage_is_left_to_the_client_when_it_is_not_disabled() -> None:
    (fox,) = snapshot(tppc("fox, privacy: {disable-response-storage: false}")).core_auths
    assert fox.store is None


@pytest.mark.parametrize(
    ("given", "default", "effort"),
    [
        ("fox", "gpt-5", UNSET),
        ("fox, defaults: {model: gpt-5-codex-low}", "gpt-5-codex", "low"),
        ("fox, defaults: {model: gpt-9, model-reasoning-effort: low}", "gpt-9", "low"),
        ("fox, models: [k2]", "k2", UNSET),
        ("fox, models: [k2, big], defaults: {model: big}", "big", UNSET),
        ("fox, models: [k2], defaults: {model: hidden}", "hidden", UNSET),
        ("fox, models: [{name: own, alias: gpt-5-low}], defaults: {model: gpt-5-low}", "gpt-5-low", UNSET),
    ],
)
def test_the_default_model(given: str, default: str, effort: str | UnsetType) -> None:
    (fox,) = snapshot(tppc(given)).core_auths
    assert (fox.defaults.model, fox.defaults.model_reasoning_effort) == (default, effort)


def test_a_default_newer_than_the_built_in_list_is_registered_too() -> None:
    config = config_of(PACKYCODE + "  defaults: {model: gpt-9}\n")
    ((auth,), _) = synthesize(config, providers_of(config))
    assert auth.models[-1] == ModelEntry(name="gpt-9")
    assert len(auth.models) == 11
