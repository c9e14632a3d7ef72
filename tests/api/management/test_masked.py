"""What a block of config.yaml shows: the file over the defaults, secrets by their type."""

from __future__ import annotations

import pytest

from daemon.api.management.masked import MASK, masked, masked_url
from daemon.config.schema import Packycode, TppcProvider
from daemon.config.sections import ProviderStore


def test_an_absent_block_is_its_defaults() -> None:
    assert masked(Packycode, {}) == {
        "enabled": False,
        "base-url": "",
        "requires-openai-auth": True,
        "wire-api": "responses",
        "privacy": {"disable-response-storage": True},
        "defaults": {"model": "gpt-5", "model-reasoning-effort": "high"},
        "credentials": {"openai-api-key": ""},
        "models": "discover",
        "exclude-models": [],
        "profile": "",
        "headers": {},
        "proxy-url": "",
        "max-concurrent": 0,
        "balance-url": "",
        "timeouts": {},
        "instructions": "developer",
        "unsupported-parameters": [],
    }


@pytest.mark.parametrize("block", [Packycode, TppcProvider])
def test_the_shared_switches_are_masked_alike(block: type[Packycode] | type[TppcProvider]) -> None:
    shown = masked(
        block,
        {
            "headers": {"X-Team": "planted", "User-Agent": "$User-Agent", "X-Key": "env:KEY"},
            "proxy-url": "http://u:p@proxy.example:3128",
            "instructions": "file:/etc/tppcd/prompt.md",
            "models": ["a", {"name": "b", "alias": "c"}],
        },
    )
    assert shown["headers"] == {"X-Team": MASK, "User-Agent": "$User-Agent", "X-Key": "env:KEY"}
    assert shown["proxy-url"] == f"http://{MASK}@proxy.example:3128"
    assert shown["instructions"] == "file:/etc/tppcd/prompt.md"
    assert shown["models"] == ["a", {"name": "b", "alias": "c"}]
    assert masked(block, {"models": "seed", "exclude-models": ["B*", "a"]})["models"] == "seed"
    assert masked(block, {"exclude-models": ["B*", "a"]})["exclude-models"] == ["B*", "a"]  # as written


@pytest.mark.parametrize("written", ["env:KEY", "file:/run/keys/fox", "credential:fox"])
def test_references_show_as_written(written: str) -> None:
    assert masked(TppcProvider, {"api-key": written})["api-key"] == written


@pytest.mark.parametrize("written, shown", [("sk-1", MASK), (12345, MASK), ("", ""), (None, None)])
def test_literal_secrets_show_as_the_mask(written: object, shown: object) -> None:
    assert masked(TppcProvider, {"api-key": written})["api-key"] == shown


@pytest.mark.parametrize(
    "written, shown",
    [
        (["sk-1", "sk-2"], [MASK, MASK]),
        (["sk-1", "env:KEY", "file:/run/keys/fox"], [MASK, "env:KEY", "file:/run/keys/fox"]),
        (["sk-1", ""], [MASK, ""]),
        (["sk-1", 5, None], [MASK, MASK, None]),
        ([], []),
        ({"a": "sk-1"}, MASK),
    ],
)
def test_a_list_of_keys_is_masked_item_by_item(written: object, shown: object) -> None:
    assert masked(TppcProvider, {"api-key": written})["api-key"] == shown


def test_an_unset_option_is_left_out() -> None:
    shown = masked(TppcProvider, {"timeouts": {"idle": 5}})
    assert shown["timeouts"] == {"idle": 5}
    assert "disable-cooling" not in shown


def test_an_annotated_secret_is_still_a_secret() -> None:
    assert masked(ProviderStore, {"encryption-key": "planted"})["encryption-key"] == MASK


@pytest.mark.parametrize(
    "url, shown",
    [
        ("https://fox.example/v1", "https://fox.example/v1"),
        ("https://u:p@fox.example:8/v1", f"https://{MASK}@fox.example:8/v1"),
        ("https://u@fox.example", f"https://{MASK}@fox.example"),
        ("https://fox.example/v1?key=k#f", f"https://fox.example/v1?{MASK}"),
        ("", ""),
    ],
)
def test_urls_show_neither_user_nor_query(url: str, shown: str) -> None:
    assert masked_url(url) == shown
