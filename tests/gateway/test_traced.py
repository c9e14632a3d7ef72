"""Whose API an upstream has, in the words of the conventions."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from daemon.config.profiles import PROFILES
from daemon.gateway.traced import system_of
from daemon.telemetry.otel.names import FAMILIES, SYSTEMS
from tests.router.auths import core_auth


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("profile", ["", *PROFILES])
def test_a_profile_of_a_service_of_its_own_is_named_and_else_the_api(family: str, profile: str) -> None:
    expected = SYSTEMS[profile] if profile in SYSTEMS else FAMILIES[family]
    assert system_of(replace(core_auth(), provider=family, profile=profile)) == expected


def test_every_named_profile_exists() -> None:
    assert SYSTEMS.keys() <= PROFILES.keys()
