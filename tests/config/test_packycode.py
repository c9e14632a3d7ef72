"""FR-012: config.yaml > environment > Codex CLI, field by field, and which source is in force."""

from __future__ import annotations

import pytest

from daemon.config.packycode import API_KEY, BASE_URL, AmbientSettings, AmbientValue, effective_source, merge
from daemon.secret import Secret
from tests.config.world import config_of, loaded

ENV: dict[str, AmbientValue] = {BASE_URL: "https://env.example", API_KEY: Secret("sk-env")}
CODEX: dict[str, AmbientValue] = {
    BASE_URL: "https://codex.example",
    API_KEY: Secret("sk-codex"),
    "defaults.model": "gpt-5-codex",
}


@pytest.mark.parametrize(
    ("block", "env", "codex", "url", "sources", "overall"),
    [
        ({"base-url": "https://file.example"}, ENV, CODEX, "https://file.example", "config.yaml", "mixed"),
        ({}, ENV, CODEX, "https://env.example", "env", "mixed"),
        ({"base-url": ""}, ENV, {}, "https://env.example", "env", "env"),
        ({"base-url": None}, {}, CODEX, "https://codex.example", "codex-cli", "codex-cli"),
        ({"base-url": "https://file.example", "credentials": {"openai-api-key": "k"}}, ENV, {},
         "https://file.example", "config.yaml", "config.yaml"),
    ],
)  # fmt: skip
def test_precedence(block: dict, env: dict, codex: dict, url: str, sources: str, overall: str) -> None:
    merged, found = merge(block, AmbientSettings(env=env, codex_cli=codex))
    assert merged["base-url"] == url
    assert found[BASE_URL] == sources
    assert effective_source(found) == overall


def test_nothing_given_is_the_file() -> None:
    assert effective_source(merge({}, AmbientSettings())[1]) == "config.yaml"


def test_enabled_comes_from_the_file_only() -> None:
    ambient = AmbientSettings(env=ENV, codex_cli=CODEX)
    assert not config_of("{}", ambient=ambient).packycode.enabled
    block = config_of("packycode: {enabled: true}", ambient=ambient).packycode
    assert (block.base_url, block.credentials.openai_api_key) == ("https://env.example", Secret("sk-env"))
    assert block.defaults.model == "gpt-5-codex"


def test_what_the_outside_gives_is_checked_too_at_the_block() -> None:
    fragment = loaded("packycode:\n  enabled: true\n", ambient=AmbientSettings(env={**ENV, BASE_URL: "ftp://x"}))
    assert [(each.message, each.place) for each in fragment.diagnostics] == [
        ("base-url must be a valid http(s) URL", (1, 1))
    ]


def test_a_block_of_the_wrong_type_is_left_to_the_loader() -> None:
    fragment = loaded(
        "packycode:\n  credentials: none\n", ambient=AmbientSettings(env=ENV, files=frozenset(("auth.json",)))
    )
    assert [each.dotted for each in fragment.diagnostics] == ["packycode.credentials"]
    assert fragment.files == {"auth.json"}
    assert [each.dotted for each in loaded("packycode: 3", ambient=AmbientSettings(env=ENV)).diagnostics] == [
        "packycode"
    ]
