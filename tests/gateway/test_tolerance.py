"""What nobody needs never ends an answer: odd events at each place, odd fields in each event, on all wires, both ways.

The same answer comes as without them, translated and passed through, to a client that streams and to one that does not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.inference.blocks import Reasoning, Text, ToolCall
from daemon.inference.collect import collect
from daemon.inference.response import Response
from daemon.wires.base import StreamDecoder
from daemon.wires.table import WIRES as BY_NAME
from tests.gateway.test_passthrough import WIRES, new_pipe, recorded, whole

ID = "1" * 32

UNREADABLE = (
    b"data:\n\n",
    b"data\n\n",
    b'data: ""\n\n',
    b"data: null\n\n",
    b"data: 123\n\n",
    b"data: []\n\n",
    b'data: [{"a":1}]\n\n',
    b"data: ping\n\n",
    b"data: [HEARTBEAT]\n\n",
    b"data: {oops\n\n",
    b"event: keepalive\ndata: still here\n\n",
    b"event: ping\ndata: [[[[{}]]]]\n\n",
    b"data: " + b'{"a":' * 5_000 + b"\n\n",
)
FOREIGN = (
    b"data: {}\n\n",
    b'data: {"type":5}\n\n',
    b'data: {"type":["ping"]}\n\n',
    b'event: keepalive\ndata: {"type":"keepalive"}\n\n',
    b'event: x.y\ndata: {"type":"x.y","a":[{"b":1}]}\n\n',
    b'data: {"status":"processing","heartbeat":true}\n\n',
    b'data: {"code":0,"msg":"ok"}\n\n',
    b'data: {"error":null}\n\n',
    b'data: {"base_resp":{"status_code":0,"status_msg":""}}\n\n',
)
SILENT = (b": OPENROUTER PROCESSING\n\n", b"event: ping\n\n", b"retry: 5\n\n", b"id: 1\n\n", b"\n\n")
PING = b'event: ping\ndata: {"type":"ping"}\n\n'


def facts(answer: Response) -> tuple[object, ...]:
    """What the answer says and does; ids and counts may be odd."""
    said = "".join(block.text for block in answer.content if isinstance(block, Text))
    thought = "".join(text for block in answer.content if isinstance(block, Reasoning) for text in block.parts)
    calls = [(block.name, json.loads(block.arguments)) for block in answer.content if isinstance(block, ToolCall)]
    return said, thought, calls, answer.finish


def decoded(make: Callable[[dict[str, str]], StreamDecoder], stream: bytes) -> tuple[object, ...]:
    decoder = make({})
    return facts(collect([*decoder.feed(stream), *decoder.close()]))


def passed(wire: str, stream: bytes, *, streamed: bool) -> tuple[object, ...]:
    pipe = new_pipe(wire, stream=streamed)
    pipe.feed(stream)
    pipe.end_of_body()
    if streamed:
        return decoded(BY_NAME[wire].stream_decoder, pipe.take())
    return facts(BY_NAME[wire].decode_response(pipe.whole(), {}))


def readings(name: str, stream: bytes) -> Iterator[tuple[object, ...]]:
    """All that a client may get of it."""
    wire = BY_NAME[name]
    yield decoded(wire.stream_decoder, stream)
    if wire.collected_decoder is not None:
        yield decoded(wire.collected_decoder, stream)
    yield passed(name, stream, streamed=True)
    yield passed(name, stream, streamed=False)


@pytest.mark.parametrize("odd", [*UNREADABLE, *FOREIGN, *SILENT, PING], ids=lambda odd: repr(odd[:32]))
@pytest.mark.parametrize("wire", WIRES)
def test_an_odd_event_at_any_place_changes_nothing(wire: str, odd: bytes) -> None:
    events = recorded(wire, ID)
    (plain,) = set(map(repr, readings(wire, b"".join(events))))
    for place in range(len(events) + 1):
        stream = b"".join([*events[:place], odd, *events[place:]])
        assert set(map(repr, readings(wire, stream))) == {plain}, place


@pytest.mark.parametrize("wire", WIRES)
def test_what_cannot_be_read_is_counted_and_is_no_sign_of_life(wire: str) -> None:
    """By each of the two pipes, and the decoder of answers that are wanted whole."""
    odd = UNREADABLE + FOREIGN[:1]
    pipe = new_pipe(wire)
    decoder = BY_NAME[wire].stream_decoder({})
    pipe.feed(b"".join(odd))
    decoder.feed(b"".join(odd))
    assert (pipe.skipped, decoder.skipped) == (len(odd), len(odd))
    pipe.feed(b"".join(SILENT) + PING)
    decoder.feed(b"".join(SILENT) + PING)
    assert (pipe.heard, decoder.heard) == (0, 0)
    pipe.feed(whole(wire))
    decoder.feed(whole(wire))
    assert min(pipe.heard, decoder.heard) >= 3


@pytest.mark.parametrize("behind", [b"event: done\ndata: [DONE]\n\n", b"event: keepalive\ndata: x\n\n"])
def test_an_answer_wanted_whole_ends_though_a_relays_own_event_comes_with_its_last(behind: bytes) -> None:
    make = BY_NAME["responses"].collected_decoder
    assert make is not None
    decoder = make({})
    events = decoder.feed(b"".join(recorded("responses", ID)) + behind)
    assert facts(collect(events)) == decoded(make, b"".join(recorded("responses", ID)))


DECORATION = frozenset(
    (
        *("id", "object", "created", "created_at", "model", "service_tier", "system_fingerprint", "role", "status"),
        *("refusal", "annotations", "images", "index", "logprobs", "usage", "sequence_number", "item_id"),
        *("content_index", "output_index", "stop_sequence", "stop_details", "incomplete_details", "citations"),
        *("obfuscation", "metadata", "reasoning", "text", "tools", "prompt_tokens_details", "output_tokens_details"),
        *("cached_tokens", "total_tokens", "input_tokens", "prompt_tokens", "completion_tokens", "output_tokens"),
        *("call_id", "container", "context_management", "summary_index", "cache_creation"),
    )
)
ADDED: dict[str, Any] = {"id": "x", "service_tier": "x", "usage": {}, "annotations": [], "logprobs": {}, "error": None}
"""Fields that are put beside those that stand in an event."""
ODD: tuple[object, ...] = (5, 1.5, True, "odd", None, [], {}, [1], [[]], {"a": [{"b": None}]}, 2**70, -1)
Path = tuple[str | int, ...]


def places(value: object, at: Path = ()) -> Iterator[Path]:
    """Where fields stand that only decorate. What a delta, a part or an item of the conversation says is none."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in DECORATION and not (name == "text" and isinstance(inner, str)):
                yield (*at, name)
            yield from places(inner, (*at, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from places(inner, (*at, number))


def with_odd(value: Any, place: Path, odd: object) -> Any:
    if not place:
        return odd
    copied: Any = list(value) if isinstance(value, list) else dict(value)
    copied[place[0]] = with_odd(copied[place[0]], place[1:], odd)
    return copied


def kind_of(value: object) -> object:
    return float if isinstance(value, int) and not isinstance(value, bool) else type(value)


@st.composite
def odd_streams(draw: st.DrawFn, wire: str) -> bytes:
    """A recorded stream in which one field of one event is of another type than the API's."""
    events = recorded(wire, ID)
    number = draw(st.integers(0, len(events) - 1))
    lead, found, data = events[number].partition(b"data: ")
    if b"[DONE]" in data or not found:
        return b"".join(events)
    event = json.loads(data)
    event = {name: value for name, value in ADDED.items() if draw(st.booleans())} | event
    place = draw(st.sampled_from(list(places(event)) or [()]))
    old: Any = event
    for step in place:
        old = old[step]
    odd = draw(st.sampled_from([value for value in ODD if kind_of(value) is not kind_of(old)]))
    if place:
        event = with_odd(event, place, odd)
    return b"".join([*events[:number], lead, b"data: ", json.dumps(event).encode(), b"\n\n", *events[number + 1 :]])


@pytest.mark.parametrize("wire", WIRES)
@settings(max_examples=150)
@given(st.data())
def test_a_field_of_a_wrong_type_counts_as_not_sent(wire: str, data: st.DataObject) -> None:
    stream = data.draw(odd_streams(wire))
    (plain,) = set(map(repr, readings(wire, b"".join(recorded(wire, ID)))))
    assert set(map(repr, readings(wire, stream))) == {plain}
