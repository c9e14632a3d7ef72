"""``GET /v1/models``: three shapes, paging, client access."""

from __future__ import annotations

from datetime import datetime

import pytest

from daemon.api.inference.codex_catalog import catalogue
from tests.api.world import MANAGED, World

ANTHROPIC = {"anthropic-version": "2023-06-01"}


def only(count: int) -> str:
    models = ", ".join(f"m{number:02}" for number in range(count))
    return f"""
model-aliases: {{}}
tppc:
  providers:
    - {{name: fox, enabled: true, base-url: "https://fox.example", api-key: k, models: [{models}]}}
"""


@pytest.mark.asyncio
async def test_openai_clients_get_the_plain_list() -> None:
    body = (await World(MANAGED).get("/v1/models")).json()
    assert body["object"] == "list"
    rows = {row["id"]: row for row in body["data"]}
    assert rows["fox-large"] == {"id": "fox-large", "object": "model", "created": 1754524800, "owned_by": "Fox"}
    assert {"gpt-5", "gpt-5-high", "gpt-5-codex", "codex-mini-latest"} <= rows.keys()
    assert not any(name.startswith("claude") for name in rows)


@pytest.mark.asyncio
@pytest.mark.parametrize("headers", [ANTHROPIC, {"user-agent": "claude-cli/2.1.197 (external, cli)"}])
async def test_anthropic_clients_get_their_shape_with_claude_names(headers: dict[str, str]) -> None:
    """seed case 145: RFC 3339 dates, limits, display name; Claude Code shows claude names only."""
    body = (await World(MANAGED).get("/v1/models?limit=1000", headers)).json()
    names = [row["id"] for row in body["data"]]
    assert names == sorted(names)
    assert "claude-haiku-4-5-20251001" in names and "gpt-5" in names
    assert (body["has_more"], body["first_id"], body["last_id"]) == (False, names[0], names[-1])
    first = body["data"][0]
    assert first["type"] == "model" and first["display_name"] == first["id"]
    assert datetime.fromisoformat(first["created_at"]).tzinfo is not None
    assert (first["max_input_tokens"], first["max_tokens"]) == (200_000, 64_000)


@pytest.mark.asyncio
async def test_an_empty_list_is_fine_in_every_shape() -> None:
    world = World("{}")
    assert (await world.get("/v1/models")).json() == {"object": "list", "data": []}
    empty = {"data": [], "has_more": False, "first_id": "", "last_id": ""}
    assert (await world.get("/v1/models", ANTHROPIC)).json() == empty
    assert (await world.get("/v1/models?client_version=0.169.0")).json() == {"models": []}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "query, ids, more",
    [
        ("limit=3", ["m00", "m01", "m02"], True),
        ("limit=3&after_id=m02", ["m03", "m04", "m05"], True),
        ("limit=3&after_id=m23", ["m24"], False),
        ("limit=3&before_id=m05", ["m02", "m03", "m04"], True),
        ("limit=3&before_id=m02", ["m00", "m01"], False),
        ("after_id=m24", [], False),
    ],
)
async def test_anthropic_paging(query: str, ids: list[str], more: bool) -> None:
    body = (await World(only(25)).get(f"/v1/models?{query}", ANTHROPIC)).json()
    assert [row["id"] for row in body["data"]] == ids
    assert body["has_more"] is more


@pytest.mark.asyncio
async def test_the_default_page_is_twenty() -> None:
    body = (await World(only(25)).get("/v1/models", ANTHROPIC)).json()
    assert (len(body["data"]), body["has_more"]) == (20, True)


@pytest.mark.asyncio
@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "limit=-1", "after_id=unknown"])
async def test_bad_paging_is_told(query: str) -> None:
    response = await World(only(3)).get(f"/v1/models?{query}", ANTHROPIC)
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.asyncio
async def test_codex_gets_its_catalogue() -> None:
    body = (await World(MANAGED).get("/v1/models?client_version=0.169.0")).json()
    models = {model["slug"]: model for model in body["models"]}
    assert models["gpt-5"]["visibility"] == "list"
    assert models["gpt-5-high"]["visibility"] == "hide"
    levels = {name: [level["effort"] for level in models[name]["supported_reasoning_levels"]] for name in models}
    assert levels["gpt-5"] == ["minimal", "low", "medium", "high"]
    assert levels["gpt-5-codex"] == ["low", "medium", "high"]
    assert levels["gpt-5-high"] == ["high"]
    assert levels["fox-large"] == ["low", "medium", "high", "xhigh"]


def test_the_catalogue_hides_what_answers_no_prompt_and_has_an_end() -> None:
    names = ["gpt-5.5", "gpt-5.5-xhigh", "gpt-5.1-codex", "gpt-5.1-codex-max", "text-embedding-3-large", "whisper-1"]
    rows = catalogue(names)["models"]
    assert isinstance(rows, list)
    shown = [row["slug"] for row in rows if row["visibility"] == "list"]
    assert (shown, len(rows)) == (["gpt-5.5", "gpt-5.1-codex", "gpt-5.1-codex-max"], len(names))
    many = catalogue(f"m{number}" for number in range(5000))["models"]
    assert isinstance(many, list) and len(many) == 1000


@pytest.mark.asyncio
@pytest.mark.parametrize("name, status", [("gpt-5", 200), ("fox/gpt-5", 200), ("claude-opus-4-8", 200), ("nope", 404)])
async def test_one_model(name: str, status: int) -> None:
    world = World(MANAGED)
    plain, anthropic = await world.get(f"/v1/models/{name}"), await world.get(f"/v1/models/{name}", ANTHROPIC)
    assert (plain.status_code, anthropic.status_code) == (status, status)
    if status == 200:
        assert plain.json()["id"] == anthropic.json()["id"] == name
        assert (plain.json()["object"], anthropic.json()["type"]) == ("model", "model")
    else:
        assert plain.json()["error"]["code"] == "model_not_found"
        assert anthropic.json()["error"]["type"] == "not_found_error"


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/gpt-5", "/v1/models?client_version=1"])
async def test_client_access_applies(path: str) -> None:
    world = World("api-keys: [client-key]\n" + MANAGED)
    refused = await world.get(path, client="10.0.0.5")
    assert refused.status_code == 401
    assert refused.json()["error"]["code"] == "invalid_api_key" or "API key" in refused.json()["error"]["message"]
    assert (await world.get(path, {"authorization": "Bearer client-key"}, client="10.0.0.5")).status_code == 200


@pytest.mark.asyncio
async def test_a_disabled_provider_is_gone_at_once() -> None:
    """seed case 143: what is not registered is not listed."""
    world = World(MANAGED)
    world.services.current.set(World(only(2)).services.current.get())
    names = [row["id"] for row in (await world.get("/v1/models")).json()["data"]]
    assert names == ["m00", "m01"]
