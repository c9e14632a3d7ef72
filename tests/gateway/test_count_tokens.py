"""``count_tokens`` says where its number comes from, and an upstream's silence costs a moment at most."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

import pytest

from daemon.config.schema import Config, ModelEntry
from daemon.errors import ErrorKind, LocalError, RemoteError
from daemon.gateway.count_tokens import CountTokens
from daemon.gateway.counting import Calibration, TokenCounter, estimate
from daemon.inference.blocks import Text
from daemon.inference.request import Message, Request
from daemon.router.router import RoutedRequest, Router
from daemon.snapshot.models import registry
from daemon.snapshot.snapshot import Snapshot
from daemon.upstream.adapters.registry import AdapterRegistry
from daemon.upstream.http.call import UpstreamCall, UpstreamResponse
from daemon.wires.table import WIRES
from tests.router.auths import core_auth

BODY = b'{"model":"asked","messages":[],"odd":1.0}'
REQUEST = Request(wire="messages", model="asked", messages=(Message("user", (Text("word " * 200),)),))


class Answer:
    """An upstream's answer, as far as counting reads it."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self.headers: dict[str, str] = {}
        self._body = body

    async def read_whole(self) -> bytes:
        return self._body

    async def read_error(self) -> bytes:
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


def router() -> Router:
    return Router(clock=lambda: 1000.0, wall=lambda: 1.8e9, random=lambda: 0.0)


def count_tokens(
    upstream: Upstream, calibration: Calibration | None = None, routed: Router | None = None
) -> CountTokens:
    return CountTokens(
        adapters=AdapterRegistry(upstream.open), calibration=calibration or Calibration(), router=routed or router()
    )


def snapshot(wire: str, query: str = "", names: Sequence[str] = ("fox",)) -> Snapshot:
    url = f"https://up.example/v1{query}"
    models = (ModelEntry(name="served", alias="asked"),)
    auths = tuple(core_auth(name, wire=wire, base_url=url, models=models) for name in names)
    return Snapshot(generation=1, revision="0" * 64, config=Config(), core_auths=auths, models=registry(auths, ()))


async def counted(
    tokens: CountTokens, wire: str = "messages", *, request: Request = REQUEST, **options: Any
) -> tuple[int, str]:
    count = await tokens.count(TokenCounter(), request, BODY, {}, snapshot(wire, **options))
    assert (count.asked is not None) == (count.source == "upstream")
    return count.tokens, count.source


@pytest.mark.asyncio
async def test_a_messages_upstream_is_asked() -> None:
    upstream = Upstream(Answer(200, b'{"input_tokens": 77, "odd": 1}'))
    tokens = count_tokens(upstream, Calibration())
    assert await counted(tokens, query="?beta=true") == (77, "upstream")
    (call,) = upstream.calls
    assert call.url == "https://up.example/v1/messages/count_tokens?beta=true"
    assert json.loads(call.body) == {"model": "served", "messages": [], "odd": 1.0}
    assert call.headers["x-api-key"] == "sk-fox"


OF_RESPONSES = WIRES["responses"].decode_request(b'{"model":"asked","input":"' + b"word " * 200 + b'"}', {})


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("asked", "client", "wire"),
    [
        ("https://up.example/v1/responses/input_tokens", OF_RESPONSES, "responses"),
        ("https://up.example/v1/messages/count_tokens", REQUEST, "messages"),
        ("", OF_RESPONSES, "messages"),
        ("", OF_RESPONSES, "chat"),
        ("", REQUEST, "responses"),
    ],
)
async def test_upstreams_of_the_clients_wire_are_asked(asked: str, client: Request, wire: str) -> None:
    upstream = Upstream(Answer(200, b'{"object":"response.input_tokens","input_tokens":77}'))
    count, source = await counted(count_tokens(upstream), wire, request=client)
    assert [call.url for call in upstream.calls] == ([asked] if asked else [])
    assert ((count, source) == (77, "upstream")) is bool(asked)
    assert count > 0


@pytest.mark.asyncio
@pytest.mark.parametrize("wire", ["responses", "chat"])
@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("previous_response_id", b'"previous_response_id":"resp_1","input":"more"'),
        ("item_reference", b'"input":[{"type":"item_reference","id":"msg_1"}]'),
    ],
)
async def test_what_only_an_upstream_has_is_not_guessed(word: str, said: bytes, known: bool, wire: str) -> None:
    """It is 400, where no upstream has counted it, whether or not the estimate is calibrated."""
    calibration = Calibration()
    if known:
        calibration.observe("served", 1000, 1500)
    tokens = count_tokens(Upstream(Answer(404, b"")), calibration)
    request = WIRES["responses"].decode_request(b'{"model":"asked",' + said + b"}", {})
    with pytest.raises(LocalError, match=word):
        await counted(tokens, wire, request=request)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "answer", [Answer(404, b"Cannot POST"), Answer(200, b"<html>"), RemoteError(ErrorKind.TIMEOUT, "late")]
)
async def test_one_that_cannot_count_is_left_in_peace_for_a_while(answer: Answer | RemoteError) -> None:
    upstream = Upstream(answer)
    tokens = count_tokens(upstream, Calibration())
    sources = [(await counted(tokens))[1] for _ in range(3)]
    assert (sources, len(upstream.calls)) == (["estimate"] * 3, 1)


@pytest.mark.asyncio
async def test_experience_beats_the_tokenizer() -> None:
    calibration = Calibration()
    for _ in range(20):
        calibration.observe("served", 1000, 1500)
    tokens = count_tokens(Upstream(), calibration)
    count, source = await counted(tokens, "responses")
    assert source == "calibrated"
    assert count == pytest.approx(estimate(REQUEST) * 1.5, rel=0.05)


@pytest.mark.asyncio
async def test_a_model_that_nobody_serves_is_estimated() -> None:
    empty = Snapshot(generation=1, revision="0" * 64, config=Config(), core_auths=(), models=registry((), ()))
    tokens = count_tokens(Upstream(), Calibration())
    assert (await tokens.count(TokenCounter(), REQUEST, BODY, {}, empty)).source == "estimate"


MISSING = json.dumps({"type": "error", "error": {"type": "not_found_error", "message": "model: served"}}).encode()
GOOD = b'{"input_tokens": 77}'
TWO = ("fox", "wolf")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("status", "body", "rests"),
    [
        (404, b"Cannot POST /v1/messages/count_tokens", False),
        (404, b"<html><title>404 Not Found</title></html>", False),
        (404, b'{"error":{"message":"Invalid URL (POST /v1/messages/count_tokens)"}}', False),
        (405, b"Method Not Allowed", False),
        (401, b'{"error":{"type":"authentication_error","message":"no"}}', False),
        (429, b'{"error":{"type":"rate_limit_error","message":"slow down"}}', False),
        (503, b"", False),
        (404, b'{"error":{"code":"model_not_found","message":"no such model"}}', True),
        (404, MISSING, True),
    ],
)
async def test_case_140_a_failure_goes_to_the_next_and_rests_nobody_but_a_missing_model(
    status: int, body: bytes, rests: bool
) -> None:
    upstream, routed = Upstream(Answer(status, body), Answer(200, GOOD), Answer(200, GOOD)), router()
    tokens = count_tokens(upstream, routed=routed)
    both = snapshot("messages", names=TWO)
    for _ in range(2):
        count = await tokens.count(TokenCounter(), REQUEST, BODY, {}, both)
        assert count.asked is not None and (count.tokens, count.asked.auth.name) == (77, "wolf")
    assert [call.headers["x-api-key"] for call in upstream.calls] == ["sk-fox", "sk-wolf", "sk-wolf"]
    fox, wolf = both.core_auths
    assert [(key.reach, key.what) for key, _ in routed.rests(fox.id)] == ([("model", "served")] if rests else [])
    assert (routed.slots.running(fox.id), routed.slots.running(wolf.id)) == (0, 0)


@pytest.mark.asyncio
async def test_who_rests_or_has_no_room_is_not_asked() -> None:
    upstream, routed = Upstream(Answer(200, GOOD)), router()
    both = snapshot("messages", names=TWO)
    fox, wolf = both.core_auths
    routed.cooldowns.key_refused(fox.id, now=1000.0)
    tokens = count_tokens(upstream, routed=routed)
    assert (await tokens.count(TokenCounter(), REQUEST, BODY, {}, both)).source == "upstream"
    assert [call.headers["x-api-key"] for call in upstream.calls] == ["sk-wolf"]
    routed.concurrency.refused(wolf.id, 2, 1000.0)
    routed.slots.take(wolf.id)
    assert (await tokens.count(TokenCounter(), REQUEST, BODY, {}, both)).source == "estimate"
    assert len(upstream.calls) == 1


@pytest.mark.asyncio
async def test_counts_take_no_turns_from_requests() -> None:
    upstream, routed = Upstream(*[Answer(200, GOOD)] * 3), router()
    both = snapshot("messages", names=TWO)
    tokens = count_tokens(upstream, routed=routed)
    for _ in range(3):
        await tokens.count(TokenCounter(), REQUEST, BODY, {}, both)
    candidates = both.models.resolve("asked").candidates
    chosen = routed.choose(RoutedRequest(name="asked", candidates=candidates, number=1), ())
    assert chosen is not None and chosen.auth.name == "fox"
