"""How a provider's model is known: named by the configuration, listed by its upstream, or neither."""

from __future__ import annotations

import pytest

from daemon.config.schema import Defaults, ModelAlias, ModelEntry
from daemon.snapshot.models import registry
from tests.router.auths import core_auth

FOX = core_auth(
    "Fox",
    models=(ModelEntry(name="upstream-name", alias="public-name"), ModelEntry(name="gpt-5-high")),
    defaults=Defaults(model="gpt-default"),
    fallback_models=("fallback",),
)
WOLF = core_auth(
    "wolf", discover=True, keeps_models=True, models=(ModelEntry(name="both"),), defaults=Defaults(model="")
)
ALIASES = (
    ModelAlias(pattern="claude-*", model="Fox/by-alias"),
    ModelAlias(pattern="o-*", model="wolf/with-effort(high)"),
    ModelAlias(pattern="any-*", model=""),
)
REGISTRY = registry((FOX, WOLF), ALIASES, {WOLF.id: ("listed", "both", "gpt-5-low")})


@pytest.mark.parametrize(
    ("provider", "model", "standing"),
    [
        ("Fox", "upstream-name", "registered"),
        ("Fox", "public-name", ""),  # no upstream is asked for it
        ("Fox", "gpt-5", "registered"),  # what an effort id of the seed is asked as
        ("Fox", "gpt-default", "registered"),
        ("Fox", "fallback", "registered"),
        ("Fox", "by-alias", "registered"),
        ("Fox", "with-effort", ""),
        ("Fox", "junk", ""),
        ("Fox", "", ""),
        ("fox", "upstream-name", ""),  # series have the name as it is written
        ("wolf", "listed", "discovered"),
        ("wolf", "both", "registered"),
        ("wolf", "with-effort", "registered"),
        ("wolf", "upstream-name", ""),
        ("gone", "upstream-name", ""),
    ],
)
def test_how_a_model_is_known(provider: str, model: str, standing: str) -> None:
    assert REGISTRY.standing(provider, model) == standing
