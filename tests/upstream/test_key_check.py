"""Whether an upstream takes a key, asked over real sockets: one row per answer that upstreams give."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Mapping
from typing import Any, Final

import pytest
from msgspec import structs

from daemon.secret import Secret
from daemon.upstream.http.addresses import AllowedNetworks
from daemon.upstream.http.egress import EgressPolicy
from daemon.upstream.http.transport import Transport
from daemon.upstream.key_check import check_key
from daemon.upstream.probe import probe
from tests.upstream.test_probe import KEY, auth, serving

LIST: Final = (200, {"object": "list", "data": [{"id": "gpt-5"}]})
ASKS_FOR_A_KEY: Final = (401, {"error": {"message": "You didn't provide an API key", "type": "invalid_request_error"}})
PAGE: Final = "<!doctype html><title>Just a moment...</title>"
Answer = tuple[int, Any]


class Keyed:
    """Answers ``GET`` with one thing where the key is sent, with another where none is."""

    def __init__(self, with_key: Answer, without: Answer = LIST, headers: Mapping[str, str] | None = None) -> None:
        self.heads: list[str] = []
        self._with_key, self._without, self._headers = with_key, without, headers or {}

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        self.heads.append(head)
        status, body = self._with_key if KEY in head else self._without
        raw = (body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)).encode()
        kind = "text/html" if raw.startswith(b"<") else "application/json"
        more = "".join(f"{name}: {value}\r\n" for name, value in self._headers.items())
        writer.write(
            f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(raw)}\r\n{more}\r\n".encode()
        )
        writer.write(raw)
        await writer.drain()


def words(text: str, **more: str) -> dict[str, object]:
    return {"error": {"message": text, "type": "new_api_error", **more}}


ROWS: Final[tuple[tuple[str, Answer, Answer, str], ...]] = (
    ("the list is for keys", LIST, ASKS_FOR_A_KEY, "yes"),
    ("the list is for keys, in other words", LIST, (403, {"message": "forbidden"}), "yes"),
    ("a relay's 200 that refuses", LIST, (200, {"success": False, "message": "无权进行此操作，未提供令牌"}), "yes"),
    ("a public list", LIST, LIST, "unknown"),
    ("a public list of other models", LIST, (200, {"data": []}), "unknown"),
    ("without a key a login page", LIST, (403, PAGE), "unknown"),
    ("without a key a limit", LIST, (429, words("too many requests")), "unknown"),
    ("a refused key", (401, words("Incorrect API key provided")), LIST, "no"),
    ("a refused key without words", (401, ""), LIST, "no"),
    ("a refused key as 403", (403, words("无效的令牌")), LIST, "no"),
    ("a disabled key as 400", (400, words("该令牌已被禁用")), LIST, "no"),
    ("a refused key in a 200", (200, {"success": False, "message": "无效的令牌"}), LIST, "no"),
    ("an account that is locked", (403, words("用户已被封禁")), LIST, "no"),
    ("Anthropic's words", (401, {"error": {"type": "authentication_error", "message": "x"}}), LIST, "no"),
    ("no balance as 403", (403, words("用户额度不足, 剩余额度: ¥0.00")), LIST, "unknown"),
    ("no balance as 401", (401, words("余额不足，请充值")), LIST, "unknown"),
    ("a limit as 403", (403, words("今日额度已用完")), LIST, "unknown"),
    ("another client is meant", (403, words("仅支持 Codex 客户端")), LIST, "unknown"),
    ("a region", (403, words("Country, region, or territory not supported")), LIST, "unknown"),
    ("a key that must not list", (403, words("insufficient permissions: missing scopes")), LIST, "unknown"),
    ("an address that is not allowed", (403, words("您的 IP 不在令牌允许访问的列表中")), LIST, "unknown"),
    ("a firewall's page", (403, PAGE), LIST, "unknown"),
    ("a firewall's text", (403, "error code: 1020"), LIST, "unknown"),
    ("a login page as 401", (401, "<html><title>401 Authorization Required</title></html>"), LIST, "unknown"),
    ("a proxy's login", (407, ""), LIST, "unknown"),
    ("no list", (404, {"error": "not found"}), LIST, "unknown"),
    ("overloaded", (503, words("当前负载已饱和")), LIST, "unknown"),
    ("a web page as 200", (200, PAGE), ASKS_FOR_A_KEY, "unknown"),
)  # fmt: skip


@pytest.mark.asyncio
@pytest.mark.parametrize("with_key, without, verified", [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
async def test_what_an_answer_says_of_the_key(with_key: Answer, without: Answer, verified: str) -> None:
    """The check off the path and the test by hand judge alike, and quote nothing of the key."""
    async with serving(Keyed(with_key, without)) as port:
        asked = auth(f"http://127.0.0.1:{port}/v1")
        transport = Transport(EgressPolicy())
        diagnosis = await check_key(transport.open, asked, patience=5.0)
        await transport.close()
        tested = (await probe(asked)).diagnosis
    assert diagnosis is not None
    assert (diagnosis.verified, tested.verified) == (verified, verified), (diagnosis, tested)
    assert ("responds, accepts the key" in tested.explanation) is (verified == "yes")
    assert KEY not in repr((diagnosis, tested))


@pytest.mark.asyncio
async def test_the_key_goes_out_as_a_request_would_send_it_and_once_not_at_all() -> None:
    """The Messages wire has its own headers; headers of the configuration that hold a credential stay away as well."""
    server = Keyed(LIST, ASKS_FOR_A_KEY)
    async with serving(server) as port:
        asked = auth(f"http://127.0.0.1:{port}/v1", wire_api="messages")
        headers = (("x-auth-token", "planted-too"), ("x-team", "blue"))
        transport = Transport(EgressPolicy())
        diagnosis = await check_key(transport.open, structs.replace(asked, headers=headers), patience=5.0)
        await transport.close()
    assert diagnosis is not None
    assert diagnosis.verified == "yes"
    first, second = server.heads
    assert first.startswith("get /v1/models") and second.startswith("get /v1/models")
    assert f"x-api-key: {KEY}" in first and "anthropic-version" in first and "authorization" not in first
    assert "planted" not in second and "x-team: blue" in second and "anthropic-version" in second


@pytest.mark.asyncio
async def test_a_redirect_is_not_followed_with_the_key() -> None:
    other = Keyed(LIST)
    async with serving(other) as target:
        server = Keyed((302, ""), headers={"location": f"http://127.0.0.1:{target}/v1/models"})
        async with serving(server) as port:
            transport = Transport(EgressPolicy())
            diagnosis = await check_key(transport.open, auth(f"http://127.0.0.1:{port}/v1"), patience=5.0)
            await transport.close()
    assert diagnosis is not None
    assert (diagnosis.verified, len(server.heads), other.heads) == ("unknown", 1, [])


@pytest.mark.asyncio
async def test_nothing_is_known_where_nobody_answers() -> None:
    """A name that does not resolve, a closed port, a network that the policy forbids, a list that comes too late, no
    key."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        public = EgressPolicy()
        public.note(["127.0.0.1"], AllowedNetworks.PUBLIC)
        began = time.monotonic()
        for url, egress, patience in (
            ("http://fox.invalid/v1", EgressPolicy(), 5.0),
            ("http://127.0.0.1:9/v1", EgressPolicy(), 5.0),
            (f"http://127.0.0.1:{port}/v1", public, 5.0),
            (f"http://127.0.0.1:{port}/v1", EgressPolicy(), 0.1),
        ):
            transport = Transport(egress)
            assert await check_key(transport.open, auth(url), patience=patience) is None, url
            await transport.close()
        keyless = structs.replace(auth(f"http://127.0.0.1:{port}/v1"), api_key=Secret(""))
        transport = Transport(EgressPolicy())
        assert await check_key(transport.open, keyless, patience=5.0) is None
        await transport.close()
    print(f"nobody answered: {time.monotonic() - began:.2f} s")


@pytest.mark.asyncio
async def test_a_second_question_that_hangs_leaves_it_open() -> None:
    server = Keyed(LIST)

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not server.heads:
            return await server(reader, writer)
        await reader.read()  # until the other side hangs up: it answers nothing
        await reader.read()

    async with serving(handler) as port:
        transport = Transport(EgressPolicy())
        diagnosis = await check_key(transport.open, auth(f"http://127.0.0.1:{port}/v1"), patience=0.5)
        await transport.close()
    assert diagnosis is not None
    assert diagnosis.verified == "unknown"
