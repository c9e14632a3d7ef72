"""Signatures go back only to the core auth whose upstream made them."""

from __future__ import annotations

import pytest

from daemon.gateway.reasoning.signatures import Seal, left_out, open_request, seal_events
from daemon.inference.blocks import Reasoning, Text
from daemon.inference.events import BlockDelta, BlockEnd, Event
from daemon.inference.request import Message, Request

FOX = Seal.of("tppc:fox:0123456789ab")
WOLF = Seal.of("tppc:wolf:ba9876543210")


def thinking(signature: str | None) -> Request:
    block = Reasoning(parts=("hm",), signature=signature)
    return Request(wire="messages", model="gpt-5", messages=(Message("assistant", (block, Text("hi"))),))


def opened(seal: Seal | None, signature: str | None) -> str | None:
    """The signature that goes up; None where the block is left out."""
    blocks = open_request(seal, thinking(signature)).messages[0].content
    assert blocks[-1] == Text("hi")
    signatures = [block.signature for block in blocks if isinstance(block, Reasoning)]
    return signatures[0] if signatures else None


def test_what_was_sealed_opens_for_the_same_core_auth() -> None:
    assert opened(FOX, FOX.close("gAAAA-encrypted")) == "gAAAA-encrypted"


@pytest.mark.parametrize("foreign", [WOLF.close("gAAAA"), "gAAAA-unsealed", "ErUB-anthropic", "", None])
def test_what_another_one_made_is_never_sent(foreign: str | None) -> None:
    assert opened(FOX, foreign) is None


def test_events_are_sealed_where_a_signature_is() -> None:
    events: list[Event] = [BlockDelta(0, "x"), BlockEnd(0, signature="gAAAA"), BlockEnd(1)]
    assert seal_events(FOX, events) == [BlockDelta(0, "x"), BlockEnd(0, signature=FOX.close("gAAAA")), BlockEnd(1)]


def test_a_batch_without_signatures_is_returned_as_it_is() -> None:
    events: list[Event] = [BlockDelta(0, "x"), BlockEnd(0)]
    assert seal_events(FOX, events) is events


def test_a_request_without_reasoning_is_returned_as_it_is() -> None:
    request = Request(wire="messages", model="m", messages=(Message("user", (Text("hi"),)),))
    assert open_request(FOX, request) is request


def test_a_new_key_is_a_new_core_auth_and_cannot_open_the_old_seal() -> None:
    rotated = Seal.of("tppc:fox:ffffffffffff")
    assert opened(rotated, FOX.close("gAAAA")) is None


def test_nothing_is_opened_for_an_upstream_that_could_not_read_it() -> None:
    assert opened(None, FOX.close("gAAAA")) is None


@pytest.mark.parametrize(
    ("signature", "names"),
    [
        (FOX.close("x"), ()),
        (WOLF.close("x"), ("earlier_reasoning",)),
        ("ErUB-anthropic", ("earlier_reasoning", "messages[0].reasoning")),
        (None, ("earlier_reasoning", "messages[0].reasoning")),
    ],
)
def test_what_stays_behind_is_named(signature: str | None, names: tuple[str, ...]) -> None:
    """Where nobody of ours has made it, with its place."""
    assert left_out(FOX, thinking(signature)) == names


def test_a_long_conversation_has_a_short_list() -> None:
    messages = tuple(thinking(None).messages[0] for _ in range(100))
    names = left_out(FOX, Request(wire="messages", model="m", messages=messages))
    assert names == ("earlier_reasoning", *(f"messages[{number}].reasoning" for number in range(8)))


def test_thinking_that_says_nothing_is_not_missed() -> None:
    empty = Request(wire="messages", model="m", messages=(Message("assistant", (Reasoning(), Text("hi"))),))
    assert left_out(FOX, empty) == ()


def test_a_message_of_which_nothing_is_left_goes_as_well() -> None:
    alone = Message("assistant", (Reasoning(parts=("hm",), signature=WOLF.close("x")),))
    request = Request(wire="messages", model="m", messages=(Message("user", (Text("hi"),)), alone))
    assert open_request(FOX, request).messages == request.messages[:1]
