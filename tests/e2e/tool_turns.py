"""A task of two turns by each entry, as Claude Code, Codex and a Chat client would have it: a call, then its result."""

from __future__ import annotations

import copy
from typing import Any, Final

from msgspec import json

from tests.dialects import DIALECTS, WRITE_SCHEMA, events
from tests.harness import Daemon

Json = dict[str, Any]
TASK: Final = "Create a file a.txt containing hi"
_TOOL: Final[dict[str, Json]] = {
    "chat": {"type": "function", "function": {"name": "Write", "parameters": WRITE_SCHEMA}},
    "responses": {"type": "function", "name": "Write", "parameters": WRITE_SCHEMA, "strict": False},
    "messages": {"name": "Write", "input_schema": WRITE_SCHEMA},
}
_REMINDER: Final = {"type": "text", "text": "<system-reminder>be brief</system-reminder>"}


def first_turn(entry: str, model: str, *, stream: bool) -> Json:
    """The task. System text comes in several places and in the middle, thinking is wanted."""
    body: Json = DIALECTS[entry].request(TASK, model=model, tools=[_TOOL[entry]], stream=stream)
    if entry == "chat":
        body["messages"][:0] = [{"role": "system", "content": "s"}, {"role": "developer", "content": "d"}]
        return body | {"max_tokens": 64_000} | ({"stream_options": {"include_usage": True}} if stream else {})
    if entry == "messages":
        body["messages"].append({"role": "system", "content": "late"})
        return body | {"system": "s", "max_tokens": 32_000, "thinking": {"type": "adaptive"}}
    body["input"] = [{"role": "developer", "content": "d"}, *body["input"], {"role": "user", "content": "now"}]
    reasoning = {"effort": "low", "summary": "auto"}
    return body | {"instructions": "s", "reasoning": reasoning, "include": ["reasoning.encrypted_content"]}


def second_turn(entry: str, body: Json, turn: Any) -> Json:
    """The same conversation with the answer's ``turn`` and what the tool returned."""
    body = copy.deepcopy(body)
    if entry == "messages":
        results = [
            {"type": "tool_result", "tool_use_id": block["id"], "content": "made"}
            for block in turn
            if block["type"] == "tool_use"
        ]
        body["messages"] += [
            {"role": "assistant", "content": turn},
            {"role": "user", "content": [*results, _REMINDER]},
        ]
    elif entry == "responses":
        called = [item["call_id"] for item in turn if item["type"] == "function_call"]
        results = [{"type": "function_call_output", "call_id": call_id, "output": "made"} for call_id in called]
        body["input"] += [*turn, *results]
    else:
        results = [{"role": "tool", "tool_call_id": call["id"], "content": "made"} for call in turn["tool_calls"]]
        body["messages"] += [turn, *results]
    assert results, f"no call in {turn}"
    return body


def asked(gateway: Daemon, entry: str, body: Json) -> Any:
    """The answer: the events of a stream, or the object. It fails where the request is refused, with the words."""
    path = DIALECTS[entry].path
    if body["stream"]:
        with gateway.stream(path, body) as response:
            assert response.status_code == 200, response.read().decode()
            return list(events(response))
    whole = gateway.post(path, body)
    assert whole.status_code == 200, whole.text
    return whole.json()


def turn_of(entry: str, answer: Any) -> Any:
    """What a client keeps of ``answer`` for the next request."""
    if isinstance(answer, list):
        return {"messages": _blocks, "responses": _items, "chat": _message}[entry](answer)
    if entry == "chat":
        return _typed(answer["choices"][0]["message"])
    return answer["content" if entry == "messages" else "output"]


def text_of(entry: str, answer: Any) -> str:
    """The text of an answer, also where it stands in parts."""
    turn = turn_of(entry, answer)
    if entry == "responses":
        return "".join(part["text"] for item in turn if item["type"] == "message" for part in item["content"])
    content = turn if entry == "messages" else turn["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def _blocks(seen: list[Json]) -> list[Json]:
    blocks: dict[int, Json] = {}
    arguments: dict[int, str] = {}
    for event in seen:
        if event["type"] == "content_block_start":
            blocks[event["index"]] = event["content_block"]
        elif event["type"] == "content_block_delta":
            for name in ("text", "thinking", "signature"):
                if name in event["delta"]:
                    block = blocks[event["index"]]
                    block[name] = block.get(name, "") + event["delta"][name]
            arguments[event["index"]] = arguments.get(event["index"], "") + event["delta"].get("partial_json", "")
    for index, block in blocks.items():
        if block["type"] == "tool_use":
            block["input"] = json.decode(arguments.get(index) or "{}")
    return list(blocks.values())


def _items(seen: list[Json]) -> list[Json]:
    return [event["item"] for event in seen if event["type"] == "response.output_item.done"]


def _message(seen: list[Json]) -> Json:
    message: Json = {"role": "assistant", "content": ""}
    calls: list[Json] = []
    for delta in (choice["delta"] for event in seen for choice in event.get("choices") or ()):
        for name in ("content", "reasoning_content", "reasoning"):
            value = delta.get(name)
            # Thinking in parts of the content (Mistral) is not the text.
            text = value if isinstance(value, str) else "".join(part.get("text", "") for part in value or ())
            if text:
                message[name] = message.get(name, "") + text
        for call in delta.get("tool_calls") or ():
            if "id" in call:
                calls.append(call)
            else:
                calls[call["index"]]["function"]["arguments"] += call["function"]["arguments"]
    return _typed(message | ({"tool_calls": calls} if calls else {}))


def _typed(message: Json) -> Json:
    """Ids are texts, as most clients' types have it, whatever the upstream wrote."""
    for call in message.get("tool_calls") or ():
        call["id"] = str(call["id"])
        call.pop("index", None)
    return message
