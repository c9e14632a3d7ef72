"""The grammar of a Chat Completions stream, strictly, and the answer a stream carries once it holds.

``read(stream)`` raises ``AssertionError`` naming the breach, and folds the chunks the way the SDKs do.
Written from the API reference and from what OpenAI's service sends, knowing nothing of the encoder.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

FINISH = {"stop", "length", "tool_calls", "content_filter"}
TEXTS = {"content": "text", "refusal": "refusal", "reasoning_content": "reasoning"}
CHUNK = {"id", "object", "created", "model", "system_fingerprint", "choices"}
TOKENS = ("prompt_tokens", "completion_tokens", "total_tokens")


@dataclass
class Call:
    id: str
    type: str
    name: str
    text: str = ""


@dataclass
class Answer:
    """What a client has after a stream: ``error`` is set when it ended in one, ``done`` when in ``[DONE]``."""

    id: str = ""
    model: str = ""
    chunks: int = 0
    text: str = ""
    refusal: str = ""
    reasoning: str = ""
    calls: list[Call] = field(default_factory=list)
    annotations: list[dict[str, Any]] = field(default_factory=list)
    images: list[dict[str, Any]] = field(default_factory=list)
    finish: str | None = None
    usage: dict[str, Any] | None = None
    service_tier: str | None = None
    error: dict[str, Any] | None = None
    done: bool = False


def read(stream: bytes, *, usage: bool = True, ended: bool = True) -> Answer:
    """The answer of a stream, whose grammar must hold. ``usage``: the client asked for it. ``ended`` false
    allows it to be under way."""
    answer = Answer()
    frames = stream.decode().split("\n\n")
    assert frames.pop() == "", "the last event has no blank line"
    for frame in frames:
        assert frame.startswith("data: ") and "\n" not in frame, f"not one data line: {frame[:80]!r}"
        assert not answer.done and answer.error is None, f"after the end: {frame[:80]!r}"
        data = frame.removeprefix("data: ")
        if data == "[DONE]":
            answer.done = True
        else:
            _take(answer, json.loads(data), usage=usage)
    if answer.done:
        assert answer.finish is not None, "no finish_reason"
        assert (answer.usage is not None) == usage, "the usage chunk is missing, or was not asked for"
        _whole_calls(answer)
    assert not ended or answer.done or answer.error is not None, "the stream has no end"
    return answer


def check(stream: bytes, *, usage: bool = True) -> None:
    """The grammar holds, to the end."""
    read(stream, usage=usage)


def _take(answer: Answer, chunk: dict[str, Any], *, usage: bool) -> None:
    if "error" in chunk:
        answer.error = chunk["error"]
        assert set(chunk["error"]) >= {"message", "type", "param", "code"} and chunk["error"]["message"]
        return
    answer.chunks += 1
    assert set(chunk) - {"usage", "service_tier"} == CHUNK, f"fields {sorted(chunk)}"
    answer.service_tier = chunk.get("service_tier") or answer.service_tier
    assert ("usage" in chunk) == usage, "usage in a chunk"
    assert chunk["object"] == "chat.completion.chunk" and chunk["id"].startswith("chatcmpl-")
    assert answer.chunks == 1 or (answer.id, answer.model) == (chunk["id"], chunk["model"]), "id or model changes"
    answer.id, answer.model = chunk["id"], chunk["model"]
    if chunk["choices"]:
        assert len(chunk["choices"]) == 1 and chunk.get("usage") is None
        _choice(answer, chunk["choices"][0])
    else:
        _usage(answer, chunk["usage"])


def _usage(answer: Answer, usage: dict[str, Any]) -> None:
    assert answer.usage is None and answer.finish is not None, "usage twice, or before the finish_reason"
    assert all(type(usage[name]) is int and usage[name] >= 0 for name in TOKENS)
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    answer.usage = usage


def _choice(answer: Answer, choice: dict[str, Any]) -> None:
    assert set(choice) == {"index", "delta", "logprobs", "finish_reason"} and choice["index"] == 0
    delta = choice["delta"]
    assert answer.finish is None, "a choice after the finish_reason"
    assert ("role" in delta) == (answer.chunks == 1), "the role belongs into the first chunk alone"
    if answer.chunks == 1:
        assert delta == {"role": "assistant", "content": "", "refusal": None}
        return
    assert set(delta) <= {*TEXTS, "tool_calls", "annotations", "images"} and len(delta) <= 1
    for name, value in delta.items():
        if name in TEXTS:
            assert isinstance(value, str) and value, f"an empty {name}"
            setattr(answer, TEXTS[name], getattr(answer, TEXTS[name]) + value)
        elif name == "tool_calls":
            for part in value:
                _call(answer, part)
        else:
            assert value and not getattr(answer, name), f"the SDKs can add no second list of {name}"
            getattr(answer, name).extend(value)
    if choice["finish_reason"] is not None:
        assert delta == {} and choice["finish_reason"] in FINISH
        answer.finish = choice["finish_reason"]


def _call(answer: Answer, part: dict[str, Any]) -> None:
    index = part["index"]
    if index == len(answer.calls):
        fields = part[part["type"]]
        assert part["id"] and fields["name"], "a call without id or name"
        assert part["id"] not in {call.id for call in answer.calls}, "a call id twice"
        assert set(part) == {"index", "id", "type", part["type"]}
        answer.calls.append(Call(part["id"], part["type"], fields["name"]))
    else:
        assert 0 <= index < len(answer.calls), f"call {index} out of order"
        fields = part[answer.calls[index].type]
        assert set(part) == {"index", answer.calls[index].type} and len(fields) == 1
    text = fields["arguments" if answer.calls[index].type == "function" else "input"]
    assert isinstance(text, str)
    answer.calls[index].text += text


def _whole_calls(answer: Answer) -> None:
    assert answer.finish != "tool_calls" or answer.calls, "tool_calls without a call"
    assert answer.finish != "stop" or not answer.calls, "stop with a call"
    for call in answer.calls:
        if call.type == "function" and answer.finish == "tool_calls":
            assert isinstance(json.loads(call.text), dict), f"arguments of {call.name}"
