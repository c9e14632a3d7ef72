"""``headers`` of a provider: which names it may set, what ``$Name`` may copy, and which values can be sent."""

from __future__ import annotations

import json

import pytest

from tests.config.world import loaded

FOX = {"name": "fox", "enabled": True, "base-url": "https://fox.example/v1", "api-key": "sk-fox"}
PACKYCODE = {"enabled": True, "base-url": "https://packy.example/v1", "credentials": {"openai-api-key": "sk-p"}}


def messages(headers: dict[str, object], *, enabled: bool = True, env: dict[str, str] | None = None) -> list[str]:
    """What is reported of these headers, of a provider and of packycode alike."""
    both = [
        {"tppc": {"providers": [FOX | {"headers": headers, "enabled": enabled}]}},
        {"packycode": PACKYCODE | {"headers": headers, "enabled": enabled}},
    ]
    found = [[f"{each.path[-1]}: {each}" for each in loaded(json.dumps(one), env).diagnostics] for one in both]
    assert len(found[0]) == len(found[1])
    return found[0]


RESERVED = [
    "Host", "host", "HOST", "Content-Length", "content_length", "Transfer-Encoding", "TRANSFER_ENCODING", "Connection",
    "TE", "Trailer", "Upgrade", "Keep-Alive", "keep_alive", "Proxy-Authorization", "proxy_connection", "Proxy-Anything",
    "Expect", "Accept-Encoding", "accept_encoding", "HTTP2-Settings",
]  # fmt: skip


@pytest.mark.parametrize("name", RESERVED)
def test_a_header_of_the_message_itself_is_refused_with_its_place(name: str) -> None:
    """Beside ours it would give the message two lengths or hosts, and the upstream would misread the next request."""
    (message,) = messages({name: "5"})
    assert message.startswith(f"{name}: config.yaml:1:")
    assert "is a header that tppcd sets itself" in message


@pytest.mark.parametrize(
    "name",
    ["Authorization", "authorization", "AUTHORIZATION", "x-api-key", "X_Api_Key", "Api-Key", "X-Goog-Api-Key", "Cookie",
     "X-Management-Key", "X-Tppcd-Anything", "X-Auth-Token", "X-Forwarded-Access-Token", "Cf-Access-Jwt-Assertion"],
)  # fmt: skip
def test_a_clients_key_is_not_copied(name: str) -> None:
    (message,) = messages({"X-Who": f"${name}"})
    assert "would send the key of a client to this provider" in message


@pytest.mark.parametrize("name", ["Proxy-Authorization", "Host", "content-length", "TE", "Transfer_Encoding"])
def test_nor_is_a_header_of_its_connection(name: str) -> None:
    assert len(messages({"X-Copy": f"${name}"})) == 1


@pytest.mark.parametrize("name", ["X-User", "x-request-id", "traceparent", "Session_Id", "Idempotency-Key", "X-Tokens"])
def test_other_headers_are_set_and_copied(name: str) -> None:
    assert messages({name: f"${name}"}) == []


@pytest.mark.parametrize("name", ["X Team", "X-Team:", "X-Té", "X-Team\u00a0", " X-Team", "(x)", "x\u200by"])
def test_a_name_that_is_none(name: str) -> None:
    assert len(messages({name: "a"})) == 1


@pytest.mark.parametrize("value", ["é", "狐", "a\tb", "a\x7fb", " a", "a ", "  ", "a\u00a0"])
def test_a_value_that_cannot_be_sent(value: str) -> None:
    assert len(messages({"X-Team": value})) == 1


def test_one_header_in_two_spellings_is_a_warning() -> None:
    (message,) = messages({"X-Team": "a", "x-team": "b"})
    assert "warning" in message


def test_a_value_behind_a_reference_is_checked_and_not_shown() -> None:
    (message,) = messages({"X-Team": "env:TEAM"}, env={"env:TEAM": "plänted"})
    assert "is not ASCII" in message
    assert "pl" not in message.partition("X-Team")[2]


def test_a_provider_that_is_switched_off_is_not_checked() -> None:
    assert messages({"Host": "a"}, enabled=False) == []
