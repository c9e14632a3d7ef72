"""Whatever an upstream sends, odd chunks or plain noise: an answer by the rules, or an error, and never a crash."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.errors import GatewayError
from daemon.inference.events import Event, StreamError
from daemon.wires.base import Wire
from daemon.wires.table import WIRES
from tests.wires.world import GRAMMARS, check_invariants, context, per_wire, words

noise = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-2, 3), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["index", "id", "name", "type", "function", "arguments", "text"]), inner, max_size=4
        ),
    ),
    max_leaves=6,
)
fragments = st.fixed_dictionaries(
    {},
    optional={
        "index": st.one_of(st.none(), st.integers(-1, 2)),
        "id": st.sampled_from([None, "", "a", "b"]),
        "type": st.sampled_from(["function", "custom"]),
        "function": st.fixed_dictionaries(
            {},
            optional={
                "name": st.sampled_from(["f", "g", "", None]),
                "arguments": st.sampled_from(["", "{}", "{", "}"]),
            },
        ),
        "custom": st.fixed_dictionaries({}, optional={"name": st.just("p"), "input": st.text(max_size=3)}),
    },
)
deltas = st.fixed_dictionaries(
    {},
    optional={
        "content": st.one_of(
            st.none(), st.text(max_size=3), st.lists(st.fixed_dictionaries({"text": words}), max_size=2)
        ),
        "refusal": st.sampled_from([None, "", "no"]),
        "reasoning_content": st.sampled_from([None, "", "hm"]),
        "reasoning": st.sampled_from([None, "", "hm", {}]),
        "tool_calls": st.lists(fragments, max_size=2),
        "function_call": st.sampled_from([None, {"name": "f"}, {"arguments": "{}"}]),
        "annotations": st.just([{"type": "url_citation", "url_citation": {"url": "u"}}]),
        "images": st.just([{"type": "image_url"}]),
    },
)
ENDS = (None, None, None, None, "stop", "length", "tool_calls", "content_filter", "error")


def chat_chunk(delta: object, finish: str | None) -> dict[str, object]:
    return {"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


chunks = st.one_of(
    st.builds(chat_chunk, deltas, st.sampled_from(ENDS)),
    st.builds(chat_chunk, noise, st.none()),
    st.fixed_dictionaries({"choices": noise, "usage": noise}),
    noise,
)


@per_wire
@settings(max_examples=100)
@given(st.lists(chunks, max_size=8), st.integers(1, 200), st.booleans())
def test_any_chunks_keep_the_hubs_invariants_and_every_grammar(
    name: str, sent: list[object], size: int, done: bool
) -> None:
    stream = b"".join(b"data: %b\n\n" % json.dumps(each).encode() for each in sent) + (
        b"data: [DONE]\n\n" if done else b""
    )
    decoder, encoder = WIRES["chat"].stream_decoder({}), WIRES[name].stream_encoder(context(name))
    events: list[Event] = []
    shown = b""
    for at in range(0, len(stream), size):
        now = decoder.feed(stream[at : at + size])
        events += now
        shown += encoder.encode(now)
    now = decoder.close()
    check_invariants([*events, *now])
    GRAMMARS[name](shown + encoder.encode(now))


@per_wire
@settings(max_examples=50)
@given(st.lists(st.binary(max_size=60), max_size=5))
def test_random_bytes_end_in_an_error(name: str, pieces: list[bytes]) -> None:
    wire = WIRES[name]
    decoder = wire.stream_decoder({})
    events = [event for piece in pieces for event in decoder.feed(piece)] + decoder.close()
    assert isinstance(events[-1], StreamError)
    check_invariants(events)
    body = b"".join(pieces)
    assert isinstance(wire.decode_error(500, {}, body), GatewayError)
    refused(wire, lambda: wire.decode_response(body, {}))
    refused(wire, lambda: wire.decode_request(body, {}))


BROKEN = {
    "bytes that are no UTF-8": b'{"type":"\xff","choices":"\xff"}',
    "nesting without end": b"[" * 100_000,
    "nesting inside": b'{"type":"response.completed","response":{"x":' + b"[" * 100_000,
}


@per_wire
@pytest.mark.parametrize("payload", BROKEN.values(), ids=BROKEN)
def test_what_breaks_a_json_reader_is_an_error(name: str, payload: bytes) -> None:
    wire = WIRES[name]
    decoder = wire.stream_decoder({})
    events = decoder.feed(b"data: %b\n\n" % payload) + decoder.close()
    assert isinstance(events[-1], StreamError)
    assert isinstance(wire.decode_error(500, {}, payload), GatewayError)
    refused(wire, lambda: wire.decode_response(payload, {}))
    refused(wire, lambda: wire.decode_request(payload, {}))


def refused(wire: Wire, read: Callable[[], object]) -> None:
    with pytest.raises(GatewayError) as caught:
        read()
    status, _, body = wire.encode_error(caught.value, "req_1")
    assert status >= 400 and json.loads(body)["error"]["message"]
