"""What ``tppcd simulate`` prints is ready for config.yaml."""

from __future__ import annotations

import pytest

from daemon.cli.simulate import config_block
from daemon.config.provider import providers_of
from daemon.simulate.makes import ALL
from tests.config.world import config_of


@pytest.mark.parametrize("profile", [None, *ALL])
def test_the_block_for_a_make_is_a_configuration(profile: str | None) -> None:
    text = config_block("http://127.0.0.1:18317", "any-key-will-do", profile)
    provider = next(each for each in providers_of(config_of(text)) if each.enabled)
    assert provider.base_url.startswith("http://127.0.0.1:18317/")
    if profile is not None and ALL[profile].models:
        assert provider.wire == ALL[profile].apis[0].wire.name
        assert provider.profile == (ALL[profile].profile or profile)


@pytest.mark.parametrize("profile", [name for name, make in ALL.items() if len(make.apis) > 1 and make.models])
def test_the_other_apis_of_a_make_are_named_beside_it(profile: str) -> None:
    text = config_block("http://127.0.0.1:18317", "k", profile)
    for api in ALL[profile].apis[1:]:
        assert f"base-url: http://127.0.0.1:18317{api.base}, wire-api: {api.wire.name}" in text
