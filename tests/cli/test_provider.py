"""``tppcd provider``: what is sent to the daemon, what is printed, and the exit codes."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path
from typing import Any

import pytest

from daemon.cli import main
from tests.service.conftest import serving

PLANTED = "sk-planted-cli-0123456789"
FOX = {
    "name": "fox",
    "type": "openai",
    "base_url": "https://fox.example/v1",
    "api_key": "********",
    "enabled": True,
    "is_running": True,
    "error": None,
}
ROW = "running   fox  openai  https://fox.example/v1\n"


class Store:
    """Answers everything in the same way, and remembers what it was asked."""

    def __init__(self, status: int, answer: object) -> None:
        self.status = status
        self.answer = answer
        self.asked: tuple[str, object] = ("", None)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        raw = (await receive()).get("body", b"")
        query = f"?{scope['query_string'].decode()}" if scope["query_string"] else ""
        path = scope.get("raw_path", scope["path"].encode()).decode()
        self.asked = (f"{scope['method']} {path}{query}", json.loads(raw) if raw else None)
        data = b"" if self.answer is None else json.dumps(self.answer).encode()
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": data})


async def command(tmp_path: Path, store: Store, *arguments: str) -> int:
    path = tmp_path / "admin.sock"
    async with serving(store, admin=path):
        return await asyncio.to_thread(main, ["provider", *arguments, "--socket", str(path)])


CALLS: list[tuple[tuple[str, ...], int, object, str, object, str]] = [
    (
        ("add", "fox", "--type", "openai", "--url", "https://fox.example/v1", "--key", "env:FOX_KEY"),
        *(201, FOX, "POST /api/v1/providers"),
        {"name": "fox", "type": "openai", "base_url": "https://fox.example/v1", "api_key": "env:FOX_KEY"},
        ROW,
    ),
    (
        ("add", "fox", "--type", "vllm", "--url", "u", "--disabled", "--skip-check", "--models", "a, b"),
        *(201, {**FOX, "is_running": False, "enabled": False}, "POST /api/v1/providers?skip-check=1"),
        {"name": "fox", "type": "vllm", "base_url": "u", "enabled": False, "models": ["a", "b"]},
        "disabled  fox  openai  https://fox.example/v1\n",
    ),
    (
        ("update", "a b/c", "--no-key", "--timeout", "7", "--models", "", "--extra", '{"top_p": 1}'),
        *(200, FOX, "PUT /api/v1/providers/a%20b%2Fc"),
        {"api_key": None, "timeout": 7.0, "models": None, "extra_config": {"top_p": 1}},
        ROW,
    ),
    (
        ("update", "fox", "--rename", "wolf", "--fallback-models", "b,a"),
        *(200, FOX, "PUT /api/v1/providers/fox"),
        {"name": "wolf", "fallback_models": ["b", "a"]},
        ROW,
    ),
    (("enable", "fox"), 200, FOX, "POST /api/v1/providers/fox/enable", None, ROW),
    (
        ("disable", "fox"),
        *(200, {**FOX, "is_running": False, "error": "no key"}, "POST /api/v1/providers/fox/disable"),
        None,
        "failed    fox  openai  https://fox.example/v1  no key\n",
    ),
    (("remove", "fox"), 204, None, "DELETE /api/v1/providers/fox", None, "removed fox\n"),
    (("reload",), 200, {"message": "done"}, "POST /api/v1/admin/providers/reload", None, "done\n"),
    (("reload", "fox"), 200, {"message": "done"}, "POST /api/v1/admin/providers/fox/reload", None, "done\n"),
    (
        ("show", "fox"),
        200,
        {"name": "fox", "models": None},
        "GET /api/v1/providers/fox",
        None,
        "name: fox\nmodels: null\n",
    ),
    (
        ("list",),
        *(200, {"providers": [{"provider": FOX, "is_running": True, "error": None}]}, "GET /api/v1/providers"),
        None,
        ROW,
    ),
]


@pytest.mark.asyncio
@pytest.mark.parametrize("arguments, status, answer, asked, body, printed", CALLS)
async def test_what_is_sent_and_printed(
    arguments: tuple[str, ...],
    status: int,
    answer: object,
    asked: str,
    body: object,
    printed: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store = Store(status, answer)
    assert await command(tmp_path, store, *arguments) == 0
    assert store.asked == (asked, body)
    assert capsys.readouterr().out == printed


@pytest.mark.asyncio
async def test_a_key_comes_from_standard_input_and_is_not_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PLANTED}\n"))
    store = Store(200, FOX)
    assert await command(tmp_path, store, "update", "fox", "--key", "-") == 0
    assert store.asked[1] == {"api_key": PLANTED}
    said = capsys.readouterr()
    assert PLANTED not in said.out + said.err


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "answer, said",
    [
        (
            {"error": "invalid_provider", "message": "m", "details": [{"path": "type", "message": "bad", "hint": "x"}]},
            "type: bad (x)\ntppcd provider: refused; nothing has changed\n",
        ),
        ({"error": "name_taken", "message": "the name is taken"}, "tppcd provider: the name is taken\n"),
        (
            {"error": "failed to reload provider", "details": "no key"},
            "tppcd provider: failed to reload provider: no key\n",
        ),
        (None, "tppcd provider: the daemon answered 400\n"),
    ],
)
async def test_a_refusal_is_a_failure_in_words(
    answer: object, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await command(tmp_path, Store(400, answer), "enable", "fox") == 1
    assert capsys.readouterr().err == said


@pytest.mark.asyncio
async def test_json_is_the_response(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await command(tmp_path, Store(200, FOX), "show", "fox", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out) == FOX


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("show",), "show needs a name"),
        (("update", "fox"), "update needs something to change"),
        (("update", "fox", "--key", "env:A", "--no-key"), "--key and --no-key exclude each other"),
        (("update", "fox", "--extra", "{"), "--extra is not JSON"),
        (("update", "fox", "--extra", "[]"), "--extra must be a JSON object"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["provider", *arguments, "--socket", "/nowhere/admin.sock"]) == 2
    assert said in capsys.readouterr().err


def test_no_daemon(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["provider", "list", "--socket", "/nowhere/admin.sock"]) == 1
    assert "no daemon answers" in capsys.readouterr().err
