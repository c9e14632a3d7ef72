"""The three wires over a real socket: the same turn on each, whole and streamed, and what each refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.dialects import CHAT, DIALECTS, MESSAGES, RESPONSES, WRITE_SCHEMA, Dialect, events, script, streamed_text
from tests.harness import Simulator

MARK = "DONE-42"
UNICODE = "café, 漢字, 🚀"
TOOLS: dict[str, Any] = {
    "messages": {"name": "Write", "input_schema": WRITE_SCHEMA},
    "responses": {"type": "function", "name": "Write", "parameters": WRITE_SCHEMA},
    "chat": {"type": "function", "function": {"name": "Write", "parameters": WRITE_SCHEMA}},
}
PARALLEL = script({"parallel": [{"tool": "Write", "input": {"n": n}} for n in (1, 2)]})


@pytest.fixture(params=DIALECTS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def dialect(name: str) -> Dialect:
    return DIALECTS[name]


def stream(upstream: Simulator, dialect: Dialect, body: dict[str, Any]) -> list[dict[str, Any]]:
    with upstream.stream(dialect.path, body | {"stream": True}) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        return list(events(response))


def test_an_answer_is_the_same_whole_and_streamed(upstream: Simulator, dialect: Dialect) -> None:
    body = dialect.request("hello there")
    whole = dialect.text(upstream.post(dialect.path, body).json())
    seen = stream(upstream, dialect, body)
    assert streamed_text(dialect, seen) == whole
    assert "“hello there”" in whole and UNICODE in whole and MARK in whole
    assert dialect.terminal(seen[-1])


def test_tiny_writes_change_no_byte(upstream: Simulator, dialect: Dialect) -> None:
    upstream.control(chunk_bytes=3)
    seen = stream(upstream, dialect, dialect.request("grüße"))
    assert "“grüße”" in streamed_text(dialect, seen)


def test_calls_come_in_parallel_and_with_ids_of_their_own(upstream: Simulator, name: str, dialect: Dialect) -> None:
    answer = upstream.post(dialect.path, dialect.request(PARALLEL, tools=[TOOLS[name]])).json()
    calls = {
        "messages": lambda: [(b["id"], b["input"]) for b in answer["content"] if b["type"] == "tool_use"],
        "responses": lambda: [(i["call_id"], json.loads(i["arguments"])) for i in answer["output"] if "call_id" in i],
        "chat": lambda: [
            (call["id"], json.loads(call["function"]["arguments"]))
            for call in answer["choices"][0]["message"]["tool_calls"]
        ],
    }[name]()
    assert [arguments for _, arguments in calls] == [{"n": 1}, {"n": 2}]
    assert len({identity for identity, _ in calls}) == 2


def test_usage_counts_the_cached_part_of_a_repeated_prompt(upstream: Simulator, name: str, dialect: Dialect) -> None:
    body = dialect.request("long " * 4000)
    first, second = (upstream.post(dialect.path, body).json()["usage"] for _ in range(2))
    details = {"responses": "input_tokens_details", "chat": "prompt_tokens_details"}.get(name)
    field = "cached_tokens" if details else "cache_read_input_tokens"
    before, after = ((usage[details] if details else usage)[field] for usage in (first, second))
    assert (before, after >= 1024) == (0, True)


def test_reasoning_is_shown_only_when_it_was_asked_for(upstream: Simulator) -> None:
    quiet = upstream.post(RESPONSES.path, RESPONSES.request("x")).json()["output"][0]
    asked = RESPONSES.request("x", reasoning={"summary": "auto"}, include=["reasoning.encrypted_content"])
    item = upstream.post(RESPONSES.path, asked).json()["output"][0]
    assert (quiet["summary"], "encrypted_content" in quiet) == ([], False)
    assert item["summary"] and item["encrypted_content"]
    thinking = MESSAGES.request("x", thinking={"type": "adaptive"})
    assert upstream.post(MESSAGES.path, thinking).json()["content"][0]["signature"]
    assert upstream.post(MESSAGES.path, MESSAGES.request("x")).json()["content"][0]["type"] == "text"


def test_sealed_reasoning_is_refused_under_another_key(upstream: Simulator) -> None:
    asked = RESPONSES.request("x", include=["reasoning.encrypted_content"])
    output = upstream.post(RESPONSES.path, asked, headers={"authorization": "Bearer one"}).json()["output"]
    again = asked | {"input": [*asked["input"], *output, {"role": "user", "content": "y"}]}
    for key, status in (("one", 200), ("two", 400)):
        answer = upstream.post(RESPONSES.path, again, headers={"authorization": f"Bearer {key}"})
        assert answer.status_code == status
    assert answer.json()["error"]["code"] == "invalid_encrypted_content"


def test_responses_events_are_numbered_and_repeat_whole_items(upstream: Simulator) -> None:
    seen = stream(upstream, RESPONSES, RESPONSES.request("x", reasoning={"summary": "auto"}))
    assert [event["sequence_number"] for event in seen] == list(range(len(seen)))
    done = [event["item"] for event in seen if event["type"] == "response.output_item.done"]
    assert seen[-1]["response"]["output"] == done


def test_messages_blocks_do_not_overlap(upstream: Simulator) -> None:
    request = MESSAGES.request(PARALLEL, tools=[TOOLS["messages"]], thinking={"type": "adaptive"})
    seen = [e for e in stream(upstream, MESSAGES, request) if e["type"].startswith("content_block")]
    order = [(e["type"], e["index"]) for e in seen if e["type"] != "content_block_delta"]
    assert order == [(f"content_block_{edge}", n) for n in range(3) for edge in ("start", "stop")]
    assert seen[-1]["index"] == 2


def test_chat_tells_usage_in_a_last_chunk_when_asked(upstream: Simulator) -> None:
    plain = stream(upstream, CHAT, CHAT.request("x"))
    asked = stream(upstream, CHAT, CHAT.request("x", stream_options={"include_usage": True}))
    assert not any(event.get("usage") for event in plain)
    assert asked[-2]["choices"] == [] and asked[-2]["usage"]["total_tokens"] > 0


def test_max_tokens_cuts_the_answer_short(upstream: Simulator) -> None:
    message = upstream.post(MESSAGES.path, MESSAGES.request("x", max_tokens=1)).json()
    assert (message["stop_reason"], len(MESSAGES.text(message))) == ("max_tokens", 4)
    response = upstream.post(RESPONSES.path, RESPONSES.request("x" * 200, max_output_tokens=16)).json()
    assert (response["status"], response["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    completion = upstream.post(CHAT.path, CHAT.request("x", max_tokens=1)).json()
    assert completion["choices"][0]["finish_reason"] == "length"


REFUSED: dict[str, tuple[Dialect, dict[str, Any], str]] = {
    "responses without input": (RESPONSES, {"model": "gpt-5"}, "'input'"),
    "responses without model": (RESPONSES, {"input": "x"}, "'model'"),
    "too few tokens": (RESPONSES, RESPONSES.request("x", max_output_tokens=1), ">= 16"),
    "output without its call": (
        RESPONSES,
        {"model": "gpt-5", "input": [{"type": "function_call_output", "call_id": "c", "output": "o"}]},
        "No tool call found",
    ),
    "call without its output": (
        RESPONSES,
        {"model": "gpt-5", "input": [{"type": "function_call", "call_id": "c", "name": "n", "arguments": "{}"}]},
        "No tool output found",
    ),
    "messages without max_tokens": (MESSAGES, {"model": "gpt-5", "messages": [{}]}, "max_tokens"),
    "messages without messages": (MESSAGES, {"model": "gpt-5", "max_tokens": 9, "messages": []}, "messages"),
    "result without its use": (
        MESSAGES,
        MESSAGES.request("x")
        | {"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]}]},
        "unexpected `tool_use_id`",
    ),
    "foreign signature": (
        MESSAGES,
        MESSAGES.request("x")
        | {"messages": [{"role": "assistant", "content": [{"type": "thinking", "thinking": "", "signature": "no"}]}]},
        "Invalid `signature`",
    ),
    "chat without messages": (CHAT, {"model": "gpt-5"}, "'messages'"),
    "tool message without its call": (
        CHAT,
        {"model": "gpt-5", "messages": [{"role": "tool", "tool_call_id": "c", "content": "o"}]},
        "must answer",
    ),
    "wrong types": (CHAT, {"model": "gpt-5", "messages": ["x"]}, "Invalid request body"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_real_services_refuse_is_refused(upstream: Simulator, case: str) -> None:
    dialect, body, words = REFUSED[case]
    answer = upstream.post(dialect.path, body)
    assert (answer.status_code, words in answer.json()["error"]["message"]) == (400, True), answer.text


def test_a_body_that_is_no_json_is_refused(upstream: Simulator, dialect: Dialect) -> None:
    answer = upstream.http.post(upstream.url + dialect.path, content=b"{")
    assert (answer.status_code, "parse the JSON" in answer.text) == (400, True)


def test_tokens_are_counted_by_length(upstream: Simulator) -> None:
    counts = [
        upstream.post("/v1/messages/count_tokens", {"messages": "x" * n}).json()["input_tokens"] for n in (40, 400)
    ]
    assert 0 < counts[0] < counts[1]


def test_models_are_listed_and_other_paths_are_reported(upstream: Simulator) -> None:
    assert "gpt-5-codex" in [model["id"] for model in upstream.get("/v1/models").json()["data"]]
    assert upstream.get("/v1/nothing").status_code == 404
