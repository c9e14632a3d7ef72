"""Makes of upstreams that want back what they have thought, on real sockets, and refuse as the real APIs do.

Each asks for the tool ``look`` when the user has said something, and says "done" to its result. What it wants back with
a call is its own: a piece that it has not made is refused, and so is a call without one.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from tests.e2e.served import QuietHandler, served

Json = dict[str, Any]
SKIP = "skip_thought_signature_validator"
DEEPSEEK = "The `{}` in the thinking mode must be passed back to the API."
KIMI = "thinking is enabled but reasoning_content is missing in assistant tool call message at index {}"
GEMINI = (
    "Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, "
    "and missing thought_signature may lead to degraded model performance. Additional data, function call "
    "`default_api:look` , position 2."
)


class Make:
    """``bodies`` are those that arrived, ``refused`` the words of each refusal, ``down``: it answers 502."""

    wire = "chat"
    profile = "none"

    def __init__(self) -> None:
        self.bodies: list[Json] = []
        self.refused: list[str] = []
        self.made: list[str] = []
        self.down = False
        self.url = ""
        self._numbers = itertools.count(1)

    @property
    def name(self) -> str:
        return type(self).__name__.lower()

    def provider(self, **settings: Any) -> Json:
        entry: Json = {"name": self.name, "enabled": True, "base-url": self.url + "/v1", "api-key": f"key-{self.name}"}
        return entry | {"wire-api": self.wire, "models": ["m"], "profile": self.profile} | settings

    def piece(self) -> str:
        """A new piece that only this make can read."""
        self.made.append(f"{self.name}-piece-{next(self._numbers)}")
        return self.made[-1]

    def foreign(self, piece: str) -> bool:
        return piece not in self.made

    def complaint(self, body: Json) -> str:
        """What it says of a request; '' where it takes it."""
        raise NotImplementedError

    def answer(self, body: Json, stream: bool) -> bytes:
        """The answer to a request that it takes."""
        calls = body["messages"][-1]["role"] == "user"
        message = self.called() if calls else {"content": "done"}
        finish = "tool_calls" if calls else "stop"
        base: Json = {"id": f"chatcmpl-{next(self._numbers)}", "created": 1, "model": "m"}
        if not stream:
            choice: Json = {
                "index": 0,
                "message": {"role": "assistant", "content": None, **message},
                "finish_reason": finish,
            }
            return json.dumps(base | {"object": "chat.completion", "choices": [choice]}).encode()
        chunks: list[Json] = [
            {"index": 0, "delta": {name: value}, "finish_reason": None} for name, value in message.items()
        ]
        chunks.append({"index": 0, "delta": {}, "finish_reason": finish})
        lines = [base | {"object": "chat.completion.chunk", "choices": [choice]} for choice in chunks]
        return "".join(f"data: {json.dumps(line)}\n\n" for line in lines).encode() + b"data: [DONE]\n\n"

    def called(self) -> Json:
        """The message that calls the tool."""
        raise NotImplementedError

    def call(self, **beside: Any) -> Json:
        function = {"name": "look", "arguments": '{"at":"it"}'}
        return {
            "index": 0,
            "id": f"call_{self.name}_{next(self._numbers)}",
            "type": "function",
            "function": function,
        } | beside

    def returned(self, body: Json) -> list[Any]:
        """What came back with each call, None where nothing did."""
        raise NotImplementedError


def turns(body: Json) -> list[tuple[int, Json]]:
    return [(number, each) for number, each in enumerate(body["messages"]) if each["role"] == "assistant"]


def with_calls(body: Json) -> list[Json]:
    return [message for _, message in turns(body) if message.get("tool_calls")]


class Gemini(Make):
    profile = "gemini"

    def called(self) -> Json:
        return {"tool_calls": [self.call(extra_content={"google": {"thought_signature": self.piece()}})]}

    def returned(self, body: Json) -> list[Any]:
        calls = (message["tool_calls"][0] for message in with_calls(body))
        return [((call.get("extra_content") or {}).get("google") or {}).get("thought_signature") for call in calls]

    def complaint(self, body: Json) -> str:
        for piece in self.returned(body):
            if piece is None:
                return GEMINI
            if piece != SKIP and self.foreign(piece):
                return "Thought signature is not valid."
        return ""


class DeepSeek(Make):
    profile = "deepseek"
    field = "reasoning_content"

    def called(self) -> Json:
        return {self.field: self.piece(), "tool_calls": [self.call()]}

    def returned(self, body: Json) -> list[Any]:
        return [message.get(self.field) for message in with_calls(body)]

    def complaint(self, body: Json) -> str:
        missing = any(not message.get("reasoning_content") for _, message in turns(body)) and with_calls(body)
        return DEEPSEEK.format("reasoning_content") if missing else ""


class Kimi(DeepSeek):
    profile = "kimi"

    def complaint(self, body: Json) -> str:
        for number, message in turns(body):
            if message.get("tool_calls") and not message.get("reasoning_content"):
                return KIMI.format(number)
        return ""


class Router(Make):
    """OpenRouter: encrypted pieces in ``reasoning_details``, and the text beside them."""

    profile = "openrouter"

    def called(self) -> Json:
        details = [
            {"type": "reasoning.summary", "summary": "hm", "index": 0},
            {"type": "reasoning.encrypted", "data": self.piece(), "id": "rs_1", "format": "openai", "index": 1},
        ]
        return {"reasoning": "hm", "reasoning_details": details, "tool_calls": [self.call()]}

    def returned(self, body: Json) -> list[Any]:
        found = (message.get("reasoning_details") or [{}] for message in with_calls(body))
        return [details[-1].get("data") for details in found]

    def complaint(self, body: Json) -> str:
        foreign = any(piece is not None and self.foreign(piece) for piece in self.returned(body))
        return "The encrypted content rs_1 could not be verified." if foreign else ""


class Copilot(Make):
    """GitHub Copilot: the token comes behind the text."""

    def called(self) -> Json:
        return {
            "reasoning_text": "hm",
            "content": "I look.",
            "reasoning_opaque": self.piece(),
            "tool_calls": [self.call()],
        }

    def returned(self, body: Json) -> list[Any]:
        return [message.get("reasoning_opaque") for message in with_calls(body)]

    def complaint(self, body: Json) -> str:
        foreign = any(piece is not None and self.foreign(piece) for piece in self.returned(body))
        return "invalid reasoning_opaque" if foreign else ""


class Plain(Make):
    """DeepSeek's Responses API: reasoning that is not encrypted."""

    wire = "responses"
    profile = "deepseek"

    def returned(self, body: Json) -> list[Any]:
        found: list[Any] = []
        text: str | None = None
        for item in body["input"]:
            if item.get("type") == "reasoning":
                text = "".join(part["text"] for part in item.get("content") or ())
            elif item.get("type") == "function_call":
                found.append(text)
            else:
                text = None
        return found

    def complaint(self, body: Json) -> str:
        missing = any(not text for text in self.returned(body))
        return DEEPSEEK.format("reasoning_text") if missing else ""

    def reasoning(self) -> Json:
        return {"content": [{"type": "reasoning_text", "text": self.piece()}]}

    def answer(self, body: Json, stream: bool) -> bytes:
        number = next(self._numbers)
        call = {
            "name": "look",
            "arguments": '{"at":"it"}',
            "call_id": f"call_{self.name}_{number}",
            "status": "completed",
        }
        said = {"role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": "done"}]}
        items: list[Json] = [{"id": f"msg_{number}", "type": "message", **said}]
        if body["input"][-1].get("type") != "function_call_output":
            thought = {"id": f"rs_{number}", "type": "reasoning", "summary": [], **self.reasoning()}
            items = [thought, {"id": f"fc_{number}", "type": "function_call", **call}]
        usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
        whole = {"id": f"resp_{number}", "object": "response", "created_at": 1, "model": "m", "output": items}
        whole |= {"status": "completed", "usage": usage}
        events: list[Json] = [{"type": "response.created", "response": whole | {"status": "in_progress", "output": []}}]
        for index, item in enumerate(items):
            events.append({"type": "response.output_item.done", "output_index": index, "item": item})
        events.append({"type": "response.completed", "response": whole})
        numbered = [event | {"sequence_number": place} for place, event in enumerate(events)]
        return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in numbered).encode()


class Encrypted(Plain):
    """OpenAI's Responses API: reasoning that only it can read."""

    profile = "openai"

    def reasoning(self) -> Json:
        return {"encrypted_content": self.piece()}

    def returned(self, body: Json) -> list[Any]:
        found: list[Any] = []
        piece: str | None = None
        for item in body["input"]:
            if item.get("type") == "reasoning":
                piece = item.get("encrypted_content")
            elif item.get("type") == "function_call":
                found.append(piece)
            else:
                piece = None
        return found

    def complaint(self, body: Json) -> str:
        foreign = any(piece is not None and self.foreign(piece) for piece in self.returned(body))
        return "The encrypted content gAAA could not be verified." if foreign else ""


MAKES: tuple[Callable[[], Make], ...] = (Gemini, DeepSeek, Kimi, Router, Copilot, Plain, Encrypted)


@contextmanager
def makes() -> Iterator[dict[str, Make]]:
    """One of each, by name."""
    with ExitStack() as stack:
        all_of_them = [make() for make in MAKES]
        for make in all_of_them:
            make.url = stack.enter_context(served(_handler(make)))
        yield {make.name: make for make in all_of_them}


def _handler(make: Make) -> type[QuietHandler]:
    class Handler(QuietHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.reply(404, b"{}")

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if make.down:
                self.reply(502, b'{"error":{"message":"bad gateway"}}')
                return
            make.bodies.append(body)
            if words := make.complaint(body):
                make.refused.append(words)
                self.reply(400, json.dumps({"error": {"message": words, "type": "invalid_request_error"}}).encode())
                return
            stream = bool(body.get("stream"))
            self.reply(200, make.answer(body, stream), "text/event-stream" if stream else "application/json")

        def reply(self, status: int, body: bytes, kind: str = "application/json") -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
