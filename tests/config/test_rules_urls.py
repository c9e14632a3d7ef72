"""A base URL that names the endpoint of another wire: requests would go elsewhere than it says."""

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
