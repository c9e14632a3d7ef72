"""``GET /daemon``: the process that serves, and of its environment the names alone."""

from __future__ import annotations

import os

import pytest

from daemon.api.management.running_daemon import env_names, user_name
from daemon.api.services import Process
from tests.api.world import KEY, MANAGED, World


@pytest.mark.asyncio
async def test_the_process() -> None:
    world = World(MANAGED)
    environ = {"FOX_KEY": "planted-value", "PACKYCODE_API_KEY": "", "HOME": "/h", "UNRELATED": "x"}
    world.services.process = Process(config="/c.yaml", listening=("127.0.0.1:8317",), environ=environ)
    answer = await world.manage("/daemon")
    body = answer.json()
    assert (body["version"], body["pid"], body["config"]) == ("1.2.3", os.getpid(), "/c.yaml")
    assert body["listening"] == ["127.0.0.1:8317"]
    assert body["in-flight"] == {"running": 0, "waiting": 0}
    assert body["environment"] == {"FOX_KEY": True, "PACKYCODE_API_KEY": False, "PACKYCODE_BASE_URL": False}
    assert "planted-value" not in answer.text


@pytest.mark.asyncio
async def test_the_variables_of_packycode_count_only_where_it_is_enabled() -> None:
    body = (await World(f"remote-management: {{secret-key: {KEY}}}\n").manage("/daemon")).json()
    assert body["environment"] == {}


@pytest.mark.asyncio
async def test_it_needs_the_management_key() -> None:
    world = World(MANAGED)
    assert (await world.get("/v0/management/daemon")).status_code == 401


def test_names_are_found_wherever_they_are() -> None:
    data = {"a": "env:A", "b": ["env:B", {"c": "env:C"}], "d": "not env:D", "e": 1, "f": None, "g": "env:A"}
    assert set(env_names(data)) == {"A", "B", "C"}


def test_a_user_without_a_name_is_a_number() -> None:
    assert user_name(0) == "root"
    assert user_name(3_999_999) == "3999999"
