"""An adapter by itself: ``chat`` and ``chat_stream`` over the hub, and the provider's defaults on both ways."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec import Raw
from msgspec.structs import replace

from daemon.config.provider import RequestDefaults
from daemon.errors import ErrorKind, RemoteError
from daemon.inference.blocks import Text
from daemon.inference.collect import collect
from daemon.inference.events import BlockDelta, Finish, MessageStart, StreamError
from daemon.inference.request import Message, ReasoningOptions, Request
from daemon.inference.response import FinishReason
from daemon.secret import Secret
from daemon.snapshot.core_auths import UpstreamTimeouts
from daemon.upstream.adapters.adapter import Adapter
from daemon.upstream.adapters.registry import AdapterRegistry
from daemon.upstream.http.transport import Transport
from tests.gateway.fakes import HANG, ScriptedUpstreams, answering
from tests.gateway.targets import adapter
from tests.gateway.test_passthrough import ending, frames, opening, text, whole
from tests.router.auths import core_auth

WIRES = ["messages", "responses", "chat"]
HELLO = Request(wire="chat", model="gpt-5", messages=(Message("user", (Text("hi"),)),))
JSON = {
    "chat": {
        "id": "c",
        "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hello"}}],
    },
    "messages": {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "hello"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1, "output_tokens": 1},
    },
    "responses": {
        "id": "r",
        "object": "response",
        "model": "m",
        "status": "completed",
        "output": [
            {
                "type": "message",
                "id": "msg",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": "hello", "annotations": []}],
            }
        ],
    },
}


def scripted(wire: str, *script: Any, **auth: Any) -> tuple[Adapter, ScriptedUpstreams]:
    upstreams = ScriptedUpstreams(*script)
    return AdapterRegistry(upstreams.open).build(core_auth(wire=wire, **auth)), upstreams


@pytest.mark.asyncio
@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("form", ["events", "json"])
async def test_chat_gives_the_whole_answer_and_chat_stream_its_events(wire: str, form: str) -> None:
    def answer() -> Any:
        if form == "events":
            return answering(whole(wire))
        return answering(json.dumps(JSON[wire]).encode(), content_type="application/json")

    fox, upstreams = scripted(wire, answer(), answer())
    response = await fox.chat(HELLO)
    assert (response.content, response.finish) == ((Text("hello"),), FinishReason.STOP)
    events = [event async for event in fox.chat_stream(HELLO)]
    assert isinstance(events[0], MessageStart) and isinstance(events[-1], Finish)
    assert "".join(event.text for event in events if isinstance(event, BlockDelta)) == "hello"
    assert collect(events) == response
    assert {call.url for call in upstreams.calls} == {fox.kind.url(fox.auth.base_url)}
    assert json.loads(upstreams.calls[0].body)["model"] == "gpt-5"


@pytest.mark.asyncio
async def test_what_the_provider_is_configured_to_need_is_amended_here_too() -> None:
    fox, upstreams = scripted("responses", answering(whole("responses")), instructions="system")
    await fox.chat(replace(HELLO, system=(Text("be brief"),)))
    assert json.loads(upstreams.calls[0].body)["instructions"] == "be brief"


@pytest.mark.asyncio
@pytest.mark.parametrize("wire", WIRES)
async def test_a_refusal_is_raised_with_the_upstreams_words_but_not_the_key(wire: str) -> None:
    said = json.dumps({"error": {"message": "Incorrect API key provided: sk-fox.", "type": "authentication_error"}})
    refusal = answering(said.encode(), status=401, content_type="application/json")
    fox, _ = scripted(wire, refusal)
    with pytest.raises(RemoteError) as raised:
        await fox.chat(HELLO)
    assert raised.value.kind is ErrorKind.AUTHENTICATION
    assert "Incorrect API key" in raised.value.message and "sk-fox" not in raised.value.message
    assert refusal._body.closed  # type: ignore[attr-defined]


@pytest.mark.asyncio
async def test_a_web_page_is_no_answer() -> None:
    fox, _ = scripted("chat", answering(b"<html><title>Welcome</title></html>", content_type="text/html"))
    with pytest.raises(RemoteError, match="an HTML page"):
        await fox.chat(HELLO)


@pytest.mark.asyncio
@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("cut", [RemoteError(ErrorKind.API, "cut"), b""], ids=["cut", "ended"])
async def test_a_failure_after_the_beginning_is_the_last_event(wire: str, cut: Any) -> None:
    begun = frames(wire, *opening(wire), *text(wire, "hello")[:3], done=False)
    fox, _ = scripted(wire, answering(begun, *([cut] if cut else [])))
    events = [event async for event in fox.chat_stream(HELLO)]
    assert isinstance(events[-1], StreamError) and not isinstance(events[-2], StreamError)


@pytest.mark.asyncio
@pytest.mark.parametrize("tail", [[HANG], [RemoteError(ErrorKind.API, "the connection broke")]], ids=["open", "broken"])
async def test_a_complete_answer_ends_however_its_upstream_does(tail: list[Any]) -> None:
    complete = frames("chat", *opening("chat"), *text("chat", "hello"), *ending("chat"), done=False)
    fox, _ = scripted("chat", answering(complete, *tail))
    events = [event async for event in fox.chat_stream(HELLO)]
    assert isinstance(events[-1], Finish) and events[-1].usage is not None


@pytest.mark.asyncio
async def test_who_stops_reading_ends_the_upstreams_work() -> None:
    answer = answering(frames("chat", *opening("chat"), *text("chat", "hello"), done=False), HANG)
    fox, _ = scripted("chat", answer)
    stream = fox.chat_stream(HELLO)
    await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]
    assert answer._body.closed  # type: ignore[attr-defined]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("kind", "limits", "words"),
    [
        ("tppc", {"first_event": 0.01}, r"no first event within 0\.01 s \(timeouts\.first-event\)"),
        ("store", {"first_event": 0.01}, r"no first event within 0\.01 s \(timeout\)"),
        ("store", {"whole": 0.01}, r"no whole answer within 0\.01 s \(timeout\)"),
        ("store", {"total": 0.01}, r"no whole answer within 0\.01 s \(timeouts\.total\)"),
        ("tppc", {"total": 0.01}, r"no whole answer within 0\.01 s \(timeouts\.total\)"),
    ],
)
async def test_nobody_is_waited_for_longer_than_the_provider_says(kind: str, limits: Any, words: str) -> None:
    fox, _ = scripted("chat", HANG, kind=kind, timeouts=UpstreamTimeouts(**limits))
    with pytest.raises(RemoteError, match=words) as raised:
        await fox.chat(HELLO)
    assert raised.value.kind is ErrorKind.TIMEOUT


@asynccontextmanager
async def listening(seen: list[bytes]) -> AsyncIterator[str]:
    """A Chat Completions server that answers one event at a time; gives its base URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        stream = whole("chat")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
        for event in stream.split(b"\n\n")[:-1]:
            writer.write(event + b"\n\n")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.asyncio
async def test_over_a_socket_a_vllm_without_a_key_gets_no_authorization() -> None:
    seen: list[bytes] = []
    async with listening(seen) as url:
        transport = Transport()
        try:
            auth = core_auth(wire="chat", kind="store", type="vllm", base_url=url, api_key=Secret(""))
            vllm = AdapterRegistry(transport.open).build(auth)
            assert (vllm.type, (await vllm.chat(HELLO)).content) == ("vllm", (Text("hello"),))
        finally:
            await transport.close()
    assert seen[0].startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")
    assert b"authorization" not in seen[0].lower()


# --- defaults -------------------------------------------------------------------------------------

DEFAULTS = RequestDefaults(temperature=0.2, max_tokens=700, top_p=0.9)


QUIET = replace(HELLO, reasoning=ReasoningOptions(enabled=False))
"""The Messages API takes no sampling beside thinking, which providers of it are asked for by default."""


def encoded(wire: str, request: Request = HELLO, model: str = "m", **auth: Any) -> tuple[dict[str, Any], Any]:
    fox = adapter(core_auth(wire=wire, request_defaults=DEFAULTS, **auth))
    body = fox.encode(request, fox.options(model), ())
    return json.loads(body.body), body.lost


def filled(wire: str, body: dict[str, Any], model: str = "m", request: Request = HELLO, **auth: Any) -> dict[str, Any]:
    fox = adapter(core_auth(wire=wire, request_defaults=DEFAULTS, **auth))
    fields = {name: Raw(json.dumps(value).encode()) for name, value in body.items()}
    fox.fill(fields, request, fox.options(model))
    return {name: json.loads(bytes(raw)) for name, raw in fields.items()}


LIMITS = [
    ("messages", "m", "max_tokens"),
    ("responses", "m", "max_output_tokens"),
    ("chat", "m", "max_tokens"),
    ("chat", "gpt-5", "max_completion_tokens"),
]


@pytest.mark.parametrize(("wire", "model", "limit"), LIMITS)
def test_a_request_that_lacks_them_gets_the_providers_defaults_under_the_wires_names(
    wire: str, model: str, limit: str
) -> None:
    expected = {"temperature": 0.2, "top_p": 0.9, limit: 700}
    assert filled(wire, {}, model) == expected
    body, lost = encoded(wire, model=model)
    assert body | expected == body and not lost
    assert filled(wire, {"temperature": None}, model) == expected, "a null is no value, on either way"


@pytest.mark.parametrize(("wire", "model", "limit"), LIMITS)
def test_a_value_of_the_request_wins(wire: str, model: str, limit: str) -> None:
    own = {"temperature": 0, "top_p": 1.0, limit: 50}
    assert filled(wire, own, model) == own
    request = replace(QUIET, temperature=0, top_p=1.0, max_tokens=50)
    body, _ = encoded(wire, request, model)
    assert body | own == body


def test_the_other_name_of_the_limit_counts_as_a_value() -> None:
    assert "max_tokens" not in filled("chat", {"max_completion_tokens": 50})
    assert "max_completion_tokens" not in filled("chat", {"max_tokens": 50}, "gpt-5")


@pytest.mark.parametrize(("wire", "model", "limit"), LIMITS)
def test_what_the_upstream_does_not_take_is_not_put_in_and_not_lost(wire: str, model: str, limit: str) -> None:
    refused = ("temperature", "top_p", "max_tokens", "max_completion_tokens", "max_output_tokens")
    assert filled(wire, {}, model, unsupported_parameters=refused) == {}
    body, lost = encoded(wire, model=model, unsupported_parameters=refused)
    assert not {*refused, limit} & body.keys() and not lost


def test_where_one_name_of_the_limit_is_refused_the_other_is_sent() -> None:
    assert filled("chat", {}, unsupported_parameters=("max_tokens",))["max_completion_tokens"] == 700
    body, lost = encoded("chat", unsupported_parameters=("max_tokens",))
    assert (body["max_completion_tokens"], lost) == (700, ())


def test_messages_takes_no_sampling_beside_thinking() -> None:
    thinking = replace(HELLO, reasoning=ReasoningOptions(enabled=True, budget=4000))
    assert filled("messages", {"max_tokens": 9000}, request=thinking) == {"max_tokens": 9000}
    assert filled("chat", {}, request=thinking)["temperature"] == 0.2


def test_without_defaults_a_body_stays_as_it_is() -> None:
    fields: dict[str, Raw] = {}
    fox = adapter(core_auth(wire="chat"))
    fox.fill(fields, HELLO, fox.options("m"))
    assert fields == {}
