"""A whole answer toward a client says what its stream says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw

from daemon.inference.blocks import (
    Block,
    Citation,
    HostedCall,
    ModelRefusal,
    Opaque,
    Reasoning,
    Text,
    ToolCall,
)
from daemon.inference.collect import replay
from daemon.inference.response import FinishReason, Response, Usage
from daemon.wires.openai_chat import WIRE
from tests.wires.openai_chat.world import context, raw, shown, tool

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}
SOURCE = {"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 0, "end_index": 1}}


def response(*content: Block, finish: FinishReason = FinishReason.STOP, **fields: Any) -> Response:
    return Response(id="resp_1", model="gpt-5-2025", content=content, finish=finish, **fields)


def whole(answer: Response, **fields: Any) -> dict[str, Any]:
    return dict(json.loads(WIRE.encode_response(answer, context(**fields))))


def message(*content: Block, **fields: Any) -> dict[str, Any]:
    return dict(whole(response(*content), **fields)["choices"][0]["message"])


def test_the_whole_object() -> None:
    usage = Usage(input_tokens=5, output_tokens=3)
    assert whole(response(Text("hi"), usage=usage, service_tier="priority")) == {
        "id": "chatcmpl-" + "ab" * 16,
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-5",
        "system_fingerprint": None,
        "service_tier": "priority",
        "choices": [
            {
                "index": 0,
                "logprobs": None,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": "hi", "refusal": None, "annotations": []},
            }
        ],
        "usage": {
            "prompt_tokens": 5,
            "completion_tokens": 3,
            "total_tokens": 8,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        },
    }


CALL = ToolCall(id="a", name="f", arguments='{"x":1}')
SAID_CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
MESSAGES = [
    ("nothing", (), {"content": ""}),
    ("several texts", (Text("a"), CALL, Text("b")), {"content": "ab", "tool_calls": [SAID_CALL]}),
    ("a call alone", (CALL,), {"content": None, "tool_calls": [SAID_CALL]}),
    ("a refusal alone", (ModelRefusal("no"),), {"content": None, "refusal": "no"}),
    ("thoughts", (Reasoning(parts=("a", "b")), Reasoning(parts=("c",))), {"reasoning_content": "a\n\nb\n\nc"}),
    ("thoughts unsaid", (Reasoning(signature="x"), Text("a")), {"content": "a"}),
    (
        "calls",
        (CALL, ToolCall(id="a", name="g", arguments="")),
        {
            "tool_calls": [
                SAID_CALL,
                {"id": f"call_{'ab' * 12}_1", "type": "function", "function": {"name": "g", "arguments": "{}"}},
            ]
        },
    ),
    (
        "a custom call as a function",
        (ToolCall(id="a", name="patch", arguments="x", kind="custom"),),
        {"tool_calls": [{"id": "a", "type": "function", "function": {"name": "patch", "arguments": '{"input":"x"}'}}]},
    ),
    (
        "sources",
        (
            Text("a", (Citation(url="u", title="t"), Citation(title="page 3"))),
            Text("bc", (Citation(url="u", title="t", wire="chat", raw=Raw(b"{}")),)),
        ),
        {
            "annotations": [
                SOURCE,
                {"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 1, "end_index": 3}},
            ]
        },
    ),
    (
        "pictures",
        (
            HostedCall(id="i", name="image_generation", raw=raw({"result": "QUJD"})),
            HostedCall(id="w", name="web_search"),
            Opaque("chat", raw(IMAGE)),
            Opaque("messages", raw({})),
        ),
        {"content": "", "images": [IMAGE, IMAGE]},
    ),
]


@pytest.mark.parametrize(("content", "expected"), [row[1:] for row in MESSAGES], ids=[row[0] for row in MESSAGES])
def test_messages(content: tuple[Block, ...], expected: dict[str, Any]) -> None:
    said = message(*content)
    assert {name: said[name] for name in expected} == expected
    assert set(said) - {"role", "content", "refusal", "annotations"} <= set(expected)


def test_a_custom_call_is_one_for_a_client_that_has_such_tools() -> None:
    call = ToolCall(id="a", name="patch", arguments="*** Begin", kind="custom")
    said = message(call, tools=(tool("patch", kind="custom"),))
    assert said["tool_calls"] == [{"id": "a", "type": "custom", "custom": {"name": "patch", "input": "*** Begin"}}]


@pytest.mark.parametrize("content", [row[1] for row in MESSAGES], ids=[row[0] for row in MESSAGES])
def test_the_stream_says_the_same(content: tuple[Block, ...]) -> None:
    usage = Usage(input_tokens=5, output_tokens=3)
    answer = response(*content, finish=FinishReason.STOP, usage=usage, service_tier="default")
    said, stream = whole(answer), shown(replay(answer))
    message = said["choices"][0]["message"]
    assert stream.text == (message["content"] or "")
    assert stream.refusal == (message["refusal"] or "")
    assert stream.reasoning == message.get("reasoning_content", "")
    assert stream.annotations == message["annotations"]
    assert stream.images == message.get("images", [])
    assert stream.finish == said["choices"][0]["finish_reason"]
    assert (stream.usage, stream.service_tier) == (said["usage"], said["service_tier"])
    calls = [(call["id"], call["function"]["arguments"]) for call in message.get("tool_calls", ())]
    assert [(call.id, call.text) for call in stream.calls] == calls
