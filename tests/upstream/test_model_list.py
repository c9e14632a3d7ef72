"""Lists of models in every shape that upstreams give them, and what is no list."""

from __future__ import annotations

import asyncio
import gzip
import json

import pytest

from daemon.errors import RemoteError
from daemon.upstream.discovery import ListResult, result_of
from daemon.upstream.http.transport import Transport
from daemon.upstream.model_list import MOST_BYTES, MOST_NAMES, ask_models, listed_names, listed_owners, usable_names
from tests.upstream.model_server import ModelServer, listing, models_at, response, upstream

OPENROUTER = {"data": [{"id": "openai/gpt-5", "name": "OpenAI: GPT-5", "pricing": {"prompt": "0.1"}, "context": 400}]}
ANTHROPIC = {"data": [{"type": "model", "id": "claude-opus-4-8", "display_name": "Opus"}], "has_more": False}
VLLM = {"object": "list", "data": [{"id": "Qwen/Qwen3-32B", "object": "model", "owned_by": "vllm", "root": "x"}]}
LLAMA_CPP = {"models": [{"name": "old.gguf"}], "object": "list", "data": [{"id": "qwen.gguf"}]}


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (OPENROUTER, ("openai/gpt-5",)),
        (ANTHROPIC, ("claude-opus-4-8",)),
        (VLLM, ("Qwen/Qwen3-32B",)),
        (LLAMA_CPP, ("qwen.gguf",)),
        ({"models": [{"name": "llama3:latest", "model": "llama3:latest"}]}, ("llama3:latest",)),  # Ollama's own
        ({"models": [{"slug": "gpt-5.5"}]}, ("gpt-5.5",)),  # Codex
        ({"data": None, "models": ["a"]}, ("a",)),
        ([{"id": "a"}, {"id": "b"}], ("a", "b")),  # Together
        (["a", "b"], ("a", "b")),
        ({"data": [{"id": None, "name": "a"}, {"id": 7}, {}, None, 3, [], "b"]}, ("a", "b")),
        ({"data": []}, ()),
        ({"data": [], "models": [{"name": "qwen3:8b"}]}, ("qwen3:8b",)),
        ({"models": [{"name": "models/gemini-2.5-pro"}, {"name": "models/x/y"}]}, ("gemini-2.5-pro", "x/y")),  # Gemini
        ({"data": [{"id": "models/gemini-2.5-flash", "object": "model"}]}, ("gemini-2.5-flash",)),
        ({"data": [{"id": "accounts/fireworks/models/kimi-k2"}]}, ("accounts/fireworks/models/kimi-k2",)),
        ({"result": [{"id": "uuid", "name": "@cf/meta/llama"}], "success": True}, ("uuid",)),  # Cloudflare
        ({"code": 0, "data": {"data": [{"id": "a"}]}}, ("a",)),  # a gateway's envelope
        ({"success": True, "data": {"models": ["a"], "total": 1}}, ("a",)),
        ({"data": [{"id": ["a"]}, {"id": {"x": 1}}, {"id": True, "model": "m"}, {"id": 1.5}]}, ("m",)),
        ({"data": {"a": 1}}, None),
        ({"data": {"data": {"data": ["too deep"]}}}, None),
        ({"error": {"message": "no"}}, None),
        ({}, None),
        ("a", None),
        (None, None),
        (7, None),
    ],
)
def test_shapes(data: object, names: tuple[str, ...] | None) -> None:
    assert listed_names(data) == names


@pytest.mark.parametrize(
    ("data", "owners"),
    [
        ({"data": [{"id": "a", "owned_by": "vllm"}, {"id": "b", "owned_by": "vllm"}]}, {"vllm"}),
        ({"data": [{"id": "a", "owned_by": "vllm"}, {"id": "b"}]}, {"vllm", ""}),
        ({"data": [{"id": "a", "owned_by": 7}, "b", None]}, {""}),
        ([{"owned_by": "x"}], {"x"}),
        ({"data": []}, set()),
        ({"error": {}}, set()),
        (None, set()),
    ],
)
def test_owners(data: object, owners: set[str]) -> None:
    assert listed_owners(data) == owners


@pytest.mark.parametrize(
    ("name", "usable"),
    [
        ("模型-9", True),
        ("a b", True),
        ("x" * 128, True),
        ("x" * 129, False),
        ("模" * 43, False),
        ("", False),
        (" ", False),
        (" a", False),
        ("a\n", False),
        ("a\0b", False),
        ("a\tb", False),
        ("a\u202eb", False),
        ("a\ud800", False),
        ("a\ufffd", False),
    ],
)
def test_names_that_a_client_can_ask_for(name: str, usable: bool) -> None:
    assert usable_names((name,)) == ((name,) if usable else ())


def test_each_name_once_in_their_order_and_not_too_many() -> None:
    assert usable_names(("b", "a", "b", "a", "c")) == ("b", "a", "c")
    assert len(usable_names(f"model-{number}" for number in range(5000))) == MOST_NAMES == 1000
    assert len(listed_names([str(number) for number in range(50_000)]) or ()) == 10_000


async def asked(server: ModelServer, **changes: object) -> ListResult:
    """What the daemon makes of what ``server`` says."""
    transport, auth = Transport(), upstream("fox", server.url, **changes)
    try:
        async with asyncio.timeout(20):
            return result_of(await ask_models(transport.open, auth, connect_timeout=5), auth)
    finally:
        await transport.close()


CASES = {
    "a name in Latin-1": (response(b'["caf\xe9","b"]'), "listed", ("b",), ""),
    "a mark before it": (response(b'\xef\xbb\xbf["b"]'), "listed", ("b",), ""),
    "many, again and again": (
        response(json.dumps([f"m{n % 5000}" for n in range(9000)]).encode()),
        "listed",
        tuple(f"m{n}" for n in range(1000)),
        "",
    ),
    "a list": (listing("a", "b"), "listed", ("a", "b"), ""),
    "an empty list": (listing(), "listed", (), ""),
    "gzip": (response(gzip.compress(b'["a"]', mtime=0), "content-encoding: gzip"), "listed", ("a",), ""),
    "no label": (response(b'["a"]', kind=""), "listed", ("a",), ""),
    "no list": (response(b'{"ok": true}'), "unlisted", None, "not with a list of models"),
    "404": (response(b"{}", status="404 Not Found"), "unlisted", None, "no list of models (404;"),
    "a page": (response(b"<!doctype html>", kind="text/html"), "failing", None, "a web page (200)"),
    "a page without a label": (response(b"\n<html>"), "failing", None, "a web page"),
    "a wrong key": (response(b'{"error":"planted"}', status="401 Unauthorized"), "failing", None, "refuses the key"),
    "a redirect": (
        response(b"", "location: https://other.example/v1/models?k=planted", status="302 Found"),
        "failing",
        None,
        "redirects (HTTP 302) to https://other.example",
    ),
    "an error": (response(b'{"error":"planted"}', status="500 Oh"), "failing", None, "fails (500)"),
    "a limit": (response(b'{"error":"planted"}', status="429 Slow"), "failing", None, "limits the rate"),
    "half a list": (response(b'{"data":[{"id":"a"},'), "failing", None, "not JSON"),
    "deep": (response(b"[" * 100_000), "failing", None, "not JSON"),
}


@pytest.mark.asyncio
@pytest.mark.parametrize("case", CASES)
async def test_what_upstreams_answer(case: str) -> None:
    says, state, names, words = CASES[case]
    async with models_at(says) as server:
        result = await asked(server)
    assert (result.state, result.names) == (state, names)
    assert words in result.explanation
    assert result.lasting is (state != "listed" and case not in ("an error", "a limit"))
    assert "planted" not in result.explanation + result.hint  # it may be anything, and this is logged
    assert len(server.heads) == 1  # a redirect is not followed


@pytest.mark.asyncio
async def test_the_question() -> None:
    async with models_at(listing("a")) as server:
        await asked(server, headers=(("x-own", "1"), ("x-client", "$User-Agent")))
        await asked(server, wire="messages")
        page = {"data": [{"id": "claude-1"}], "has_more": True}
        server.says = response(json.dumps(page).encode())
        assert (await asked(server, wire="messages")).names == ("claude-1",)
    chat, messages, first, second = (head.lower() for head in server.heads)
    assert chat.startswith("get /v1/models http/1.1\r\n")
    assert "authorization: bearer sk-fox\r\n" in chat and "x-own: 1\r\n" in chat
    assert "content-type" not in chat and "x-client" not in chat
    # Anthropic gives 20 unless it is asked for more, which is done where there are more.
    assert first.startswith("get /v1/models http/1.1\r\n")
    assert second.startswith("get /v1/models?limit=1000 http/1.1\r\n")
    assert messages.startswith("get /v1/models http/1.1\r\n")
    assert "x-api-key: sk-fox\r\n" in messages and "anthropic-version:" in messages


@pytest.mark.asyncio
async def test_a_body_without_an_end_is_read_as_far_as_it_may_be() -> None:
    async with models_at(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n[") as server:
        server.endless = b'"model-x",' * 1000
        result = await asked(server)
    assert (result.state, result.names) == ("failing", None)


@pytest.mark.asyncio
async def test_a_small_body_that_unpacks_to_a_large_one_is_refused() -> None:
    bomb = gzip.compress(b" " * (MOST_BYTES + 1), mtime=0)
    async with models_at(response(bomb, "content-encoding: gzip")) as server:
        with pytest.raises(RemoteError) as error:
            await asked(server)
    assert "larger than 2 MiB" in str(error.value.__cause__)


@pytest.mark.asyncio
async def test_a_long_list_of_many_models_is_read() -> None:
    long = json.dumps({"data": [{"id": f"m{number}", "description": "x" * 1500} for number in range(1200)]}).encode()
    assert 1024**2 < len(long) < MOST_BYTES
    async with models_at(response(long)) as server:
        assert len((await asked(server)).names or ()) == MOST_NAMES
