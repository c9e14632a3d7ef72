"""Bodies and what is wrong with them: values in, values out."""

from __future__ import annotations

import pytest

from daemon.config.schema import ModelEntry
from daemon.secret import Secret
from daemon.store.errors import InvalidProvider
from daemon.store.provider_fields import DEFAULTS, check_fields, extra_config_of, fields_of
from daemon.store.provider_row import ExtraConfig
from daemon.upstream.adapters.table import ADAPTERS

GOOD = {"name": "fox", "type": "openai", "base_url": "https://fox.example/v1", "api_key": "sk-planted"}

WRONG: list[tuple[dict[str, object], str]] = [
    ({"name": None}, "name: expected text, got nothing"),
    ({"name": " "}, "name: name is required (e.g. fox)"),
    ({"name": "a/b"}, "name: must not hold / or be . or .. (provider/model asks one provider, so a name has no /)"),
    ({"name": ".."}, "name: must not hold /"),
    ({"name": "x" * 101}, "name: longer than 100 characters (shorten it)"),
    ({"name": "a\nb"}, "name: contains a control character (remove it)"),
    ({"type": ""}, "type: type is required (one of: openai, vllm, codex, messages)"),
    ({"type": "pigeon"}, 'type: unknown provider type (got "pigeon"; known: openai, vllm, codex, messages)'),
    ({"base_url": ""}, "base_url: base_url is required (e.g. https://host.example/v1)"),
    (
        {"base_url": "ftp://x"},
        "base_url: base_url must be a valid http(s) URL (it must begin with http:// or https://)",
    ),
    ({"base_url": "https://x y"}, "base_url: base_url must be a valid http(s) URL (it contains a space"),
    ({"timeout": 0}, "timeout: must be from 1 to 86400, got 0"),
    ({"timeout": -3}, "timeout: must be from 1 to 86400, got -3"),
    ({"timeout": True}, "timeout: expected a number, got true or false"),
    ({"timeout": "30s"}, "timeout: expected a number, got text"),
    ({"api_key": ""}, "api_key: api_key is required for type openai"),
    ({"api_key": None}, "api_key: api_key is required for type openai"),
    ({"api_key": "a b"}, "api_key: contains a space or a character that is not ASCII"),
    ({"api_key": 7}, "api_key: expected text, got a number"),
    ({"enabled": "yes"}, "enabled: expected true or false, got text"),
    ({"models": "gpt-5"}, "models: expected a list, got text"),
    ({"models": [7]}, "models[0]: expected a name, or an object with name and alias, got a number"),
    ({"models": [""]}, "models[0].name: a model needs a name (remove the item)"),
    ({"models": [{"name": "a", "limit": 1}]}, "models[0].limit: unknown field"),
    ({"fallback_models": {"m": True}}, "fallback_models: expected a list, got keys and values"),
    ({"fallback_models": ["a", "b", "a"]}, 'fallback_models: "a" is listed twice (remove one)'),
    ({"fallback_models": [" "]}, "fallback_models[0]: a model needs a name"),
    ({"extra_config": []}, "extra_config: expected an object, got a list"),
    ({"extra_config": {"temperature": 3}}, "extra_config.temperature: must be from 0 to 2, got 3"),
    ({"extra_config": {"top_p": "much"}}, "extra_config.top_p: expected a number, got text"),
    ({"extra_config": {"max_tokens": 1.5}}, "extra_config.max_tokens: expected a whole number, got 1.5"),
    ({"extra_config": {"profile": "pigeon"}}, "extra_config.profile: unknown profile"),
    ({"extra_config": {"headers": {"X A": "b"}}}, "extra_config.headers.X A: is not a valid header name"),
    ({"extra_config": {"headers": {"X-A": 1}}}, "extra_config.headers.X-A: expected text, got a number"),
    ({"extra_config": {"headers": {"host": "a"}}}, "extra_config.headers.host: is a header that tppcd sets itself"),
    ({"extra_config": {"headers": {"X-A": "$Cookie"}}}, "extra_config.headers.X-A: would send the key of a client"),
    ({"extra_config": {"headers": {"X-A": "env:A"}}}, "extra_config.headers.X-A: takes no reference (write the value"),
    ({"name": "env:A"}, "name: takes no reference"),
    ({"base_url": "env:A"}, "base_url: takes no reference"),
    ({"models": ["env:A"]}, "models[0].name: takes no reference"),
    ({"fallback_models": ["file:/a"]}, "fallback_models[0]: takes no reference"),
    ({"base_url": "${A}"}, "base_url: base_url must be a valid http(s) URL (it looks like a variable"),
    ({"base-url": "https://x"}, "base-url: unknown field (did you mean `base_url`?)"),
    ({"colour": "red"}, "colour: unknown field (known here: name, type, base_url,"),
]


def check(body: object) -> None:
    check_fields(fields_of(body).over(DEFAULTS))


@pytest.mark.parametrize(("change", "message"), WRONG, ids=lambda each: str(each)[:40])
def test_a_wrong_field_is_refused_with_its_place_and_what_to_do(change: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidProvider) as caught:
        check(GOOD | change)
    assert message in str(caught.value)
    assert len(caught.value.faults) == 1


def test_everything_that_is_wrong_is_reported_at_once() -> None:
    with pytest.raises(InvalidProvider) as caught:
        check({"name": 7, "timeout": "x", "enabled": 1, "colour": 1, "models": ["a", 7, 8]})
    assert [each.path for each in caught.value.faults] == [
        ("name",),
        ("timeout",),
        ("enabled",),
        ("colour",),
        ("models", 1),
        ("models", 2),
    ]
    with pytest.raises(InvalidProvider) as caught:
        check({"type": "openai", "timeout": 5})
    assert [each.path for each in caught.value.faults] == [("name",), ("base_url",)]


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"type": "vllm", "api_key": None},
        {"type": "codex", "extra_config": {"profile": "codex-relay"}},
        {"api_key": "env:FOX_KEY"},
        {"timeout": 1, "models": ["a", {"name": "b", "alias": "c"}], "fallback_models": ["z", "a"]},
        {"extra_config": None, "models": None, "fallback_models": None},
        {"base_url": "http://127.0.0.1:8000"},
        {"name": "Größe 1"},
    ],
    ids=str,
)
def test_a_good_provider_is_accepted(change: dict[str, object]) -> None:
    check(GOOD | change)


def test_the_profile_has_to_fit_the_wire_of_the_type() -> None:
    with pytest.raises(InvalidProvider, match="profile codex-relay is not for wire-api chat"):
        check(GOOD | {"extra_config": {"profile": "codex-relay"}})


def test_the_key_is_never_part_of_a_message() -> None:
    with pytest.raises(InvalidProvider) as caught:
        check(GOOD | {"api_key": "sk-planted with a space", "type": "pigeon", "timeout": 0})
    assert "sk-planted" not in str(caught.value)
    assert "sk-planted" not in repr(fields_of(GOOD))


def test_unknown_keys_of_extra_config_are_kept_and_warned_of() -> None:
    read, faults = extra_config_of({"temperature": 0.5, "team": "red", "top_p": None})
    assert read == ExtraConfig(temperature=0.5)
    assert [(each.path, each.severity) for each in faults] == [(("extra_config", "team"), "warning")]
    assert len(check_fields(fields_of(GOOD | {"extra_config": {"team": "red"}}).over(DEFAULTS))) == 1


@pytest.mark.parametrize(
    ("change", "path", "hint"),
    [
        ({"api_key": "${FOX_KEY}"}, "api_key", "write env:FOX_KEY"),
        ({"api_key": "your-api-key"}, "api_key", "write the key itself, or a reference such as env:NAME"),
        ({"extra_config": {"headers": {"x-k": "os.environ/K"}}}, "extra_config.headers.x-k", "write env:K"),
        ({"base_url": "https://a.example/v1/messages"}, "base_url", "did you mean type: messages? Or remove /messages"),
    ],
)
def test_what_is_probably_not_meant_is_a_warning(change: dict[str, object], path: str, hint: str) -> None:
    (fault,) = check_fields(fields_of(GOOD | change).over(DEFAULTS))
    assert (".".join(map(str, fault.path)), fault.severity, fault.hint) == (path, "warning", hint)


def test_what_is_given_goes_over_what_there_is() -> None:
    older = fields_of(GOOD | {"timeout": 5, "models": ["a"]})
    newer = fields_of({"models": None, "api_key": "********"}).over(older)
    assert (newer.timeout, newer.models, newer.api_key) == (5.0, None, Secret("sk-planted"))
    assert fields_of({"models": [" a ", {"name": "b", "alias": ""}]}).models == (
        ModelEntry(name="a"),
        ModelEntry(name="b"),
    )


def test_the_types_are_those_of_the_contract() -> None:
    assert {(each.type, each.wire.name, each.keyless, each.seed_models) for each in ADAPTERS.values()} == {
        ("openai", "chat", False, False),
        ("vllm", "chat", True, False),
        ("codex", "responses", False, True),
        ("messages", "messages", False, False),
    }
