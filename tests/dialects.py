"""Requests and answers of the three wires, as far as tests need to say and to read them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
from msgspec import Struct

Event = dict[str, Any]

WRITE_SCHEMA = {
    "type": "object",
    "properties": {"file_path": {"type": "string"}, "content": {"type": "string"}},
    "required": ["file_path", "content"],
    "additionalProperties": False,
}


class Dialect(Struct, frozen=True, kw_only=True):
    """One wire from the client's side. ``request`` takes the prompt and body fields; ``text`` reads a whole
    answer, ``delta`` an event; ``terminal`` tells the last event of a stream that went well, ``failure``
    gives the message of an event by which it did not."""

    path: str
    request: Callable[..., dict[str, Any]]
    text: Callable[[dict[str, Any]], str]
    delta: Callable[[Event], str]
    terminal: Callable[[Event], bool]
    failure: Callable[[Event], str | None]


def events(response: httpx.Response) -> Iterator[Event]:
    """The data of each SSE frame, decoded. ``[DONE]`` comes as ``{"type": "[DONE]"}``."""
    for line in response.iter_lines():
        if line.startswith("data: "):
            data = line.removeprefix("data: ")
            yield {"type": data} if data == "[DONE]" else json.loads(data)


def streamed_text(dialect: Dialect, seen: list[Event]) -> str:
    """All the text of a stream."""
    return "".join(dialect.delta(event) for event in seen)


def script(*steps: dict[str, Any]) -> str:
    """A prompt that makes the simulator's model play ``steps``."""
    return "Do it. SCRIPT=" + json.dumps(steps, ensure_ascii=False)


def messages(prompt: str, **fields: Any) -> dict[str, Any]:
    """A Messages request."""
    return {"model": "gpt-5", "max_tokens": 4096, "messages": [{"role": "user", "content": prompt}], **fields}


def responses(prompt: str, **fields: Any) -> dict[str, Any]:
    """A Responses request."""
    return {"model": "gpt-5", "input": [{"role": "user", "content": prompt}], "store": False, **fields}


def chat(prompt: str, **fields: Any) -> dict[str, Any]:
    """A Chat Completions request."""
    return {"model": "gpt-5", "messages": [{"role": "user", "content": prompt}], **fields}


def messages_tool(name: str = "Write") -> dict[str, Any]:
    """A tool of the Messages wire that writes a file."""
    return {"name": name, "description": "Writes a file", "input_schema": WRITE_SCHEMA}


def _output_text(answer: dict[str, Any]) -> str:
    return "".join(
        part.get("text", "") for item in answer["output"] if item["type"] == "message" for part in item["content"]
    )


def _chat_delta(event: Event) -> str:
    return "".join(choice["delta"].get("content") or "" for choice in event.get("choices", []))


def _error_message(event: Event) -> str | None:
    error = event.get("error") or (event.get("response") or {}).get("error")
    return error["message"] if error else None


MESSAGES = Dialect(
    path="/v1/messages",
    request=messages,
    text=lambda answer: "".join(block.get("text", "") for block in answer["content"]),
    delta=lambda event: event.get("delta", {}).get("text", "") if event["type"] == "content_block_delta" else "",
    terminal=lambda event: event["type"] == "message_stop",
    failure=lambda event: _error_message(event) if event["type"] == "error" else None,
)
RESPONSES = Dialect(
    path="/v1/responses",
    request=responses,
    text=_output_text,
    delta=lambda event: event["delta"] if event["type"] == "response.output_text.delta" else "",
    terminal=lambda event: event["type"] == "response.completed",
    failure=lambda event: _error_message(event) if event["type"] in ("error", "response.failed") else None,
)
CHAT = Dialect(
    path="/v1/chat/completions",
    request=chat,
    text=lambda answer: answer["choices"][0]["message"]["content"] or "",
    delta=_chat_delta,
    terminal=lambda event: event.get("type") == "[DONE]",
    failure=_error_message,
)
DIALECTS = {"messages": MESSAGES, "responses": RESPONSES, "chat": CHAT}
