"""Health, readiness, metrics and the cheap hello."""

from __future__ import annotations

import pytest

from daemon.config.diagnostics import Diagnostic
from daemon.reload.outcome import ReloadOutcome
from tests.api.world import KEY, MANAGED, World

REFUSED = ReloadOutcome(
    ok=False,
    degraded=True,
    reason="file",
    generation=7,
    revision="3fa1" * 16,
    at=1_000_000_000.0,
    diagnostics=(Diagnostic(severity="error", code="x", message="bad port", path=("port",), line=3, column=7),),
)


@pytest.mark.asyncio
@pytest.mark.parametrize("method, path", [("GET", "/"), ("HEAD", "/"), ("HEAD", "/api/hello"), ("GET", "/api/hello")])
async def test_hello_needs_no_key_from_anywhere(method: str, path: str) -> None:
    response = await World("api-keys: [k]").ask(method, path, client="10.0.0.5")
    assert response.status_code == 200


@pytest.mark.asyncio
async def test_health_tells_what_is_in_force() -> None:
    world = World(MANAGED, generation=7)
    health = (await world.get("/healthz")).json()
    assert (health["status"], health["version"], health["generation"]) == ("ok", "1.2.3", 7)
    assert health["revision"] == world.services.current.get().revision
    assert health["uptime"] >= 0
    assert health["last-reload"] is None


@pytest.mark.asyncio
async def test_a_degraded_daemon_is_alive_and_ready() -> None:
    world = World(MANAGED)
    world.reloads.outcome = REFUSED
    health = await world.get("/healthz")
    assert (health.status_code, health.json()["status"]) == (200, "degraded")
    assert health.json()["last-reload"]["at"] == "2001-09-09T01:46:40.000Z"
    assert (await world.get("/readyz")).status_code == 200


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "client, headers, shown",
    [
        ("127.0.0.1", {}, True),
        (None, {}, True),
        ("10.0.0.5", {}, False),
        ("10.0.0.5", {"x-management-key": "wrong"}, False),
        ("10.0.0.5", {"x-management-key": KEY}, True),
    ],
)
async def test_diagnostics_are_for_this_host_and_the_key(
    client: str | None, headers: dict[str, str], shown: bool
) -> None:
    world = World(f"remote-management: {{secret-key: {KEY}, allow-remote: true}}")
    world.reloads.outcome = REFUSED
    response = await world.get("/healthz", headers, client=client)
    assert ("bad port" in response.text) is shown
    assert response.json()["last-reload"]["ok"] is False


@pytest.mark.asyncio
async def test_guessing_the_key_at_health_locks_out_too() -> None:
    world = World(f"remote-management: {{secret-key: {KEY}, allow-remote: true}}")
    world.reloads.outcome = REFUSED
    for _ in range(5):
        await world.get("/healthz", {"x-management-key": "wrong"}, client="10.0.0.5")
    response = await world.get("/healthz", {"x-management-key": KEY}, client="10.0.0.5")
    assert response.status_code == 200
    assert "bad port" not in response.text


@pytest.mark.asyncio
async def test_ready_from_the_first_snapshot_until_the_drain() -> None:
    world = World(None)
    assert (await world.get("/readyz")).status_code == 503
    world = World("{}")
    assert (await world.get("/readyz")).status_code == 200
    world.services.draining = True
    assert (await world.get("/readyz")).status_code == 503
    assert (await world.get("/healthz")).status_code == 200


@pytest.mark.asyncio
async def test_metrics_show_the_auths_of_now_and_no_secret() -> None:
    world = World(MANAGED)
    response = await world.get("/metrics", client="10.0.0.5")
    assert response.headers["content-type"].startswith("text/plain")
    assert 'tppcd_core_auth_state{name="packycode",state="ready"} 1.0' in response.text
    assert "planted" not in response.text
