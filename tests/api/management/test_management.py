"""The management API: what it shows, what it hides, and reload."""

from __future__ import annotations

import pytest

from daemon.api.management import views
from daemon.api.management.openapi import PREFIX
from daemon.config.diagnostics import Diagnostic
from daemon.errors import ErrorKind, RemoteError
from daemon.gateway.learned import LearnedAmendments
from daemon.reload.outcome import ReloadOutcome
from daemon.router.states import AuthStates
from daemon.snapshot.listings import Candidate
from daemon.snapshot.snapshot import build
from daemon.upstream.amendments.rule import Amendment, Proposal
from tests.api.world import KEY, MANAGED, World
from tests.config.world import loaded

GETS = ("/auths", "/models", "/providers", "/packycode", "/tppc", "/nowhere")
MASK = "********"


@pytest.mark.asyncio
@pytest.mark.parametrize("path", [*GETS, "/events", "/reload"])
async def test_without_a_key_in_the_config_the_group_is_not_there(path: str) -> None:
    response = await World("{}").get(PREFIX + path, {"x-management-key": "anything"})
    assert response.status_code == 404
    assert response.json()["error"] == "not_found"


@pytest.mark.asyncio
@pytest.mark.parametrize("path", [*GETS, "/events"])
async def test_every_route_needs_the_key(path: str) -> None:
    assert (await World(MANAGED).get(PREFIX + path)).status_code == 401


@pytest.mark.asyncio
async def test_unknown_routes_and_wrong_methods_are_told_as_json() -> None:
    world = World(MANAGED)
    assert (await world.manage("/nowhere")).status_code == 404
    wrong = await world.ask("DELETE", f"{PREFIX}/auths", {"x-management-key": KEY})
    assert wrong.status_code == 405
    assert "GET" in wrong.headers["allow"]
    assert wrong.json()["error"] == "invalid_request"


@pytest.mark.asyncio
async def test_auths_show_every_core_auth_and_its_state() -> None:
    world = World(MANAGED)
    packy, fox = world.services.current.get().core_auths
    world.services.states.failed(
        fox.id, RemoteError(ErrorKind.RATE_LIMIT, "text of the upstream", upstream_status=429), 7.0
    )
    world.services.states.verified(fox.id, "yes", 8.0)
    rows = (await world.manage("/auths")).json()["auths"]
    assert [row["id"] for row in rows] == [packy.id, fox.id]
    assert rows[1] == {
        "id": fox.id,
        "client-id": fox.client_id,
        "name": fox.name,
        "provider": "codex",
        "source": "config:tppc[fox]",
        "base-url": "https://fox.example",
        "models": ["fox-large", "fox-gpt"],
        "models-problem": None,
        "state": "ready",
        "reason": None,
        "until": None,
        "last-error": "too many requests (rate_limit, http_429)",
        "last-error-at": "1970-01-01T00:00:07.000Z",
        "verified": "yes",
        "verified-at": "1970-01-01T00:00:08.000Z",
        "load": {"running": 0, "waiting": 0, "limit": None, "headroom": None, "limits": []},
        "balance": None,
        "profile": "",
        "profile-reason": "",
        "amendments": [],
    }
    assert (rows[0]["profile"], rows[0]["profile-reason"]) == ("codex-relay", "default of packycode")


def test_a_provider_that_failed_is_a_row_that_says_why() -> None:
    fragment = loaded(MANAGED)
    snapshot = build(fragment, generation=1)
    _, fox = views.auths(snapshot, AuthStates(), None).auths
    assert (fox.state, fox.reason) == ("failed", "environment variable FOX_KEY is not set")
    assert (fox.id, fox.client_id, fox.name, fox.source) == ("tppc:fox", "", "Fox", "config:tppc[fox]")
    assert (fox.base_url, fox.models, fox.provider) == ("https://fox.example", [], "codex")
    assert [row.name for row in views.auths(snapshot, AuthStates(), "FOX").auths] == ["Fox"]
    assert views.auths(snapshot, AuthStates(), "packycode").auths[0].state == "ready"


def test_auths_show_what_was_learned_of_each() -> None:
    world = World(MANAGED)
    snapshot, states = world.services.current.get(), world.services.states
    packy, fox = snapshot.core_auths
    learned = LearnedAmendments(clock=lambda: 0.0)
    shape, store = Amendment("shape of Codex"), Amendment("store: false")
    learned.remember(Candidate(fox, "gpt-5"), [Proposal(amendment=each) for each in (store, shape)], request=1)
    rows = views.auths(snapshot, states, None, views.amendments(snapshot, learned, 0.0)).auths
    seen = {each.id: [(row.amendment, row.model, row.expires) for row in each.amendments] for each in rows}
    tomorrow = "1970-01-02T00:00:00.000Z"
    assert seen == {packy.id: [], fox.id: [(str(store), "gpt-5", tomorrow), (str(shape), "gpt-5", tomorrow)]}
    reasons = [(each.profile, each.profile_reason) for each in rows]
    assert reasons == [("codex-relay", "default of packycode"), ("codex-relay", "learned from refusals")]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "provider, names",
    [
        ("codex", ["packycode", "Fox"]),
        ("FOX", ["Fox"]),
        ("packycode", ["packycode"]),
        ("openai", []),
        ("none", []),
        ("", ["packycode", "Fox"]),
    ],
)
async def test_auths_of_a_family_or_a_name(provider: str, names: list[str]) -> None:
    rows = (await World(MANAGED).manage(f"/auths?provider={provider}")).json()["auths"]
    assert [row["name"] for row in rows] == names


@pytest.mark.asyncio
async def test_models_name_the_providers_that_serve_them() -> None:
    world = World(MANAGED)
    rows = {row["id"]: row["providers"] for row in (await world.manage("/models")).json()["data"]}
    assert (rows["gpt-5"], rows["fox-gpt"]) == (["packycode"], ["Fox"])
    only_fox = (await world.manage("/models?provider=fox")).json()["data"]
    assert [row["id"] for row in only_fox] == ["fox-gpt", "fox-large"]


@pytest.mark.asyncio
async def test_a_model_of_several_providers_is_owned_by_the_one_that_was_asked_for() -> None:
    world = World(MANAGED.replace("fox-gpt", "gpt-5"))
    rows = {row["id"]: row for row in (await world.manage("/models?provider=fox")).json()["data"]}
    assert (rows["gpt-5"]["owned_by"], rows["gpt-5"]["providers"]) == ("Fox", ["packycode", "Fox"])
    assert {row["id"]: row["owned_by"] for row in (await world.manage("/models")).json()["data"]}[
        "gpt-5"
    ] == "packycode"


@pytest.mark.asyncio
async def test_providers_include_the_disabled() -> None:
    rows = (await World(MANAGED).manage("/providers")).json()["providers"]
    assert [(row["name"], row["enabled"], len(row["auths"])) for row in rows] == [
        ("packycode", True, 1),
        ("Fox", True, 1),
        ("wolf", False, 0),
    ]


@pytest.mark.asyncio
async def test_packycode_shows_the_file_and_its_defaults_masked() -> None:
    """seed case 182, the masking half."""
    block = (await World(MANAGED).manage("/packycode")).json()["packycode"]
    assert block["credentials"] == {"openai-api-key": MASK}
    assert block["base-url"] == f"https://{MASK}@packy.example/v1?{MASK}"
    assert (block["enabled"], block["requires-openai-auth"], block["wire-api"]) == (True, True, "responses")
    assert block["defaults"] == {"model": "gpt-5", "model-reasoning-effort": "high"}
    assert block["effective-source"] == "config.yaml"


@pytest.mark.asyncio
async def test_tppc_shows_references_as_written() -> None:
    fox, wolf = (await World(MANAGED).manage("/tppc")).json()["tppc"]["providers"]
    assert (fox["name"], fox["api-key"], wolf["api-key"]) == ("Fox", "env:FOX_KEY", MASK)
    assert fox["models"][0] == "fox-large"
    assert fox["headers"] == {"X-Team": MASK, "X-Session": "$X-Session"}
    assert (fox["wire-api"], fox["weight"], wolf["enabled"]) == ("responses", 1, False)


@pytest.mark.asyncio
@pytest.mark.parametrize("path", GETS)
async def test_no_page_shows_a_secret(path: str) -> None:
    text = (await World(MANAGED).manage(path)).text
    assert "planted" not in text
    assert "hidden" not in text


@pytest.mark.asyncio
async def test_reload_waits_and_tells_what_came_of_it() -> None:
    world = World(MANAGED)
    world.reloads.answer = ReloadOutcome(
        ok=True, reason="management", generation=8, revision="ab" * 32, at=1.0, changes=("config reloaded: …",)
    )
    response = await world.ask("POST", f"{PREFIX}/reload", {"authorization": f"Bearer {KEY}"})
    assert (response.status_code, response.json()["generation"]) == (200, 8)
    assert response.json()["changes"] == ["config reloaded: …"]
    assert world.reloads.reasons == ("management",)


@pytest.mark.asyncio
async def test_a_refused_reload_is_a_422_with_every_place() -> None:
    world = World(MANAGED)
    problems = (
        Diagnostic(severity="error", code="a", message="bad port", path=("port",), line=3, column=7, hint="1 to 65535"),
        Diagnostic(severity="warning", code="b", message="unknown key", path=("hots",), line=4, column=1),
        Diagnostic(severity="error", code="c", message="no name", path=("tppc", "providers", 1, "name"), line=9),
    )
    world.reloads.answer = ReloadOutcome(
        ok=False, reason="management", generation=7, revision="", at=1.0, diagnostics=problems, degraded=True
    )
    response = await world.ask("POST", f"{PREFIX}/reload", {"x-management-key": KEY})
    assert response.status_code == 422
    body = response.json()
    assert (body["error"], body["message"]) == ("invalid_config", "bad port; no name")
    assert body["details"][0] == {
        "severity": "error",
        "path": "port",
        "line": 3,
        "column": 7,
        "message": "bad port",
        "hint": "1 to 65535",
    }
    assert body["details"][2]["path"] == "tppc.providers[1].name"


@pytest.mark.asyncio
async def test_the_admin_socket_needs_no_key_and_no_configured_one() -> None:
    for text in ("{}", MANAGED):
        response = await World(text).get(f"{PREFIX}/auths", client=None, base="http://localhost")
        assert response.status_code == 200


@pytest.mark.asyncio
async def test_before_the_first_snapshot_management_says_so() -> None:
    assert (await World(None).manage("/auths")).status_code == 503
