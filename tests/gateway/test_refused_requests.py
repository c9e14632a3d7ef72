"""A request that its upstream refuses, and the same as it is taken: from the first answer to the memory of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from daemon.gateway.live_state import LiveState
from daemon.snapshot.models import registry
from daemon.upstream.http.call import UpstreamResponse
from daemon.wires.table import WIRES
from tests.gateway.client_requests import client_request
from tests.gateway.fakes import answering
from tests.gateway.test_passthrough import whole
from tests.gateway.test_request_handler import Run, auths

pytestmark = pytest.mark.asyncio

USER = [{"role": "user", "content": "hi"}]
RANGE = "Invalid max_tokens value, the valid range of max_tokens is [1, 8192]"
TOO_MUCH = (
    "'max_tokens' or 'max_completion_tokens' is too large: 32000. This model's maximum context length is 40960 tokens"
    " and your request has 19110 input tokens (32000 > 40960 - 19110). None"
)
TOOL: dict[str, Any] = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
FORCED: dict[str, Any] = {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "f"}}}


def refusing(message: str, **error: Any) -> UpstreamResponse:
    body = {"error": {"message": message, "type": "invalid_request_error", **error}}
    return answering(json.dumps(body).encode(), status=400)


class Asked(Run):
    """One request that its entry has read, whole, to fox alone."""

    def __init__(
        self,
        *script: UpstreamResponse,
        entry: str = "chat",
        wire: str = "chat",
        live: LiveState | None = None,
        **body: Any,
    ) -> None:
        super().__init__(*script, entry=entry, wire=wire, live=live)
        fox = auths(wire, "fox")
        body = {"model": "asked-for", **body}
        if entry != "responses":
            body.pop("input", None)
        read = WIRES[entry].decode_request(json.dumps(body).encode(), {})
        asked = client_request(entry, body)
        self.request = replace(
            asked,
            request=read,
            context=replace(asked.context, request=read),
            snapshot=replace(asked.snapshot, core_auths=tuple(fox), models=registry(fox, ())),
        )


def ok(wire: str = "chat") -> UpstreamResponse:
    return answering(whole(wire))


@pytest.mark.parametrize(
    ("entry", "wire", "name"),
    [
        ("messages", "chat", "max_completion_tokens"),
        ("chat", "chat", "max_tokens"),
        ("messages", "messages", "max_tokens"),
        ("messages", "responses", "max_output_tokens"),
        ("responses", "chat", "max_completion_tokens"),
    ],
)
async def test_a_limit_is_lowered_to_what_the_model_takes_and_so_from_then_on(entry: str, wire: str, name: str) -> None:
    limit = {"responses": "max_output_tokens"}.get(entry, "max_tokens")
    said: dict[str, Any] = {"input": "hi"} if entry == "responses" else {"messages": USER}
    body: dict[str, Any] = {limit: 32000, **said}
    run = await Asked(refusing(RANGE), ok(wire), entry=entry, wire=wire, **body)()
    assert [run.sent(number)[name] for number in range(2)] == [32000, 8192]
    assert (run.handler.record.status, run.handler.record.lost) == (200, ())
    again = await Asked(ok(wire), entry=entry, wire=wire, live=run.live, **body)()
    assert again.sent(0)[name] == 8192


async def test_a_messages_client_is_given_the_numbers_to_lower_it_itself() -> None:
    run = await Asked(refusing(TOO_MUCH), entry="messages", max_tokens=32000, messages=USER)()
    assert run.asked == ["fox"]
    assert "`max_tokens` exceed context limit: 19110 + 32000 > 40960, decrease" in run.client.body.decode()


async def test_for_other_clients_it_is_lowered_in_this_request_alone() -> None:
    body: dict[str, Any] = {"max_tokens": 32000, "messages": USER}
    run = await Asked(refusing(TOO_MUCH), ok(), **body)()
    assert run.sent(1)["max_tokens"] == 40960 - 19110
    again = await Asked(ok(), live=run.live, **body)()
    assert again.sent(0)["max_tokens"] == 32000


async def test_a_condition_holds_for_requests_that_meet_it() -> None:
    said = "`tool_choice` is not supported in thinking mode"
    run = await Asked(refusing(said), ok(), messages=USER, reasoning_effort="high", **FORCED)()
    assert "tool_choice" not in run.sent(1)
    thinks = await Asked(ok(), messages=USER, live=run.live, reasoning_effort="low", **FORCED)()
    assert "tool_choice" not in thinks.sent(0)
    does_not = await Asked(ok(), messages=USER, live=run.live, reasoning_effort="none", **FORCED)()
    assert "tool_choice" in does_not.sent(0)


async def test_a_choice_of_a_tool_is_never_lost_for_good() -> None:
    run = await Asked(refusing("Unsupported parameter: tool_choice"), ok(), messages=USER, **FORCED)()
    again = await Asked(ok(), messages=USER, live=run.live, **FORCED)()
    assert ("tool_choice" in run.sent(1), "tool_choice" in again.sent(0)) == (False, True)


async def test_a_refused_value_that_is_no_name_is_not_asked_twice() -> None:
    run = await Asked(refusing("'required' is not supported"), messages=USER, **FORCED)()
    assert (run.asked, run.handler.record.status) == (["fox"], 400)


async def test_what_the_client_wrote_teaches_nothing() -> None:
    """The upstream quotes a message that holds the words of a refusal."""
    words = "why does it say Unsupported parameter: temperature here"
    body: dict[str, Any] = {"messages": [{"role": "user", "content": words}], "temperature": 0.5}
    run = await Asked(refusing(f"messages[0]: cannot read '{words}'"), **body)()
    assert run.asked == ["fox"]
    real = refusing(f"cannot read '{words}'. Unknown parameter: top_p")
    other = await Asked(real, ok(), top_p=0.5, **body)()
    assert (other.sent(1)["temperature"], "top_p" in other.sent(1)) == (0.5, False)


async def test_an_answer_that_must_be_streamed_is_collected_for_its_client() -> None:
    said = "This model only support stream mode, please enable the stream parameter to access the model. "
    chunks = b"".join(
        b"data: "
        + json.dumps({"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": choices}).encode()
        + b"\n\n"
        for choices in (
            [{"index": 0, "delta": {"role": "assistant", "content": "hello"}}],
            [{"index": 0, "delta": {}, "finish_reason": "stop"}],
        )
    )
    answer = answering(chunks + b"data: [DONE]\n\n")
    run = await Asked(refusing(said), answer, messages=USER)()
    assert (run.sent(0).get("stream", False), run.sent(1)["stream"]) == (False, True)
    assert json.loads(run.client.body)["choices"][0]["message"]["content"] == "hello"
