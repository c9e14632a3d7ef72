"""Claude Code takes a call whose id it has seen before for answered, and asks without end."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from daemon.inference.blocks import Text, ToolCall, ToolResult
from daemon.inference.collect import collect, replay
from daemon.inference.request import Message
from daemon.inference.response import FinishReason, Response
from daemon.wires.base import AnswerContext, EncodeOptions
from daemon.wires.call_ids import CallIds, counted
from daemon.wires.table import WIRES
from tests.wires.world import context, per_wire

ANSWER = "ab" * 12


def asked(*ids: str, wire: str = "chat") -> AnswerContext:
    """A conversation that holds calls of these ids, each answered."""
    messages: list[Message] = [Message("user", (Text("go"),))]
    for id_ in ids:
        messages.append(Message("assistant", (ToolCall(id=id_, name="Bash", arguments="{}"),)))
        messages.append(Message("user", (ToolResult(call_id=id_),)))
    base = context(wire)
    return replace(base, request=replace(base.request, messages=tuple(messages)))


@pytest.mark.parametrize(
    ("history", "upstream", "expected"),
    [
        ((), ["Bash:0"], ["Bash:0"]),
        (("Bash:0",), ["Bash:0"], ["Bash:1"]),
        (("functions.Bash:0",), ["functions.Bash:0"], ["functions.Bash:1"]),
        (("functions.Bash:0", "functions.Read:1"), ["functions.Bash:0"], ["functions.Bash:2"]),
        (("functions.Bash:0", "functions.Bash:1"), ["functions.Bash:2"], ["functions.Bash:2"]),
        (("Bash_0",), ["Bash_0", "Bash_1"], ["Bash_1", "Bash_2"]),
        (("call_0",), ["call_0", "call_1"], [f"call_{ANSWER}_0", "call_1"]),
        (("x",), ["x", "x"], [f"call_{ANSWER}_0", f"call_{ANSWER}_1"]),
        ((), ["x", "x"], ["x", f"call_{ANSWER}_1"]),
        ((), [None, ""], [f"call_{ANSWER}_0", f"call_{ANSWER}_1"]),
        ((f"call_{ANSWER}_0",), [None], [f"call_{ANSWER}_0_2"]),
        (("9" * 40,), ["9" * 40], [f"call_{ANSWER}_0"]),
    ],
)
def test_ids_are_unlike_those_of_the_conversation(
    history: tuple[str, ...], upstream: list[str | None], expected: list[str]
) -> None:
    ids = CallIds(asked(*history))
    assert [ids.take(id_, "Bash") for id_ in upstream] == expected


@pytest.mark.parametrize(
    ("identifier", "name", "expected"),
    [
        ("functions_Bash_0", "Bash", "functions.Bash:0"),
        ("functions_mcp__a__b_12", "mcp__a__b", "functions.mcp__a__b:12"),
        ("functions_a_b_1", "a.b", "functions.a.b:1"),
        ("functions_Bash_0", "Read", "functions_Bash_0"),
        ("functions_Bash_", "Bash", "functions_Bash_"),
        ("Bash_0", "Bash", "Bash_0"),
    ],
)
def test_an_id_of_kimis_is_written_as_kimi_does(identifier: str, name: str, expected: str) -> None:
    assert counted(identifier, name) == expected


def ids_in(answer: Any) -> list[str]:
    """All that a call is named by in the JSON of an answer, on any wire."""
    if isinstance(answer, list):
        return [id_ for each in answer for id_ in ids_in(each)]
    if not isinstance(answer, dict):
        return []
    inside = [id_ for value in answer.values() for id_ in ids_in(value)]
    if answer.get("type") in ("tool_use", "function"):
        return [answer["id"], *inside]
    return [answer["call_id"], *inside] if answer.get("type") == "function_call" else inside


@per_wire
@pytest.mark.parametrize("upstream", ["Bash_0", "call_0", ""])
def test_every_entry_gives_the_same_fresh_ids_streamed_and_whole(name: str, upstream: str) -> None:
    wire, about = WIRES[name], asked("Bash_0", "call_0", wire=name)
    calls = tuple(ToolCall(id=upstream, name="Bash", arguments='{"n":1}') for _ in range(2))
    answer = Response(id="", model="m", content=calls, finish=FinishReason.TOOL_CALLS)
    whole = json.loads(wire.encode_response(answer, about))
    made = ids_in(whole.get("choices") or whole.get("content") or whole.get("output"))
    streamed = collect(wire.stream_decoder({}).feed(wire.stream_encoder(about).encode(list(replay(answer)))))
    assert made == [block.id for block in streamed.content if isinstance(block, ToolCall)]
    assert len(set(made)) == 2 and not {"Bash_0", "call_0", ""} & set(made)


@pytest.mark.parametrize(
    ("upstream", "body"),
    [
        ("chat", {"choices": [{"message": {"tool_calls": [{"function": {"name": "f"}}]}, "finish_reason": "stop"}]}),
        ("responses", {"output": [{"type": "function_call", "name": "f", "arguments": "{}"}], "status": "completed"}),
        ("messages", {"type": "message", "content": [{"type": "tool_use", "id": "", "name": "f", "input": {}}]}),
    ],
)
@per_wire
def test_a_call_without_an_id_gets_one_that_no_other_answer_has(name: str, upstream: str, body: dict[str, Any]) -> None:
    answer = WIRES[upstream].decode_response(json.dumps(body).encode(), {})
    whole = json.loads(WIRES[name].encode_response(answer, asked(wire=name)))
    (made,) = ids_in(whole.get("choices") or whole.get("content") or whole.get("output"))
    assert ANSWER in made


def test_the_history_of_a_messages_client_goes_up_in_kimis_spelling() -> None:
    request = asked("functions_Bash_0", "functions_Bash_1", wire="messages").request
    sent = json.loads(WIRES["chat"].encode_request(request, EncodeOptions(model="kimi-k3")).body)["messages"]
    assert [m["tool_calls"][0]["id"] for m in sent if "tool_calls" in m] == ["functions.Bash:0", "functions.Bash:1"]
    assert [m["tool_call_id"] for m in sent if m["role"] == "tool"] == ["functions.Bash:0", "functions.Bash:1"]
