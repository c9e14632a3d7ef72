"""A call without arguments has ``{}``, however its upstream writes that: from every wire to every entry, in a stream
and in a JSON answer alike."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest

from daemon.inference.collect import collect
from daemon.wires.call_arguments import ArgumentStart, stand_in
from daemon.wires.table import WIRES
from tests.wires.world import GRAMMARS, context

NOTHING: Mapping[str, object] = {
    "empty": "",
    "blank": "  \n",
    "null": None,
    "null as text": "null",
    "{}": "{}",
    '""': '""',
}


def call_of(wire: str, arguments: object) -> dict[str, Any]:
    if wire == "chat":
        return {"index": 0, "id": "x", "type": "function", "function": {"name": "f", "arguments": arguments}}
    if wire == "messages":
        return {"type": "tool_use", "id": "x", "name": "f", "input": arguments}
    return {"type": "function_call", "id": "fc_1", "call_id": "x", "name": "f", "arguments": arguments}


def whole(wire: str, arguments: object) -> bytes:
    call = call_of(wire, arguments)
    answers = {
        "chat": {"id": "c", "choices": [{"message": {"tool_calls": [call]}, "finish_reason": "tool_calls"}]},
        "messages": {"id": "m", "type": "message", "model": "m", "content": [call], "stop_reason": "tool_use"},
        "responses": {"id": "r", "status": "completed", "output": [call]},
    }
    return json.dumps(answers[wire]).encode()


def stream(wire: str, *pieces: object, last: object = "") -> bytes:
    events: list[dict[str, Any]]
    match wire:
        case "chat":
            deltas: list[dict[str, Any]] = [
                {"tool_calls": [call_of(wire, piece) if not number else {"index": 0, "function": {"arguments": piece}}]}
                for number, piece in enumerate(pieces)
            ]
            events = [{"id": "c", "choices": [{"index": 0, "delta": delta}]} for delta in deltas]
            events.append({"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
        case "messages":
            delta = {"type": "input_json_delta"}
            events = [
                {"type": "message_start", "message": {"id": "m", "model": "m"}},
                {"type": "content_block_start", "index": 0, "content_block": call_of(wire, {})},
                *(
                    {"type": "content_block_delta", "index": 0, "delta": delta | {"partial_json": piece}}
                    for piece in pieces
                ),
                {"type": "content_block_stop", "index": 0},
                {"type": "message_delta", "delta": {"stop_reason": "tool_use"}},
                {"type": "message_stop"},
            ]
        case _:
            piece_of: dict[str, Any] = {"type": "response.function_call_arguments.delta", "output_index": 0}
            events = [
                {"type": "response.output_item.added", "output_index": 0, "item": call_of(wire, "")},
                *(piece_of | {"delta": piece} for piece in pieces),
                {"type": "response.output_item.done", "output_index": 0, "item": call_of(wire, last)},
                {"type": "response.completed", "response": {"status": "completed", "output": []}},
            ]
    return b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in events) + b"data: [DONE]\n\n"


def called(entry: str, answer: dict[str, Any]) -> object:
    """The arguments as a client reads them."""
    if entry == "messages":
        return answer["content"][0]["input"]
    if entry == "chat":
        return json.loads(answer["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"])
    return json.loads(answer["output"][0]["arguments"])


def streamed(entry: str, sent: bytes) -> str:
    """The same of a stream: what its deltas add up to."""
    found = ""
    for line in sent.split(b"\n"):
        if line.startswith(b"data: {"):
            event = json.loads(line[6:])
            delta = event.get("delta") or {}
            choices = event.get("choices") or ()
            parts = [part for choice in choices for part in choice["delta"].get("tool_calls", ())]
            found += "".join(part["function"]["arguments"] for part in parts)
            found += delta if isinstance(delta, str) else delta.get("partial_json", "")
    return found


@pytest.mark.parametrize(("upstream", "entry"), [*product(WIRES, WIRES)])
@pytest.mark.parametrize("arguments", NOTHING.values(), ids=NOTHING)
def test_no_arguments_are_an_empty_object(upstream: str, entry: str, arguments: object) -> None:
    answer = WIRES[upstream].decode_response(whole(upstream, arguments), {})
    assert called(entry, json.loads(WIRES[entry].encode_response(answer, context(entry)))) == {}
    decoder = WIRES[upstream].stream_decoder({})
    events = [*decoder.feed(stream(upstream, arguments, last=arguments)), *decoder.close()]
    sent = WIRES[entry].stream_encoder(context(entry)).encode(events)
    GRAMMARS[entry](sent)
    assert streamed(entry, sent) in (("", "{}") if entry == "messages" else ("{}",))
    assert called(entry, json.loads(WIRES[entry].encode_response(collect(events), context(entry)))) == {}


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    ("pieces", "arguments"),
    [
        (("{}", '{"a":1}'), '{"a":1}'),
        (("null", '{"a"', ":1}"), '{"a":1}'),
        (("  ", '{"a":', " ", "1}"), '{"a": 1}'),
        (("{", '"a":{}', "}"), '{"a":{}}'),
        (("{", "}"), "{}"),
    ],
)
def test_real_arguments_take_the_place_of_what_says_nothing(wire: str, pieces: tuple[str, ...], arguments: str) -> None:
    for last in ("", arguments):
        decoder = WIRES[wire].stream_decoder({})
        answer = collect([*decoder.feed(stream(wire, *pieces, last=last)), *decoder.close()])
        assert answer.content[0].arguments == arguments  # type: ignore[union-attr]


def test_responses_say_the_real_ones_with_the_item() -> None:
    decoder = WIRES["responses"].stream_decoder({})
    answer = collect(decoder.feed(stream("responses", "{}", last='{"a":1}')))
    assert answer.content[0].arguments == '{"a":1}'  # type: ignore[union-attr]


@pytest.mark.parametrize(("written", "read"), [('"{\\"a\\":1}"', '{"a":1}'), ('"x"', '"x"'), ("[1]", "[1]")])
def test_a_messages_server_may_write_the_input_as_text(written: str, read: str) -> None:
    body = whole("messages", "HERE").replace(b'"HERE"', written.encode())
    assert WIRES["messages"].decode_response(body, {}).content[0].arguments == read  # type: ignore[union-attr]


def test_nothing_but_what_says_nothing_is_held_back() -> None:
    for pieces, flows in ((("{",), ["{"]), (("n",), ["n"]), (("{}", "x"), ["", "{}x"]), (("[]",), ["[]"])):
        start = ArgumentStart()
        assert [start.add(piece) for piece in pieces] == flows
        assert start.rest() == ""
    assert [stand_in(text) for text in ("", " ", "null", "{}", "nul", '{"a":1}')] == [
        "",
        "{}",
        "{}",
        "{}",
        "nul",
        '{"a":1}',
    ]
