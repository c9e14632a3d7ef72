"""A key that is set under ``/v0/management`` is shown to its upstream before the file is written."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from daemon.api.management import key_check
from daemon.gateway.caller import Caller
from tests.api.world import MANAGED, World
from tests.harness import Daemon, Simulator, config, daemon, provider, simulator
from tests.managing import KEY, ask, text
from tests.upstream.test_probe import auth, serving


@pytest.fixture(scope="module")
def strict() -> Iterator[Simulator]:
    with simulator("--key", "good-key") as running:
        yield running


@pytest.fixture
def managed(strict: Simulator) -> Iterator[Daemon]:
    with daemon(config(provider("fox", strict, api_key="good-key"), remote_management={"secret-key": KEY})) as running:
        yield running


def test_a_key_that_its_upstream_refuses_is_not_written(managed: Daemon, strict: Simulator) -> None:
    before = text(managed)
    wolf = provider("wolf", strict, api_key="bad-planted-key")
    for method, path, body in (
        ("POST", "/tppc/providers", wolf),
        ("PATCH", "/tppc", {"providers": [{"name": "fox", "api-key": "bad-planted-key"}]}),
        ("PUT", "/tppc", {"providers": [wolf | {"enabled": False}]}),
        ("PATCH", "/packycode", {"base-url": wolf["base-url"], "credentials": {"openai-api-key": "bad-planted-key"}}),
        ("PUT", "/config.yaml", config(wolf, remote_management={"secret-key": KEY})),
    ):
        refused = ask(managed, method, path, body)
        assert (refused.status_code, refused.json()["error"]) == (422, "invalid_key"), (method, path, refused.text)
        assert refused.json()["details"][0]["path"]
        assert "bad-planted-key" not in refused.text
    assert text(managed) == before
    assert strict.requests == []  # no paid call


def test_a_key_that_is_taken_unknown_unchanged_or_not_to_be_checked_is_written(
    managed: Daemon, strict: Simulator
) -> None:
    for method, path, body in (
        ("POST", "/tppc/providers", provider("wolf", strict, api_key="good-key")),
        ("POST", "/tppc/providers", provider("away", "http://127.0.0.1:9", api_key="any-key")),
        ("PATCH", "/tppc", {"providers": [{"name": "fox", "api-key": "********"}]}),
        ("POST", "/tppc/providers?skip-check=1", provider("lynx", strict, api_key="bad-planted-key")),
        ("PATCH", "/tppc", {"providers": [{"name": "lynx", "priority": 5}]}),
    ):
        response = ask(managed, method, path, body)
        assert response.status_code == 200, (method, path, response.text)


def test_several_keys_are_asked_at_once_and_each_bad_one_is_named(managed: Daemon, strict: Simulator) -> None:
    """A dry run says the same. One good key beside a bad one saves nothing."""
    before = text(managed)
    wolf, lynx, puma = (
        provider(name, strict, api_key=key)
        for name, key in (("wolf", "bad-planted-1"), ("lynx", "good-key"), ("puma", "bad-planted-2"))
    )
    for path in ("/tppc", "/tppc?dry-run=1"):
        refused = ask(managed, "PATCH", path, {"providers": [wolf, lynx, puma]})
        assert (refused.status_code, refused.json()["error"]) == (422, "invalid_key"), refused.text
        assert [each["message"].partition(":")[0] for each in refused.json()["details"]] == ["wolf", "puma"]
        assert "planted" not in refused.text
    assert ask(managed, "PATCH", "/tppc?dry-run=1", {"providers": [lynx]}).status_code == 200
    assert text(managed) == before


def test_a_rollback_to_a_key_that_is_refused_is_refused(managed: Daemon) -> None:
    bad = {"providers": [{"name": "fox", "api-key": "bad-planted-key"}]}
    assert ask(managed, "PATCH", "/tppc?skip-check=1", bad).status_code == 200
    back = {"generation": managed.health()["generation"]}
    good = {"providers": [{"name": "fox", "api-key": "good-key"}]}
    assert ask(managed, "PATCH", "/tppc", good).status_code == 200
    assert ask(managed, "POST", "/rollback", back).json()["error"] == "invalid_key"
    assert ask(managed, "POST", "/rollback?skip-check=1", back).status_code == 200


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("answer", "refused"),
    [
        pytest.param((401, b"{}"), True, id="refused"),
        pytest.param((403, "余额不足，请充值".encode()), False, id="no balance"),
        pytest.param((403, b"<html>blocked</html>"), False, id="a firewall"),
        pytest.param((404, b"{}"), False, id="no list"),
        pytest.param(None, False, id="too late"),
    ],
)
async def test_only_an_apis_refusal_in_time_refuses_a_write(
    answer: tuple[int, bytes] | None, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_check, "SECONDS", 0.2 if answer is None else 5.0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer is None:
            await reader.read()  # until the other side hangs up
            return
        head = f"HTTP/1.1 {answer[0]} X\r\ncontent-length: {len(answer[1])}\r\n\r\n"
        writer.write(head.encode() + answer[1])
        await writer.drain()

    world = World(MANAGED)
    async with serving(serve) as port:
        asked = auth(f"http://127.0.0.1:{port}/v1")
        found = await key_check.refusals(
            world.services, Caller("127.0.0.1", local=True), [asked, asked], new_urls=[True, False]
        )
    assert [bool(each) for each in found] == [refused, refused]


def test_neither_yes_nor_no_is_refused(managed: Daemon) -> None:
    assert ask(managed, "PATCH", "/tppc?skip-check=perhaps", {}).status_code == 400
