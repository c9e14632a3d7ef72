"""Documents -> fragments: the seed system's tests under their names, references, precedence, units, tri-states."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from daemon.config.load import Fragment
from daemon.config.schema import Config, ModelAlias, ModelEntry
from daemon.secret import Secret
from tests.config.world import config_of, diagnostics_of, loaded

FOX = """
tppc:
  providers:
    - name: fox
      enabled: true
      base-url: https://fox.example/v1
      api-key: sk-fox
"""


def errors(text: str) -> list[str]:
    return [each.message for each in loaded(text).diagnostics if each.severity == "error"]


def test_load_config_with_tppc() -> None:
    (fox,) = config_of(FOX).tppc.providers
    assert (fox.name, fox.enabled, fox.base_url) == ("fox", True, "https://fox.example/v1")
    assert fox.api_key == Secret("sk-fox")
    assert (fox.wire_api, fox.defaults.model, fox.defaults.model_reasoning_effort) == ("responses", "gpt-5", UNSET)
    assert fox.privacy.disable_response_storage


def test_load_config_without_tppc() -> None:
    assert config_of("port: 8317").tppc.providers == ()


@pytest.mark.parametrize("text", ["tppc:", "tppc: {}", "tppc:\n  providers:", "tppc:\n  providers: []"])
def test_load_config_with_empty_tppc(text: str) -> None:
    assert config_of(text) == Config()


def test_validate_tppc_enabled_provider() -> None:
    assert loaded(FOX).diagnostics == ()


def test_validate_tppc_missing_base_url() -> None:
    assert errors(FOX.replace("      base-url: https://fox.example/v1\n", "")) == [
        "providers[0].base-url is required when providers[0].enabled=true"
    ]


def test_validate_tppc_missing_api_key() -> None:
    assert errors(FOX.replace("sk-fox", "")) == ["providers[0].api-key is required when providers[0].enabled=true"]


def test_validate_tppc_disabled_provider() -> None:
    """What is switched off is not asked for what it lacks, nor for references that lead nowhere."""
    text = "tppc:\n  providers:\n    - name: fox\n      base-url: nonsense\n      api-key: env:UNSET\n    - {}\n"
    assert loaded(text).diagnostics == ()


@pytest.mark.parametrize("url", ["ftp://fox.example", "fox.example/v1", "https://", "http://[::1", "https://a b"])
def test_validate_tppc_invalid_base_url(url: str) -> None:
    assert errors(FOX.replace("https://fox.example/v1", f'"{url}"')) == [
        "providers[0].base-url must be a valid http(s) URL"
    ]


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000", "https://[::1]:8443/v1", "http://relay_1:80", "HTTPS://Fox.Example/v1/responses/"]
)
def test_usual_base_urls_are_taken(url: str) -> None:
    assert loaded(FOX.replace("https://fox.example/v1", url)).diagnostics == ()


def test_tppc_config_integration() -> None:
    """packycode and tppc stand side by side; the seed's own example loads unchanged."""
    config = config_of(
        """
port: 8317
auth-dir: "~/.cli-proxy-api"
packycode:
  enabled: true
  base-url: "https://codex-api.packycode.com/v1"
  requires-openai-auth: true
  wire-api: responses
  privacy: {disable-response-storage: true}
  defaults: {model: gpt-5, model-reasoning-effort: high}
  credentials: {openai-api-key: "sk-OPENAI-XXXX..."}
tppc:
  providers:
    - {name: "provider-a", enabled: true, base-url: "https://provider-a.example.com/v1", api-key: "sk-a123"}
    - {name: "provider-b", enabled: false, base-url: "https://provider-b.example.com/v1", api-key: "sk-b456"}
"""
    )
    assert config.packycode.enabled
    assert [provider.enabled for provider in config.tppc.providers] == [True, False]


def test_tppc_multiple_enabled_providers() -> None:
    second = FOX.replace("fox", "wolf").partition("providers:\n")[2]
    assert [provider.name for provider in config_of(FOX + second).tppc.providers] == ["fox", "wolf"]


def test_the_default_that_requires_a_key_survives_its_absence() -> None:
    """requires-openai-auth is true unless the file says false."""
    base = "packycode:\n  enabled: true\n  base-url: https://x.example\n"
    assert errors(base) == ["credentials.openai-api-key is required when requires-openai-auth=true"]
    assert errors(base + "  requires-openai-auth: false\n") == []


def test_references_are_followed_and_files_watched() -> None:
    env = {"env:KEY": "sk-1", "file:/run/key": "sk-2", "credential:fox": "sk-3", "env:PORT": "9000", "env:ON": "yes"}
    keys = "api-keys: [env:KEY, file:/run/key, credential:fox, sk-4]"
    fragment = loaded(f"port: env:PORT\ndebug: env:ON\n{keys}\nupstream-ca: ca.pem\n", env)
    assert fragment.settings is not None
    assert fragment.settings.api_keys == tuple(map(Secret, ("sk-1", "sk-2", "sk-3", "sk-4")))
    assert (fragment.settings.port, fragment.settings.debug) == (9000, True)
    assert fragment.files == {"/run/key", "credential:fox", "ca.pem"}
    assert fragment.written["port"] == "env:PORT"


def test_a_diagnostic_quotes_what_is_written_and_not_what_it_resolves_to() -> None:
    env = {"env:PORT": "99999", "file:/secret": "planted", "env:SIZE": "planted"}
    text = "port: env:PORT\nlogging: {rotation: env:SIZE}\nremote-management: {trusted-proxies: ['file:/secret']}\n"
    assert diagnostics_of(loaded(text, env)) == [
        "config.yaml:1:7: error: port: must be at most 65535, got env:PORT",
        'config.yaml:2:21: error: logging.rotation: must be a size, got "env:SIZE" (e.g. 20 MB)',
        'config.yaml:3:39: error: remote-management.trusted-proxies[0]: "file:/secret" is not an address or network '
        "(e.g. 10.0.0.1 or 10.0.0.0/8)",
    ]


def test_a_number_behind_a_reference_is_checked_as_one() -> None:
    assert diagnostics_of(loaded("port: env:PORT", {"env:PORT": "many"})) == [
        "config.yaml:1:7: error: port: expected a whole number, got text (write digits, without quotes or a fraction)"
    ]


@pytest.mark.parametrize(
    ("written", "seconds"), [("5", 5.0), ("2.5", 2.5), ("500ms", 0.5), ("30s", 30.0), ('"5 m"', 300.0), ("1h", 3600.0)]
)
def test_durations(written: str, seconds: float) -> None:
    assert config_of(f"timeouts: {{idle: {written}}}").timeouts.idle == seconds


@pytest.mark.parametrize(
    ("written", "size"), [("1000", 1000), ("64MiB", 67108864), ("64MB", 64000000), ("1 KiB", 1024), ('"7"', 7)]
)
def test_sizes(written: str, size: int) -> None:
    assert config_of(f"limits: {{body: {written}}}").limits.body == size


def test_models_are_names_or_pairs() -> None:
    (fox,) = config_of(FOX + "      models: [a, {name: b, alias: c}]\n").tppc.providers
    assert fox.models == (ModelEntry(name="a"), ModelEntry(name="b", alias="c"))


def test_aliases_keep_their_order_and_replace_the_built_in_row() -> None:
    rows = config_of("model-aliases:\n  claude-haiku-*: gpt-5-low\n  claude-*:\n  '*': ''\n").model_aliases
    assert rows == (
        ModelAlias(pattern="claude-haiku-*", model="gpt-5-low"),
        ModelAlias(pattern="claude-*", model=""),
        ModelAlias(pattern="*", model=""),
    )
    assert config_of("model-aliases: {}").model_aliases == ()
    assert config_of("model-aliases:").model_aliases == Config().model_aliases


def test_absent_is_not_false() -> None:
    assert config_of(FOX).tppc.providers[0].disable_cooling is UNSET
    assert config_of(FOX + "      disable-cooling: false\n").tppc.providers[0].disable_cooling is False


def test_null_is_not_written() -> None:
    assert config_of("host:\nport: ~\nrouting:\n  strategy:\n") == Config()


def test_an_empty_host_does_not_open_the_daemon_to_the_network() -> None:
    assert config_of('host: ""').host == "127.0.0.1"


def test_one_mistake_is_told_once() -> None:
    """A base-url of the wrong type is not also missing."""
    assert errors(FOX.replace("https://fox.example/v1", "[]")) == ["expected text, got a list"]


KEYS = "packycode tppc providers enabled base-url api-key models name port model-aliases headers timeouts idle limits x"
LEAVES = ("a", "env:X", "https://x.example", "", None, True, False, 0, -1, 1.5, "sk-planted-1", "64MiB")
keys, leaves = st.sampled_from(KEYS.split()), st.sampled_from(LEAVES)
trees = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4))


@settings(max_examples=300)
@given(st.dictionaries(keys, trees, max_size=5))
def test_any_tree_is_loaded_or_told_but_never_raises(tree: dict[str, object]) -> None:
    fragment = loaded(json.dumps(tree))
    assert isinstance(fragment, Fragment)
    assert (fragment.settings is None) == any(each.severity == "error" for each in fragment.diagnostics)
    assert all(each.line >= 1 and each.column >= 1 for each in fragment.diagnostics)
    assert "planted" not in "".join(diagnostics_of(fragment))
