"""What passes through is repaired where no client of its wire could read it: calls without an index, an answer without
its last word, arguments that are none."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from daemon.errors import RemoteError
from tests.gateway.test_passthrough import chunk, frames, new_pipe, opening, read, text

Json = dict[str, Any]
A, B = '{"a":"1"}', '{"a":"2"}'


def part(arguments: str | None = None, name: str | None = None, **fields: Any) -> Json:
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    return {**fields, "function": function}


def calls(*parts: Json, finish: str | None = None) -> Json:
    return chunk("c", {"tool_calls": list(parts)}, finish_reason=finish)


END = chunk("c", {}, finish_reason="tool_calls")


def passed(wire: str, *events: Json, done: bool = True) -> list[Json]:
    """What the client gets of a stream that must end well."""
    pipe = new_pipe(wire)
    pipe.feed(frames(wire, *events, done=done))
    if pipe.stage != "finished":
        pipe.end_of_body()
    return read(pipe.take())


def put_together(events: list[Json]) -> list[Json]:
    """The calls as the OpenAI SDKs add them up: by index alone, texts to texts."""
    made: dict[int, Json] = {}
    for event in events:
        for choice in event.get("choices", ()):
            for each in choice["delta"].get("tool_calls", ()):
                call = made.setdefault(each["index"], {"id": "", "name": "", "arguments": ""})
                call["id"] += each.get("id") or ""
                for key in ("name", "arguments"):
                    call[key] += each["function"].get(key) or ""
    return [made[index] for index in sorted(made)]


def made(*calls: tuple[str, str, str]) -> list[Json]:
    return [{"id": id_, "name": name, "arguments": arguments} for id_, name, arguments in calls]


CALLS: list[tuple[str, list[Json], list[Json]]] = [
    ("no index", [calls(part(A, "f", id="x"), part(B, "g", id="y")), END], made(("x", "f", A), ("y", "g", B))),
    ("null for one", [calls(part(A, "f", id="x", index=None)), END], made(("x", "f", A))),
    ("a text for one", [calls(part(A, "f", id="x", index="zero")), END], made(("x", "f", A))),
    ("numbers below 0", [calls(part(A, "f", id="x", index=-1)), END], made(("x", "f", A))),
    ("numbers from 1", [calls(part(A, "f", id="x", index=1)), calls(part(B, "g", id="y", index=2)), END],
     made(("x", "f", A), ("y", "g", B))),
    ("pieces without index", [calls(part("", "f", id="x")), calls(part('{"a":')), calls(part('"1"}')), END],
     made(("x", "f", A))),
    ("one index, no ids", [calls(part(A, "f", index=0)), calls(part(B, "g", index=0)), END],
     made(("call_c_0", "f", A), ("call_c_1", "g", B))),
    ("one index, two ids", [calls(part(A, "f", index=0, id="x")), calls(part(B, "f", index=0, id="y")), END],
     made(("x", "f", A), ("y", "f", B))),
    ("an id that comes late", [calls(part("", "f", index=0)), calls(part(A, index=0, id="x")), END],
     made(("call_c_0", "f", A))),
    ("{}, then the arguments", [calls(part("{}", "f", index=0, id="x")), calls(part(A, index=0)), END],
     made(("x", "f", A))),
    ("ids that are numbers", [calls(part(A, "f", index=0, id=7)), calls(part("{", "g", index=1, id=8)),
                              calls(part("}", index=1)), END], made(("7", "f", A), ("8", "g", "{}"))),
    ("no arguments", [calls(part("{}", "f", index=0, id="x")), END], made(("x", "f", "{}"))),
    ("blank arguments", [calls(part("  ", "f", index=0, id="x")), END], made(("x", "f", "{}"))),
    ("none at all", [calls(part("", "f", index=0, id="x")), END], made(("x", "f", "{}"))),
    ("null with the end", [calls(part("null", "f", index=0, id="x"), finish="tool_calls")], made(("x", "f", "{}"))),
    ("said again", [calls(part(A, "f", index=0, id="x")), calls(part(A, "f", index=0, id="x")), END],
     made(("x", "f", A))),
    ("said again with the end", [calls(part(A, "f", index=0, id="x")),
                                 calls(part(A, "f", index=0, id="x"), finish="tool_calls")], made(("x", "f", A))),
    ("an id per fragment", [calls(part('{"a":', "f", index=0, id="1")), calls(part('"1"}', "f", index=0, id="2")), END],
     made(("1", "f", A))),
    ("another choice between them", [calls(part(A, "f", index=0, id="x")),
                                     chunk("c", {"content": "b"}, index=1), END], made(("x", "f", A))),
]  # fmt: skip


@pytest.mark.parametrize(("events", "calls"), [row[1:] for row in CALLS], ids=[row[0] for row in CALLS])
@pytest.mark.parametrize("before", [[], text("chat", "hi", "c")], ids=["alone", "after text"])
def test_calls_can_be_put_together(events: list[Json], calls: list[Json], before: list[Json]) -> None:
    assert put_together(passed("chat", *before, *events)) == calls


def test_what_a_client_can_read_keeps_its_bytes() -> None:
    events = [
        calls(part("", "f", index=0, id="x", type="function", extra_content={"k": 1})),
        calls(part('{"a"', index=0)),
        calls(part("", "g", index=1, id="y", type="function")),
        calls(part(":1}", index=0), part(A, index=1)),
        END,
    ]
    sent = new_pipe("chat")
    sent.feed(frames("chat", *events))
    asked_for = frames("chat", *events).replace(b"served-2026", b"asked-for")
    assert sent.take() == asked_for


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([chunk("c", {"content": "hi"})], "stop"),
        ([calls(part(A, "f", index=0, id="x"))], "tool_calls"),
        ([calls(part("{}", "f", index=0, id="x"))], "tool_calls"),
        ([chunk("c", {"content": "hi"}, finish_reason=""), chunk("c", {}) | {"choices": [], "usage": {}}], "stop"),
        ([chunk("c", {"content": "hi"}, finish_reason="null"), chunk("c", {}, finish_reason="None")], "stop"),
    ],
)
def test_an_end_without_its_word_gets_it(events: list[Json], reason: str) -> None:
    sent = passed("chat", *events)
    reasons = [choice["finish_reason"] for event in sent for choice in event.get("choices", ())]
    assert [each for each in reasons if each not in ("", "null", "None", None)] == [reason] and sent[-1][
        "type"
    ] == "[DONE]"
    assert sent[-2]["id"] == "c" and sent[-2]["model"] == "asked-for"


def test_the_last_chunk_says_the_usage() -> None:
    """The SDKs take it from there; Kimi by OpenRouter has it in its last chunk, and no finish_reason."""
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    sent = passed("chat", chunk("c", {"content": "hi"}), chunk("c", {}) | {"usage": usage})
    assert sent[-2]["choices"][0]["finish_reason"] == "stop" and sent[-2]["usage"] == usage


@pytest.mark.parametrize(
    ("word", "sent"),
    [
        ("MAX_TOKENS", "length"),
        ("max_tokens", "length"),
        ("STOP", "stop"),
        ("SAFETY", "content_filter"),
        ("TOOL_CALLS", "tool_calls"),
        ("eos_token", "eos_token"),
        ("length", "length"),
    ],
)
def test_a_cut_is_a_cut_in_the_words_of_the_api(word: str, sent: str) -> None:
    said = 'see "finish_reason": "MAX_TOKENS"'
    events = passed("chat", chunk("c", {"content": said}), chunk("c", {}, finish_reason=word))
    assert events[1]["choices"][0]["finish_reason"] == sent
    pipe = new_pipe("chat", stream=False)
    message = {"role": "assistant", "content": said}
    answer = {"id": "c", "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": word}]}
    pipe.feed_whole(json.dumps(answer).encode())
    choice = json.loads(pipe.whole())["choices"][0]
    assert (choice["finish_reason"], choice["message"]["content"]) == (sent, said)


@pytest.mark.parametrize(
    ("arguments", "sent"), [("", "{}"), (None, "{}"), (" ", "{}"), ("null", "{}"), ("{}", "{}"), (A, A), ("{", "{")]
)
def test_whole_calls_get_an_id_and_arguments(arguments: str | None, sent: str) -> None:
    call = {"type": "function", "function": {"name": "f", "arguments": arguments}}
    custom = {"id": "z", "type": "custom", "custom": {"name": "p", "input": ""}}
    message = {"role": "assistant", "content": None, "tool_calls": [{**call, "id": "x"}, call, custom]}
    pipe = new_pipe("chat", stream=False)
    answer = {"id": "c", "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}
    pipe.feed_whole(json.dumps(answer).encode())
    first, second, third = json.loads(pipe.whole())["choices"][0]["message"]["tool_calls"]
    assert first["function"]["arguments"] == second["function"]["arguments"] == sent
    assert first["id"] == "x" and second["id"].startswith("call_") and third == custom


# --- responses ---


CALL = {"type": "function_call", "id": "fc_1", "call_id": "x", "name": "f", "arguments": "", "status": "completed"}


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        ({"id": "msg_up", "status": "completed", "output": []}, "response.completed"),
        ({"id": "msg_up", "output": []}, "response.completed"),
        ({"id": "msg_up", "status": "incomplete", "incomplete_details": {"reason": "x"}}, "response.incomplete"),
        (None, "response.completed"),
    ],
)
def test_response_done_becomes_what_clients_wait_for(response: Json | None, kind: str) -> None:
    done: Json = {"type": "response.done"} if response is None else {"type": "response.done", "response": response}
    sent = passed("responses", *opening("responses"), *text("responses", "hello"), done | {"sequence_number": 7})
    last = sent[-1]
    assert last["type"] == kind and last["response"]["status"] == kind.removeprefix("response.")
    assert last["response"]["id"] == "msg_up" and last["response"]["model"] == "asked-for"
    assert [item["type"] for item in last["response"]["output"]] == ["message"]


def test_a_failed_response_done_is_a_failure() -> None:
    pipe = new_pipe("responses")
    failed = {"type": "response.done", "response": {"status": "failed", "error": {"message": "no room"}}}
    with pytest.raises(RemoteError, match="no room"):
        pipe.feed(frames("responses", *opening("responses"), failed))


@pytest.mark.parametrize("arguments", ["", None, " ", "null"])
@pytest.mark.parametrize("output", [True, False])
def test_a_responses_call_without_arguments(arguments: str | None, output: bool) -> None:
    item = CALL | {"arguments": arguments}
    events = [
        *opening("responses"),
        {"type": "response.output_item.added", "sequence_number": 1, "output_index": 0, "item": CALL},
        {
            "type": "response.function_call_arguments.done",
            "sequence_number": 2,
            "item_id": "fc_1",
            "output_index": 0,
            "arguments": arguments,
        },
        {"type": "response.output_item.done", "sequence_number": 3, "output_index": 0, "item": item},
    ]
    last = {"id": "msg_up", "status": "completed", "output": [item] if output else []}
    events.append({"type": "response.completed", "sequence_number": 4, "response": last})
    pipe = new_pipe("responses")
    pipe.feed(frames("responses", *events))
    done, item_done, completed = read(pipe.take())[-3:]
    assert done["arguments"] == item_done["item"]["arguments"] == "{}"
    assert [each["arguments"] for each in completed["response"]["output"]] == ["{}"]
    whole = new_pipe("responses", stream=False)
    whole.feed_whole(json.dumps(last | {"output": [item]}).encode())
    assert json.loads(whole.whole())["output"][0]["arguments"] == "{}"


def message(text: str | None) -> Json:
    content = [] if text is None else [{"type": "output_text", "text": text, "annotations": []}]
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}


PATCH = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "x", "name": "p", "input": ""}
HOLLOW = [
    ("output_text", message(None), lambda item: item["content"][0]["text"]),
    ("output_text", message(""), lambda item: item["content"][0]["text"]),
    ("function_call_arguments", CALL, lambda item: item["arguments"]),
    ("function_call_arguments", CALL | {"arguments": None}, lambda item: item["arguments"]),
    ("custom_tool_call_input", PATCH, lambda item: item["input"]),
]


@pytest.mark.parametrize("output", ["none", "hollow"])
@pytest.mark.parametrize(("kind", "item", "said"), HOLLOW)
def test_an_item_with_an_empty_last_word_says_what_its_pieces_said(
    kind: str, item: Json, said: Callable[[Json], str], output: str
) -> None:
    """Its client keeps the item, not the pieces. Two items at one place are two."""
    pieces = [{"type": f"response.{kind}.delta", "output_index": 0, "delta": each} for each in ('{"a', '":"\\n"}')]
    done = {"type": "response.output_item.done", "output_index": 0, "item": item}
    last = {"id": "msg_up", "status": "completed", "output": [item, item] if output == "hollow" else []}
    events = [*opening("responses"), *pieces, done, *pieces, done, {"type": "response.completed", "response": last}]
    for stream in (True, False):
        pipe = new_pipe("responses", stream=stream)
        pipe.feed(frames("responses", *events))
        answer = json.loads(pipe.whole()) if not stream else read(pipe.take())[-1]["response"]
        assert [said(each) for each in answer["output"]] == ['{"a":"\\n"}'] * 2


def test_items_that_say_something_keep_their_bytes() -> None:
    said = {"type": "response.output_text.delta", "output_index": 0, "delta": "other"}
    items = [message("own"), CALL | {"arguments": "{}"}, PATCH | {"input": "own"}]
    done = [{"type": "response.output_item.done", "output_index": 0, "item": item} for item in items]
    for event in done:
        pipe = new_pipe("responses")
        pipe.feed(frames("responses", *opening("responses"), said, event))
        assert pipe.take().endswith(frames("responses", event))


@pytest.mark.parametrize("pieces", [["   "], ["null"], ["", " \n"]])
def test_a_messages_call_without_input(pieces: list[str]) -> None:
    delta = {"type": "input_json_delta"}
    start = {"type": "tool_use", "id": "x", "name": "f", "input": None}
    sent = passed(
        "messages",
        *opening("messages"),
        {"type": "content_block_start", "index": 0, "content_block": start},
        *({"type": "content_block_delta", "index": 0, "delta": delta | {"partial_json": each}} for each in pieces),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 3}},
        {"type": "message_stop"},
    )
    assert next(event for event in sent if event["type"] == "content_block_start")["content_block"]["input"] == {}
    assert "".join(event["delta"].get("partial_json", "") for event in sent if "delta" in event) == ""


@pytest.mark.parametrize("written", ["null", '""', '" "', "{}"])
def test_a_whole_messages_call_without_input(written: str) -> None:
    call = {"type": "tool_use", "id": "x", "name": "f", "input": "HERE"}
    answer = {"id": "m", "type": "message", "model": "m", "content": [call], "stop_reason": "tool_use"}
    pipe = new_pipe("messages", stream=False)
    pipe.feed_whole(json.dumps(answer).replace('"HERE"', written).encode())
    assert json.loads(pipe.whole())["content"][0]["input"] == {}


@pytest.mark.parametrize("events", [[], text("messages", "hello")], ids=["the end alone", "with content"])
def test_a_messages_answer_without_its_start_is_a_failure(events: list[Json]) -> None:
    pipe = new_pipe("messages")
    with pytest.raises(RemoteError, match="no message_start"):
        pipe.feed(frames("messages", {"type": "ping"}, *events, {"type": "message_stop"}))
    assert pipe.stage == "held" and pipe.take() == b""
