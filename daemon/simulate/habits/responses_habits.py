"""How makes write an answer of the Responses API: the simulator's own answer, changed."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from daemon.simulate import responses
from daemon.simulate.answer import Answer
from daemon.simulate.conversation import Json
from daemon.simulate.rules.envelopes import Envelope, openai
from daemon.simulate.wire import Wire, event_frame, noisy


class ResponsesHabits(Struct, frozen=True, kw_only=True):
    """``plain``: thoughts are readable, as ``reasoning_text`` of the item's content, and nothing is sealed.
    ``empty_output``: the last event has no items; the client has seen them. ``parts``: text is announced by
    ``content_part`` events, which some leave out. ``float_times``: times have a fraction. ``done``: ``[DONE]`` comes
    behind the last event. ``noise`` comes between the events. ``content_type`` is that of a stream, empty: none.
    """

    plain: bool = False
    empty_output: bool = False
    parts: bool = True
    done: bool = False
    noise: tuple[bytes, ...] = ()
    float_times: bool = False
    content_type: str = "text/event-stream; charset=utf-8"


def responses_wire(habits: ResponsesHabits, says: Envelope = openai) -> Wire:
    """The Responses API as the make with these habits serves it, errors in its envelope."""
    return msgspec.structs.replace(
        responses.WIRE,
        read=responses.read_unsealed if habits.plain else responses.read,
        whole=lambda answer, body: _whole(answer, body, habits),
        frames=lambda answer, body: noisy(_frames(answer, body, habits), habits.noise),
        error=lambda problem, _: says(problem),
        content_type=habits.content_type,
    )


def _whole(answer: Answer, body: Json, habits: ResponsesHabits) -> Json:
    whole = responses.whole(answer, body)
    return {**whole, "output": [_item(item, habits) for item in whole["output"]]}


def _item(item: Json, habits: ResponsesHabits) -> Json:
    if not habits.plain or item["type"] != "reasoning":
        return item
    texts = [{"type": "reasoning_text", "text": part["text"]} for part in item["summary"]]
    return {"id": item["id"], "type": "reasoning", "status": "completed", "summary": [], "content": texts}


def _frames(answer: Answer, body: Json, habits: ResponsesHabits) -> Iterator[bytes]:
    for number, event in enumerate(_events(answer, body, habits)):
        yield event_frame(event["type"], {**event, "sequence_number": number})
    if habits.done:
        yield b"data: [DONE]\n\n"


def _events(answer: Answer, body: Json, habits: ResponsesHabits) -> Iterator[Json]:
    for frame in responses.frames(answer, body):
        event: Json = msgspec.json.decode(frame.partition(b"data: ")[2])
        kind = event["type"]
        if not habits.parts and "content_part" in kind:
            continue
        if habits.plain and "reasoning_summary" in kind:
            yield from _plain_event(event)
            continue
        if habits.float_times and "response" in event:
            event["response"]["created_at"] += 0.5
        if "item" in event:
            event["item"] = _item(event["item"], habits)
        elif kind in ("response.completed", "response.incomplete"):
            output = [] if habits.empty_output else [_item(item, habits) for item in event["response"]["output"]]
            event["response"] = {**event["response"], "output": output}
        yield event


def _plain_event(event: Json) -> Iterator[Json]:
    """The event for a thought that is readable; those of parts have no twin."""
    kind = event["type"].replace("reasoning_summary_text", "reasoning_text")
    if kind != event["type"]:
        place = {"content_index": event["summary_index"]}
        yield {name: value for name, value in event.items() if name != "summary_index"} | place | {"type": kind}
