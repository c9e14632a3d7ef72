"""A client's whole errand through the daemon: both entries, whole and streamed, tools, reasoning, usage."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.dialects import (
    MESSAGES,
    RESPONSES,
    Dialect,
    Event,
    events,
    messages_tool,
    script,
    streamed_text,
)
from tests.harness import Daemon, Simulator

MARK = "DONE-42"
UNICODE = "café, 漢字, 🚀"
FILE_TASK = "Create a file a.txt containing hi-1"
ENTRIES = {"messages": MESSAGES, "responses": RESPONSES}


@pytest.fixture(params=ENTRIES)
def dialect(request: pytest.FixtureRequest) -> Dialect:
    return ENTRIES[request.param]


def streamed(gateway: Daemon, dialect: Dialect, body: dict[str, Any]) -> list[Event]:
    with gateway.stream(dialect.path, body | {"stream": True}) as response:
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"].startswith("text/event-stream")
        return list(events(response))


def assembled(seen: list[Event]) -> dict[str, Any]:
    """The message that a Messages stream builds up, checking that its blocks are in order and do not overlap."""
    message, opened = seen[0]["message"], None
    assert seen[0]["type"] == "message_start" and seen[-1]["type"] == "message_stop"
    for event in seen[1:]:
        match event["type"]:
            case "content_block_start":
                assert (opened, event["index"]) == (None, len(message["content"]))
                opened = event["content_block"] | {"_json": ""}
                message["content"].append(opened)
            case "content_block_delta":
                assert opened is not None and event["index"] == len(message["content"]) - 1
                _grow(opened, event["delta"])
            case "content_block_stop":
                assert opened is not None
                arguments = opened.pop("_json")
                opened |= {"input": json.loads(arguments or "{}")} if opened["type"] == "tool_use" else {}
                opened = None
            case "message_delta":
                message |= event["delta"]
                message["usage"] |= event["usage"]
    return dict(message)


def _grow(block: dict[str, Any], delta: dict[str, Any]) -> None:
    field = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}.get(delta["type"])
    if field is None:
        block["_json"] += delta["partial_json"]
    else:
        block[field] = block.get(field, "") + delta[field]


def ask(gateway: Daemon, body: dict[str, Any], *, stream: bool) -> dict[str, Any]:
    """One Messages turn, by either way of answering."""
    if stream:
        return assembled(streamed(gateway, MESSAGES, body))
    answer = gateway.post(MESSAGES.path, body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_an_answer_is_the_same_whole_and_streamed(upstream: Simulator, gateway: Daemon, dialect: Dialect) -> None:
    body = dialect.request("hello there")
    whole = dialect.text(gateway.post(dialect.path, body).json())
    seen = streamed(gateway, dialect, body)
    assert streamed_text(dialect, seen) == whole
    assert "“hello there”" in whole and UNICODE in whole and MARK in whole
    assert dialect.terminal(seen[-1])


@pytest.mark.parametrize("size", [1, 7, 64])
def test_how_the_upstream_cuts_its_bytes_changes_nothing(
    upstream: Simulator, gateway: Daemon, dialect: Dialect, size: int
) -> None:
    upstream.control(chunk_bytes=size)
    assert "“grüße 漢字”" in streamed_text(dialect, streamed(gateway, dialect, dialect.request("grüße 漢字")))


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_tool_round_trip(upstream: Simulator, gateway: Daemon, stream: bool) -> None:
    turn: dict[str, Any] = MESSAGES.request(FILE_TASK, tools=[messages_tool()])
    first = ask(gateway, turn, stream=stream)
    (use,) = [block for block in first["content"] if block["type"] == "tool_use"]
    assert (first["stop_reason"], use["name"], use["input"]) == (
        "tool_use",
        "Write",
        {"file_path": "a.txt", "content": "hi-1"},
    )
    turn["messages"] += [
        {"role": "assistant", "content": first["content"]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": use["id"], "content": "receipt-7"}]},
    ]
    last = ask(gateway, turn, stream=stream)
    assert last["stop_reason"] == "end_turn"
    assert "TOOL-OUTPUT<<receipt-7>>" in MESSAGES.text(last) and MARK in MESSAGES.text(last)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_parallel_calls_keep_their_order_and_results_may_be_errors(
    upstream: Simulator, gateway: Daemon, stream: bool
) -> None:
    prompt = script({"parallel": [{"tool": "Write", "input": {"n": n}} for n in range(3)]})
    turn = MESSAGES.request(prompt, tools=[messages_tool()])
    first = ask(gateway, turn, stream=stream)
    uses = [block for block in first["content"] if block["type"] == "tool_use"]
    assert [use["input"] for use in uses] == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert len({use["id"] for use in uses}) == 3
    results = [{"type": "tool_result", "tool_use_id": use["id"], "is_error": True, "content": "broke"} for use in uses]
    turn["messages"] += [{"role": "assistant", "content": first["content"]}, {"role": "user", "content": results}]
    assert MARK in MESSAGES.text(ask(gateway, turn, stream=stream))


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_thinking_comes_back_to_the_upstream_that_sealed_it(upstream: Simulator, gateway: Daemon, stream: bool) -> None:
    turn = MESSAGES.request(FILE_TASK, tools=[messages_tool()], thinking={"type": "enabled", "budget_tokens": 2048})
    first = ask(gateway, turn, stream=stream)
    thinking = first["content"][0]
    assert thinking["type"] == "thinking" and thinking["thinking"] and thinking["signature"]
    use = first["content"][-1]
    turn["messages"] += [
        {"role": "assistant", "content": first["content"]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": use["id"], "content": "ok"}]},
    ]
    assert MARK in MESSAGES.text(ask(gateway, turn, stream=stream))
    sent = [item for item in upstream.requests[-1]["body"]["input"] if item.get("type") == "reasoning"]
    assert len(sent) == 1 and sent[0]["encrypted_content"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_who_did_not_ask_for_thinking_gets_none_first_and_the_upstream_its_reasoning_all_the_same(
    upstream: Simulator, gateway: Daemon, stream: bool
) -> None:
    turn = MESSAGES.request(FILE_TASK, tools=[messages_tool()])
    first = ask(gateway, turn, stream=stream)
    assert [block["type"] for block in first["content"]] == ["tool_use", "thinking"]
    result = {"type": "tool_result", "tool_use_id": first["content"][0]["id"], "content": "ok"}
    turn["messages"] += [
        {"role": "assistant", "content": first["content"]},
        {"role": "user", "content": [result]},
    ]
    last = ask(gateway, turn, stream=stream)
    assert [block["type"] for block in last["content"]] == ["text"] and MARK in last["content"][0]["text"]
    sent = [item.get("type") for item in upstream.requests[-1]["body"]["input"]]
    assert sent[-3:] == ["reasoning", "function_call", "function_call_output"]


def test_reasoning_is_not_asked_to_show_itself_unless_the_client_wants_to_see_it(
    upstream: Simulator, gateway: Daemon
) -> None:
    answer = ask(gateway, MESSAGES.request("x"), stream=False)
    assert "".join(block.get("thinking", "") for block in answer["content"]) == ""
    assert "summary" not in (upstream.requests[-1]["body"].get("reasoning") or {})


def test_what_the_configuration_says_is_sent(upstream: Simulator, gateway: Daemon, dialect: Dialect) -> None:
    gateway.post(dialect.path, dialect.request("x"))
    sent = upstream.requests[-1]["body"]
    assert (sent["model"], sent["store"], sent["reasoning"]["effort"]) == ("gpt-5", False, "high")


@pytest.mark.parametrize(
    ("model", "effort"), [("gpt-5-low", "low"), ("gpt-5(medium)", "medium"), ("fox/gpt-5-minimal", "minimal")]
)
def test_effort_comes_with_the_models_name(upstream: Simulator, gateway: Daemon, model: str, effort: str) -> None:
    answer = gateway.post(MESSAGES.path, MESSAGES.request("x", model=model))
    assert answer.status_code == 200, answer.text
    sent = upstream.requests[-1]["body"]
    assert (sent["model"], sent["reasoning"]["effort"]) == ("gpt-5", effort)


@pytest.mark.parametrize("model", ["claude-opus-4-8", "claude-haiku-4-5-20251001"])
def test_claude_codes_own_model_names_work(upstream: Simulator, gateway: Daemon, model: str) -> None:
    answer = gateway.post(MESSAGES.path, MESSAGES.request("x", model=model)).json()
    assert (answer["model"], upstream.requests[-1]["model"]) == (model, "gpt-5")


def test_an_unknown_model_is_told_with_what_there_is(gateway: Daemon, dialect: Dialect) -> None:
    answer = gateway.post(dialect.path, dialect.request("x", model="gpt-6"))
    assert answer.status_code == 404
    assert "gpt-5" in (dialect.failure({"type": "error", **answer.json()}) or "")


def test_usage_tells_the_cached_part(upstream: Simulator, gateway: Daemon) -> None:
    body = MESSAGES.request("long " * 4000)
    first, second = (ask(gateway, body, stream=stream)["usage"] for stream in (False, True))
    assert first.get("cache_read_input_tokens", 0) == 0
    assert second["cache_read_input_tokens"] >= 1024
    assert second["input_tokens"] + second["cache_read_input_tokens"] == first["input_tokens"]
    assert first["output_tokens"] == second["output_tokens"] > 0


@pytest.mark.parametrize(
    ("fault", "stop_reason"), [("incomplete", "max_tokens"), ("content_filter", "refusal"), ("refusal", "refusal")]
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_why_an_answer_stopped(
    upstream: Simulator, gateway: Daemon, fault: str, stop_reason: str, stream: bool
) -> None:
    upstream.fail(fault)
    assert ask(gateway, MESSAGES.request("x"), stream=stream)["stop_reason"] == stop_reason


def test_an_answer_without_usage_is_an_answer(upstream: Simulator, gateway: Daemon) -> None:
    upstream.fail("no_usage", "no_usage")
    for stream in (False, True):
        assert MARK in MESSAGES.text(ask(gateway, MESSAGES.request("x"), stream=stream))


def test_responses_pass_through_untouched(upstream: Simulator, gateway: Daemon) -> None:
    exotic = {
        "tools": [{"type": "namespace", "name": "n", "tools": [{"type": "custom", "name": "exec"}]}],
        "client_metadata": {"k": "v"},
        "a_field_of_tomorrow": [1, {"x": None}],
    }
    answer = gateway.post(RESPONSES.path, RESPONSES.request("x", **exotic)).json()
    sent = upstream.requests[-1]["body"]
    assert {name: sent[name] for name in exotic} == exotic
    assert answer["tools"] == exotic["tools"]


def test_passed_through_events_are_all_there_and_numbered(upstream: Simulator, gateway: Daemon) -> None:
    seen = streamed(gateway, RESPONSES, RESPONSES.request("x"))
    assert [event["sequence_number"] for event in seen] == list(range(len(seen)))
    assert [seen[0]["type"], seen[-1]["type"]] == ["response.created", "response.completed"]


def test_every_answer_says_where_it_came_from(gateway: Daemon, dialect: Dialect) -> None:
    headers = gateway.post(dialect.path, dialect.request("x")).headers
    assert (headers["x-tppcd-provider"], headers["x-tppcd-attempts"]) == ("fox", "1")
    assert headers["request-id"] == headers["x-request-id"]
    health = gateway.health()
    assert headers["x-tppcd-config"] == f"{health['generation']}/{health['revision'][:12]}"


def test_server_side_threads_are_refused_the_way_the_sdk_understands(gateway: Daemon) -> None:
    answer = gateway.post(MESSAGES.path, MESSAGES.request("x", thread={"type": "create"}))
    assert answer.status_code == 400
    assert answer.json()["error"]["details"]["error_code"] == "thread_unsupported_request"


def test_tokens_are_counted_without_asking_the_upstream(upstream: Simulator, gateway: Daemon) -> None:
    counts = [
        gateway.post("/v1/messages/count_tokens", {"model": "gpt-5", "messages": [{"role": "user", "content": text}]})
        for text in ("foo", "foo " * 400)
    ]
    assert all(count.status_code == 200 and count.headers["x-tppcd-count-source"] for count in counts)
    small, large = (count.json()["input_tokens"] for count in counts)
    assert 0 < small < 100 < large < 1000
    assert upstream.state()["requests"]["total"] == 0
