"""Pinned cases of the seed system that no other test shows over the wire; ``tests/pinned_cases.py`` has the table."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.dialects import CHAT, MESSAGES, RESPONSES, Dialect, events, script
from tests.harness import Daemon, Simulator, config, daemon, provider

PACKYCODE = "packycode:\n  enabled: true\n  base-url: https://packy.example/v1\n  credentials: {openai-api-key: k}\n"
TPPC = config(provider("fox", "https://fox.example/v1"))


@pytest.fixture(scope="module")
def impatient(_first: Simulator) -> Iterator[Daemon]:
    brief = {"first-event": 0.3, "idle": 0.3}
    text = config(
        provider("fox", _first), timeouts=brief, limits={"body": "1KiB"}, disable_cooling=True, request_retry=0
    )
    with daemon(text) as running:
        yield running


@pytest.mark.parametrize(("option", "text"), [("--packycode", PACKYCODE), ("--tppc", TPPC)])
def test_models_are_listed_before_any_save(option: str, text: str) -> None:
    """Case 184."""
    with daemon(text, option) as gateway:
        assert "gpt-5-codex-high" in [row["id"] for row in gateway.get("/v1/models").json()["data"]]
        assert gateway.health()["generation"] == 1


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", [MESSAGES, RESPONSES, CHAT], ids=["messages", "responses", "chat"])
def test_an_upstream_that_says_nothing_ends_in_504(
    upstream: Simulator, impatient: Daemon, dialect: Dialect, stream: bool
) -> None:
    """Case 187: before its first event, and in the middle, where a stream has begun."""
    upstream.fail({"fault": "stall", "after": 0, "seconds": 600})
    assert impatient.post(dialect.path, dialect.request("x", stream=stream)).status_code == 504
    upstream.fail({"fault": "stall", "after": 30, "seconds": 600})
    body = dialect.request(script({"text": "word " * 40}), stream=stream)
    with impatient.stream(dialect.path, body) as response:
        if not stream:
            assert response.status_code == 504
            return
        *_, last = events(response)
    assert dialect.failure(last)


@pytest.mark.parametrize("dialect", [MESSAGES, RESPONSES, CHAT], ids=["messages", "responses", "chat"])
def test_a_body_that_is_too_large(impatient: Daemon, dialect: Dialect) -> None:
    """Case 187."""
    refused = impatient.post(dialect.path, dialect.request("x" * 2048))
    assert (refused.status_code, "limits.body" in refused.text) == (413, True)


def test_the_cache_key_of_a_session(upstream: Simulator, gateway: Daemon) -> None:
    """Case 110: one for a session of Claude Code, whatever the device; another for another agent."""
    session = "0199c0de-0000-4000-8000-000000000001"

    def key(user: str | None, **headers: str) -> str | None:
        fields = {} if user is None else {"metadata": {"user_id": user}}
        assert gateway.post(MESSAGES.path, MESSAGES.request("x", **fields), headers=headers).status_code == 200
        sent: str | None = upstream.requests[-1]["body"].get("prompt_cache_key")
        return sent

    first = key(f"user_a_account_b_session_{session}")
    assert first
    assert first == key(f"user_z_account_b_session_{session}")
    assert first == key(f'{{"device_id": "d", "session_id": "{session}"}}')
    assert first == key(None, **{"x-claude-code-session-id": session})
    assert first != key(None, **{"x-claude-code-session-id": session, "x-claude-code-agent-id": "agent-1"})
    assert key("somebody") not in (None, first)


@pytest.mark.parametrize("name", ['a "quoted" one', "two\nlines", "back\\slash\t\u2028", "\x00\x1b[31m", "模型\"'"])
@pytest.mark.parametrize("dialect", [MESSAGES, RESPONSES, CHAT], ids=["messages", "responses", "chat"])
def test_case_142_an_odd_model_name_is_an_error_in_json(
    upstream: Simulator, gateway: Daemon, dialect: Dialect, name: str
) -> None:
    refused = gateway.post(dialect.path, dialect.request("x", model=name))
    assert refused.status_code == 404
    error = refused.json()["error"]
    assert error["type" if dialect is MESSAGES else "code"] in ("not_found_error", "model_not_found")
    assert upstream.state()["requests"]["total"] == 0
