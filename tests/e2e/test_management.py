"""Management of a running daemon: what is recorded, what is tested, what is never shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.harness import Daemon, Simulator, config, daemon, provider, simulator, tppcd, wait_for

KEY = "planted-management-key"


@pytest.fixture
def upstream() -> Iterator[Simulator]:
    with simulator() as running:
        yield running


def managed(*providers: dict[str, object], **remote: object) -> str:
    return config(*providers, remote_management={"secret-key": KEY, **remote})


def audited(running: Daemon) -> list[dict[str, Any]]:
    path = running.state_directory / "audit.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def test_reloads_and_changes_are_in_the_audit_file_over_a_restart() -> None:
    with daemon(managed(provider("fox", "http://127.0.0.1:9"))) as running:
        running.reload(managed(provider("fox", "http://127.0.0.1:9", enabled=False)))
        running.stop()
        (change,) = [event for event in audited(running) if event["kind"] == "change"]
        assert change["message"] == "tppc.providers[fox].enabled: true -> false"
        before = len(audited(running))
        with daemon(None, home=running.home) as again:
            again.stop()
        assert len(audited(running)) > before
        assert (running.state_directory / "audit.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_provider_is_tested_without_a_paid_call(upstream: Simulator) -> None:
    with daemon(managed(provider("fox", upstream), provider("wolf", "http://127.0.0.1:9"))) as running:
        results = [
            running.post(f"/v0/management/providers/{name}/test", None, headers={"x-management-key": KEY}).json()
            for name in ("fox", "wolf")
        ]
        fox, wolf = results
        assert (fox["ok"], [check["name"] for check in fox["checks"]]) == (True, ["dns", "connect", "models"])
        assert "gpt-5" in fox["models"]
        assert not wolf["ok"]
        assert wolf["hint"]
        assert "key-of-" not in json.dumps(results)
        assert upstream.requests == []


def test_a_migration_written_into_the_file_is_served_at_once_and_keeps_the_comments(upstream: Simulator) -> None:
    text = f"""\
# the gateway
packycode:
  enabled: true   # until the move
  base-url: {upstream.url}/v1
  credentials:
    openai-api-key: key-of-packycode
"""
    body = {"model": "gpt-5", "max_tokens": 100, "messages": [{"role": "user", "content": "hello"}]}
    with daemon(text) as running:
        before = running.health()["generation"]
        done = tppcd("migrate", "packycode", "--write", "--config", str(running.config), home=running.home)
        assert done.returncode == 0, done.stderr
        wait_for(lambda: running.health()["generation"] > before, "the migrated configuration")
        answer = running.post("/v1/messages", body)
        assert (answer.status_code, answer.headers["x-tppcd-provider"]) == (200, "packycode")
        saved = running.config.read_text("utf-8")
        assert "# the gateway\n" in saved
        assert "enabled: false   # until the move\n" in saved
