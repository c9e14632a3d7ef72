"""``GET /logs``: the newest records, filtered, masked."""

from __future__ import annotations

import pytest
from loguru import logger

from daemon.secret import Secret
from daemon.telemetry import logs
from daemon.telemetry.logs import Levels
from tests.api.world import MANAGED, World

PATH = "/logs"


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> int:
    """Some records of two requests; gives the id before the first."""
    sink = logs.configure(Levels("debug"))
    before = logs.RECENT.last
    logs.register_secrets([Secret("planted-secret-key")])
    logger.bind(request_id="r1", provider="fox").info("request")
    logger.bind(request_id="r1", provider="fox").warning("it went wrong with planted-secret-key")
    logger.bind(request_id="r2", provider="Wolf", status=429).info("request")
    sink.close()
    return before


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "query, requests",
    [
        ("", ["r1", "r1", "r2"]),
        ("&request-id=r2", ["r2"]),
        ("&provider=fox&level=warning", ["r1"]),
        ("&limit=1", ["r2"]),
        ("&limit=0", []),
        ("&provider=nobody", []),
        ("&provider=wolf", ["r2"]),
        ("&status=429", ["r2"]),
        ("&status=4xx", ["r2"]),
        ("&status=5XX&status=429", ["r2"]),
        ("&status=200&status=5xx", []),
        ("&status=4xx&provider=fox", []),
    ],
)
async def test_what_is_asked_for_oldest_first(told: int, query: str, requests: list[str]) -> None:
    answer = (await World(MANAGED).manage(f"{PATH}?after={told}{query}")).json()
    assert [line["request_id"] for line in answer["lines"]] == requests
    assert answer["last"] == told + 3


@pytest.mark.asyncio
async def test_a_secret_in_a_line_does_not_show(told: int) -> None:
    text = (await World(MANAGED).manage(f"{PATH}?after={told}&level=warning")).text
    assert "it went wrong with ***" in text


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "query",
    [
        "level=loud",
        "after=-1",
        "after=x",
        "limit=1.5",
        "limit=" + "9" * 30,
        "after=²",
        "status=4",
        "status=600",
        "status=4xx&status=x",
    ],
)
async def test_a_bad_question_is_refused(query: str) -> None:
    response = await World(MANAGED).manage(f"{PATH}?{query}")
    assert response.status_code == 400
