"""The guard: malformed and foreign requests never reach a route, and every answer is identified."""

from __future__ import annotations

import re
from typing import Any, cast

import pytest

from daemon.api.guard import Guard, foreign, malformed
from daemon.snapshot.snapshot import Current
from tests.api.world import KEY, MANAGED, World

Headers = list[tuple[bytes, bytes]]
HOST = (b"host", b"127.0.0.1:8317")


def scope(headers: Headers, **changes: Any) -> dict[str, Any]:
    base = {"http_version": "1.1", "path": "/v1/messages", "client": ("127.0.0.1", 1), "server": ("10.0.0.1", 8317)}
    return {**base, "headers": headers, **changes}


@pytest.mark.parametrize(
    "request_scope, status",
    [
        (scope([HOST]), None),
        (scope([HOST, *[(b"x-a", b"1")] * 99]), None),
        (scope([HOST, *[(b"x-a", b"1")] * 100]), 431),
        (scope([]), 400),
        (scope([], http_version="1.0"), None),
        (scope([HOST, HOST], http_version="1.0"), 400),
        (scope([HOST, HOST]), 400),
        (scope([HOST, (b"x_forwarded_for", b"10.0.0.1")]), 400),
        (scope([HOST], http_version="1.0"), None),
        (scope([HOST], http_version="0.9"), 400),
        (scope([HOST], path="http://evil.example/v1/messages"), 400),
        (scope([HOST], path="*"), 400),
    ],
)
def test_what_the_head_alone_decides(request_scope: dict[str, Any], status: int | None) -> None:
    error = malformed(request_scope)
    assert (error.status if error else None) == status


@pytest.mark.parametrize(
    ("path", "served"),
    [
        ("/v1/models", "/v1/models"),
        ("/v1/v1/models", "/v1/models"),
        ("/v1/v1/messages", "/v1/messages"),
        ("/v1/v1/v1/messages", "/v1/v1/messages"),
        ("/v1/v1", "/v1/v1"),
        ("/v1/v12/models", "/v1/v12/models"),
        ("/api/v1/v1/providers", "/api/v1/v1/providers"),
    ],
)
@pytest.mark.asyncio
async def test_a_path_that_says_v1_twice_means_it_once(path: str, served: str) -> None:
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["path"])

    guard = Guard(app, Current(), {"/v1/messages": app}, lambda *_: None)
    request = scope([HOST], path=path, type="http", method="POST", query_string=b"", scheme="http")
    await guard(request, cast(Any, None), cast(Any, None))
    assert seen == [served]


@pytest.mark.parametrize(
    "host, allowed",
    [
        ("127.0.0.1:8317", True),
        ("127.0.0.1", True),
        ("localhost:8317", True),
        ("LOCALHOST", True),
        ("[::1]:8317", True),
        ("127.1.2.3:80", True),
        ("10.0.0.1:8317", True),
        ("gateway.lan:8317", True),  # the configured host
        ("127.0.0.1.evil.com", False),
        ("localhost.evil.com", False),
        ("localhost.", False),
        ("evil.com", False),
        ("", False),
        (":8317", False),
        ("0.0.0.0:8317", True),
        ("[::]:8317", True),
        ("127.0.0.1:x", False),
        ("evil.com@127.0.0.1", False),
    ],
)
def test_operator_paths_take_only_our_own_names(host: str, allowed: bool) -> None:
    request = scope([(b"host", host.encode())])
    assert (foreign(request, "gateway.lan") is None) is allowed


@pytest.mark.parametrize(
    "headers, allowed",
    [
        ([], True),
        ([(b"origin", b"http://127.0.0.1:8317")], True),
        ([(b"origin", b"https://127.0.0.1:8317")], True),
        ([(b"origin", b"http://127.0.0.1:3000")], False),
        ([(b"origin", b"http://evil.example")], False),
        ([(b"origin", b"null")], False),
        ([(b"origin", b"")], False),
        ([(b"sec-fetch-mode", b"cors"), (b"sec-fetch-site", b"same-origin")], True),
        ([(b"sec-fetch-mode", b"no-cors")], False),
        ([(b"sec-fetch-site", b"cross-site")], False),
    ],
)
def test_operator_paths_take_only_our_own_pages(headers: Headers, allowed: bool) -> None:
    assert (foreign(scope([HOST, *headers]), "127.0.0.1") is None) is allowed


def test_the_unix_socket_has_no_names_to_check() -> None:
    assert foreign(scope([(b"host", b"anything")], client=None, server=("/run/a.sock", None)), "") is None


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["/healthz", "/v1/models", "/nowhere", "/v0/management/auths", "/v1/models/none"])
async def test_every_answer_is_identified(path: str) -> None:
    world = World(MANAGED, generation=7)
    headers = (await world.get(path)).headers
    assert re.fullmatch("[0-9a-f]{32}", headers["request-id"])
    assert headers["x-request-id"] == headers["request-id"]
    assert headers["x-tppcd-config"] == f"7/{world.services.current.get().revision[:12]}"


@pytest.mark.asyncio
async def test_hot_entries_write_their_own_identity_and_get_no_second_one() -> None:
    response = await World(MANAGED).ask("POST", "/v1/messages?beta=true")
    assert response.text == "entry"
    assert [name for name in response.headers if name.endswith("request-id")] == ["request-id", "x-request-id"]


@pytest.mark.asyncio
async def test_a_malformed_request_is_refused_before_any_route_in_the_dialect() -> None:
    response = await World(MANAGED).ask("POST", "/v1/messages", {"x_api_key": "a"})
    assert response.status_code == 400
    assert response.json()["type"] == "error"
    assert response.json()["request_id"] == response.headers["request-id"]
    assert response.headers["connection"] == "close"


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["/v0/management/auths", "/api/v1/providers"])
async def test_a_rebound_name_does_not_reach_management_with_the_right_key(path: str) -> None:
    world = World(MANAGED)
    response = await world.get(path, {"x-management-key": KEY}, base="http://127.0.0.1.evil.com:8317")
    assert response.status_code == 403
    assert "127.0.0.1.evil.com" in response.text


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("path", "status"), [("/v1/models", 403), ("/metrics", 403), ("/healthz", 200), ("/readyz", 200), ("/", 200)]
)
async def test_without_api_keys_a_rebound_name_reads_nothing(path: str, status: int) -> None:
    world = World(MANAGED)
    response = await world.get(path, base="http://gateway.example")
    assert response.status_code == status
    if status == 403:
        assert "gateway.example" in response.text and "api-keys" in response.text


@pytest.mark.asyncio
async def test_before_the_first_snapshot_answers_have_ids_and_no_config() -> None:
    response = await World(None).get("/healthz")
    assert "request-id" in response.headers
    assert "x-tppcd-config" not in response.headers
