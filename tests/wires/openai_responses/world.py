"""What the tests of this wire share: the recordings, the strict upstream's rules, small builders."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from msgspec import Raw

from daemon.inference.blocks import Block, Text
from daemon.inference.events import Event
from daemon.inference.request import Message, Request, Role, Tool
from daemon.wires.base import AnswerContext, EncodeOptions, UpstreamBody
from daemon.wires.openai_responses import WIRE

SHARED = Path(__file__).resolve().parents[3] / ".." / "shared"
FIXTURES = SHARED / "fixtures" / "responses"
STREAMS = sorted(path.name.removesuffix(".stream.sse") for path in FIXTURES.glob("s-*.stream.sse"))
ANSWERS = sorted(path.name.removesuffix(".response.json") for path in FIXTURES.glob("j-*.response.json"))
ERRORS = sorted(path.name.removesuffix(".response.json") for path in FIXTURES.glob("e-*.response.json"))

recorded = pytest.mark.skipif(not STREAMS, reason="../shared/fixtures/responses is missing")
GPT_5 = EncodeOptions(model="gpt-5")


def load(path: Path) -> ModuleType:
    """A module of ../shared, by its file. Skips the test where that is missing."""
    if not path.exists():
        pytest.skip(f"../shared/{path.relative_to(SHARED)} is missing")
    spec = importlib.util.spec_from_file_location(f"shared_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def meta(name: str) -> dict[str, Any]:
    return dict(json.loads((FIXTURES / f"{name}.meta.json").read_bytes()))


def decode(stream: bytes, pieces: Sequence[bytes] | None = None) -> list[Event]:
    """All events of a stream, in the given pieces, its end included."""
    decoder = WIRE.stream_decoder({})
    events: list[Event] = []
    for piece in [stream] if pieces is None else pieces:
        events += decoder.feed(piece)
    return events + decoder.close()


def sse(*events: dict[str, Any]) -> bytes:
    return b"".join(f"event: {event.get('type')}\ndata: {json.dumps(event)}\n\n".encode() for event in events)


def context(request: Request | None = None) -> AnswerContext:
    request = request or Request(wire="responses", model="gpt-5", messages=())
    return AnswerContext(model="gpt-5", answer_id="0" * 32, created=1_700_000_000, input_estimate=11, request=request)


def raw(value: object) -> Raw:
    return Raw(json.dumps(value).encode())


def tool(name: str = "read", schema: object = None) -> Tool:
    return Tool(name=name, parameters=raw({"type": "object", "properties": {}} if schema is None else schema))


def turn(role: Role, *blocks: Block | str) -> Message:
    return Message(role, tuple(Text(block) if isinstance(block, str) else block for block in blocks))


def ask(*messages: Message, wire: str = "messages", **fields: Any) -> Request:
    return Request(wire=wire, model="claude-x", messages=messages or (turn("user", "hello"),), **fields)


def encoded(request: Request, options: EncodeOptions = GPT_5) -> dict[str, Any]:
    return dict(json.loads(WIRE.encode_request(request, options).body))


def encode(request: Request, options: EncodeOptions = GPT_5) -> UpstreamBody:
    return WIRE.encode_request(request, options)
