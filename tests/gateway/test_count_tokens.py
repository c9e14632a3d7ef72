"""``count_tokens`` says where its number comes from, and an upstream's silence costs a moment at most."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from daemon.config.schema import Config, ModelEntry
from daemon.errors import ErrorKind, RemoteError
from daemon.gateway.count_tokens import CountTokens
from daemon.gateway.counting import Calibration, TokenCounter, estimate
from daemon.inference.blocks import Text
from daemon.inference.request import Message, Request
from daemon.snapshot.models import registry
from daemon.snapshot.snapshot import Snapshot
from daemon.upstream.adapters.registry import AdapterRegistry
from daemon.upstream.http.call import UpstreamCall, UpstreamResponse
from tests.router.auths import core_auth

BODY = b'{"model":"asked","messages":[],"odd":1.0}'
REQUEST = Request(wire="messages", model="asked", messages=(Message("user", (Text("word " * 200),)),))


class Answer:
    """An upstream's answer, as far as counting reads it."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self._body = body

    async def read_whole(self) -> bytes:
        return self._body

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, *_: object) -> None:
        return


class Upstream:
    """Answers each call with the next of ``answers``, and remembers the calls."""

    def __init__(self, *answers: Answer | RemoteError) -> None:
        self._answers = list(answers)
        self.calls: list[UpstreamCall] = []

    async def open(self, call: UpstreamCall) -> UpstreamResponse:
        self.calls.append(call)
        answer = self._answers.pop(0)
        if isinstance(answer, RemoteError):
            raise answer
        return cast(UpstreamResponse, answer)


def snapshot(wire: str, query: str = "") -> Snapshot:
    url = f"https://up.example/v1{query}"
    auth = core_auth(wire=wire, base_url=url, models=(ModelEntry(name="served", alias="asked"),))
    return Snapshot(generation=1, revision="0" * 64, config=Config(), core_auths=(auth,), models=registry([auth], ()))


async def counted(tokens: CountTokens, wire: str = "messages", **options: Any) -> tuple[int, str]:
    count = await tokens.count(TokenCounter(), REQUEST, BODY, {}, snapshot(wire, **options))
    assert (count.asked is not None) == (count.source == "upstream")
    return count.tokens, count.source


@pytest.mark.asyncio
async def test_a_messages_upstream_is_asked() -> None:
    upstream = Upstream(Answer(200, b'{"input_tokens": 77, "odd": 1}'))
    tokens = CountTokens(adapters=AdapterRegistry(upstream.open), calibration=Calibration())
    assert await counted(tokens, query="?beta=true") == (77, "upstream")
    (call,) = upstream.calls
    assert call.url == "https://up.example/v1/messages/count_tokens?beta=true"
    assert json.loads(call.body) == {"model": "served", "messages": [], "odd": 1.0}
    assert call.headers["x-api-key"] == "sk-fox"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "answer", [Answer(404, b"Cannot POST"), Answer(200, b"<html>"), RemoteError(ErrorKind.TIMEOUT, "late")]
)
async def test_one_that_cannot_count_is_left_in_peace_for_a_while(answer: Answer | RemoteError) -> None:
    upstream = Upstream(answer)
    tokens = CountTokens(adapters=AdapterRegistry(upstream.open), calibration=Calibration())
    sources = [(await counted(tokens))[1] for _ in range(3)]
    assert (sources, len(upstream.calls)) == (["estimate"] * 3, 1)


@pytest.mark.asyncio
async def test_experience_beats_the_tokenizer() -> None:
    calibration = Calibration()
    for _ in range(20):
        calibration.observe("served", 1000, 1500)
    tokens = CountTokens(adapters=AdapterRegistry(Upstream().open), calibration=calibration)
    count, source = await counted(tokens, "responses")
    assert source == "calibrated"
    assert count == pytest.approx(estimate(REQUEST) * 1.5, rel=0.05)


@pytest.mark.asyncio
async def test_a_model_that_nobody_serves_is_estimated() -> None:
    empty = Snapshot(generation=1, revision="0" * 64, config=Config(), core_auths=(), models=registry((), ()))
    tokens = CountTokens(adapters=AdapterRegistry(Upstream().open), calibration=Calibration())
    assert (await tokens.count(TokenCounter(), REQUEST, BODY, {}, empty)).source == "estimate"
