"""Providers of the store in a snapshot: their core auths, their lines in the summary, and no key that is opened."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from daemon.config.load import Fragment, merged
from daemon.config.provider import Provider, RequestDefaults
from daemon.config.schema import DEFAULT_MODELS, ModelEntry, ProviderTimeouts
from daemon.secret import Secret
from daemon.snapshot.diff import diff
from daemon.snapshot.snapshot import Snapshot, build
from daemon.snapshot.summary import lines
from tests.config.world import loaded
from tests.snapshot.world import tppc


class ClosedKey(Secret):
    """A key that nobody has to open."""

    __slots__ = ()

    def reveal(self) -> str:
        raise AssertionError("the key was opened")


def stored(name: str = "fox", **changes: Any) -> Provider:
    fields: dict[str, Any] = {
        "kind": "store",
        "name": name,
        "source": f"store:{name}",
        "enabled": True,
        "wire": "chat",
        "base_url": "https://a.example/v1",
        "api_keys": (ClosedKey("sealed"),),
        "type": "openai",
        "models": (ModelEntry(name="m"),),
        "core_auth_id": f"store:{name}:0123456789ab",
        "client_id": "store:models:0123456789ab",
    }
    return Provider(**fields | changes)


def snapshot(*rows: Provider, text: str = "{}") -> Snapshot:
    return build(merged((loaded(text), Fragment(source="store", providers=rows))), generation=1)


def test_a_snapshot_and_a_diff_of_rows_open_no_key() -> None:
    before, after = snapshot(stored()), snapshot(stored(base_url="https://b.example", api_keys=(ClosedKey("other"),)))
    (auth,) = before.core_auths
    assert (auth.id, auth.client_id) == ("store:fox:0123456789ab", "store:models:0123456789ab")
    assert auth.api_key is before.providers[-1].api_keys[0]
    assert diff(before, after).changed == 1
    assert before.revision != after.revision


def test_what_a_row_says_reaches_its_core_auth() -> None:
    row = stored(
        fallback_models=("a", "b"),
        request_defaults=RequestDefaults(temperature=0.2, max_tokens=5),
        timeouts=ProviderTimeouts(first_event=7.0, idle=7.0),
        total_timeout=7.0,
        set_by="remote",
        discover=True,
    )
    (auth,) = snapshot(row).core_auths
    assert (auth.type, auth.fallback_models, auth.set_by, auth.discover) == ("openai", ("a", "b"), "remote", True)
    assert auth.request_defaults == RequestDefaults(temperature=0.2, max_tokens=5)
    timeouts = auth.timeouts
    assert (timeouts.connect, timeouts.first_event, timeouts.idle, timeouts.whole) == (10.0, 7.0, 7.0, 7.0)


def test_a_row_without_models_serves_none_until_they_are_known_and_is_behind_no_alias() -> None:
    before = snapshot(stored(models=(), discover=True))
    (auth,) = before.core_auths
    assert (auth.models, auth.defaults.model) == ((), "")
    assert before.models.names() == ()
    assert before.models.defaults == ()
    assert before.models.resolve("fox/anything").candidates[0].model == "anything"
    codex = snapshot(stored(models=DEFAULT_MODELS, discover=True))
    assert "gpt-5" in codex.models.names()
    assert codex.models.resolve("claude-sonnet-5").candidates[0].model == "gpt-5"


def test_a_name_of_the_file_is_the_files_and_the_row_is_reported() -> None:
    both = snapshot(stored("FOX"), stored("wolf"), text=tppc("fox"))
    assert [each.source for each in both.providers] == ["config:packycode", "config:tppc[fox]", "store:wolf"]
    (warning,) = both.warnings
    assert str(warning) == (
        "store: warning: providers.FOX: is not used: config.yaml has a provider of this name (config:tppc[fox]) "
        "(rename one of the two, or delete this one)"
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"base_url": "https://b.example/x"}, ["base-url: https://a.example -> https://b.example"]),
        ({"base_url": "https://a.example/x"}, ["base-url: updated"]),
        ({"api_keys": (Secret("sk-planted"),)}, ["api-key: updated"]),
        ({"api_keys": (Secret(""),)}, ["api-key: removed"]),
        ({"enabled": False}, ["enabled: true -> false"]),
        ({"name": "Fox"}, ["name: fox -> Fox"]),
        ({"type": "vllm"}, ["type: openai -> vllm"]),
        ({"total_timeout": 30.0, "timeouts": ProviderTimeouts(idle=30.0)}, ["timeout: <none> -> 30"]),
        ({"models": (ModelEntry(name="n"),)}, ["models[n]: added", "models[m]: removed"]),
        ({"fallback_models": ("a", "b")}, ["fallback-models: <none> -> a, b"]),
        ({"headers": {"X-A": "planted"}}, ["headers[X-A]: set"]),
        ({"request_defaults": RequestDefaults(top_p=0.5)}, ["top-p: <none> -> 0.5"]),
        ({"client_id": "store:models:other", "core_auth_id": "store:fox:other"}, []),
    ],
)
def test_a_changed_row_has_a_line_for_each_change(changes: dict[str, Any], expected: list[str]) -> None:
    old = snapshot(stored(), stored("wolf"), text="port: 1")
    new = snapshot(structs.replace(stored(), **changes), stored("wolf"), text="port: 2")
    shown = lines(diff(old, new))
    assert shown[0] == "port: 1 -> 2 (restart needed)"
    name = changes.get("name", "fox")
    assert list(shown[1:]) == [f"store.providers[{name}].{each}" for each in expected]


def test_what_has_not_changed_is_taken_from_the_snapshot_before() -> None:
    """Of 2,000 rows one changes at a time. What comes of it is what would come of all of them made anew."""

    def row(name: str, **changes: Any) -> Provider:
        return stored(name, client_id=f"store:models:{name}", **changes)

    rows = [row("fox"), row("owl"), row("elk", models=(), discover=True)]
    old = snapshot(*rows)
    elk = old.core_auths[-1]
    listed = {elk.id: ("m", "n")}
    changed = merged(
        (loaded("{}"), Fragment(source="store", providers=(row("fox", base_url="https://b.example"), *rows[1:])))
    )
    new, fresh = build(changed, generation=2, listed=listed, old=old), build(changed, generation=2, listed=listed)
    assert new == fresh
    assert [auth is before for auth, before in zip(new.core_auths, old.core_auths, strict=True)] == [False, True, True]
    owls = [each.models.by_provider["owl"][0] for each in (old, new)]
    assert owls[0] is owls[1]
    again = build(changed, generation=3, listed={elk.id: ("o",)}, old=new)
    assert again == build(changed, generation=3, listed={elk.id: ("o",)})


@pytest.mark.parametrize("text", ["timeouts: {idle: 7}", "proxy-url: http://proxy.example", "disable-cooling: true"])
def test_a_general_setting_reaches_the_rows_that_have_not_changed(text: str) -> None:
    row = stored()
    fragment = merged((loaded(text), Fragment(source="store", providers=(row,))))
    assert build(fragment, generation=2, old=snapshot(row)) == build(fragment, generation=2)
    assert build(fragment, generation=2, old=snapshot(row)).core_auths != snapshot(row).core_auths
