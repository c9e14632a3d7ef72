"""Chat servers with rules of their own: every entry is served, and nothing that was refused is sent twice."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any

import pytest

from tests.dialects import CHAT, DIALECTS, MESSAGES, RESPONSES, events, streamed_text
from tests.harness import Daemon, config, daemon
from tests.wires.openai_chat.test_request_changes import strict

Json = dict[str, Any]
Rule = Callable[[Json], str]
"""What the server says of a body; '' where it takes it."""

NO_RULE: Rule = lambda _: ""  # noqa: E731
HELLO: Json = {"content": "Hello"}


class Upstream(ThreadingHTTPServer):
    """Answers "Hello", or ``message``, to every body that its ``rule`` takes; ``seen`` are all bodies, ``status`` goes
    with refusals. Whose path has ``down`` in it gets nothing."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.seen: list[Json] = []
        self.rule, self.status = NO_RULE, 400
        self.message: Json = HELLO
        self.down = "-"

    def obeys(self, rule: Rule, status: int = 400) -> None:
        self.rule, self.status, self.seen = rule, status, []


class Answering(BaseHTTPRequestHandler):
    server: Upstream

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.server.down in self.path:
            self._answer(502, {"error": {"message": "bad gateway"}})
            return
        self.server.seen.append(body)
        said = self.server.rule(body)
        if said:
            self._answer(self.server.status, {"error": {"message": said, "type": "invalid_request_error"}})
        elif body.get("stream"):
            chunks: list[Json] = [self.server.message, {}]
            lines: list[Json] = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in chunks]
            lines[-1]["choices"][0]["finish_reason"] = "stop"
            data = "".join(f"data: {json.dumps(line)}\n\n" for line in lines) + "data: [DONE]\n\n"
            self._send(200, "text/event-stream", data.encode())
        else:
            self._answer(200, {"choices": [{"message": self.server.message, "finish_reason": "stop"}]})

    def _answer(self, status: int, value: Json) -> None:
        self._send(status, "application/json", json.dumps(value).encode())

    def _send(self, status: int, label: str, data: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", label)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    server = Upstream()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def fox(upstream: Upstream, name: str = "fox", **settings: Any) -> Json:
    url = f"{upstream.url}/{name}/v1"
    return {"name": name, "enabled": True, "base-url": url, "api-key": "fox-key-1", "wire-api": "chat", **settings}


MANAGED: Json = {"remote_management": {"secret-key": "management-key"}}
MANAGER = {"authorization": "Bearer management-key"}


@pytest.fixture(scope="module")
def gateway(upstream: Upstream) -> Iterator[Daemon]:
    with daemon(config(fox(upstream), **MANAGED, disable_cooling=True, request_retry=0)) as running:
        yield running


@pytest.fixture(autouse=True)
def fresh(gateway: Daemon) -> None:
    """Nothing has been learned."""
    for auth in gateway.get("/v0/management/auths", headers=MANAGER).json()["auths"]:
        path = f"/v0/management/auths/{auth['id']}/amendments"
        gateway.http.delete(gateway.url + path, headers=MANAGER).raise_for_status()


# --- one conversation, as the client of each entry sends it ------------------------------------------

PNG = "iVBORw0KGgo="
TOOL: Json = {"name": "read", "description": "d", "parameters": {"type": "object", "properties": {}}}
ID = "toolu_01ABCDEFGH"


def messages_request() -> Json:
    """Claude Code's: system text in the middle, a result with a picture, a reminder behind it."""
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    return {
        "system": "base",
        "tools": [{"name": "read", "description": "d", "input_schema": {"type": "object", "properties": {}}}],
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "system", "content": "agents"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": ID, "name": "read", "input": {}}]},
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": ID, "content": [picture]},
                    {"type": "text", "text": "<system-reminder>\nnow\n</system-reminder>"},
                ],
            },
            {"role": "assistant", "content": "a picture"},
            {"role": "user", "content": "and?"},
        ],
    }


def responses_request() -> Json:
    """Codex': two developer messages, then two of the user."""

    def said(role: str, text: str) -> Json:
        kind = "output_text" if role == "assistant" else "input_text"
        return {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}

    picture = {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"}
    return {
        "instructions": "base",
        "tools": [{"type": "function", **TOOL}],
        "input": [
            said("developer", "permissions"),
            said("user", "env"),
            said("user", "hi"),
            {"type": "function_call", "call_id": ID, "name": "read", "arguments": "{}"},
            {"type": "function_call_output", "call_id": ID, "output": [picture]},
            said("developer", "now"),
            said("assistant", "a picture"),
            said("user", "and?"),
        ],
    }


def chat_request() -> Json:
    """An SDK's, with everything that strict servers refuse; it passes through."""
    call = {"id": ID, "type": "function", "function": {"name": "read", "arguments": "{}"}}
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    return {
        "tools": [{"type": "function", "function": {**TOOL, "strict": False}}],
        "messages": [
            {"role": "developer", "content": "base"},
            {"role": "system", "content": "agents"},
            {"role": "user", "content": [{"type": "text", "text": "hi"}, picture], "name": "ann"},
            {"role": "assistant", "content": None, "tool_calls": [call], "reasoning_content": "hm"},
            {"role": "tool", "tool_call_id": ID, "content": [{"type": "text", "text": "1"}]},
            {"role": "user", "content": "stop"},
            {"role": "developer", "content": "now"},
            {"role": "user", "content": "and?"},
        ],
    }


REQUESTS: dict[str, Callable[[], Json]] = {
    "messages": messages_request,
    "responses": responses_request,
    "chat": chat_request,
}


# --- the rules --------------------------------------------------------------------------------------


def parts(body: Json) -> list[Json]:
    return [part for each in body["messages"] if isinstance(each.get("content"), list) for part in each["content"]]


def calls(body: Json) -> list[Json]:
    return [call for each in body["messages"] for call in each.get("tool_calls") or ()]


def qwen(body: Json) -> str:
    late = any(each["role"] in ("system", "developer") for each in body["messages"][1:])
    return "System message must be at the beginning." if late else ""


def mistral(body: Json) -> str:
    for id_ in [call["id"] for call in calls(body)] + [each.get("tool_call_id", "a" * 9) for each in body["messages"]]:
        if not re.fullmatch("[a-zA-Z0-9]{9}", id_):
            return f"Tool call id was {id_} but must be a-z, A-Z, 0-9, with a length of 9."
    return strict(body["messages"])


def gemma(body: Json) -> str:
    roles = [each["role"] for each in body["messages"]]
    if "system" in roles or "developer" in roles:
        return "System role not supported"
    taking_turns = all((role == "user") == (number % 2 == 0) for number, role in enumerate(roles))
    return "" if taking_turns else "Conversation roles must alternate user/assistant/user/assistant/..."


def _without_reasoning(body: Json, placeholder: str | None = None) -> bool:
    asked = [each for each in body["messages"] if each["role"] == "assistant" and each.get("tool_calls")]
    return any(each.get("reasoning_content") in (None, placeholder) for each in asked)


def deepseek(body: Json) -> str:
    if any(each["role"] == "developer" for each in body["messages"]):
        return "messages[0].role: unknown variant `developer`, expected one of `system`, `user`, `assistant`, `tool`"
    if any(part["type"] == "image_url" for part in parts(body)):
        return "messages[3]: unknown variant `image_url`, expected `text` at line 1 column 300"
    missing = _without_reasoning(body, "")
    return "The `reasoning_content` in the thinking mode must be passed back to the API." if missing else ""


def takes_the_empty_string(body: Json) -> str:
    return "reasoning_content is missing in assistant tool call message" if _without_reasoning(body, " ") else ""


def groq(body: Json) -> str:
    for number, each in enumerate(body["messages"]):
        if "reasoning_content" in each:
            return (
                f"'messages.{number}' : for 'role:assistant' the following must be satisfied"
                f"[('messages.{number}' : property 'reasoning_content' is unsupported)]"
            )
        if isinstance(each.get("content"), list):
            return f"messages[{number}].content must be a string"
    return ""


def cerebras(body: Json) -> str:
    for number, each in enumerate(body["messages"]):
        for name in each.keys() - {"role", "content", "tool_calls", "tool_call_id"}:
            place = f"messages.{number}.{each['role']}.{name}"
            return f"{place}: property '{place}' is unsupported"
    strict_tool = any("strict" in tool["function"] for tool in body["tools"])
    return "Unsupported parameter: 'tools[0].function.strict'" if strict_tool else ""


def lm_studio(body: Json) -> str:
    if any(each.get("content") is None for each in body["messages"]):
        return "Invalid 'content': 'content' field must be a string or an array of objects."
    images = any(part["type"] == "image_url" for part in parts(body))
    return "The model does not support images. Please use a model that does." if images else ""


RULES: dict[str, tuple[Rule, int]] = {
    "qwen": (qwen, 400),
    "llama.cpp": (lambda body: qwen(body) and f"Error: Jinja Exception: {qwen(body)}", 500),
    "mistral": (mistral, 400),
    "gemma": (gemma, 400),
    "deepseek": (deepseek, 400),
    "empty placeholder": (takes_the_empty_string, 400),
    "groq": (groq, 400),
    "cerebras": (cerebras, 400),
    "lm studio": (lm_studio, 400),
}


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("entry", REQUESTS)
@pytest.mark.parametrize("make", RULES)
def test_every_entry_is_served(upstream: Upstream, gateway: Daemon, make: str, entry: str, streamed: bool) -> None:
    dialect, (rule, status) = DIALECTS[entry], RULES[make]
    body = dialect.request("x", model="fox/some-model", stream=streamed) | REQUESTS[entry]()
    asked = []
    for _ in range(3):
        upstream.obeys(rule, status)
        if streamed:
            with gateway.stream(dialect.path, body) as response:
                text = streamed_text(dialect, list(events(response)))
        else:
            response = gateway.post(dialect.path, body)
            text = dialect.text(response.json()) if response.status_code == 200 else response.text
        assert (response.status_code, text) == (200, "Hello"), upstream.seen[-1]
        asked.append(len(upstream.seen))
        sent = [json.dumps(each, sort_keys=True) for each in upstream.seen]
        assert len(set(sent)) == len(sent), "a refused body was sent again"
    assert asked[0] <= 5
    losing = "image" in response.headers.get("x-tppcd-lost", "") or "tool" in response.headers.get("x-tppcd-lost", "")
    assert asked[1:] == [1, 1] or losing


def refuses(name: str, sentence: str) -> Rule:
    return lambda body: sentence if name in body else ""


PARAMETERS: dict[str, tuple[Rule, Json]] = {
    "max_tokens": (
        refuses("max_tokens", "Unsupported parameter: 'max_tokens' is not supported with this model."),
        {"max_tokens": 50},
    ),
    "max_completion_tokens": (
        refuses("max_completion_tokens", "Unrecognized request argument supplied: max_completion_tokens"),
        {"max_completion_tokens": 50},
    ),
    "parallel_tool_calls": (
        refuses("parallel_tool_calls", "[{'type': 'extra_forbidden', 'loc': ('body', 'parallel_tool_calls')}]"),
        {"parallel_tool_calls": False},
    ),
    "stream_options": (
        refuses("stream_options", "stream_options: Extra inputs are not permitted"),
        {"stream": True, "stream_options": {"include_usage": True}},
    ),
}
"""The rule, and what a Chat client sends."""


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_that_is_refused(upstream: Upstream, gateway: Daemon, name: str) -> None:
    rule, sent = PARAMETERS[name]
    upstream.obeys(rule)
    body = CHAT.request("x", model="fox/some-model") | chat_request() | sent
    answers = [gateway.post(CHAT.path, body) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [answer.headers["x-tppcd-attempts"] for answer in answers] == ["2", "1"]
    assert all("x-tppcd-lost" not in answer.headers for answer in answers)
    kept = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}.get(name)
    assert kept is None or upstream.seen[-1][kept] == 50


@pytest.mark.parametrize("entry", ["messages", "responses"])
def test_what_is_translated_needs_no_refusal_about_turns(upstream: Upstream, gateway: Daemon, entry: str) -> None:
    upstream.obeys(qwen)
    body = DIALECTS[entry].request("x", model="fox/some-model") | REQUESTS[entry]()
    answer = gateway.post(DIALECTS[entry].path, body)
    assert (answer.status_code, answer.headers["x-tppcd-attempts"]) == (200, "1")
    roles = [each["role"] for each in upstream.seen[0]["messages"]]
    assert roles.count("system") == 1
    assert all(before != after or after == "tool" for before, after in pairwise(roles))


def test_what_passes_through_is_the_clients_until_it_is_refused(upstream: Upstream, gateway: Daemon) -> None:
    upstream.obeys(NO_RULE)
    body = CHAT.request("x", model="fox/some-model") | chat_request()
    assert gateway.post(CHAT.path, body).headers["x-tppcd-attempts"] == "1"
    assert upstream.seen[0]["messages"] == body["messages"]
    assert upstream.seen[0]["tools"] == body["tools"]


def test_an_image_that_is_lost_is_reported_and_not_forgotten_too_soon(upstream: Upstream, gateway: Daemon) -> None:
    """Two different requests must have needed it, before images are left out from the start."""
    attempts = []
    for number in range(3):
        upstream.obeys(lm_studio)
        body = MESSAGES.request("x", model="fox/some-model") | messages_request()
        body["messages"][-1]["content"] += str(number)
        answer = gateway.post(MESSAGES.path, body)
        assert re.search(r"messages\[\d\].image", answer.headers["x-tppcd-lost"])
        attempts.append(answer.headers["x-tppcd-attempts"])
    assert attempts == ["3", "2", "1"]
    assert "which could not be passed on" in json.dumps(upstream.seen[-1])


@pytest.mark.parametrize("entry", REQUESTS)
def test_a_refusal_without_remedy_is_the_answer(upstream: Upstream, gateway: Daemon, entry: str) -> None:
    upstream.obeys(lambda _: "System message must be at the beginning.")
    body = DIALECTS[entry].request("x", model="fox/some-model") | REQUESTS[entry]()
    answer = gateway.post(DIALECTS[entry].path, body)
    assert answer.status_code == 400
    assert "must be at the beginning" in answer.json()["error"]["message"]
    assert len(upstream.seen) <= 2


def test_a_user_who_quotes_a_refusal_teaches_nothing(upstream: Upstream, gateway: Daemon) -> None:
    said = "Tool call id was x but must be a-z, A-Z, 0-9, with a length of 9."
    upstream.obeys(lambda _: f"could not render: {said}")
    body = RESPONSES.request("x", model="fox/some-model") | responses_request()
    body["input"][-1]["content"][0]["text"] = said
    assert gateway.post(RESPONSES.path, body).status_code == 400
    assert len(upstream.seen) == 1


def test_after_a_failover_the_reasoning_of_another_is_a_placeholder(upstream: Upstream) -> None:
    """The thinking of the first provider is sealed for it alone; the second wants some in every turn with tools."""
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "read", "arguments": "{}"}}
    tools = [{"name": "read", "input_schema": {"type": "object", "properties": {}}}]
    asked = MESSAGES.request("hi", model="some-model", tools=tools)
    providers = [
        fox(upstream, "first", models=["some-model"], priority=9),
        fox(upstream, "second", models=["some-model"]),
    ]
    with daemon(config(*providers, disable_cooling=True, request_retry=0)) as gateway:
        upstream.obeys(deepseek)
        upstream.message = {"content": None, "reasoning_content": "hm", "tool_calls": [call]}
        answer = gateway.post(MESSAGES.path, asked)
        upstream.message = HELLO
        result = {"type": "tool_result", "tool_use_id": "call_1", "content": "1"}
        asked["messages"] += [
            {"role": "assistant", "content": answer.json()["content"]},
            {"role": "user", "content": [result]},
        ]
        own: list[tuple[str, str]] = []
        other: list[tuple[str, str]] = []
        for down, seen in (("-", own), ("/first/", other), ("/first/", other)):
            upstream.down = down
            again = gateway.post(MESSAGES.path, asked)
            assert again.status_code == 200, again.text
            seen.append((again.headers["x-tppcd-provider"], upstream.seen[-1]["messages"][1]["reasoning_content"]))
        upstream.down = "-"
    assert own == [("first", "hm")]
    assert other == [("second", " "), ("second", " ")]
    assert len(upstream.seen) == 5, "one refusal in all"
