"""packycode's settings from the environment and from the Codex CLI's files."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.secret import Secret
from daemon.sources.ambient import ambient_settings

KEY = Secret("sk-codex-0123456789")
AUTH = '{"OPENAI_API_KEY": "sk-codex-0123456789", "tokens": null}'
CONFIG = """
model = "gpt-5-codex"
model_provider = "packycode"
model_reasoning_effort = "medium"
disable_response_storage = true

[model_providers.packycode]
name = "packycode"
base_url = "https://codex.example/v1"
wire_api = "responses"
requires_openai_auth = true
"""
OTHER_CHOSEN = CONFIG.replace('model_provider = "packycode"', 'model_provider = "gw"')
FOR_OTHERS = '[model_providers.gw]\nbase_url = "https://gw.example"'
FROM_PROVIDER = {"base-url": "https://codex.example/v1", "wire-api": "responses", "requires-openai-auth": True}
FROM_TOP = {
    "defaults.model": "gpt-5-codex",
    "defaults.model-reasoning-effort": "medium",
    "privacy.disable-response-storage": True,
}
FROM_AUTH = {"credentials.openai-api-key": KEY}


@pytest.mark.parametrize(
    ("config", "auth", "settings"),
    [
        pytest.param(CONFIG, AUTH, FROM_PROVIDER | FROM_TOP | FROM_AUTH, id="everything"),
        pytest.param(CONFIG, None, FROM_PROVIDER | FROM_TOP, id="no key"),
        pytest.param(None, AUTH, FROM_AUTH, id="only a key"),
        pytest.param(None, None, {}, id="no files"),
        pytest.param(
            OTHER_CHOSEN,
            AUTH,
            FROM_PROVIDER | FROM_AUTH,
            id="another chosen",
        ),
        pytest.param(FOR_OTHERS, AUTH, {}, id="set up for others only"),
        pytest.param("model = [", AUTH, FROM_AUTH, id="broken toml"),
        pytest.param(CONFIG, "{", FROM_PROVIDER | FROM_TOP, id="broken json"),
        pytest.param(CONFIG, '{"OPENAI_API_KEY": null}', FROM_PROVIDER | FROM_TOP, id="logged in by browser"),
        pytest.param(CONFIG, "[1]", FROM_PROVIDER | FROM_TOP, id="not an object"),
        pytest.param("model_providers = 1", "[" * 100_000, {}, id="nonsense"),
    ],
)
@pytest.mark.parametrize("place", ["CODEX_HOME", "HOME"])
def test_the_codex_clis_files(
    tmp_path: Path, place: str, config: str | None, auth: str | None, settings: dict[str, object]
) -> None:
    home = tmp_path if place == "CODEX_HOME" else tmp_path / ".codex"
    home.mkdir(exist_ok=True)
    for name, text in (("config.toml", config), ("auth.json", auth)):
        if text is not None:
            (home / name).write_text(text)
    ambient = ambient_settings({place: str(tmp_path)})
    assert ambient.codex_cli == settings
    assert ambient.files == {str(home / "config.toml"), str(home / "auth.json")}


def test_the_environment() -> None:
    ambient = ambient_settings(
        {"PACKYCODE_BASE_URL": " https://env.example ", "PACKYCODE_API_KEY": "sk-env", "OTHER": "x"}
    )
    assert ambient.env == {"base-url": "https://env.example", "credentials.openai-api-key": Secret("sk-env")}
    assert (ambient.codex_cli, ambient.files) == ({}, frozenset())
    assert ambient_settings({"PACKYCODE_API_KEY": " "}).env == {}
