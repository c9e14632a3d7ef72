"""Whole answers of an upstream to the hub."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daemon.errors import ErrorKind, RemoteError
from daemon.inference.blocks import Text, ToolCall
from daemon.inference.response import FinishReason
from daemon.wires.openai_responses import WIRE


def answered(**fields: Any) -> bytes:
    return json.dumps({"id": "resp_1", "object": "response", "model": "m", "output": [], **fields}).encode()


def test_an_empty_answer() -> None:
    response = WIRE.decode_response(answered(status="completed"), {})
    assert (response.id, response.model, response.content, response.finish) == ("resp_1", "m", (), FinishReason.STOP)


def test_several_parts_are_all_there() -> None:
    item = {"type": "message", "content": [{"type": "output_text", "text": "a"}, {"type": "output_text", "text": "b"}]}
    assert WIRE.decode_response(answered(output=[item]), {}).content == (Text("a"), Text("b"))


def test_names_are_restored() -> None:
    item = {"type": "function_call", "call_id": "c1", "name": "short", "arguments": "{}"}
    (block,) = WIRE.decode_response(answered(output=[item]), {"short": "long"}).content
    assert isinstance(block, ToolCall) and block.name == "long"


def test_a_cut_answer() -> None:
    body = answered(status="incomplete", incomplete_details={"reason": "content_filter"})
    assert WIRE.decode_response(body, {}).finish is FinishReason.CONTENT_FILTER


@pytest.mark.parametrize(
    ("kind", "words", "body"),
    [
        (
            ErrorKind.RATE_LIMIT,
            "slow",
            answered(status="failed", error={"code": "rate_limit_exceeded", "message": "slow"}),
        ),
        (ErrorKind.API, "status failed", answered(status="failed", error=None)),
        (ErrorKind.API, "status queued", answered(status="queued")),
        (ErrorKind.QUOTA, "m", b'{"error":{"type":"insufficient_quota","message":"m"}}'),
        (ErrorKind.API, "words", b'{"error":"words"}'),
        (ErrorKind.API, "base-url", b'{"choices":[]}'),
        (ErrorKind.API, "HTML page", b"<html>hello</html>"),
        (ErrorKind.API, "empty answer", b""),
        (ErrorKind.API, "not a Responses answer", b'{"output":5}'),
        (ErrorKind.API, "not a Responses answer", b"[1]"),
    ],
)
def test_no_failure_is_an_empty_success(kind: ErrorKind, words: str, body: bytes) -> None:
    with pytest.raises(RemoteError) as caught:
        WIRE.decode_response(body, {})
    assert caught.value.kind is kind
    assert words in caught.value.message
