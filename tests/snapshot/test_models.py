"""The registry: look-up order, suffixes, prefixes, aliases, and what is said of an unknown name."""

from __future__ import annotations

import pytest

from daemon.snapshot.models import ModelUnknown
from tests.snapshot.world import PACKYCODE, snapshot, tppc

SEED_IDS = (
    "codex-mini-latest", "gpt-5", "gpt-5-codex", "gpt-5-codex-high", "gpt-5-codex-low", "gpt-5-codex-medium",
    "gpt-5-high", "gpt-5-low", "gpt-5-medium", "gpt-5-minimal",
)  # fmt: skip
ALIASES = """
model-aliases:
  claude-haiku-*: gpt-5-low
  claude-opus-4-8: fox/gpt-5-codex
  claude-broken: nowhere
  claude-*:
"""
WORLD = PACKYCODE + tppc("Fox", "kimi, wire-api: chat, models: [k2, {name: big, alias: gpt-5}]") + ALIASES


@pytest.mark.parametrize(
    ("name", "rule", "matched", "effort", "asked"),
    [
        ("gpt-5", "exact", "gpt-5", None, ["packycode:gpt-5", "Fox:gpt-5", "kimi:big"]),
        ("gpt-5-high", "exact", "gpt-5-high", "high", ["packycode:gpt-5", "Fox:gpt-5"]),
        ("gpt-5-codex-low", "exact", "gpt-5-codex-low", "low", ["packycode:gpt-5-codex", "Fox:gpt-5-codex"]),
        ("k2", "exact", "k2", None, ["kimi:k2"]),
        ("gpt-5-codex-minimal", "effort-suffix", "gpt-5-codex", "minimal",
         ["packycode:gpt-5-codex", "Fox:gpt-5-codex"]),
        ("k2-xhigh", "effort-suffix", "k2", "xhigh", ["kimi:k2"]),
        ("k2(64000)", "effort-suffix", "k2", "xhigh", ["kimi:k2"]),
        ("fox/gpt-5", "provider-prefix", "fox/gpt-5", None, ["Fox:gpt-5"]),
        ("FOX/gpt-5-high", "provider-prefix", "FOX/gpt-5-high", "high", ["Fox:gpt-5"]),
        ("fox/gpt-5(low)", "provider-prefix", "fox/gpt-5(low)", "low", ["Fox:gpt-5"]),
        ("kimi/gpt-5", "provider-prefix", "kimi/gpt-5", None, ["kimi:big"]),
        ("kimi/unlisted(low)", "provider-prefix", "kimi/unlisted(low)", "low", ["kimi:unlisted"]),
        ("fox/vendor/model", "provider-prefix", "fox/vendor/model", None, ["Fox:vendor/model"]),
        ("claude-haiku-4-5", "alias", "claude-haiku-*", "low", ["packycode:gpt-5", "Fox:gpt-5"]),
        ("claude-opus-4-8", "alias", "claude-opus-4-8", None, ["Fox:gpt-5-codex"]),
        ("claude-sonnet-5", "alias", "claude-*", None, ["packycode:gpt-5", "Fox:gpt-5", "kimi:big"]),
        ("claude-sonnet-5(8192)", "alias", "claude-*", "medium", ["packycode:gpt-5", "Fox:gpt-5", "kimi:big"]),
    ],
)  # fmt: skip
def test_look_up(name: str, rule: str, matched: str, effort: str | None, asked: list[str]) -> None:
    found = snapshot(WORLD).models.resolve(name)
    assert asked == [f"{each.auth.name}:{each.model}" for each in found.candidates]
    assert (rule, matched, effort) == (found.rule, found.matched, found.effort)


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("a/b/gpt-5", ["a/b:gpt-5"]),
        ("A/B/c/d", ["a/b:c/d"]),
        ("a/gpt-5", ["a:gpt-5"]),
        ("a/c/gpt-5", ["a:c/gpt-5"]),
        ("a/b", ["a:b"]),
        ("a/b/", ["a:b/"]),
    ],
)
def test_a_provider_whose_name_has_a_slash(name: str, asked: list[str]) -> None:
    found = snapshot(tppc("a", "a/b")).models.resolve(name)
    assert asked == [f"{each.auth.name}:{each.model}" for each in found.candidates]


@pytest.mark.parametrize(
    ("suffix", "seed_level", "other_level"),
    [
        ("medium", "medium", "medium"),
        ("none", "minimal", "none"),
        ("0", "minimal", "none"),
        ("auto", "medium", "medium"),
        ("-1", "medium", "medium"),
        ("512", "minimal", "minimal"),
        ("1024", "low", "low"),
        ("8192", "medium", "medium"),
        ("24576", "high", "high"),
        ("64000", "high", "xhigh"),
        ("XHigh", "high", "xhigh"),
        ("max", "high", "max"),
    ],
)
def test_effort_in_parentheses(suffix: str, seed_level: str, other_level: str) -> None:
    """The seed's models know minimal to high; of others nothing is known, so they get what was asked."""
    models = snapshot(WORLD).models
    assert models.resolve(f"gpt-5({suffix})").effort == seed_level
    assert models.resolve(f"k2({suffix})").effort == other_level


@pytest.mark.parametrize(
    "name", ["", "gpt-6", "gpt-5(best)", "gpt-5()", "claude-broken", "wolf/gpt-5", "/", "fox/", "-high"]
)
def test_unknown_names(name: str) -> None:
    with pytest.raises(ModelUnknown) as error:
        snapshot(WORLD).models.resolve(name)
    assert error.value.available == (*SEED_IDS, "k2")
    assert name in str(error.value)


def test_the_nearest_name_is_told() -> None:
    with pytest.raises(ModelUnknown, match=r"model 'gpt-5-codx' is not available; did you mean 'gpt-5-codex'\? availa"):
        snapshot(WORLD).models.resolve("gpt-5-codx")


def test_a_megabyte_of_name_is_no_attack() -> None:
    with pytest.raises(ModelUnknown) as error:
        snapshot(WORLD).models.resolve("gpt-5" * 200_000)
    assert len(str(error.value)) < 1000


def test_no_provider_at_all() -> None:
    with pytest.raises(ModelUnknown, match="no provider is enabled"):
        snapshot("{}").models.resolve("claude-sonnet-5")


def test_a_providers_own_slash_names_win_within_its_prefix() -> None:
    models = snapshot(tppc("openai, models: [openai/gpt-5]")).models
    assert models.resolve("openai/gpt-5").candidates[0].model == "openai/gpt-5"


def test_a_listed_name_with_an_alias_is_sent_as_written() -> None:
    """``gpt-5-high`` in a list stands for gpt-5 with effort high, unless it is given an alias."""
    models = snapshot(tppc("fox, models: [gpt-5-high, {name: gpt-5-low, alias: cheap}]")).models
    assert (models.resolve("gpt-5-high").candidates[0].model, models.resolve("gpt-5-high").effort) == ("gpt-5", "high")
    assert (models.resolve("cheap").candidates[0].model, models.resolve("cheap").effort) == ("gpt-5-low", None)


def test_the_list() -> None:
    models = snapshot(WORLD).models
    assert models.names() == (*SEED_IDS, "k2")
    assert all(models.resolve(name).rule == "exact" for name in models.names())
    assert models.alias_names() == ("claude-haiku-4-5-20251001", "claude-opus-4-8", "claude-sonnet-5")
    assert snapshot("{}").models.alias_names() == ()
    assert snapshot(PACKYCODE + "model-aliases: {}").models.alias_names() == ()


def test_registrations_and_that_they_go_with_the_block() -> None:
    first, second = snapshot(PACKYCODE + tppc("fox, models: [a, a]")).models.registrations()
    assert (first.provider, len(first.models)) == ("packycode", 10)
    assert first.client_id.startswith("packycode:models:")
    assert (second.provider, second.models) == ("fox", ("a",))
    assert snapshot(PACKYCODE.replace("true", "false")).models.names() == ()


def test_no_provider_is_asked_with_the_key_of_another() -> None:
    models = snapshot(WORLD).models
    for name in (*models.names(), *models.alias_names(), "fox/x", "kimi/x"):
        for candidate in models.resolve(name).candidates:
            key = candidate.auth.api_key.reveal()
            owner = candidate.auth.name.lower().replace("packycode", "packy")
            assert key == f"sk-planted-{owner}"
