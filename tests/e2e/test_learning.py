"""What the gateway learns of an upstream while it runs, against one that is as strict as the real API."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
import zstandard

from tests.dialects import CHAT, MESSAGES, RESPONSES, events, streamed_text
from tests.e2e.strict import KEY, StrictUpstream, needs_upstream, strict_upstream
from tests.harness import Daemon, config, daemon

pytestmark = needs_upstream
ENTRIES = {"messages": MESSAGES, "chat": CHAT, "responses": RESPONSES}
END = "DONE-42"
"""What the upstream's model ends every answer with."""


@pytest.fixture(scope="module")
def strict() -> Iterator[StrictUpstream]:
    with strict_upstream() as running:
        yield running


def fox(strict: StrictUpstream, **settings: Any) -> dict[str, Any]:
    return {"name": "fox", "enabled": True, "base-url": f"{strict.url}/v1", "api-key": KEY, **settings}


@pytest.fixture
def gateway(strict: StrictUpstream) -> Iterator[Daemon]:
    """One that knows nothing yet."""
    with daemon(config(fox(strict), disable_cooling=True, request_retry=0)) as running:
        yield running


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_refused_parameter_is_dropped_remembered_and_told(gateway: Daemon, entry: str) -> None:
    dialect = ENTRIES[entry]
    asked = dialect.request("hello", temperature=0.3)
    answers = [gateway.post(dialect.path, asked) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [answer.headers["x-tppcd-attempts"] for answer in answers] == ["2", "1"]
    assert [answer.headers["x-tppcd-lost"] for answer in answers] == ["temperature"] * 2
    again = gateway.post(dialect.path, dialect.request("hello", temperature=0.3, model="fox/gpt-4.1"))
    assert (again.status_code, again.headers.get("x-tppcd-lost")) == (200, None)
    assert 'tppcd_lost_total{field="temperature"} 2.0' in gateway.get("/metrics").text


def test_what_was_learned_survives_a_reload(gateway: Daemon, strict: StrictUpstream) -> None:
    asked = MESSAGES.request("hello", temperature=0.3)
    gateway.post(MESSAGES.path, asked)
    gateway.reload(config(fox(strict, priority=3), disable_cooling=True, request_retry=0))
    assert gateway.post(MESSAGES.path, asked).headers["x-tppcd-attempts"] == "1"


def test_strict_translation_refuses_what_would_be_lost(strict: StrictUpstream) -> None:
    with daemon(config(fox(strict), translation={"strict": True})) as gateway:
        answer = gateway.post(MESSAGES.path, MESSAGES.request("hello", temperature=0.3))
        asked = MESSAGES.request(
            "hello", metadata={"user_id": '{"device_id":"d","session_id":"s"}'}, inference_geo="eu"
        )
        refused = gateway.post(MESSAGES.path, asked)
        del asked["inference_geo"]
        usual = gateway.post(MESSAGES.path, asked)
    assert (answer.status_code, "temperature" in answer.json()["error"]["message"]) == (400, True)
    assert (refused.status_code, "support: inference_geo (" in refused.json()["error"]["message"]) == (400, True)
    assert (usual.status_code, usual.headers["x-tppcd-lost"]) == (200, "metadata.user_id")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("entry", "field"), [("messages", "stop_sequences"), ("chat", "stop")])
def test_a_stop_sequence_ends_the_answer(gateway: Daemon, entry: str, field: str, stream: bool) -> None:
    dialect = ENTRIES[entry]
    body = dialect.request("hello", stream=stream) | {field: ["NE-4"]}
    if not stream:
        answer = gateway.post(dialect.path, body)
        text, said = dialect.text(answer.json()), answer.text
        assert "x-tppcd-lost" not in answer.headers
    else:
        with gateway.stream(dialect.path, body) as response:
            seen = list(events(response))
        text, said = streamed_text(dialect, seen), json.dumps(seen)
        assert dialect.terminal(seen[-1])
    assert text.endswith("DO")
    assert entry == "chat" or '"stop_sequence":"NE-4"' in said.replace(": ", ":")


@pytest.mark.parametrize("pack", [zstandard.compress, gzip.compress])
def test_packed_bodies(gateway: Daemon, pack: Any) -> None:
    coding = "gzip" if pack is gzip.compress else "zstd"
    headers = {"content-type": "application/json", "content-encoding": coding}
    body = pack(json.dumps(RESPONSES.request("hello")).encode())
    answer = gateway.http.post(gateway.url + RESPONSES.path, content=body, headers=headers)
    assert END in RESPONSES.text(answer.json())
    refused = gateway.http.post(gateway.url + RESPONSES.path, content=b"x", headers=headers)
    assert refused.status_code == 400


def test_token_counts_learn_from_what_prompts_were(gateway: Daemon) -> None:
    words = "the quick brown fox jumps over the lazy dog, " * 400
    asked = MESSAGES.request(words)
    count = {name: asked[name] for name in ("model", "messages")}
    first = gateway.post(f"{MESSAGES.path}/count_tokens", count)
    assert first.headers["x-tppcd-count-source"] == "estimate"
    actual = 0
    for _ in range(3):
        usage = gateway.post(MESSAGES.path, asked).json()["usage"]
        actual = usage["input_tokens"] + usage["cache_read_input_tokens"]
    second = gateway.post(f"{MESSAGES.path}/count_tokens", count)
    assert second.headers["x-tppcd-count-source"] == "calibrated"
    assert second.json()["input_tokens"] == pytest.approx(actual, rel=0.05)
    with gateway.stream(MESSAGES.path, asked | {"stream": True}) as response:
        opening = next(events(response))
    assert opening["message"]["usage"]["input_tokens"] == pytest.approx(actual, rel=0.05)


def reasoning_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for item in answer["output"] if item["type"] == "reasoning"]


def test_reasoning_that_the_upstream_cannot_read_is_left_out(gateway: Daemon) -> None:
    """After a key rotation, or from another upstream before a restart: one refusal, then an answer."""
    answer = gateway.post(RESPONSES.path, RESPONSES.request("hello")).json()
    spoiled = [item | {"encrypted_content": "gAAAAAspoiled"} for item in reasoning_of(answer)]
    assert spoiled
    history = [{"role": "user", "content": "hello"}, *spoiled, {"role": "user", "content": "go on"}]
    body = RESPONSES.request("x") | {"input": history}
    answers = [gateway.post(RESPONSES.path, body) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [answer.headers["x-tppcd-attempts"] for answer in answers] == ["2", "1"]
