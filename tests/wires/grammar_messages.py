"""The event grammar of the Messages stream, strictly, and what a stream says once it holds.

``check(stream)`` raises ``AssertionError`` naming every breach; ``read(stream)`` checks and folds the
stream to a whole answer, the way the SDKs do. Written from the API's documentation, knowing
nothing of the encoder.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

STOP_REASONS = {
    "end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal", "model_context_window_exceeded",
}  # fmt: skip
DELTAS = {
    "text": {"text_delta": "text", "citations_delta": "citation"},
    "thinking": {"thinking_delta": "thinking", "signature_delta": "signature"},
    "tool_use": {"input_json_delta": "partial_json"},
    "server_tool_use": {"input_json_delta": "partial_json"},
    "mcp_tool_use": {"input_json_delta": "partial_json"},
}
TOOL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@dataclass
class Answer:
    """What a client has after a stream: ``error`` is set when it ended in one, ``open`` where a block was open then."""

    message: dict[str, Any] = field(default_factory=dict)
    content: list[dict[str, Any]] = field(default_factory=list)
    stop_reason: str | None = None
    stop_sequence: str | None = None
    usage: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] | None = None
    open: bool = False

    def texts(self, kind: str = "text") -> list[str]:
        return [block[kind] for block in self.content if block["type"] == kind]


class _Checker:
    def __init__(self) -> None:
        self.breaches: list[str] = []
        self.answer = Answer()
        self.state = "start"  # start, body, delta, end
        self.open: dict[str, Any] | None = None
        self.json = ""
        self.signed = False

    def breach(self, condition: object, text: str) -> None:
        if not condition:
            self.breaches.append(text)

    def event(self, name: str, data: dict[str, Any]) -> None:
        kind = data.get("type")
        self.breach(name == kind, f"event {name!r} carries type {kind!r}")
        if self.state == "end":
            self.breaches.append(f"{kind} after the end")
            return
        handler = getattr(self, f"on_{kind}", None)
        if handler is None:
            self.breaches.append(f"unknown event {kind!r}")
            return
        if self.state == "start" and kind not in ("message_start", "error"):
            self.breaches.append(f"{kind} before message_start")
        handler(data)

    def on_message_start(self, data: dict[str, Any]) -> None:
        self.breach(self.state == "start", "message_start twice")
        self.state = "body"
        message = self.answer.message = data["message"]
        self.breach(message.get("type") == "message" and message.get("role") == "assistant", "type or role")
        self.breach(str(message.get("id", "")).startswith("msg_"), "message id")
        self.breach(message.get("content") == [] and message.get("model"), "content or model of message_start")
        self.breach("stop_reason" in message and message["stop_reason"] is None, "stop_reason of message_start")
        self.breach("stop_sequence" in message and message["stop_sequence"] is None, "stop_sequence of message_start")
        self.count(message.get("usage"), ("input_tokens", "output_tokens"))

    def count(self, usage: Any, required: tuple[str, ...]) -> None:
        self.breach(isinstance(usage, dict), "usage is no object")
        for name in required:
            self.breach(type(usage.get(name)) is int and usage[name] >= 0, f"usage.{name}")
        self.answer.usage |= usage

    def on_content_block_start(self, data: dict[str, Any]) -> None:
        self.breach(self.state == "body", f"block start in state {self.state}")
        self.breach(self.open is None, "block start while a block is open")
        self.breach(data["index"] == len(self.answer.content), f"index {data['index']}")
        block = dict(data["content_block"])
        self.breach(block.get("type"), "block without type")
        if block["type"] == "text":
            self.breach(block.get("text") == "", "text start with text")
        if block["type"] == "thinking":
            self.breach(block.get("thinking") == "" and block.get("signature") == "", "thinking start")
        if block["type"] == "tool_use":
            self.breach(TOOL_ID.fullmatch(block.get("id", "")), f"tool id {block.get('id')!r}")
            self.breach(block.get("name") and block.get("input") == {}, "tool start")
            ids = [each["id"] for each in self.answer.content if each["type"] == "tool_use"]
            self.breach(block.get("id") not in ids, "tool id twice")
        self.open, self.json, self.signed = block, "", False
        self.answer.content.append(block)

    def on_content_block_delta(self, data: dict[str, Any]) -> None:
        if self.open is None or data["index"] != len(self.answer.content) - 1:
            self.breaches.append(f"delta for block {data['index']}, which is not open")
            return
        delta = data["delta"]
        key = DELTAS.get(self.open["type"], {}).get(delta.get("type"))
        if key is None:
            self.breaches.append(f"{delta.get('type')} in a {self.open['type']} block")
            return
        self.breach(not self.signed, "delta after the signature")
        value = delta[key]
        if key == "citation":
            self.breach(isinstance(value, dict) and value.get("type"), "citation")
            self.open.setdefault("citations", []).append(value)
            return
        self.breach(isinstance(value, str), f"{key} is no string")
        if key == "partial_json":
            self.json += value
            return
        self.signed = key == "signature"
        self.open[key] = self.open.get(key, "") + value

    def on_content_block_stop(self, data: dict[str, Any]) -> None:
        self.breach(self.open is not None and data["index"] == len(self.answer.content) - 1, "stop of no open block")
        if self.open is not None and self.json:
            try:
                self.open["input"] = json.loads(self.json)
            except ValueError:
                self.open["input"] = {"_raw": self.json}
        self.open = None

    def on_message_delta(self, data: dict[str, Any]) -> None:
        self.breach(self.state == "body" and self.open is None, "message_delta too early or twice")
        self.state = "delta"
        self.answer.stop_reason = data["delta"]["stop_reason"]
        self.answer.stop_sequence = data["delta"]["stop_sequence"]
        self.breach(self.answer.stop_reason in STOP_REASONS, f"stop_reason {self.answer.stop_reason!r}")
        called = any(block["type"] == "tool_use" for block in self.answer.content)
        self.breach(self.answer.stop_reason != "tool_use" or called, "tool_use without a call")
        self.breach(self.answer.stop_reason != "end_turn" or not called, "end_turn with a call")
        self.count(data.get("usage"), ("output_tokens",))

    def on_message_stop(self, data: dict[str, Any]) -> None:
        self.breach(self.state == "delta", "message_stop without message_delta")
        self.state = "end"

    def on_error(self, data: dict[str, Any]) -> None:
        self.answer.open = self.open is not None  # allowed: a failure ends no block
        error = self.answer.error = data["error"]
        self.breach(isinstance(error.get("type"), str) and isinstance(error.get("message"), str), "error object")
        self.state = "end"


def read(stream: bytes, *, ended: bool = True) -> Answer:
    """The answer of a stream, whose grammar must hold. ``ended`` false allows it to be under way."""
    checker = _Checker()
    frames = stream.decode().split("\n\n")
    checker.breach(frames.pop() == "", "the last event has no blank line")
    for each in frames:
        lines = each.split("\n")
        checker.breach(len(lines) == 2, f"not one event line and one data line: {each[:80]!r}")
        checker.breach(lines[0].startswith("event: ") and lines[-1].startswith("data: "), f"lines of {each[:80]!r}")
        checker.event(lines[0].removeprefix("event: "), json.loads(lines[-1].removeprefix("data: ")))
    checker.breach(not ended or checker.state == "end", f"the stream ends in state {checker.state}")
    assert not checker.breaches, checker.breaches
    return checker.answer


def check(stream: bytes) -> None:
    """The grammar holds, to the end."""
    read(stream)
