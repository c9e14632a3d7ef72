"""What the tests of this wire share: small builders for requests, chunks and answers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Raw

from daemon.inference.blocks import Block, Text
from daemon.inference.collect import collect
from daemon.inference.events import Event, StreamError
from daemon.inference.request import Message, Request, Role, Tool
from daemon.inference.response import Response
from daemon.wires.base import AnswerContext, EncodeOptions
from daemon.wires.openai_chat import WIRE
from tests.wires.grammar_chat import Answer, read

GPT_4 = EncodeOptions(model="gpt-4o", store=None)
GPT_5 = EncodeOptions(model="gpt-5", store=None)
LLAMA = EncodeOptions(model="llama-3.3-70b", store=None)
DONE = b"data: [DONE]\n\n"


def raw(value: object) -> Raw:
    return Raw(json.dumps(value).encode())


def tool(name: str = "read", **fields: Any) -> Tool:
    return Tool(name=name, parameters=raw({"type": "object", "properties": {}}), **fields)


def turn(role: Role, *blocks: Block | str) -> Message:
    return Message(role, tuple(Text(block) if isinstance(block, str) else block for block in blocks))


def ask(*messages: Message, wire: str = "messages", **fields: Any) -> Request:
    return Request(wire=wire, model="claude-x", messages=messages or (turn("user", "hello"),), **fields)


def encoded(request: Request, options: EncodeOptions = GPT_4) -> dict[str, Any]:
    return dict(json.loads(WIRE.encode_request(request, options).body))


def sent_messages(*messages: Message, **fields: Any) -> list[dict[str, Any]]:
    """The messages as they go up; what is lost on the way fails the test."""
    body = WIRE.encode_request(ask(*messages, **fields), GPT_4)
    assert body.lost == ()
    return list(json.loads(body.body)["messages"])


def decoded(**body: Any) -> Request:
    """A client's request with one user message, unless it has others."""
    whole = {"model": "gpt-5", "messages": [{"role": "user", "content": "hello"}], **body}
    return WIRE.decode_request(json.dumps(whole).encode(), {})


def chunk(delta: Mapping[str, Any] | None = None, finish: str | None = None, **fields: Any) -> bytes:
    """One chunk of an upstream's stream; ``fields`` beside ``choices``."""
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    whole = {"id": "chatcmpl-7", "object": "chat.completion.chunk", "model": "gpt-4o", "choices": [choice], **fields}
    return b"data: %b\n\n" % json.dumps(whole).encode()


def call_chunk(*parts: Mapping[str, Any]) -> bytes:
    return chunk({"tool_calls": list(parts)})


def fragment(arguments: str | None = None, name: str | None = None, **fields: Any) -> dict[str, Any]:
    """One fragment of a function call, with only what is given."""
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    return {**fields, "function": function} if function else dict(fields)


def events_of(*pieces: bytes, names: Mapping[str, str] | None = None) -> list[Event]:
    decoder = WIRE.stream_decoder(names or {})
    return [event for piece in pieces for event in decoder.feed(piece)] + decoder.close()


def answer_of(*pieces: bytes, names: Mapping[str, str] | None = None) -> Response:
    """The collected answer of a stream that must end well."""
    return collect(events_of(*pieces, names=names))


def failure_of(*pieces: bytes) -> StreamError:
    last = events_of(*pieces)[-1]
    assert isinstance(last, StreamError)
    return last


def context(request: Request | None = None, **fields: Any) -> AnswerContext:
    request = request or Request(wire="chat", model="gpt-5", messages=(), stream=True, **fields)
    return AnswerContext(model="gpt-5", answer_id="ab" * 16, created=1, input_estimate=42, request=request)


def shown(events: Iterable[Event], **fields: Any) -> Answer:
    """What a client reads of the events; the grammar is checked."""
    whole = context(**fields)
    return read(WIRE.stream_encoder(whole).encode(list(events)), usage=whole.request.include_usage)
