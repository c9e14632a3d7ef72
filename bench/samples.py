"""What the translation core is measured on: one stream and two requests in the hub's words.

Each wire's own encoder turns them into bytes, so a new wire is measured without new samples.
"""

from __future__ import annotations

import json

from msgspec import Raw

from daemon.inference.blocks import Text, ToolCall, ToolResult
from daemon.inference.events import BlockDelta, BlockEnd, BlockStart, Event, Finish, MessageStart
from daemon.inference.request import Message, Request, Tool
from daemon.inference.response import FinishReason, Usage
from daemon.wires.base import AnswerContext, EncodeOptions, Wire

DELTAS = 2000
MODEL = "gpt-5"
SCHEMA = {
    "type": "object",
    "properties": {
        "file_path": {"type": "string", "description": "The absolute path of the file to work on"},
        "pattern": {"type": "string", "description": "A regular expression to look for in the contents"},
        "limit": {
            "type": "number",
            "description": "The number of lines to read, if the file is too long to read at once",
        },
        "mode": {"type": "string", "enum": ["content", "files_with_matches", "count"]},
    },
    "required": ["file_path"],
    "additionalProperties": False,
}
DESCRIPTION = "Works on files of the project. Paths are absolute; output is cut at 30000 characters; " * 12
OUTPUT = 'line of a file that was read by the tool, with some "quotes" and\ttabs\n' * 20


def stream() -> list[Event]:
    """A text answer of ``DELTAS`` deltas, as a model writes it: a word or two at a time."""
    usage = Usage(input_tokens=21, output_tokens=DELTAS, cached_tokens=0, reasoning_tokens=0)
    deltas = [BlockDelta(0, f"tok{number:05d} ") for number in range(DELTAS)]
    opening: list[Event] = [MessageStart("resp_bench", MODEL), BlockStart(0, "text")]
    return [*opening, *deltas, BlockEnd(0), Finish(FinishReason.STOP, usage)]


def small() -> Request:
    return Request(wire="bench", model=MODEL, messages=(user("Say the numbers, please."),), max_tokens=1024)


def agent() -> Request:
    """About 64 kB: a long system text, 24 tools, ten rounds of tool use."""
    turns = [user("Say the numbers, please.")]
    for number in range(10):
        arguments = json.dumps({"file_path": f"/src/f{number}.py", "limit": 20})
        call = ToolCall(id=f"call_{number:04d}", name="tool_3", arguments=arguments)
        turns.append(Message("assistant", (Text("I look."), call)))
        turns.append(Message("user", (ToolResult(call_id=call.id, content=(Text(OUTPUT),)),)))
    tools = tuple(
        Tool(name=f"tool_{number}", description=DESCRIPTION, parameters=Raw(json.dumps(SCHEMA).encode()))
        for number in range(24)
    )
    system = (Text("You are a careful coding agent. " * 375),)
    return Request(wire="bench", model=MODEL, messages=tuple(turns), system=system, tools=tools, max_tokens=1024)


def user(text: str) -> Message:
    return Message("user", (Text(text),))


def context(request: Request) -> AnswerContext:
    return AnswerContext(model=MODEL, answer_id="0" * 32, created=1763683200, input_estimate=21, request=request)


def stream_frames(wire: Wire, request: Request) -> list[bytes]:
    """The sample stream in a wire's bytes, one element for each event of the hub."""
    encoder = wire.stream_encoder(context(request))
    return [frame for frame in (encoder.encode([event]) for event in stream()) if frame]


def request_bytes(wire: Wire, request: Request) -> bytes:
    return wire.encode_request(request, EncodeOptions(model=MODEL)).body
