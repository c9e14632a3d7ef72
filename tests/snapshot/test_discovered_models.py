"""Names that upstreams list: where they stand in the look-up order, and who serves them."""

from __future__ import annotations

import pytest

from daemon.config.schema import DEFAULT_ALIASES, DEFAULT_MODELS, Defaults, ModelAlias, ModelEntry
from daemon.snapshot.core_auths import CoreAuth
from daemon.snapshot.listings import Lists
from daemon.snapshot.models import ModelRegistry, ModelUnknown, Resolution, registry
from tests.router.auths import core_auth

GPT5 = Defaults(model="gpt-5")
PACKYCODE = core_auth("packycode", models=DEFAULT_MODELS, defaults=GPT5)
FOX = core_auth("fox", wire="chat", discover=True, defaults=Defaults(model=""))
OWL = core_auth("owl", wire="messages", provider="anthropic", discover=True, defaults=Defaults(model=""))
RELAY = core_auth(  # of config.yaml, without a list
    "relay", wire="responses", discover=True, keeps_models=True, models=DEFAULT_MODELS, defaults=GPT5
)
CODEX = core_auth("codex", wire="responses", discover=True, models=DEFAULT_MODELS, defaults=GPT5)


def of(*auths: CoreAuth, aliases: tuple[ModelAlias, ...] = DEFAULT_ALIASES, **lists: tuple[str, ...]) -> ModelRegistry:
    """A registry in which ``fox=("a",)`` is what fox's upstream lists."""
    by_name = {auth.name: auth.id for auth in auths}
    return registry(auths, aliases, {by_name[name]: names for name, names in lists.items()})


def asked(resolution: Resolution) -> list[str]:
    return [f"{each.auth.name}:{each.model}" for each in resolution.candidates]


def test_a_discovered_name_leads_to_who_lists_it() -> None:
    models = of(PACKYCODE, FOX, fox=("kimi-k2", "glm-4.6"))
    assert {"kimi-k2", "glm-4.6", "gpt-5"} < set(models.names())
    found = models.resolve("kimi-k2")
    assert (asked(found), found.rule, found.matched, found.effort) == (["fox:kimi-k2"], "discovered", "kimi-k2", None)
    assert [each.models for each in models.registrations()][1] == ("kimi-k2", "glm-4.6")


def test_with_an_effort_suffix() -> None:
    models = of(FOX, fox=("gpt-5.5", "k2-high"))
    found = models.resolve("gpt-5.5-low")
    assert (asked(found), found.rule, found.matched, found.effort) == (["fox:gpt-5.5"], "discovered", "gpt-5.5", "low")
    assert models.resolve("gpt-5.5(64000)").effort == "xhigh"
    assert asked(models.resolve("k2-high")) == ["fox:k2-high"]  # listed as it is, so no suffix


def test_until_a_list_is_known_codex_has_the_seeds_ids_and_others_have_none() -> None:
    models = of(CODEX, FOX)
    assert set(models.names()) == {entry.name for entry in DEFAULT_MODELS}
    assert asked(models.resolve("gpt-5-high")) == ["codex:gpt-5"]
    assert asked(models.resolve("fox/anything")) == ["fox:anything"]
    assert asked(models.resolve("FOX/vendor/some-model(high)")) == ["fox:vendor/some-model"]


def test_a_list_replaces_the_seeds_ids_and_an_empty_one_does_not() -> None:
    assert of(CODEX, codex=("gpt-5.5", "gpt-5.5-codex")).names() == ("gpt-5.5", "gpt-5.5-codex")
    assert len(of(CODEX, codex=()).names()) == len(DEFAULT_MODELS)
    assert of(FOX, fox=()).names() == ()


def test_a_provider_prefix_leads_there_also_for_what_is_not_listed() -> None:
    models = of(PACKYCODE, FOX, fox=("kimi-k2", "vendor/x"))
    for name, model in {"fox/kimi-k2": "kimi-k2", "fox/vendor/x": "vendor/x", "fox/new": "new"}.items():
        found = models.resolve(name)
        assert (asked(found), found.rule) == ([f"fox:{model}"], "provider-prefix")


def test_whoever_lists_a_registered_name_serves_it() -> None:
    """A relay that lists its models and one that does not are asked alike."""
    other = core_auth("other", wire="responses", discover=True, models=DEFAULT_MODELS, defaults=GPT5)
    models = of(PACKYCODE, CODEX, other, other=("gpt-5", "gpt-5.5"))
    found = models.resolve("gpt-5")
    assert (asked(found), found.rule) == (["packycode:gpt-5", "codex:gpt-5", "other:gpt-5"], "exact")
    assert asked(models.resolve("gpt-5-high")) == ["packycode:gpt-5", "codex:gpt-5"]
    assert asked(models.resolve("gpt-5.5")) == ["other:gpt-5.5"]


def test_priority_orders_those_that_list_a_name_each_in_their_own_way() -> None:
    first, last = core_auth("first", priority=5, discover=True), core_auth("last", priority=-5, discover=True)
    own = core_auth("own", models=(ModelEntry(name="big", alias="m"),))
    assert asked(of(last, own, first, last=("m", "x"), first=("m",)).resolve("m")) == ["first:m", "own:big", "last:m"]


def test_an_alias_beats_a_discovered_name_and_may_lead_to_one() -> None:
    aliases = (ModelAlias(pattern="kimi-k2", model="gpt-5"), ModelAlias(pattern="fast", model="glm-4.6-low"))
    models = of(PACKYCODE, FOX, aliases=aliases, fox=("kimi-k2", "glm-4.6"))
    assert (asked(models.resolve("kimi-k2")), models.resolve("kimi-k2").rule) == (["packycode:gpt-5"], "alias")
    found = models.resolve("fast")
    assert (asked(found), found.effort, found.rule) == (["fox:glm-4.6"], "low", "alias")


def test_the_built_in_alias_yields_to_a_messages_provider_that_has_the_model() -> None:
    names = ("claude-sonnet-5", "claude-opus-4-8")
    models = of(PACKYCODE, OWL, owl=names)
    assert asked(models.resolve("claude-sonnet-5")) == ["owl:claude-sonnet-5"]
    assert models.resolve("claude-haiku-9").rule == "alias"
    assert asked(of(PACKYCODE, OWL).resolve("claude-sonnet-5")) == ["packycode:gpt-5"]
    # not to another wire's, and no alias that somebody wrote
    assert of(PACKYCODE, FOX, fox=names).resolve("claude-sonnet-5").rule == "alias"
    written = (ModelAlias(pattern="claude-*", model="gpt-5"),)
    assert asked(of(PACKYCODE, OWL, aliases=written, owl=names).resolve("claude-sonnet-5")) == ["packycode:gpt-5"]
    assert "claude-sonnet-5" not in models.alias_names()


@pytest.mark.parametrize(
    ("auth", "names", "default"),
    [
        (FOX, ("text-embedding-nomic", "qwen3-32b", "gpt-4o"), ["qwen3-32b"]),
        (FOX, ("text-embedding-nomic",), []),
        (FOX, (), []),
        (CODEX, ("gpt-5.5", "gpt-5"), ["gpt-5"]),
        (CODEX, ("gpt-5.5", "gpt-5.1"), ["gpt-5.5"]),
        (CODEX, (), ["gpt-5"]),
    ],
)
def test_the_default_model_is_one_that_the_upstream_has(
    auth: CoreAuth, names: tuple[str, ...], default: list[str]
) -> None:
    assert [each.model for each in registry([auth], (), {auth.id: names}).defaults] == default


def test_own_models_with_the_seeds_effort_names_are_asked_as_listed_where_their_base_is_missing() -> None:
    assert asked(of(CODEX, codex=("gpt-5-high",)).resolve("gpt-5-high")) == ["codex:gpt-5-high"]
    both = of(CODEX, codex=("gpt-5-high", "gpt-5")).resolve("gpt-5-high")
    assert (asked(both), both.effort) == (["codex:gpt-5"], "high")


def test_an_unknown_name_is_answered_with_the_ways_out() -> None:
    with pytest.raises(ModelUnknown) as error:
        of(FOX, OWL).resolve("x")
    assert str(error.value) == (
        "model 'x' is not available; 'fox/x' asks fox for it all the same (also owl); or add it to a provider's "
        "models, or set defaults.model for names that model-aliases match"
    )
    many = tuple(f"model-{number}" for number in range(5000))
    with pytest.raises(ModelUnknown, match=r"did you mean 'model-\d+'\? available: .* and 4950 more; ") as error:
        of(FOX, fox=many).resolve("modle-77")
    assert len(str(error.value)) < 2000


def test_lists_of_core_auths_that_have_gone_are_dropped() -> None:
    lists: Lists = {FOX.id: ("a",), "store:gone:1": ("b",)}
    assert registry([FOX], DEFAULT_ALIASES, lists).listed == {FOX.id: ("a",)}


def test_a_list_from_before_a_change_is_not_used_where_the_models_are_written_now() -> None:
    auth = core_auth("fox", models=(ModelEntry(name="lion"),))
    assert registry([auth], (), {auth.id: ("gpt-5", "lion")}).names() == ("lion",)


def test_equal_lists_share_what_is_made_of_them() -> None:
    names = tuple(f"model-{number}" for number in range(600))
    auths = [core_auth(f"p{number}", discover=True) for number in range(300)]
    models = registry(auths, (), dict.fromkeys((auth.id for auth in auths), names))
    assert len({id(listing.by_name) for (listing,) in models.by_provider.values()}) == 1
    assert len({id(listings) for listings in models.by_name.values()}) == 1
    assert len(models.resolve("model-7").candidates) == 300


def test_of_the_file_the_seeds_ids_stay_beside_what_is_discovered() -> None:
    models = of(RELAY, relay=("o9", "gpt-5.5", "gpt-5", "gpt-5-high"))
    assert models.names() == (*sorted(entry.name for entry in DEFAULT_MODELS), "gpt-5.5", "o9")
    assert (models.resolve("gpt-5").rule, models.resolve("gpt-5.5").rule) == ("exact", "discovered")
    assert (asked(models.resolve("gpt-5-high")), models.resolve("gpt-5-high").effort) == (["relay:gpt-5"], "high")
    assert models.registrations()[0].models[-2:] == ("o9", "gpt-5.5")
    assert [each.model for each in models.defaults] == ["gpt-5"]  # chosen, or the built-in one: no list changes it


def test_a_model_that_one_of_two_lists_is_asked_of_that_one() -> None:
    other = core_auth("other", wire="responses", discover=True, keeps_models=True, models=DEFAULT_MODELS, defaults=GPT5)
    models = of(RELAY, other, relay=("gpt-5.5",), other=("gpt-5.4", "gpt-5.5-mini"))
    for name in ("gpt-5.5", "gpt-5.5-high", "gpt-5.5(low)", "gpt-5.5[1m]", "relay/gpt-5.5"):
        assert asked(models.resolve(name)) == ["relay:gpt-5.5"], name
    assert asked(models.resolve("gpt-5.5-mini")) == ["other:gpt-5.5-mini"]
    assert asked(models.resolve("gpt-5")) == ["relay:gpt-5", "other:gpt-5"]


@pytest.mark.parametrize(
    ("name", "effort", "to"),
    [
        ("claude-sonnet-5[1m]", None, ["owl:claude-sonnet-5"]),
        ("claude-sonnet-5[1M]", None, ["owl:claude-sonnet-5"]),
        ("claude-sonnet-5[2m]", None, ["owl:claude-sonnet-5"]),
        ("kimi-k2[1m]", None, ["fox:kimi-k2"]),
        ("kimi-k2[1m]-high", "high", ["fox:kimi-k2"]),
        ("kimi-k2-high[1m]", "high", ["fox:kimi-k2"]),
        ("kimi-k2[1m](low)", "low", ["fox:kimi-k2"]),
        ("gpt-5[1m]", None, ["packycode:gpt-5"]),
        ("gpt-5-high[1m]", "high", ["packycode:gpt-5"]),
        ("fox/kimi-k2[1m]", None, ["fox:kimi-k2"]),
        ("fox/unlisted[1m]", None, ["fox:unlisted"]),
        ("claude-opus-4-8[1m]", None, ["packycode:gpt-5", "fox:kimi-k2", "owl:claude-sonnet-5"]),
        ("glm-4.6[1m]", None, ["fox:glm-4.6[1m]"]),  # listed so
        ("fox/glm-4.6[1m]", None, ["fox:glm-4.6[1m]"]),
        ("anthropic/claude-sonnet-5", None, ["owl:claude-sonnet-5"]),
        ("anthropic/claude-sonnet-5[1m]", None, ["owl:claude-sonnet-5"]),
        ("anthropic/claude-sonnet-5-high", "high", ["owl:claude-sonnet-5"]),
        ("anthropic/claude-haiku-9", None, ["packycode:gpt-5", "fox:kimi-k2", "owl:claude-sonnet-5"]),
        ("anthropic/claude-router", None, ["fox:anthropic/claude-router"]),  # listed so, as at OpenRouter
        ("owl/anthropic/claude-sonnet-5", None, ["owl:anthropic/claude-sonnet-5"]),
    ],
)  # fmt: skip
def test_spellings_of_clients_mean_the_name_within(name: str, effort: str | None, to: list[str]) -> None:
    models = of(
        PACKYCODE, FOX, OWL, fox=("kimi-k2", "glm-4.6[1m]", "anthropic/claude-router"), owl=("claude-sonnet-5",)
    )
    found = models.resolve(name)
    assert (asked(found), found.effort) == (to, effort)


@pytest.mark.parametrize("name", ["kimi[1m]x", "[1m]", "openai/gpt-5", "anthropic/gpt-5", "gpt-5[3m]", "gpt-5[1m][x]"])
def test_other_spellings_are_unknown(name: str) -> None:
    with pytest.raises(ModelUnknown):
        of(PACKYCODE).resolve(name)


def test_a_provider_or_an_alias_of_that_name_comes_before_the_spelling() -> None:
    own = core_auth("anthropic", wire="chat", defaults=Defaults(model=""))
    assert asked(of(OWL, own, owl=("claude-sonnet-5",)).resolve("anthropic/claude-sonnet-5")) == [
        "anthropic:claude-sonnet-5"
    ]
    aliases = (ModelAlias(pattern="anthropic/*", model="gpt-5"), ModelAlias(pattern="big[1m]", model="kimi-k2"))
    models = of(PACKYCODE, FOX, aliases=aliases, fox=("kimi-k2", "big"))
    assert asked(models.resolve("anthropic/claude-sonnet-5")) == ["packycode:gpt-5"]
    assert (asked(models.resolve("big[1m]")), asked(models.resolve("big"))) == (["fox:kimi-k2"], ["fox:big"])


def test_excluded_models_are_served_by_no_name() -> None:
    out = core_auth(
        "out", wire="responses", discover=True, keeps_models=True, models=DEFAULT_MODELS, defaults=GPT5,
        exclude_models=("*-mini", "gpt-5-codex-high", "claude-*", "gpt-[34]*"),
    )  # fmt: skip
    models = of(out, FOX, fox=("gpt-5.5-mini",), out=("gpt-5.5", "GPT-5.5-Mini", "gpt-4o", "claude-opus-4-8", "o9"))
    assert set(models.names()) == {entry.name for entry in DEFAULT_MODELS} - {"gpt-5-codex-high"} | {
        "gpt-5.5", "o9", "gpt-5.5-mini",
    }  # fmt: skip
    assert asked(models.resolve("gpt-5.5-mini")) == ["fox:gpt-5.5-mini"]
    for name in ("gpt-5-codex-high", "GPT-5.5-Mini", "out/gpt-4o", "out/gpt-4o(high)", "out/claude-opus-4-8", "gpt-4o"):
        with pytest.raises(ModelUnknown, match="exclude-models of out excludes it"):
            models.resolve(name)
    assert asked(models.resolve("gpt-5-codex-low")) == ["out:gpt-5-codex"]
    assert asked(models.resolve("out/gpt-5.6")) == ["out:gpt-5.6"]


def test_an_excluded_default_leads_nowhere() -> None:
    out = core_auth("out", models=DEFAULT_MODELS, defaults=GPT5, exclude_models=("gpt-5",))
    assert asked(of(out, PACKYCODE).resolve("claude-sonnet-5")) == ["packycode:gpt-5"]
    assert of(out).defaults == ()
