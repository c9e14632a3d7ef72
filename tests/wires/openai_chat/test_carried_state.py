"""What a Chat server wants back goes back to it as it came, whatever client has carried it in between."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from daemon.inference.blocks import Block, Reasoning, ToolCall
from daemon.inference.response import Response
from daemon.wires.anthropic_messages import WIRE as MESSAGES
from daemon.wires.base import EncodeOptions, Wire
from daemon.wires.openai_chat import WIRE
from daemon.wires.openai_chat.carried_state import CarriedState
from daemon.wires.openai_responses import WIRE as RESPONSES
from tests.wires.anthropic_messages.world import context as messages_context
from tests.wires.openai_chat.world import DONE, LLAMA, answer_of, ask, call_chunk, chunk, encoded, fragment, turn

Json = dict[str, Any]

END = chunk(finish="tool_calls") + DONE
LONG = "Let me think about it."


def google(signature: str) -> Json:
    return {"google": {"thought_signature": signature}}


def look(number: int = 0, **fields: Any) -> Json:
    function = {"name": "look", "arguments": '{"at":1}'}
    return {"index": number, "id": f"c{number}", "type": "function", "function": function, **fields}


def said(text: str, **fields: Any) -> Json:
    return {"type": "reasoning.text", "text": text, "index": 0, **fields}


SECRET = {"type": "reasoning.encrypted", "data": "d1", "id": "rs_1", "format": "f", "index": 1}
CALL = {"tool_calls": [look()]}
CASES: dict[str, tuple[list[Json], str, Json, list[Json]]] = {
    # name: the deltas, what is shown, what the message has when it goes back, and what its calls have
    "Gemini's call": ([{"tool_calls": [look(extra_content=google("s"))]}], "", {}, [{"extra_content": google("s")}]),
    "the first of two has it": (
        [{"tool_calls": [look(extra_content=google("s")), look(1)]}],
        "",
        {},
        [{"extra_content": google("s")}, {}],
    ),
    "each has one": (
        [{"tool_calls": [look(extra_content=google("s"))]}, {"tool_calls": [look(1, extra_content=google("t"))]}],
        "",
        {},
        [{"extra_content": google("s")}, {"extra_content": google("t")}],
    ),
    "a signature that comes behind its call": (
        [CALL, {"tool_calls": [{"index": 0, "extra_content": google("s")}]}],
        "",
        {},
        [{"extra_content": google("s")}],
    ),
    "Gemini's message": ([{"extra_content": google("s")}, CALL], "", {"extra_content": google("s")}, [{}]),
    "behind the text": (
        [{"content": "hi"}, {"extra_content": google("s")}, CALL],
        "",
        {"extra_content": google("s")},
        [{}],
    ),
    "a part of the content": (
        [{"content": [{"type": "text", "text": "hi", "extra_content": google("s")}]}, CALL],
        "",
        {"extra_content": google("s")},
        [{}],
    ),
    "LiteLLM's call": (
        [{"tool_calls": [look(provider_specific_fields={"thought_signature": "s"})]}],
        "",
        {},
        [{"provider_specific_fields": {"thought_signature": "s"}}],
    ),
    "what is no signature is not asked for": (
        [{"tool_calls": [look(extra_content={"google": {"thought": True}})], "extra_content": {"a": 1}}],
        "",
        {},
        [{}],
    ),
    "text": ([{"reasoning_content": "h"}, {"reasoning_content": "m"}, CALL], "hm", {"reasoning_content": "hm"}, [{}]),
    "text under another name": ([{"thinking": "hm"}, CALL], "hm", {"thinking": "hm"}, [{}]),
    "Copilot": (
        [{"reasoning_text": "hm"}, {"reasoning_opaque": "o"}, CALL],
        "hm",
        {"reasoning_text": "hm", "reasoning_opaque": "o"},
        [{}],
    ),
    "Copilot's token behind the text": (
        [{"reasoning_text": "hm"}, {"content": "hi"}, {"reasoning_opaque": "o"}, CALL],
        "hm",
        {"reasoning_text": "hm", "reasoning_opaque": "o"},
        [{}],
    ),
    "Copilot's token beside the call": (
        [{"reasoning_text": "hm"}, CALL | {"reasoning_opaque": "o"}],
        "hm",
        {"reasoning_text": "hm", "reasoning_opaque": "o"},
        [{}],
    ),
    "OpenRouter": (
        [
            {"reasoning": "h", "reasoning_details": [said("h")]},
            {"reasoning": "m", "reasoning_details": [said("m")]},
            {"reasoning_details": [said("", signature="s")]},
            {"reasoning_details": [SECRET]},
            CALL,
        ],
        "hm",
        {"reasoning": "hm", "reasoning_details": [said("hm", signature="s"), SECRET]},
        [{}],
    ),
    "details alone": (
        [{"reasoning_details": [said("h")]}, {"reasoning_details": [said("m"), SECRET]}, CALL],
        "hm",
        {"reasoning_details": [said("hm"), SECRET]},
        [{}],
    ),
    "only encrypted": ([{"reasoning_details": [SECRET]}, CALL], "", {"reasoning_details": [SECRET]}, [{}]),
    "a signature of details behind the text": (
        [
            {"reasoning_details": [said("hm")]},
            {"content": "hi"},
            {"reasoning_details": [said("", signature="s")]},
            CALL,
        ],
        "hm",
        {"reasoning_details": [said("hm", signature="s")]},
        [{}],
    ),
    "MiniMax says its text from the beginning": (
        [{"reasoning_details": [said(LONG)]}, {"reasoning_details": [said(LONG + " So")]}, CALL],
        LONG + " So",
        {"reasoning_details": [said(LONG + " So")]},
        [{}],
    ),
    "two pieces of one event are two": (
        [{"reasoning_details": [said("a", index=None), said("b", index=None)]}, CALL],
        "ab",
        {"reasoning_details": [said("a", index=None), said("b", index=None)]},
        [{}],
    ),
    "LiteLLM's blocks": (
        [
            {"reasoning_content": "hm", "thinking_blocks": [{"type": "thinking", "thinking": "hm"}]},
            {"thinking_blocks": [{"type": "thinking", "thinking": "", "signature": "s"}]},
            CALL,
        ],
        "hm",
        {"reasoning_content": "hm", "thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "s"}]},
        [{}],
    ),
    "an object": (
        [{"reasoning": {"content": "h"}}, {"reasoning": {"content": "m", "signature": "s"}}, CALL],
        "hm",
        {"reasoning": {"content": "hm", "signature": "s"}},
        [{}],
    ),
    "an object that is no thinking": ([{"reasoning": {"effort": "low"}}, CALL], "", {}, [{}]),
}
FIELDS = ("reasoning_content", "reasoning", "reasoning_text", "thinking", "reasoning_details", "thinking_blocks")
OPAQUE = ("reasoning_opaque", "extra_content")


def streamed(deltas: list[Json]) -> Response:
    return answer_of(*map(chunk, deltas), END)


def whole(message: Json) -> Response:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "tool_calls"}
    return WIRE.decode_response(json.dumps({"id": "c", "model": "m", "choices": [choice]}).encode(), {})


def sent_back(content: tuple[Block, ...]) -> tuple[Json, list[Json]]:
    """(what the message has beside its text, what its calls have beside theirs)."""
    results = [
        {"type": "tool_result", "tool_use_id": block.id, "content": "a"} for block in content if type(block) is ToolCall
    ]
    body = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": results}]}
    answered = MESSAGES.decode_request(json.dumps(body).encode(), {}).messages
    messages = encoded(ask(turn("user", "hi"), turn("assistant", *content), *answered), LLAMA)["messages"]
    message = next(each for each in messages if each["role"] == "assistant")
    calls = [
        {name: value for name, value in call.items() if name not in ("id", "type", "function")}
        for call in message["tool_calls"]
    ]
    return {name: message[name] for name in (*FIELDS, *OPAQUE) if name in message}, calls


def shown(content: tuple[Block, ...]) -> str:
    return "".join(block.text for block in content if type(block) is Reasoning)


@pytest.mark.parametrize(("deltas", "text", "message", "calls"), CASES.values(), ids=CASES)
def test_it_goes_back_as_it_came(deltas: list[Json], text: str, message: Json, calls: list[Json]) -> None:
    content = streamed(deltas).content
    assert (shown(content), sent_back(content)) == (text, (message, calls))


@pytest.mark.parametrize(("message", "calls"), [case[2:] for case in CASES.values()], ids=CASES)
def test_so_it_does_of_a_whole_answer(message: Json, calls: list[Json]) -> None:
    came = message | {"tool_calls": [look(number, **fields) for number, fields in enumerate(calls)]}
    assert sent_back(whole(came).content) == (message, calls)


@pytest.mark.parametrize("thinking", [None, False, True], ids=["nothing said", "off", "on"])
@pytest.mark.parametrize(("deltas", "text", "message", "calls"), CASES.values(), ids=CASES)
def test_a_messages_client_carries_it(
    deltas: list[Json], text: str, message: Json, calls: list[Json], thinking: bool | None
) -> None:
    context = messages_context(thinking=thinking)
    answer = json.loads(MESSAGES.encode_response(streamed(deltas), context))["content"]
    assert (answer[0]["type"] in ("text", "tool_use")) or thinking
    assert sent_back(came_back(MESSAGES, "messages", [{"role": "assistant", "content": answer}])) == (message, calls)


@pytest.mark.parametrize(("deltas", "text", "message", "calls"), CASES.values(), ids=CASES)
def test_a_responses_client_carries_it(deltas: list[Json], text: str, message: Json, calls: list[Json]) -> None:
    context = replace(messages_context(), request=ask(wire="responses"))
    answer = json.loads(RESPONSES.encode_response(streamed(deltas), context))["output"]
    assert sent_back(came_back(RESPONSES, "input", answer)) == (message, calls)


def came_back(wire: Wire, field: str, history: list[Json]) -> tuple[Block, ...]:
    body: Json = {"model": "m", "max_tokens": 5, field: history}
    messages = wire.decode_request(json.dumps(body).encode(), {}).messages
    return next(message.content for message in messages if message.role == "assistant")


def test_what_it_refuses_stays_here_and_is_reported() -> None:
    content = streamed(CASES["OpenRouter"][0]).content
    options = EncodeOptions(model="llama", store=None, unsupported=frozenset({"reasoning_details"}))
    body = WIRE.encode_request(ask(turn("assistant", *content)), options)
    assert "messages[0].reasoning_details" in body.lost and b"reasoning_details" not in body.body


@pytest.mark.parametrize(
    "signature", ["{", "{}", '{"field":3}', '{"message":{"content":"x","role":"system"}}', "gAAAA"]
)
def test_a_signature_of_another_kind_changes_nothing(signature: str) -> None:
    content = Reasoning(parts=("hm",), signature=signature)
    assert encoded(ask(turn("assistant", content, "hi")), LLAMA)["messages"] == [{"role": "assistant", "content": "hi"}]


@pytest.mark.parametrize(
    "message", [{"reasoning_details": [1, "x"]}, {"reasoning_details": "x"}, {"thinking": [[]], "role": "user"}]
)
def test_a_signature_that_somebody_has_written_breaks_nothing(message: Json) -> None:
    """A client knows its tag: what it writes itself goes up in the fields of thinking alone."""
    block = Reasoning(signature=CarriedState(message=message).signature(), redacted=True)
    (sent,) = encoded(ask(turn("assistant", block, block, "hi")), LLAMA)["messages"]
    assert (sent["role"], sent["content"]) == ("assistant", "hi")


def test_a_signature_deep_inside_is_not_looked_for() -> None:
    deep: Json = google("s")
    for _ in range(900):
        deep = {"a": deep}
    assert sent_back(whole({"tool_calls": [look(extra_content=deep)]}).content) == ({}, [{}])


def test_of_answers_that_are_one_message_the_text_is_one_and_the_last_token_counts() -> None:
    first = streamed([{"reasoning_text": "a", "content": "x"}, {"reasoning_opaque": "o"}]).content
    second = streamed([{"reasoning_text": "b"}, {"reasoning_opaque": "p"}, {"content": "y"}]).content
    message = encoded(ask(turn("assistant", *first), turn("assistant", *second)), LLAMA)["messages"][0]
    assert message == {
        "role": "assistant",
        "content": "x\n\ny",
        "reasoning_text": "a\n\nb",
        "reasoning_opaque": "p",
    }


def test_the_order_of_blocks_is_that_of_the_calls_whatever_their_fragments_do() -> None:
    """A carrier stands before its call, also where the fragments of two interleave."""
    pieces = (
        fragment("{", "look", index=0, id="a", extra_content=google("s")),
        fragment("{", "look", index=1, id="b", extra_content=google("t")),
        fragment("}", index=0),
        fragment("}", index=1),
    )
    kinds = [type(block) for block in answer_of(*map(call_chunk, pieces), END).content]
    assert kinds == [Reasoning, ToolCall, Reasoning, ToolCall]
