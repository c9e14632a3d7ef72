"""Whole answers of an upstream to the hub."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw

from daemon.errors import ErrorKind, RemoteError
from daemon.inference.blocks import Citation, ModelRefusal, Reasoning, Text, ToolCall
from daemon.inference.response import FinishReason, Response, Usage
from daemon.wires.openai_chat import WIRE


def completion(message: Any = None, finish: str | None = "stop", **fields: Any) -> bytes:
    choice = {"index": 0, "message": message or {"role": "assistant", "content": "a"}, "finish_reason": finish}
    whole = {"id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-4o", "choices": [choice], **fields}
    return json.dumps(whole).encode()


def test_a_whole_answer() -> None:
    source = {"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 0, "end_index": 1}}
    message = {
        "role": "assistant",
        "content": "a",
        "refusal": "b",
        "reasoning_content": "hm",
        "annotations": [source],
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    }
    usage = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}
    answer = WIRE.decode_response(completion(message, "tool_calls", usage=usage, service_tier="default"), {"f": "F"})
    cited = Citation(url="u", title="t", start=0, end=1, wire="chat", raw=Raw(json.dumps(source).encode()))
    text = Text("a", (cited,))
    assert (
        Response(
            id="chatcmpl-1",
            model="gpt-4o",
            content=(
                Reasoning(parts=("hm",), signature="reasoning_content"),
                text,
                ModelRefusal("b"),
                ToolCall(id="c", name="F", arguments="{}"),
            ),
            finish=FinishReason.TOOL_CALLS,
            usage=Usage(input_tokens=5, output_tokens=3),
            service_tier="default",
        )
        == answer
    )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (completion(), FinishReason.STOP),
        (completion(finish=None), FinishReason.STOP),
        (completion(finish="length"), FinishReason.LENGTH),
        (completion({"content": None}), FinishReason.STOP),
        (completion(choices=[{"finish_reason": "content_filter", "index": 0}]), FinishReason.CONTENT_FILTER),
        (completion({"content": None, "refusal": "no"}), FinishReason.REFUSAL),
    ],
)
def test_ends(body: bytes, reason: FinishReason) -> None:
    assert WIRE.decode_response(body, {}).finish is reason


FAILURES: list[tuple[bytes, ErrorKind, str]] = [
    (completion(error={"message": "busy", "code": "rate_limit_exceeded"}), ErrorKind.RATE_LIMIT, "busy"),
    (completion(finish="error"), ErrorKind.API, "aborted its answer"),
    (b'{"error":{"message":"no credit","code":"insufficient_quota"}}', ErrorKind.QUOTA, "no credit"),
    (b'{"error":"no"}', ErrorKind.API, "no"),
    (b'{"object":"error","message":"gone","type":"NotFoundError","code":404}', ErrorKind.NOT_FOUND, "gone"),
    (b"{}", ErrorKind.API, "without choices"),
    (b'{"choices":[]}', ErrorKind.API, "without choices"),
    (b'{"choices":1}', ErrorKind.API, "without choices"),
    (b"[]", ErrorKind.API, "without choices"),
    (b"<html></html>", ErrorKind.API, "an HTML page"),
    (b"", ErrorKind.API, "an empty answer"),
    (b'{"choices":"\xff"}', ErrorKind.API, "without choices"),
    (b'{"usage":' + b"[" * 9999, ErrorKind.API, "not JSON"),
]


@pytest.mark.parametrize(("body", "kind", "words"), FAILURES)
def test_failed_answers_are_never_an_empty_success(body: bytes, kind: ErrorKind, words: str) -> None:
    with pytest.raises(RemoteError) as caught:
        WIRE.decode_response(body, {})
    assert caught.value.kind is kind and words in caught.value.message


@pytest.mark.parametrize("index", [{}, {"index": 0}])
def test_each_call_of_a_whole_answer_is_one_also_under_the_same_id(index: dict[str, int]) -> None:
    calls = [
        {"id": "call_0", "type": "function", "function": {"name": "f", "arguments": text}, **index}
        for text in ('{"a":1}', '{"a":2}')
    ]
    answer = WIRE.decode_response(completion(message={"tool_calls": calls}), {})
    assert [call.arguments for call in answer.content if isinstance(call, ToolCall)] == ['{"a":1}', '{"a":2}']
