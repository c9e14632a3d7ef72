"""Why a provider is not asked, in the order of the configuration."""

from __future__ import annotations

import pytest

from daemon.router.passed_over import PassedOver, grouped, passed_over
from daemon.snapshot.models import ModelUnknown
from tests.snapshot.world import snapshot, tppc

PROVIDERS = tppc(
    "fox, models: [gpt-5, o3]",
    "wolf, models: [glm-4.6], exclude-models: ['gpt-*']",
    "lynx, models: [o3]",
    "puma, enabled: false",
    "gone, api-key: 'env:NOT_SET'",
)
OFF = {"packycode": "disabled", "puma": "disabled"}


@pytest.mark.parametrize(
    ("text", "name", "reasons"),
    [
        (PROVIDERS, "gpt-5", {"wolf": "model excluded (exclude-models)", "lynx": "model not listed"}),
        (PROVIDERS, "gpt-5-high", {"wolf": "model excluded (exclude-models)", "lynx": "model not listed"}),
        (PROVIDERS, "o3", {"wolf": "model not listed"}),
        (PROVIDERS, "fox/gpt-5", dict.fromkeys(("wolf", "lynx"), "not the provider that the name begins with")),
        (PROVIDERS, "Wolf/any", dict.fromkeys(("fox", "lynx"), "not the provider that the name begins with")),
        (PROVIDERS + "model-aliases: {fast: gpt-5}\n", "fast",
         {"wolf": "model excluded (exclude-models)", "lynx": "model not listed"}),
        (PROVIDERS, "nowhere", dict.fromkeys(("fox", "wolf", "lynx"), "model not listed")),
        (PROVIDERS, "gpt-9",
         {"fox": "model not listed", "wolf": "model excluded (exclude-models)", "lynx": "model not listed"}),
    ],
)  # fmt: skip
def test_each_provider_that_is_not_asked_has_its_reason(text: str, name: str, reasons: dict[str, str]) -> None:
    loaded = snapshot(text, env={})
    try:
        resolution = loaded.models.resolve(name)
    except ModelUnknown:
        resolution = None
    others = {each.provider: each.reason for each in passed_over(loaded, name, resolution)}
    failed = others.pop("gone")
    assert others == OFF | reasons
    assert failed.startswith("failed (") and "NOT_SET" in failed


def test_names_with_one_reason_share_a_text_and_are_bounded() -> None:
    others = [PassedOver(str(number), "model not listed") for number in range(1000)]
    assert grouped([PassedOver("off", "disabled"), *others], at_most=3) == (
        "off: disabled",
        "0, 1, 2 and 997 more: model not listed",
    )
