"""How each make writes its answers: ids of calls, thoughts, token counts, and how a stream begins and ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from daemon.simulate.answer import REASONING
from daemon.simulate.makes import ALL
from tests.dialects import WRITE_SCHEMA
from tests.simulate.asking import Reply, address, ask
from tests.simulate.provocations import good

Json = dict[str, Any]
TASK = 'SCRIPT=[{"text": "I look.", "parallel": [{"tool": "Write"}, {"tool": "Write"}]}]'
TOOLS: dict[str, Json] = {
    "chat": {"type": "function", "function": {"name": "Write", "parameters": WRITE_SCHEMA}},
    "responses": {"type": "function", "name": "Write", "parameters": WRITE_SCHEMA},
    "messages": {"name": "Write", "input_schema": WRITE_SCHEMA},
}


def answer(name: str, wire: str, *, stream: bool, model: str = "") -> Reply:
    """To a task that makes the model say a sentence and call two tools."""
    body = good(wire, model or ALL[name].models[0].name) | {"tools": [TOOLS[wire]], "stream": stream}
    said = {"type": "message", "role": "user", "content": TASK}
    if wire == "responses":
        body |= {"input": [said], "reasoning": {"summary": "auto"}}
    else:
        del said["type"]
        body |= {"messages": [said]}
    return ask(name, address(name, wire), body)


def deltas(reply: Reply) -> list[Json]:
    return [choice["delta"] for event in reply.events for choice in event["choices"]]


def joined(reply: Reply, field: str) -> str:
    return "".join(str(delta.get(field) or "") for delta in deltas(reply))


def streamed_calls(reply: Reply) -> list[Json]:
    return [call for delta in deltas(reply) for call in delta.get("tool_calls") or () if "id" in call]


def message(reply: Reply) -> Json:
    found: Json = reply.json["choices"][0]["message"]
    return found


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("kimi", ["Write:0", "Write:1"]),
        ("groq", ["functions.Write:0", "functions.Write:1"]),
        ("openrouter", ["tool_0_Write", "tool_1_Write"]),
        ("nvidia", [0, 1]),
        ("lmstudio", ["000000000", "100000000"]),
    ],
)
def test_ids_that_are_the_same_in_each_turn(name: str, ids: list[object]) -> None:
    for _ in range(2):
        assert [call["id"] for call in streamed_calls(answer(name, "chat", stream=True))] == ids
        assert [call["id"] for call in message(answer(name, "chat", stream=False))["tool_calls"]] == ids


def test_mistral_has_ids_of_nine_letters_and_digits() -> None:
    ids = [call["id"] for call in streamed_calls(answer("mistral", "chat", stream=True))]
    assert [len(each) for each in ids] == [9, 9] and "".join(ids).isalnum()


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("deepseek", "reasoning_content"),
        ("vllm", "reasoning"),
        ("groq", "reasoning"),
        ("openrouter", "reasoning"),
        ("copilot", "reasoning_text"),
    ],
)
def test_thoughts_are_in_the_field_of_the_make(name: str, field: str) -> None:
    assert joined(answer(name, "chat", stream=True), field) == REASONING
    assert message(answer(name, "chat", stream=False))[field] == REASONING


def test_thoughts_may_be_in_the_text_or_a_part_of_the_content() -> None:
    text = f"<think>\n{REASONING}\n</think>\n\nI look."
    assert joined(answer("minimax", "chat", stream=True), "content") == text
    assert message(answer("minimax", "chat", stream=False))["content"] == text
    part, said = message(answer("mistral", "chat", stream=False))["content"]
    assert part["thinking"][0]["text"] == REASONING and said == {"type": "text", "text": "I look."}


@pytest.mark.parametrize(("name", "model"), [("openai", ""), ("azure", ""), ("gemini", ""), ("xai", "grok-4")])
def test_a_make_or_a_model_may_show_no_thoughts(name: str, model: str) -> None:
    assert REASONING[:5] not in answer(name, "chat", stream=True, model=model).body.decode()


@pytest.mark.parametrize(
    ("name", "has"),
    [
        ("deepseek", lambda events: [bool(each.get("usage")) for each in events[-2:]] == [False, True]),
        ("kimi", lambda events: events[-1]["choices"][0]["usage"]["total_tokens"] > 0),
        ("groq", lambda events: events[-1]["x_groq"]["usage"]["total_tokens"] > 0),
        ("gemini", lambda events: all(each["usage"] for each in events)),
        ("minimax", lambda events: events[-1]["usage"] and not events[-1]["choices"]),
        ("openai", lambda events: not any(each.get("usage") for each in events)),
    ],
)
def test_token_counts_are_where_the_make_has_them(name: str, has: Callable[[list[Json]], bool]) -> None:
    assert has(answer(name, "chat", stream=True).events)


def test_calls_of_gemini_are_whole_signed_and_without_an_index() -> None:
    reply = answer("gemini", "chat", stream=True)
    calls = streamed_calls(reply)
    assert [call.get("index") for call in calls] == [None, None]
    assert [call["function"]["arguments"] for call in calls] == ["{}", "{}"]
    assert [("extra_content" in call) for call in calls] == [True, False]
    assert reply.events[-1]["choices"][0]["finish_reason"] == "stop"
    assert message(answer("gemini", "chat", stream=False))["tool_calls"][0]["extra_content"]["google"]


def test_a_signature_is_taken_back_from_its_own_key_alone() -> None:
    call = streamed_calls(answer("gemini", "chat", stream=True))[0]
    body = good("chat", "gemini-3.5-flash")
    body["messages"] += [
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": "x"},
    ]
    taken = [ask("gemini", address("gemini", "chat"), body, key=key).status for key in ("k", "another")]
    assert taken == [200, 400]


def test_what_is_sealed_beside_the_thoughts() -> None:
    opaque = joined(answer("copilot", "chat", stream=True), "reasoning_opaque")
    assert opaque.startswith("gAAAAAB")
    first, second = answer("copilot", "chat", stream=False).json["choices"]
    assert first["message"]["content"] == "I look." and len(second["message"]["tool_calls"]) == 2
    details = message(answer("openrouter", "chat", stream=False, model="google/gemini-3.5-pro"))["reasoning_details"]
    assert [detail["type"] for detail in details] == ["reasoning.text", "reasoning.encrypted"]


@pytest.mark.parametrize(
    ("name", "wire", "found"),
    [
        ("deepseek", "chat", b": keep-alive\n"),
        ("deepseek", "messages", b": keep-alive\n"),
        ("openrouter", "chat", b": OPENROUTER PROCESSING\n"),
        ("kimi", "messages", b"event: ping\ndata: \n"),
        ("azure", "chat", b'"prompt_filter_results"'),
        ("claude-relay-service", "responses", b"data: [DONE]\n"),
        ("deepseek", "responses", b"event: response.reasoning_text.delta\n"),
    ],
)
def test_what_comes_between_the_events(name: str, wire: str, found: bytes) -> None:
    assert found in answer(name, wire, stream=True).body


@pytest.mark.parametrize(
    ("name", "wire", "absent"),
    [
        ("minimax", "chat", b"[DONE]"),
        ("sub2api", "responses", b"content_part"),
        ("vllm", "messages", b"event: ping"),
        ("deepseek", "responses", b"encrypted_content"),
    ],
)
def test_what_a_stream_lacks(name: str, wire: str, absent: bytes) -> None:
    assert absent not in answer(name, wire, stream=True).body


def test_heads_of_answers() -> None:
    assert "content-type" not in answer("sub2api", "responses", stream=True).headers
    assert answer("claude-relay-service", "responses", stream=True).headers["content-type"] == "application/json"
    assert answer("llama.cpp", "chat", stream=False).headers["server"] == "llama.cpp"
    groq = [answer("groq", "chat", stream=False).headers for _ in range(2)]
    assert groq[0]["x-ratelimit-remaining-tokens"] and groq[0]["x-request-id"] != groq[1]["x-request-id"]


def test_odd_numbers_and_items_of_responses() -> None:
    last = answer("sub2api", "responses", stream=True).events[-1]["response"]
    assert last["output"] == [] and isinstance(last["created_at"], float)
    plain = answer("deepseek", "responses", stream=False).json["output"][0]
    assert plain["content"] == [{"type": "reasoning_text", "text": REASONING}] and plain["summary"] == []


def test_odd_blocks_of_messages() -> None:
    events = answer("glm", "messages", stream=True).events
    start = next(event for event in events if event["type"] == "message_start")
    assert start["message"]["usage"]["input_tokens"] == 0
    thinking, _, first, second = answer("kimi", "messages", stream=False).json["content"]
    assert (thinking["signature"], first["id"], second["id"]) == ("", "Write:0", "Write:1")


@pytest.mark.parametrize(
    ("name", "off"),
    [
        ("deepseek", {"thinking": {"type": "disabled"}}),
        ("qwen", {"enable_thinking": False}),
        ("vllm", {"chat_template_kwargs": {"enable_thinking": False}}),
        ("ollama", {"reasoning_effort": "none"}),
        ("openrouter", {"reasoning": {"enabled": False}}),
    ],
)
def test_a_model_that_is_asked_not_to_think_does_not(name: str, off: Json) -> None:
    body = good("chat", ALL[name].models[0].name) | off
    assert REASONING not in ask(name, address(name, "chat"), body).body.decode()


@pytest.mark.parametrize(("name", "kind"), [("openai", "compaction"), ("vllm", "message"), ("deepseek", "message")])
def test_who_does_not_know_compactions_passes_over_the_trigger(name: str, kind: str) -> None:
    body = good("responses", ALL[name].models[0].name)
    body |= {"input": [{"role": "user", "content": "hello"}, {"type": "compaction_trigger"}], "stream": False}
    assert ask(name, address(name, "responses"), body).json["output"][-1]["type"] == kind
