"""Which headers pass: nothing of the client's that is not listed, and all that makes a Codex one on its own wire."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.secret import Secret
from daemon.snapshot.core_auths import CoreAuth
from daemon.upstream.adapters.base import USER_AGENT
from daemon.upstream.adapters.table import adapter_of
from tests.router.auths import core_auth

CODEX = {
    "user-agent": "codex_exec/0.171.0 (Debian 12.0.0; x86_64) dumb",
    "originator": "codex_exec",
    "session-id": "s-1",
    "x-codex-window-id": "w:0",
    "x-codex-anything-new": "n",
    "authorization": "Bearer client-key",
    "chatgpt-account-id": "a",
    "x-forwarded-for": "10.0.0.1",
    "host": "gateway",
}
SDK = {"user-agent": "OpenAI/Python 2.1", "x-stainless-os": "Linux", "x-codex-window-id": "w", "host": "gateway"}


def headers_of(auth: CoreAuth, client: dict[str, str], *, same_wire: bool = True, **more: Any) -> dict[str, str]:
    return adapter_of(auth).headers(auth, client, same_wire=same_wire, **more)


def test_a_codex_stays_one_on_its_own_wire() -> None:
    headers = headers_of(core_auth(), CODEX, session="derived")
    passed = ("user-agent", "originator", "session-id", "x-codex-window-id", "x-codex-anything-new")
    assert {name: headers[name] for name in passed} == {name: CODEX[name] for name in passed}
    assert headers["authorization"] == "Bearer sk-fox"
    assert not {"chatgpt-account-id", "x-forwarded-for", "host"} & headers.keys()


def test_nobody_else_gets_a_disguise() -> None:
    headers = headers_of(core_auth(), SDK, session="derived")
    assert (headers["user-agent"], headers["session-id"]) == (USER_AGENT, "derived")
    assert not {"originator", "x-codex-window-id", "x-stainless-os"} & headers.keys()
    translated = headers_of(core_auth(), CODEX, same_wire=False, session="derived")
    assert (translated["user-agent"], translated["session-id"]) == (USER_AGENT, "derived")
    assert "x-codex-window-id" not in translated


def test_a_configured_header_beats_all() -> None:
    auth = core_auth(headers=(("User-Agent", "mine"), ("session-id", "$X-Own"), ("x-lacking", "$X-None")))
    headers = headers_of(auth, CODEX | {"x-own": "o"}, session="derived")
    assert (headers["user-agent"], headers["session-id"]) == ("mine", "o")
    assert "x-lacking" not in headers


def test_the_turn_state_of_another_upstream_stays_behind() -> None:
    client = CODEX | {"x-codex-turn-state": "T"}
    assert headers_of(core_auth(), client)["x-codex-turn-state"] == "T"
    assert "x-codex-turn-state" not in headers_of(core_auth(), client, bound=False)


def test_a_value_that_no_header_may_hold_stays_behind() -> None:
    client = CODEX | {"x-codex-window-id": "w\u00e9", "user-agent": "codex_exec/1 \u6f22"}
    headers = headers_of(core_auth(), client)
    assert headers["user-agent"] == USER_AGENT
    assert "x-codex-window-id" not in headers


@pytest.mark.parametrize("value", ["caf\u00e9", "\u6f22", "a\tb", "a\x00b", "\x1b[0m", "a\r\nx-evil: b", "", "\u00a0"])
def test_a_clients_value_that_cannot_be_sent_is_not_copied(value: str) -> None:
    """It is the client's mistake: were it sent, the request would fail at this provider and at every other."""
    auth = core_auth(headers=(("x-who", "$X-User"), ("x-own", "mine")))
    headers = headers_of(auth, {"x-user": value})
    assert ("x-who" in headers, headers["x-own"]) == (False, "mine")


@pytest.mark.parametrize(
    "name",
    ["authorization", "Authorization", "x-api-key", "X_API_KEY", "api-key", "x-goog-api-key", "cookie", " cookie",
     "proxy-authorization", "x-management-key", "x-tppcd-anything", "x-auth-token", "host", "te", "content_length"],
)  # fmt: skip
def test_a_clients_key_and_connection_are_never_copied(name: str) -> None:
    """Also where a row of the store says so that was written before the rule."""
    client = {name.strip().lower(): "client-value"}
    headers = headers_of(core_auth(headers=(("x-copy", f"${name}"),)), client)
    assert "client-value" not in headers.values()


@pytest.mark.parametrize(
    "name", ["Host", "content-length", "Content_Length", "Transfer-Encoding", "TE", "Connection", "proxy-anything"]
)
def test_a_header_of_the_message_itself_is_never_set(name: str) -> None:
    for value in ("5", "$X-Length"):
        headers = headers_of(core_auth(headers=((name, value),)), {"x-length": "5"})
        assert not {name.lower(), name.lower().replace("_", "-")} & headers.keys()


def test_without_a_key_no_header_carries_one() -> None:
    for wire in ("responses", "chat", "messages"):
        sent = {name.lower() for name in headers_of(core_auth(wire=wire, api_key=Secret("")), CODEX)}
        assert not {"authorization", "x-api-key"} & sent


def test_each_wire_has_its_own_way_to_send_the_key() -> None:
    assert headers_of(core_auth(wire="chat"), {})["authorization"] == "Bearer sk-fox"
    messages = headers_of(
        core_auth(wire="messages"), {"anthropic-beta": "b", "anthropic-version": "v", "originator": "o"}
    )
    assert (messages["x-api-key"], messages["anthropic-beta"], messages["anthropic-version"]) == ("sk-fox", "b", "v")
    assert not {"authorization", "originator"} & messages.keys()
    assert headers_of(core_auth(wire="messages"), {}, same_wire=False)["anthropic-version"] == "2023-06-01"
