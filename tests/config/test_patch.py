"""Blocks after a PUT or a PATCH, as data: masks, defaults, nulls, names."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.edit.patch import (
    MASK,
    PatchRefused,
    UnknownProvider,
    added,
    merged,
    patched,
    removed,
    replaced,
    unwrapped,
)

WRITTEN: dict[str, Any] = {
    "enabled": True,
    "base-url": "https://u:p@packy.example",
    "credentials": {"openai-api-key": "sk-1"},
    "x-note": "the API does not know this key",
}
SHOWN: dict[str, Any] = {
    "enabled": True,
    "base-url": f"https://{MASK}@packy.example",
    "requires-openai-auth": True,
    "privacy": {"disable-response-storage": True},
    "credentials": {"openai-api-key": MASK},
}
NOTE = {"x-note": WRITTEN["x-note"]}


@pytest.mark.parametrize(
    "sent, made",
    [
        (SHOWN, WRITTEN),
        ({}, NOTE),
        ({"enabled": True}, {"enabled": True, **NOTE}),
        ({"enabled": False, "requires-openai-auth": True}, {"enabled": False, **NOTE}),
        ({"requires-openai-auth": False}, {"requires-openai-auth": False, **NOTE}),
        ({"requires-openai-auth": None, "base-url": None}, NOTE),
        ({"privacy": {"disable-response-storage": False}}, {"privacy": {"disable-response-storage": False}, **NOTE}),
        ({"privacy": {}}, NOTE),
        ({"credentials": {"openai-api-key": "sk-2"}}, {"credentials": {"openai-api-key": "sk-2"}, **NOTE}),
        ({"x-note": "mine"}, {"x-note": "mine"}),
    ],
)
def test_put_replaces_what_it_shows(sent: dict[str, Any], made: dict[str, Any]) -> None:
    assert replaced(WRITTEN, SHOWN, sent) == made


@pytest.mark.parametrize(
    "sent, change",
    [
        ({}, {}),
        ({"enabled": False}, {"enabled": False}),
        ({"requires-openai-auth": True}, {"requires-openai-auth": True}),
        ({"base-url": f"https://{MASK}@packy.example"}, {}),
        ({"credentials": {"openai-api-key": MASK}}, {}),
        ({"privacy": {"disable-response-storage": None}}, {}),
        ({"privacy": {}}, {}),
        ({"credentials": {"openai-api-key": None}}, {"credentials": {}}),
        ({"requires-openai-auth": None}, {}),
    ],
)
def test_patch_merges(sent: dict[str, Any], change: dict[str, Any]) -> None:
    assert merged(WRITTEN, SHOWN, sent) == {**WRITTEN, **change}


def test_null_removes() -> None:
    assert merged(WRITTEN, SHOWN, {"credentials": None, "enabled": None, "x-note": None}) == {
        "base-url": WRITTEN["base-url"]
    }


@pytest.mark.parametrize("change", [merged, replaced])
@pytest.mark.parametrize(
    "sent, path",
    [
        ({"base-url": f"https://{MASK}@elsewhere.example"}, ("base-url",)),
        ({"headers": {"X": MASK}}, ("headers", "X")),
        ({"models": [{"name": MASK}]}, ("models", 0, "name")),
        ({"enabled": MASK}, ("enabled",)),
    ],
)
def test_a_mask_with_nothing_behind_it_is_refused(change: Any, sent: dict[str, Any], path: tuple[object, ...]) -> None:
    with pytest.raises(PatchRefused) as refusal:
        change(WRITTEN, SHOWN, sent)
    assert refusal.value.path == path


PLAIN = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=5).filter(lambda text: MASK not in text),
    lambda inner: st.dictionaries(st.text(max_size=3), inner, max_size=3) | st.lists(inner, max_size=3),
    max_leaves=8,
)
BLOCKS = st.dictionaries(st.text(max_size=3), PLAIN, max_size=4)


@given(written=BLOCKS, more=BLOCKS)
def test_what_was_shown_put_back_is_what_was_written(written: dict[str, Any], more: dict[str, Any]) -> None:
    assert replaced(written, {**more, **written}, {**more, **written}) == written


@given(written=BLOCKS, sent=BLOCKS)
def test_a_patch_twice_is_a_patch_once(written: dict[str, Any], sent: dict[str, Any]) -> None:
    once = merged(written, written, sent)
    assert merged(once, once, sent) == once


@pytest.mark.parametrize(
    "body, block",
    [
        ({"enabled": True}, {"enabled": True}),
        ({"packycode": {"enabled": True, "effective-source": "env"}}, {"enabled": True}),
        ({"effective-source": "env", "effective-sources": {}}, {}),
        ({}, {}),
    ],
)
def test_a_body_is_bare_or_wrapped(body: object, block: dict[str, Any]) -> None:
    assert unwrapped("packycode", body) == block


@pytest.mark.parametrize("body", [None, [], "packycode", {"packycode": None}, {"packycode": {}, "enabled": True}])
def test_another_body_is_refused(body: object) -> None:
    with pytest.raises(PatchRefused):
        unwrapped("packycode", body)


FOX = {"name": "Fox", "base-url": "https://f", "api-key": "sk-f"}
WOLF = {"name": "wolf", "base-url": "https://w", "api-key": "sk-w", "enabled": False}
LYNX = {"name": "lynx", "base-url": "https://l", "api-key": "sk-l"}
TPPC = {"providers": [FOX, WOLF]}
SHOWN_TPPC = {"providers": [{**FOX, "api-key": MASK, "weight": 1}, {**WOLF, "api-key": MASK, "weight": 1}]}


@pytest.mark.parametrize(
    "entries, made",
    [
        ([{"name": " FOX ", "enabled": True}], [{**FOX, "enabled": True}, WOLF]),
        ([{"name": "wolf", "enabled": None, "api-key": MASK}], [FOX, {key: WOLF[key] for key in FOX}]),
        ([{"name": "wolf", "weight": 2}, {"name": "fox", "weight": 1}], [{**FOX, "weight": 1}, {**WOLF, "weight": 2}]),
        (
            [{"name": "lynx", "base-url": "l", "api-key": "k"}],
            [FOX, WOLF, {"name": "lynx", "base-url": "l", "api-key": "k"}],
        ),
        ([], [FOX, WOLF]),
    ],
)
def test_providers_are_merged_by_name(entries: list[Any], made: list[Any]) -> None:
    assert patched(TPPC, SHOWN_TPPC, {"providers": entries}) == {"providers": made}


def test_providers_null_removes_them() -> None:
    assert patched(TPPC, SHOWN_TPPC, {"providers": None}) == {}


@pytest.mark.parametrize(
    "entry, words",
    [
        ({"enabled": True}, "without a name"),
        ("fox", "without a name"),
        ({"name": "lynx"}, "base-url and api-key"),
        ({"name": "lynx", "base-url": "x", "api-key": ""}, "send api-key"),
        ({"name": "lynx", "base-url": "x", "api-key": MASK}, "mask"),
    ],
)
def test_an_entry_that_names_nobody_is_refused(entry: object, words: str) -> None:
    with pytest.raises(PatchRefused, match=words) as refusal:
        patched(TPPC, SHOWN_TPPC, {"providers": [entry]})
    assert refusal.value.path[:2] == ("providers", 0)


def test_put_moves_and_renames_by_name() -> None:
    fox, wolf = SHOWN_TPPC["providers"]
    assert replaced(TPPC, SHOWN_TPPC, {"providers": [wolf, fox]}) == {"providers": [WOLF, FOX]}
    with pytest.raises(PatchRefused, match="mask"):
        replaced(TPPC, SHOWN_TPPC, {"providers": [{**fox, "name": "vixen"}]})


def test_one_is_added_and_removed() -> None:
    lynx = {"name": "lynx", "api-key": "k"}
    assert added(TPPC, lynx) == {"providers": [FOX, WOLF, lynx]}
    assert added({}, lynx) == {"providers": [lynx]}
    assert removed(TPPC, " fox") == {"providers": [WOLF]}
    for name in ("", "vixen"):
        with pytest.raises(UnknownProvider):
            removed(TPPC, name)


KEYS: dict[str, Any] = {"api-key": ["sk-1", "env:B", "sk-3"]}
KEYS_SHOWN: dict[str, Any] = {"api-key": [MASK, "env:B", MASK]}


@pytest.mark.parametrize("change", [merged, replaced])
@pytest.mark.parametrize(
    "sent, made",
    [
        ([MASK, "env:B", MASK], ["sk-1", "env:B", "sk-3"]),
        ([MASK, "env:C", MASK], ["sk-1", "env:C", "sk-3"]),
        (["sk-2", "env:B", MASK], ["sk-2", "env:B", "sk-3"]),
        ([MASK, "sk-2", MASK], ["sk-1", "sk-2", "sk-3"]),
        (["sk-7"], ["sk-7"]),
        (["sk-7", "env:B"], ["sk-7", "env:B"]),
        (["env:B"], ["env:B"]),
        ([], []),
        ("sk-8", "sk-8"),
    ],
)
def test_a_masked_key_of_a_list_is_the_one_in_its_place(change: Any, sent: object, made: object) -> None:
    assert change(KEYS, KEYS_SHOWN, {"api-key": sent}) == {"api-key": made}


@pytest.mark.parametrize("change", [merged, replaced])
@pytest.mark.parametrize(
    "written, sent, path, why",
    [
        (KEYS, [MASK], ("api-key",), "must keep its length (3, got 1)"),
        (KEYS, [MASK, "env:B", MASK, "sk-4"], ("api-key",), "must keep its length (3, got 4)"),
        (KEYS, [MASK, "env:B"], ("api-key",), "must keep its length (3, got 2)"),
        (KEYS, [MASK, MASK, MASK], ("api-key", 1), "api-key[1] is masked, but there is no stored value"),
        (KEYS, MASK, ("api-key",), "api-key is masked, but there is no stored value"),
        ({"api-key": "sk-1"}, [MASK, "sk-2"], ("api-key",), "must keep its length (1, got 2)"),
        ({}, [MASK], ("api-key",), "must keep its length (0, got 1)"),
    ],
)
def test_a_mask_that_stands_for_no_key_is_refused(
    change: Any, written: dict[str, Any], sent: object, path: tuple[str | int, ...], why: str
) -> None:
    shown = {"api-key": KEYS_SHOWN["api-key"] if written is KEYS else MASK} if written else {}
    with pytest.raises(PatchRefused) as refused:
        change(written, shown, {"api-key": sent})
    assert (refused.value.path, why in refused.value.message) == (path, True), refused.value.message


def test_one_key_becomes_a_list_with_its_mask_in_it_only_where_it_stays_one() -> None:
    assert merged({"api-key": "sk-1"}, {"api-key": MASK}, {"api-key": [MASK]}) == {"api-key": ["sk-1"]}
