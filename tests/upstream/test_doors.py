"""Which headers pass: nothing of the client's that is not listed, and all that makes a Codex one on its own wire."""

from __future__ import annotations

from daemon.upstream.doors import USER_AGENT, upstream_headers
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


def test_a_codex_stays_one_on_its_own_wire() -> None:
    headers = upstream_headers(core_auth(), CODEX, same_wire=True, session="derived")
    passed = ("user-agent", "originator", "session-id", "x-codex-window-id", "x-codex-anything-new")
    assert {name: headers[name] for name in passed} == {name: CODEX[name] for name in passed}
    assert headers["authorization"] == "Bearer sk-fox"
    assert not {"chatgpt-account-id", "x-forwarded-for", "host"} & headers.keys()


def test_nobody_else_gets_a_disguise() -> None:
    headers = upstream_headers(core_auth(), SDK, same_wire=True, session="derived")
    assert (headers["user-agent"], headers["session-id"]) == (USER_AGENT, "derived")
    assert not {"originator", "x-codex-window-id", "x-stainless-os"} & headers.keys()
    translated = upstream_headers(core_auth(), CODEX, same_wire=False, session="derived")
    assert (translated["user-agent"], translated["session-id"]) == (USER_AGENT, "derived")
    assert "x-codex-window-id" not in translated


def test_a_configured_header_beats_all() -> None:
    auth = core_auth(headers=(("User-Agent", "mine"), ("session-id", "$X-Own"), ("x-lacking", "$X-None")))
    headers = upstream_headers(auth, CODEX | {"x-own": "o"}, same_wire=True, session="derived")
    assert (headers["user-agent"], headers["session-id"]) == ("mine", "o")
    assert "x-lacking" not in headers


def test_the_turn_state_of_another_upstream_stays_behind() -> None:
    client = CODEX | {"x-codex-turn-state": "T"}
    assert upstream_headers(core_auth(), client, same_wire=True)["x-codex-turn-state"] == "T"
    assert "x-codex-turn-state" not in upstream_headers(core_auth(), client, same_wire=True, bound=False)


def test_a_value_that_no_header_may_hold_stays_behind() -> None:
    client = CODEX | {"x-codex-window-id": "w\u00e9", "user-agent": "codex_exec/1 \u6f22"}
    headers = upstream_headers(core_auth(), client, same_wire=True)
    assert headers["user-agent"] == USER_AGENT
    assert "x-codex-window-id" not in headers
