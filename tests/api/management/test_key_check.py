"""A key that is set under ``/v0/management`` is shown to its upstream before the file is written."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness import Daemon, Simulator, config, daemon, provider, simulator
from tests.managing import KEY, ask, text


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


def test_neither_yes_nor_no_is_refused(managed: Daemon) -> None:
    assert ask(managed, "PATCH", "/tppc?skip-check=perhaps", {}).status_code == 400
