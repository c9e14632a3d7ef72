"""How makes write an answer of the Messages API: the simulator's own answer, changed."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from daemon.simulate import messages
from daemon.simulate.answer import Answer
from daemon.simulate.conversation import Json
from daemon.simulate.habits.call_ids import CallId, spelled
from daemon.simulate.rules.envelopes import Envelope, anthropic
from daemon.simulate.wire import Wire, event_frame, noisy


class MessagesHabits(Struct, frozen=True, kw_only=True):
    """``call_id`` makes the ids of calls. ``signature`` stands under the thoughts, None = the make's own, which must
    come back unchanged. ``pings``: the ping behind the start, which some leave out. ``late_usage``: the tokens of the
    prompt are 0 in the start and come at the end. ``noise`` comes between the events."""

    call_id: CallId = spelled("toolu_{hex}{number:02d}")
    signature: str | None = None
    pings: bool = True
    late_usage: bool = False
    noise: tuple[bytes, ...] = ()


def messages_wire(habits: MessagesHabits, says: Envelope = anthropic) -> Wire:
    """The Messages API as the make with these habits serves it, errors in its envelope."""
    return msgspec.structs.replace(
        messages.WIRE,
        read=messages.read if habits.signature is None else messages.read_unsigned,
        whole=lambda answer, body: _whole(answer, body, habits),
        frames=lambda answer, body: noisy(_frames(answer, body, habits), habits.noise),
        error=lambda problem, _: says(problem),
        error_event=lambda answer, body, problem: event_frame("error", says(problem)),
        failed=lambda answer, body, problem: event_frame("error", says(problem)),
    )


def _whole(answer: Answer, body: Json, habits: MessagesHabits) -> Json:
    whole = messages.whole(answer, body)
    calls = 0
    for block in whole["content"]:
        calls = _change(block, calls, answer, habits)
    return whole


def _frames(answer: Answer, body: Json, habits: MessagesHabits) -> Iterator[bytes]:
    calls = 0
    for frame in messages.frames(answer, body):
        event: Json = msgspec.json.decode(frame.partition(b"data: ")[2])
        if event["type"] == "ping" and not habits.pings:
            continue
        if event["type"] == "message_start" and habits.late_usage:
            event["message"]["usage"] = {"input_tokens": 0, "output_tokens": 0}
        if "content_block" in event:
            calls = _change(event["content_block"], calls, answer, habits)
        if (event.get("delta") or {}).get("type") == "signature_delta" and habits.signature is not None:
            event["delta"]["signature"] = habits.signature
        yield event_frame(event["type"], event)


def _change(block: Json, calls: int, answer: Answer, habits: MessagesHabits) -> int:
    """Gives ``block`` the make's id, or its signature. ``calls`` come before it; how many there are then."""
    if block["type"] == "tool_use":
        block["id"] = habits.call_id(answer, block["name"], calls)
        return calls + 1
    if block["type"] == "thinking" and block["signature"] and habits.signature is not None:
        block["signature"] = habits.signature
    return calls
