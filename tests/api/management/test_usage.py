"""``GET /usage`` and ``GET /tps``: what is counted, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.inference.response import Usage
from tests.api.world import MANAGED, World


def world_with_traffic() -> World:
    """Two requests to fox (one failed), one to packycode."""
    world = World(MANAGED)
    snapshot, metrics = world.services.current.get(), world.services.metrics
    names = [each.name for each in snapshot.providers]
    known = snapshot.models.standing
    metrics.snapshot(generation=1, providers=2, core_auths=2, models=3, names=names, known=known, registrations={})
    for provider, model, status, usage in (
        ("Fox", "gpt-5", 200, Usage(input_tokens=30, output_tokens=20)),
        ("Fox", "fox-large", 502, None),
        ("packycode", "gpt-5", 200, Usage(input_tokens=3, output_tokens=2, cached_tokens=1)),
    ):
        metrics.request_started()
        metrics.request_finished("chat", provider, status, None, 4.0, usage, model=model)
    return world


async def shown(path: str) -> dict[str, Any]:
    response = await world_with_traffic().manage(path)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


@pytest.mark.asyncio
async def test_usage_has_a_row_per_provider_model_and_entry() -> None:
    body = await shown("/usage")
    rows = {(row["provider"], row["model"], row["entry"]): row for row in body["rows"]}
    assert list(rows) == [("Fox", "fox-large", "chat"), ("Fox", "gpt-5", "chat"), ("packycode", "gpt-5", "chat")]
    fox = rows["Fox", "gpt-5", "chat"]
    assert (fox["requests"], fox["failures"], fox["input-tokens"], fox["output-tokens"]) == (1, 0, 30, 20)
    assert fox["answer-speed"] == 5.0
    assert rows["Fox", "fox-large", "chat"]["failures"] == 1
    assert rows["Fox", "fox-large", "chat"]["answer-speed"] is None
    total = body["total"]
    assert (total["requests"], total["failures"], total["cached-tokens"]) == (3, 1, 1)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("query", "window", "requests", "output"),
    [
        ("", None, 3, 22),
        ("?window=60", 60, 3, 22),
        ("?window=5m", 300, 3, 22),
        ("?window=24h", 86_400, 3, 22),
        ("?provider=fox", None, 2, 20),
        ("?provider=codex", None, 3, 22),
        ("?provider=wolf", None, 0, 0),
        ("?model=fox-gpt", None, 2, 22),
        ("?model=gpt-5&provider=packycode&window=10s", 10, 1, 2),
        ("?window=&provider=&model=", None, 3, 22),
    ],
)
async def test_tps_counts_what_is_chosen(query: str, window: int | None, requests: int, output: int) -> None:
    body = await shown(f"/tps{query}")
    assert (body["window"], body["requests"], body["output-tokens"]) == (window, requests, output)
    assert (body["tokens-per-second"] > 0) == (requests > 0)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("?window=0", 400, "1 to 86400 seconds"),
        ("?window=-5", 400, "1 to 86400 seconds"),
        ("?window=86401", 400, "1 to 86400 seconds"),
        ("?window=1.5", 400, "1 to 86400 seconds"),
        ("?window=10%C2%B2", 400, "1 to 86400 seconds"),
        ("?window=nan", 400, "1 to 86400 seconds"),
        ("?window=999999999999999999999", 400, "1 to 86400 seconds"),
        ("?provider=lynx", 404, "there is no provider 'lynx'; GET /providers lists them"),
        ("?model=no-such", 404, "there is no model 'no-such'; GET /models lists them"),
    ],
)
async def test_what_is_no_window_and_who_is_unknown_is_said(query: str, status: int, words: str) -> None:
    response = await world_with_traffic().manage(f"/tps{query}")
    assert response.status_code == status
    assert words in response.json()["message"]
