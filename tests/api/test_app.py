"""The whole surface: which request goes where, and refusals in the dialect of the path."""

from __future__ import annotations

from typing import Any, cast

import pytest

from daemon.api.app import HOT_PATHS
from tests.api.world import MANAGED, World


@pytest.mark.asyncio
@pytest.mark.parametrize("path", HOT_PATHS)
async def test_posts_of_the_entries_go_to_the_entry(path: str) -> None:
    assert (await World(MANAGED).ask("POST", path)).text == "entry"


@pytest.mark.asyncio
@pytest.mark.parametrize("path", HOT_PATHS)
async def test_other_methods_of_the_entries_are_told_what_is_allowed(path: str) -> None:
    response = await World(MANAGED).get(path)
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert ("request_id" in response.json()) is path.startswith("/v1/messages")


@pytest.mark.asyncio
async def test_codex_is_told_at_once_that_there_are_no_websockets() -> None:
    response = await World(MANAGED).get("/v1/responses", {"upgrade": "websocket", "connection": "Upgrade"})
    assert response.status_code == 426
    assert response.json()["error"]["message"]


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["/v1/messages/batches", "/v1/messagesX", "/v1/messages/"])
async def test_unknown_routes_of_messages_answer_as_anthropic_does(path: str) -> None:
    response = await World(MANAGED).ask("POST", path)
    body = response.json()
    assert response.status_code == 404
    assert (body["type"], body["error"]["type"]) == ("error", "not_found_error")
    assert body["request_id"] == response.headers["request-id"]


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["/v1/embeddings", "/nowhere", "/v1", "/healthz/"])
async def test_unknown_routes_answer_as_openai_does(path: str) -> None:
    response = await World(MANAGED).ask("POST", path)
    assert response.status_code == 404
    assert set(response.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("meant", "path"),
    [
        ("/v1/responses", "/responses"),
        ("/v1/responses", "/openai/v1/responses"),
        ("/v1/responses", "/v1/responses/"),
        ("/v1/responses", "/V1/Responses"),
        ("/v1/responses/input_tokens", "/responses/input_tokens"),
        ("/v1/chat/completions", "/chat/completions"),
        ("/v1/chat/completions", "/openai/deployments/gpt-5/chat/completions"),
        ("/v1/messages", "/anthropic/v1/messages"),
        ("/v1/messages/count_tokens", "/messages/count_tokens"),
        ("/v1/models", "/models"),
        ("", "/v1/completions"),
        ("", "/v1/responses/resp_1"),
    ],
)
async def test_a_route_with_a_wrong_beginning_names_the_right_one(meant: str, path: str) -> None:
    said = (await World(MANAGED).ask("POST", path)).json()["error"]["message"]
    assert f"there is no route {path}" in said
    assert (f"the route is {meant}:" in said) is bool(meant)


@pytest.mark.asyncio
async def test_a_fault_of_ours_is_a_500_that_tells_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    world = World(MANAGED)
    world.services.states = cast(Any, None)
    response = await world.manage("/auths")
    assert response.status_code == 500
    assert response.json()["message"] == "the daemon failed; its log has the reason"
    assert "request-id" in response.headers


@pytest.mark.asyncio
async def test_a_long_path_is_cut_in_the_message() -> None:
    response = await World(MANAGED).get("/" + "a" * 5000)
    assert len(response.text) < 500
