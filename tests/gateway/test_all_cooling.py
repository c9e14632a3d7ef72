"""What a client gets when nobody is left to ask: each entry, streamed or not, for each class of failure, at the failure
itself and when everybody has been resting from before (the table of part 5 of the field's relays).

The failure itself keeps the upstream's words and status; from before it is 429 where limits are the cause everywhere,
503 where waiting helps, and the status of its class where it does not.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from msgspec import Struct
from msgspec.structs import replace

from daemon.config.schema import Config
from daemon.gateway.client_request import ClientRequest
from daemon.gateway.deadlines import Deadlines
from daemon.gateway.live_state import LiveState
from daemon.gateway.request_handler import RequestHandler
from daemon.gateway.request_state import RequestState
from daemon.router.states import AuthStates
from daemon.telemetry.metrics import Metrics
from daemon.upstream.adapters.registry import AdapterRegistry
from daemon.upstream.http.call import UpstreamResponse
from tests.gateway.fakes import RecordingClient, ScriptedUpstreams, answering
from tests.gateway.test_passthrough import read, whole
from tests.gateway.test_request_handler import auths, live_state, request

pytestmark = pytest.mark.asyncio

ENTRIES = ["messages", "chat", "responses"]
OWN = "provider's key in config.yaml was refused, not your own"


class Failing(Struct, frozen=True, kw_only=True):
    """``messages`` and ``openai``: (status at the failure, status from before), toward these clients. ``code`` is
    OpenAI's. ``wait``: ``retry-after`` in seconds, 0 where there is none, None where there is some. ``final``:
    ``x-should-retry: false``."""

    name: str
    status: int
    error: dict[str, Any]
    headers: dict[str, str] = {}
    messages: tuple[int, int]
    openai: tuple[int, int]
    code: str | None
    wait: int | None = None
    final: bool = False
    words: str = ""

    def answer(self) -> UpstreamResponse:
        body = json.dumps({"error": self.error}).encode()
        headers = {"content_type": "application/json", **self.headers}
        return answering(body, status=self.status, **headers)


HOUR = {"code": "usage_limit_reached", "message": "The usage limit has been reached", "resets_in_seconds": 7200}
FAILURES = [
    Failing(
        name="balance",
        status=403,
        error={"message": "用户额度不足, 余额不足"},
        messages=(402, 402),
        openai=(429, 429),
        code="insufficient_quota",
        wait=0,
        final=True,
        words=OWN,
    ),
    Failing(
        name="key",
        status=401,
        error={"message": "无效的令牌", "code": "invalid_api_key"},
        messages=(401, 401),
        openai=(401, 401),
        code="invalid_api_key",
        wait=0,
        final=True,
        words=OWN,
    ),
    Failing(
        name="group",
        status=403,
        error={"message": "分组已被禁用"},
        messages=(403, 403),
        openai=(403, 403),
        code="permission_denied",
        wait=0,
        final=True,
        words=OWN,
    ),
    Failing(
        name="window, longer than any rest",
        status=429,
        error=HOUR,
        messages=(429, 429),
        openai=(429, 429),
        code="usage_limit_reached",
        wait=7200,
        final=True,
    ),
    Failing(
        name="too fast, for a while",
        status=429,
        error={"message": "slow down"},
        headers={"retry_after": "17"},
        messages=(429, 429),
        openai=(429, 429),
        code="rate_limit_exceeded",
        wait=17,
    ),
    Failing(
        name="too fast",
        status=429,
        error={"message": "请求数限制"},
        messages=(429, 429),
        openai=(429, 429),
        code="rate_limit_exceeded",
    ),
    Failing(
        name="overloaded",
        status=503,
        error={"message": "无可用账号"},
        messages=(529, 503),
        openai=(503, 503),
        code="server_is_overloaded",
    ),
    Failing(
        name="maintenance",
        status=503,
        error={"message": "系统维护中"},
        headers={"retry_after": "600"},
        messages=(529, 503),
        openai=(503, 503),
        code="server_is_overloaded",
        wait=600,
        final=True,
    ),
    Failing(
        name="server",
        status=500,
        error={"message": "boom"},
        messages=(500, 503),
        openai=(500, 503),
        code=None,
    ),
    Failing(
        name="model",
        status=404,
        error={"code": "model_not_found", "message": "模型不存在"},
        messages=(404, 404),
        openai=(404, 404),
        code="model_not_found",
        wait=0,
        final=False,
    ),
]


async def asked(live: LiveState, client_request: ClientRequest, *script: UpstreamResponse) -> RecordingClient:
    upstreams, client = ScriptedUpstreams(*script), RecordingClient()
    live.adapters = AdapterRegistry(upstreams.open)
    await RequestHandler(live, client_request, client, RequestState()).run()
    assert client.ended and len(upstreams.calls) == len(script)
    return client


@pytest.mark.parametrize("from_before", [False, True], ids=["at once", "from before"])
@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("failing", FAILURES, ids=lambda each: each.name)
async def test_what_the_client_gets(failing: Failing, entry: str, stream: bool, from_before: bool) -> None:
    live = live_state(ScriptedUpstreams())
    client_request = request(entry, auths("chat", "fox"), stream=stream)
    client = await asked(live, client_request, failing.answer())
    if from_before:
        client = await asked(live, client_request)
    error = json.loads(client.body)["error"]
    assert client.status == (failing.messages if entry == "messages" else failing.openai)[from_before]
    if entry != "messages" and failing.code is not None:
        assert error["code"] == failing.code
    assert failing.words in error["message"]
    assert "fox" in error["message"] or not from_before
    wait = client.headers.get("retry-after")
    if failing.wait is None:
        assert wait is not None and 1 <= int(wait) <= 60
    else:
        assert abs(int(wait or 0) - failing.wait) <= 2, "what the upstream said, however long we rest"
    if failing.final:
        assert client.headers["x-should-retry"] == "false"
    if failing.code == "usage_limit_reached" and entry != "messages":
        assert abs(error["resets_in_seconds"] - 7200) <= 2 and "resets_at" in error


MIXED = [
    (("key", "server"), 503, None),
    (("key", "too fast, for a while"), 503, 17),
    (("too fast, for a while", "window, longer than any rest"), 429, 17),
    (("key", "group"), 401, 0),
    (("server", "too fast, for a while"), 503, None),
]


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize(("names", "status", "wait"), MIXED, ids=lambda each: str(each))
async def test_several_causes(entry: str, names: tuple[str, str], status: int, wait: int | None) -> None:
    """429 where limits are the cause everywhere; the soonest reset of what waiting helps."""
    live, by_name = live_state(ScriptedUpstreams()), {each.name: each for each in FAILURES}
    client_request = request(entry, auths("chat", "fox", "wolf"))
    await asked(live, client_request, *(by_name[name].answer() for name in names))
    client = await asked(live, client_request)
    assert client.status == status
    got = int(client.headers.get("retry-after", 0))
    assert 1 <= got <= 30 if wait is None else abs(got - wait) <= 1


@pytest.mark.parametrize("entry", ENTRIES)
async def test_a_refused_key_does_not_hide_that_another_provider_is_back_soon(entry: str) -> None:
    live, by_name = live_state(ScriptedUpstreams()), {each.name: each for each in FAILURES}
    fox, wolf = auths("chat", "fox", "wolf")
    await asked(live, request(entry, [fox]), by_name["too fast, for a while"].answer())
    client = await asked(live, request(entry, [fox, wolf]), by_name["key"].answer())
    assert (client.status, client.headers["retry-after"]) == (503, "17")
    assert "无效的令牌" in json.loads(client.body)["error"]["message"], "the upstream's own words"


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("comes_back", [True, False])
async def test_a_short_rest_is_waited_for_with_keep_alives(entry: str, comes_back: bool) -> None:
    """The head goes out with the first keep-alive; what fails after that is an event of the dialect."""
    states, metrics, deadlines = AuthStates(), Metrics(), Deadlines(tick=0.05, keep_alive_after=0.1)
    adapters = AdapterRegistry(ScriptedUpstreams().open)
    live = LiveState(adapters=adapters, states=states, metrics=metrics, deadlines=deadlines)
    async with asyncio.TaskGroup() as tasks:
        clock = tasks.create_task(deadlines.run())
        client_request = request(entry, auths("chat", "fox"), stream=True)
        limited = next(each for each in FAILURES if each.name == "too fast")
        await asked(live, client_request, limited.answer())
        for _, rest in live.router.rests(client_request.snapshot.core_auths[0].id):
            rest.until = live.router.clock() + 0.3  # a second less to wait for
        config = Config(request_retry=1, max_retry_interval=1)
        waiting = replace(client_request, snapshot=replace(client_request.snapshot, config=config))
        client = await asked(live, waiting, answering(whole("chat")) if comes_back else limited.answer())
        clock.cancel()
    assert (client.status, client.headers) == (200, {}), "the head was sent with a keep-alive"
    last = json.dumps(read(client.body)[-1], ensure_ascii=False)
    assert (b"hello" in client.body) is comes_back
    assert ("请求数限制" in last) is not comes_back
    if entry == "responses" and not comes_back:
        assert "try again in" in last, "Codex reads the wait from the words"
