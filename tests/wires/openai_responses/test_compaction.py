"""The compaction that the daemon does itself: what it asks, the item that it makes, and what that item says later."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from daemon.errors import LocalError
from daemon.inference.blocks import Block, Opaque, Reasoning, Text, ToolCall
from daemon.inference.request import Message, ToolChoice
from daemon.inference.response import FinishReason, Response
from daemon.wires.added_text import SUMMARY_REQUEST, earlier_summary
from daemon.wires.openai_responses import WIRE
from daemon.wires.openai_responses.compaction import (
    MARK,
    MOST_SUMMARY,
    compacted,
    compaction_item,
    endpoint_body,
    opened_items,
    sealed,
    summary_body,
    summary_of,
    summary_request,
    summary_text,
    with_trigger,
)

HELLO = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}
TRIGGER = {"type": "compaction_trigger"}
TOOL = {"type": "function", "name": "exec", "parameters": {"type": "object"}}
ENCRYPTED = {"type": "reasoning", "summary": [], "encrypted_content": "x"}


def ours(summary: str = "the user wants X", type_: str = "compaction") -> dict[str, Any]:
    return {"id": "cmp_1", "type": type_, "encrypted_content": sealed(summary)}


def raw(value: object) -> Raw:
    return Raw(json.dumps(value).encode())


def body(*items: object, **fields: Any) -> bytes:
    return json.dumps({"model": "gpt-5", "input": list(items), **fields}).encode()


def decoded(*items: object, **fields: Any) -> Any:
    return WIRE.decode_request(body(*items, **fields), {})


@pytest.mark.parametrize("summary", ["short", "café, 漢字 🚀", "x" * 100_000, "\ud800 half a pair"])
def test_a_summary_comes_back_as_it_went(summary: str) -> None:
    piece = sealed(summary)
    assert piece.startswith(MARK) and piece.isascii()
    assert summary_of(piece) == summary.replace("\ud800", "?")


def test_the_form_is_for_good() -> None:
    """Written by hand as ADR 0017 says: what one version has made, each later one must open."""
    assert summary_of("tppcd-summary.1." + base64.urlsafe_b64encode(zlib.compress(b"plain words")).decode()) == (
        "plain words"
    )


@pytest.mark.parametrize(
    "piece, words",
    [
        (MARK + "2.abcd", "later version"),
        (MARK, "later version"),
        (MARK + "1.", "damaged"),
        (MARK + "1.!!!!", "damaged"),
        (sealed("hello")[:-6], "damaged"),
        (MARK + "1." + base64.urlsafe_b64encode(zlib.compress(b"\xff")).decode(), "damaged"),
        (MARK + "1." + base64.urlsafe_b64encode(zlib.compress(b"x" * (MOST_SUMMARY + 1))).decode(), "damaged"),
    ],
)
def test_what_cannot_be_opened_is_refused_with_its_place(piece: str, words: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=words):
        summary_of(piece)
    with pytest.raises(LocalError, match=rf"input\[1\].*{words}") as refused:
        decoded(HELLO, {"type": "compaction", "encrypted_content": piece})
    assert (refused.value.status, refused.value.param) == (400, "input[1]")


@pytest.mark.parametrize("type_", ["compaction", "compaction_summary"])
def test_ours_is_a_message_of_the_user_in_its_place(type_: str) -> None:
    call = {"type": "function_call", "call_id": "c", "name": "exec", "arguments": "{}"}
    said = Text(earlier_summary("the user wants X"))
    request = decoded(HELLO, ours(type_=type_), call, HELLO)
    assert [message.role for message in request.messages] == ["user", "user", "assistant", "user"]
    assert request.messages[1].content == (said,)
    assert not request.compaction


def test_others_stay_as_they_came() -> None:
    item = {"type": "compaction", "encrypted_content": "gAAA"}
    assert decoded(HELLO, item).messages[1] == Message("assistant", (Opaque("responses", raw(item)),))
    assert opened_items([raw(item), raw("odd"), raw(HELLO)]) == [raw(item), raw("odd"), raw(HELLO)]


def test_ours_is_opened_for_an_upstream_of_this_wire() -> None:
    [message] = opened_items([raw(ours())])
    text = earlier_summary("the user wants X")
    expected = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    assert json.loads(bytes(message)) == expected
    assert opened_items([raw(ours())]) == [message], "the same bytes each time, for the prompt cache"


@pytest.mark.parametrize(
    "items, asks",
    [
        ([HELLO, TRIGGER], True),
        ([TRIGGER], True),
        ([HELLO, {"type": "compaction_trigger", "id": "ct_1"}], True),
        ([TRIGGER, HELLO], False),
        ([HELLO], False),
        ([], False),
    ],
)
def test_the_last_item_asks(items: list[object], asks: bool) -> None:
    assert decoded(*items).compaction is asks


def test_a_summary_is_asked_for_at_the_end_of_the_same_conversation() -> None:
    schema = {"format": {"type": "json_schema", "name": "s", "schema": {}}}
    request = decoded(HELLO, TRIGGER, tools=[TOOL], tool_choice="auto", text=schema)
    asked = summary_request(request)
    assert asked.messages == (*request.messages[:-1], Message("user", (Text(SUMMARY_REQUEST),)))
    assert (asked.tools, asked.tool_choice, asked.output) == (request.tools, ToolChoice("none"), None)
    assert summary_request(decoded(HELLO, TRIGGER)).tool_choice is None


def test_the_result_before_the_trigger_stays() -> None:
    call = {"type": "function_call", "call_id": "c", "name": "exec", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "c", "output": "1"}
    asked = summary_request(decoded(HELLO, call, result, TRIGGER))
    assert [type(block).__name__ for message in asked.messages for block in message.content] == [
        *("Text", "ToolCall", "ToolResult", "Text")
    ]


@pytest.mark.parametrize(
    "fields, expected",
    [
        ({}, {}),
        ({"tools": [TOOL], "tool_choice": "auto"}, {"tools": [TOOL], "tool_choice": "none"}),
        ({"tools": [], "tool_choice": "auto"}, {"tools": [], "tool_choice": "auto"}),
        ({"text": {"verbosity": "low", "format": {"type": "text"}}}, {"text": {"verbosity": "low"}}),
        ({"context_management": [{"type": "compaction"}], "store": False}, {"store": False}),
    ],
)
def test_the_same_for_an_upstream_of_this_wire(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    sent = json.loads(summary_body(body(HELLO, ENCRYPTED, TRIGGER, **fields)))
    *before, last = sent.pop("input")
    assert before == [HELLO, ENCRYPTED]
    assert last["content"] == [{"type": "input_text", "text": SUMMARY_REQUEST}]
    assert sent == {"model": "gpt-5"} | expected


def test_tools_inside_the_input_are_not_called_either() -> None:
    tools = {"type": "additional_tools", "tools": [TOOL]}
    assert json.loads(summary_body(body(tools, HELLO, TRIGGER)))["tool_choice"] == "none"


@pytest.mark.parametrize(
    "content, finish, text",
    [
        ((Text(" a "), Reasoning(parts=("t",)), Text("b")), FinishReason.STOP, "a \n\nb"),
        ((Text("a"),), FinishReason.LENGTH, "a\n\n(The summary was cut here.)"),
        ((Text("a"),), FinishReason.CONTENT_FILTER, ""),
        ((Text(" \n"),), FinishReason.STOP, ""),
        ((Reasoning(parts=("t",)),), FinishReason.STOP, ""),
        ((ToolCall(id="c", name="exec", arguments="{}"),), FinishReason.TOOL_CALLS, ""),
        ((), FinishReason.LENGTH, ""),
    ],
)
def test_what_can_stand_for_the_conversation(content: tuple[Block, ...], finish: FinishReason, text: str) -> None:
    assert summary_text(Response(id="r", model="m", content=content, finish=finish)) == text


def test_a_summary_is_never_too_long_to_be_opened() -> None:
    long = Response(id="r", model="m", content=(Text("漢" * MOST_SUMMARY),), finish=FinishReason.LENGTH)
    assert summary_of(sealed(summary_text(long))).endswith("(The summary was cut here.)")


# --- POST /v1/responses/compact ---


@pytest.mark.parametrize(
    "fields, items",
    [
        ({"input": "hello"}, [HELLO, TRIGGER]),
        ({"input": [HELLO]}, [HELLO, TRIGGER]),
        ({"input": [HELLO, TRIGGER]}, [HELLO, TRIGGER]),
        ({"input": []}, [TRIGGER]),
        ({"input": None, "previous_response_id": "resp_1"}, [TRIGGER]),
        ({"previous_response_id": "resp_1", "stream": True}, [TRIGGER]),
    ],
)
def test_a_body_of_the_route_is_one_with_the_trigger(fields: dict[str, Any], items: list[Any]) -> None:
    sent = json.loads(with_trigger(json.dumps({"model": "m", **fields}).encode()))
    assert (sent["input"], sent["stream"]) == (items, False)


@pytest.mark.parametrize("odd", [b"", b"[]", b"{", b'{"input": 5}', b'{"input": {}}'])
def test_what_is_no_body_is_the_decoders_to_refuse(odd: bytes) -> None:
    assert with_trigger(odd) == odd
    with pytest.raises(LocalError):
        WIRE.decode_request(odd, {})


def test_an_upstreams_own_route_gets_what_the_client_sent() -> None:
    client = with_trigger(body(HELLO, instructions="be brief"))
    sent = json.dumps(json.loads(client) | {"model": "other", "stream": True, "store": False, "include": []}).encode()
    assert json.loads(endpoint_body(sent, client)) == {
        "model": "other",
        "input": [HELLO],
        "instructions": "be brief",
    }


def test_the_answer_of_the_route_keeps_what_the_user_said() -> None:
    """openai 3.57.0: "a list of all user messages, followed by a single compaction item"."""
    system = {"role": "developer", "content": "rules"}
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}]}
    client = with_trigger(body(system, {"role": "user", "content": "hi", "id": "msg_7"}, said, HELLO))
    item = json.loads(bytes(compaction_item("summary", "0")))
    usage = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
    answer = {"id": "resp_1", "created_at": 5, "output": [{"type": "message"}, item], "usage": usage}
    got = json.loads(compacted(client, json.dumps(answer).encode(), by_upstream=False))
    assert (got["object"], got["id"], got["created_at"], got["usage"]) == ("response.compaction", "resp_1", 5, usage)
    assert [(one["type"], one.get("role"), one["id"]) for one in got["output"]] == [
        ("message", "user", "msg_7"),
        ("message", "user", "msg_0003"),
        ("compaction", None, "cmp_0"),
    ]
    assert got["output"][0]["content"] == [{"type": "input_text", "text": "hi"}]
    theirs = json.dumps(answer | {"model": "m", "object": "response.compaction"}).encode()
    assert json.loads(compacted(client, theirs, by_upstream=True)) == answer | {"object": "response.compaction"}
