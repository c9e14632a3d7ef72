"""Random requests and answers: through one wire and back they are the same, and every pair of wires composes.

What a wire cannot say is left out of what is made for it: Chat has one order of content, Messages no
refusals, Responses no reasoning without a signature. What the wires say otherwise is made the same
before it is compared (``plain``).
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw
from msgspec.structs import replace

from daemon.inference.blocks import Block, Image, ModelRefusal, Reasoning, Text, ToolCall, ToolResult
from daemon.inference.collect import collect, replay
from daemon.inference.request import Message, OutputFormat, Request, Tool, ToolChoice
from daemon.inference.response import FinishReason, Response, Usage
from daemon.wires.base import EncodeOptions
from daemon.wires.table import WIRES
from tests.wires.world import GRAMMARS, context, per_wire, words

names = st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True)
arguments = st.dictionaries(names, st.one_of(st.integers(-9, 9), words, st.none()), max_size=2).map(
    lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":"))
)
usages = st.builds(
    Usage,
    input_tokens=st.integers(50, 99),
    output_tokens=st.integers(0, 99),
    cached_tokens=st.integers(0, 40),
    reasoning_tokens=st.integers(0, 9),
)


# --- answers ---


@st.composite
def calls(draw: st.DrawFn, most: int = 3) -> list[ToolCall]:
    count = draw(st.integers(0, most))
    return [ToolCall(id=f"call_{number}", name=draw(names), arguments=draw(arguments)) for number in range(count)]


def thoughts(name: str) -> st.SearchStrategy[Reasoning]:
    signature = st.just("reasoning_content") if name == "chat" else words
    return st.builds(Reasoning, parts=st.tuples(words), signature=signature)


@st.composite
def answers(draw: st.DrawFn, name: str) -> Response:
    made: list[ToolCall] = draw(calls())
    if name == "chat":
        parts: list[st.SearchStrategy[Any]] = [thoughts(name), st.builds(Text, words), st.builds(ModelRefusal, words)]
        content: list[Block] = [draw(part) for part in parts if draw(st.booleans())]
    else:
        kinds: list[st.SearchStrategy[Block]] = [thoughts(name), st.builds(Text, words)]
        kinds += [st.builds(ModelRefusal, words)] if name == "responses" else []
        content = list(draw(st.lists(st.one_of(kinds), max_size=3)))
    refused = any(isinstance(block, ModelRefusal) for block in content)
    ends = [FinishReason.LENGTH]
    if name == "responses" and refused and not made:
        ends = [FinishReason.STOP]  # what it says of a refusal depends on who asks
    elif made:
        ends.append(FinishReason.TOOL_CALLS)
    elif not refused:
        ends.append(FinishReason.STOP)
    return Response(
        id="x", model="gpt-5", content=(*content, *made), finish=draw(st.sampled_from(ends)), usage=draw(usages)
    )


def plain(answer: Response) -> object:
    """An answer without what every wire makes anew."""
    content = [
        replace(block, id=None)
        if isinstance(block, Reasoning)
        else replace(block, item_id=None)
        if isinstance(block, ToolCall)
        else block
        for block in answer.content
    ]
    refused = any(isinstance(block, ModelRefusal) for block in content)
    finish = FinishReason.STOP if answer.finish is FinishReason.REFUSAL and refused else answer.finish
    usage = answer.usage
    assert usage is not None
    counts = (usage.input_tokens, usage.output_tokens, usage.cached_tokens or 0, usage.reasoning_tokens or 0)
    return content, finish, counts


@per_wire
@settings(max_examples=50)
@given(st.data())
def test_a_whole_answer_is_the_same_on_the_other_side(name: str, data: st.DataObject) -> None:
    answer = data.draw(answers(name))
    wire = WIRES[name]
    assert plain(wire.decode_response(wire.encode_response(answer, context(name)), {})) == plain(answer)


@per_wire
@settings(max_examples=50)
@given(st.data())
def test_a_streamed_answer_is_the_same_on_the_other_side(name: str, data: st.DataObject) -> None:
    answer = data.draw(answers(name))
    stream = WIRES[name].stream_encoder(context(name)).encode(list(replay(answer)))
    GRAMMARS[name](stream)
    decoder, size = WIRES[name].stream_decoder({}), data.draw(st.integers(1, 99))
    events = [event for at in range(0, len(stream), size) for event in decoder.feed(stream[at : at + size])]
    assert plain(collect([*events, *decoder.close()])) == plain(answer)


@pytest.mark.parametrize("upstream", WIRES)
@per_wire
@settings(max_examples=20)
@given(st.data())
def test_every_pair_carries_texts_and_calls(name: str, upstream: str, data: st.DataObject) -> None:
    """From one wire's answer to another's, as a stream and whole: both say the same, and nothing less."""
    answer = data.draw(answers(upstream))
    source, entry = WIRES[upstream], WIRES[name]
    body = source.encode_response(answer, context(upstream))
    heard = source.decode_response(body, {})
    whole = entry.decode_response(entry.encode_response(heard, context(name)), {})
    stream = entry.stream_encoder(context(name)).encode(list(replay(heard)))
    GRAMMARS[name](stream)
    decoder = entry.stream_decoder({})
    streamed = collect([*decoder.feed(stream), *decoder.close()])
    assert visible(streamed) == visible(whole) == visible(answer)


def visible(answer: Response) -> object:
    """Calls in their order, and all that is said; on Chat and Messages a refusal is text, or apart."""
    made = [
        (block.id, block.name, json.loads(block.arguments)) for block in answer.content if isinstance(block, ToolCall)
    ]
    said = sorted("".join(block.text for block in answer.content if isinstance(block, Text | ModelRefusal)))
    return made, said


# --- requests ---


@st.composite
def conversations(draw: st.DrawFn) -> list[Message]:
    """Rounds of question, calls, results and answer, as every wire can say them."""
    messages: list[Message] = []
    for number in range(draw(st.integers(1, 3))):
        asked: list[Block] = [Text(draw(words))]
        if draw(st.booleans()):
            asked.append(Image(media_type="image/png", data="QUJD"))
        messages.append(Message("user", tuple(asked)))
        made = [replace(call, id=f"call_{number}_{call.id}") for call in draw(calls(2))]
        if made:
            said: list[Block] = [Text(draw(words))] if draw(st.booleans()) else []
            messages.append(Message("assistant", (*said, *made)))
            results = tuple(ToolResult(call_id=call.id, content=(Text(draw(words)),)) for call in made)
            messages.append(Message("user", results))
        messages.append(Message("assistant", (Text(draw(words)),)))
    return [*messages, Message("user", (Text(draw(words)),))]


@st.composite
def requests(draw: st.DrawFn, name: str) -> Request:
    schema = Raw(b'{"type":"object","properties":{}}')
    offered = sorted(draw(st.sets(names, max_size=3)))
    tools = tuple(Tool(name=each, description=draw(words), parameters=schema) for each in offered)
    choices = [None, ToolChoice("auto"), ToolChoice("any"), *(ToolChoice("tool", each) for each in offered)]
    messages, system = draw(conversations()), draw(words)
    leading = {"chat": [Message("system", (Text(system),))], "responses": [Message("developer", (Text(system),))]}
    format_ = OutputFormat(kind="json_schema", name="response", schema=schema)
    return Request(
        wire=name,
        model="gpt-4o",
        messages=(*leading.get(name, ()), *messages),
        system=(Text(system),) if name == "messages" else (),
        tools=tools,
        tool_choice=draw(st.sampled_from(choices)) if tools else None,
        max_tokens=draw(st.integers(16, 999)),
        temperature=draw(st.sampled_from([None, 0.0, 0.5, 1.0])),
        top_p=draw(st.sampled_from([None, 0.5])),
        stop=() if name == "responses" else tuple(draw(st.lists(words, max_size=2))),
        output=draw(st.sampled_from([None, format_])),
        stream=True,
    )


def options(model: str = "gpt-4o") -> EncodeOptions:
    return EncodeOptions(model=model, store=None)


def compared(request: Request) -> dict[str, object]:
    """A request without what a gateway adds for its upstream."""
    output = request.output
    return {
        "messages": request.messages,
        "system": request.system,
        "tools": [
            (tool.name, tool.description, bytes(tool.parameters or b""))
            for tool in request.tools
            if isinstance(tool, Tool)
        ],
        "choice": request.tool_choice,
        "numbers": (request.max_tokens, request.temperature, request.top_p, request.stop),
        "output": output and bytes(output.schema or b""),
    }


@per_wire
@settings(max_examples=50)
@given(st.data())
def test_a_request_is_the_same_on_the_other_side(name: str, data: st.DataObject) -> None:
    request = data.draw(requests(name))
    wire = WIRES[name]
    body = wire.encode_request(request, options())
    again = wire.decode_request(body.body, {})
    assert compared(again) == compared(request) and body.lost == ()
    assert wire.encode_request(again, options()).body == body.body


@pytest.mark.parametrize("upstream", WIRES)
@per_wire
@settings(max_examples=20)
@given(st.data())
def test_every_pair_carries_a_conversation(name: str, upstream: str, data: st.DataObject) -> None:
    """Whatever a client of one wire asks, the other wire says: every text, call, result, tool and image."""
    request = data.draw(requests(name))
    body = WIRES[upstream].encode_request(request, options()).body
    again = WIRES[upstream].decode_request(body, {})
    assert heard(again) == heard(request)
    assert [tool.name for tool in again.tools] == [tool.name for tool in request.tools]
    assert (again.tool_choice, again.max_tokens) == (request.tool_choice, request.max_tokens)


def heard(request: Request) -> list[object]:
    """All that is said, in order, with who says it."""
    all_: list[object] = [("system", text.text) for text in request.system]
    for message in request.messages:
        role = "system" if message.role == "developer" else message.role
        for block in message.content:
            match block:
                case Text():
                    all_.append((role, block.text))
                case ToolCall():
                    all_.append((block.id, block.name, block.arguments))
                case ToolResult():
                    all_.append((block.call_id, block.content))
                case _:
                    all_.append(block)
    return all_
