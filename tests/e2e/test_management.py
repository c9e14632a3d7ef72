"""Management of a running daemon: who gets in, what is recorded, what is never shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.harness import Daemon, Simulator, config, daemon, provider, simulator, tppcd, wait_for

KEY = "planted-management-key"
WRONG = "planted-wrong-key"
AUTHS = "/v0/management/auths"


@pytest.fixture
def upstream() -> Iterator[Simulator]:
    with simulator() as running:
        yield running


def managed(*providers: dict[str, object], **remote: object) -> str:
    return config(*providers, remote_management={"secret-key": KEY, **remote})


def ask(running: Daemon, path: str = AUTHS, key: str = KEY, *, address: str = "127.0.0.1", **headers: str) -> Any:
    """GET from one of this host's loopback addresses."""
    transport = httpx.HTTPTransport(local_address=address)
    with httpx.Client(transport=transport, trust_env=False) as client:
        return client.get(running.url + path, headers={"x-management-key": key, **headers})


def audited(running: Daemon) -> list[dict[str, Any]]:
    path = running.state_directory / "audit.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def test_brute_force_ends_in_a_lock_out_that_is_recorded_and_shows_no_key() -> None:
    with daemon(managed(provider("fox", "http://127.0.0.1:9"))) as running:
        assert [ask(running, key=WRONG).status_code for _ in range(5)] == [401] * 5
        refused = ask(running)
        assert (refused.status_code, "IP banned" in refused.text) == (403, True)
        assert int(refused.headers["retry-after"]) > 1700
        assert ask(running, address="127.0.0.2").status_code == 200
        assert ask(running, **{"x-forwarded-for": "127.0.0.3"}).status_code == 403
        wait_for(lambda: "lock-out" in [event["kind"] for event in audited(running)], "the lock-out in the audit file")
        assert running.get("/healthz").status_code == 200
        assert "planted" not in json.dumps(audited(running)) + running.log


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


@pytest.mark.parametrize(
    "headers, status",
    [
        ({"host": "127.0.0.1.evil.com"}, 403),
        ({"host": "evil.com"}, 403),
        ({"host": ""}, 403),
        ({"origin": "http://evil.com"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-mode": "no-cors"}, 403),
        ({}, 200),
    ],
)
def test_pages_and_rebound_names_do_not_get_in_with_the_right_key(headers: dict[str, str], status: int) -> None:
    with daemon(managed(provider("fox", "http://127.0.0.1:9"))) as running:
        assert ask(running, **headers).status_code == status


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
