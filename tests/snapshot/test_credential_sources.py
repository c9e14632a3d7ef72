"""Where a core auth's fields are from: sources and references, never a value."""

from __future__ import annotations

import pytest

from daemon.config.packycode import API_KEY, BASE_URL, AmbientSettings
from daemon.secret import Secret
from daemon.snapshot.credential_sources import credential_sources
from daemon.snapshot.snapshot import Snapshot, build
from tests.config.world import loaded
from tests.snapshot.world import PACKYCODE, snapshot, tppc

ENV = {
    "env:FOX_KEY": "sk-planted-fox",
    "env:FOX_URL": "https://planted.example/v1",
    "env:PROXY": "http://u:planted@p.example:1",
}
BUILT_IN = "models built in, and what the upstream lists"


def sources(new: Snapshot, old: Snapshot | None = None) -> dict[str, str]:
    return {each.provider: each.text for each in credential_sources(old, new)}


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ("fox", f"base-url from config.yaml, api-key from config.yaml, {BUILT_IN}"),
        ("fox, api-key: 'env:FOX_KEY'", f"base-url from config.yaml, api-key from env:FOX_KEY, {BUILT_IN}"),
        ("fox, base-url: 'env:FOX_URL'", f"base-url from env:FOX_URL, api-key from config.yaml, {BUILT_IN}"),
        ("fox, proxy-url: 'env:PROXY'",
         f"base-url from config.yaml, api-key from config.yaml, proxy-url from env:PROXY, {BUILT_IN}"),
        ("fox, models: [gpt-5]", "base-url from config.yaml, api-key from config.yaml, models as listed"),
        ("fox, profile: vllm", f"base-url from config.yaml, api-key from config.yaml, {BUILT_IN}, "
         "profile vllm (configured)"),
    ],
)  # fmt: skip
def test_each_field_names_its_source(entry: str, text: str) -> None:
    assert sources(snapshot(tppc(entry), env=ENV)) == {"fox": text}


def test_packycode_names_what_lies_outside_the_file() -> None:
    ambient = AmbientSettings(
        env={API_KEY: Secret("sk-planted-env")}, codex_cli={BASE_URL: "https://planted.example/v1"}
    )
    fragment = loaded("packycode: {enabled: true}", ambient=ambient)
    assert sources(build(fragment, generation=1)) == {
        "packycode": "base-url from Codex CLI's files, "
        f"credentials.openai-api-key from the environment (PACKYCODE_API_KEY), {BUILT_IN}, "
        "profile codex-relay (default of packycode)"
    }


def test_only_what_is_new_or_comes_from_elsewhere_is_shown() -> None:
    old = snapshot(PACKYCODE + tppc("fox, api-key: sk-planted-fox", "wolf"))
    new = snapshot(PACKYCODE + tppc("fox, api-key: 'env:FOX_KEY'", "wolf", "lynx"), env=ENV, generation=2)
    assert sources(new, old).keys() == {"fox", "lynx"}
    assert sources(new, new) == {}


@pytest.mark.parametrize("entry", ["fox", "fox, api-key: 'env:FOX_KEY', proxy-url: 'env:PROXY'"])
def test_no_value_is_shown(entry: str) -> None:
    text = str(sources(snapshot(tppc(entry), env=ENV)))
    assert "api-key from" in text
    assert "planted" not in text
