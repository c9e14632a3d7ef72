"""A base URL that names the endpoint of another wire, and a balance URL that would take the key to another host."""

from __future__ import annotations

import json

import pytest

from tests.config.world import diagnostics_of, loaded

FOX = {"name": "fox", "enabled": True, "api-key": "sk-fox"}


@pytest.mark.parametrize(
    ("url", "wire", "hint"),
    [
        (
            "https://a.example/v1/chat/completions",
            "responses",
            "did you mean wire-api: chat? Or remove /chat",
        ),
        ("https://a.example/v1/messages/", "responses", "did you mean wire-api: messages?"),
        ("https://a.example/v1/responses", "chat", "did you mean wire-api: responses?"),
        (" https://a.example/chat/completions?k=v ", "messages", "did you mean wire-api: chat?"),
        ("https://a.example/v1/chat/completions", "chat", ""),
        ("https://a.example/v1", "responses", ""),
        ("https://messages.example", "chat", ""),
        ("https://a.example/v1/my-messages", "chat", ""),
    ],
)
def test_the_endpoint_of_another_wire_is_a_warning(url: str, wire: str, hint: str) -> None:
    fragment = loaded(json.dumps({"tppc": {"providers": [FOX | {"base-url": url, "wire-api": wire}]}}))
    assert fragment.settings is not None
    assert [hint in each for each in diagnostics_of(fragment)] == ([True] if hint else [])


def test_packycode_has_one_wire() -> None:
    block = {"enabled": True, "base-url": "https://p.example/v1/messages", "credentials": {"openai-api-key": "sk-p"}}
    (found,) = diagnostics_of(loaded(json.dumps({"packycode": block})))
    assert "warning" in found
    assert "add it to tppc.providers with wire-api: messages" in found


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", ""),
        ("https://a.example/user/balance", ""),
        ("https://A.example:443/dashboard/billing?x=1#data.balance", ""),
        (" https://a.example/me#$.infos[0].total ", ""),
        ("https://b.example/me", "is not on the host of base-url"),
        ("https://a.example.evil/me", "is not on the host of base-url"),
        ("http://a.example/me", "is not on the host of base-url"),
        ("https://a.example:8443/me", "is not on the host of base-url"),
        ("https://a.example@b.example/me", "has a user name or password"),
        ("https://u:p@a.example/me", "has a user name or password"),
        ("/user/balance", "must be a valid http(s) URL"),
        ("ftp://a.example/me", "must be a valid http(s) URL"),
        ("#data.balance", "must be a valid http(s) URL"),
        ("https://a.example/me#data balance", "no way to a number"),
        ("https://a.example/me#data..balance", "no way to a number"),
        ("https://a.example/me#[*]", "no way to a number"),
    ],
)
def test_a_balance_url_is_on_the_host_of_the_base_url(url: str, said: str) -> None:
    """The provider's key is sent there."""
    entry = FOX | {"base-url": "https://a.example/v1", "balance-url": url}
    block = {"enabled": True, "base-url": "https://a.example", "balance-url": url}
    packycode = block | {"credentials": {"openai-api-key": "sk-p"}}
    for text in ({"tppc": {"providers": [entry]}}, {"packycode": packycode}):
        fragment = loaded(json.dumps(text))
        assert (fragment.settings is None) == bool(said)
        assert [said in each and "balance-url" in each for each in diagnostics_of(fragment)] == [True] * bool(said)
