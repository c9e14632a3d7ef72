"""The parts of reference/simulator.md: faults, and the makes that are played, each seen in an answer of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from daemon.simulate.answer import Answer, Finish, Usage
from daemon.simulate.faults import FAULTS, Fault, FaultKind
from daemon.simulate.makes import ALL
from daemon.simulate.makes.make import ENDINGS, Api, Make
from daemon.simulate.relay import DEMANDS, HABITS
from daemon.simulate.script import Call

Row = tuple[str, ...]
Json = dict[str, Any]
THOUGHT = "hm"
KINDS: dict[FaultKind, str] = {
    "none": "no fault",
    "status": "{status}: {problem.message}",
    "html": "{status}, with a web page",
    "stall-head": "nothing for {seconds:g} s, then the answer",
    "stall": "nothing for {seconds:g} s after {after} events",
    "slow": "{seconds:g} s before each event",
    "cut": "the connection is cut after {after} events",
    "end": "the stream ends after {after} events, without its last event",
    "malformed": "an event that is no JSON, after {after} events",
    "error-event": "an error event after {after} events",
    "failed": "the answer fails after {after} events: {problem.message}",
    "incomplete": "the answer is cut by its limit",
    "content-filter": "the answer is cut by a filter",
    "refusal": "the model refuses",
    "no-usage": "no token counts",
    "empty": "an answer without content",
}


def faults() -> Iterator[Row]:
    """Name, what happens; what relays refuse is on the page of packycode."""
    relay = {demand.name for demand in (*DEMANDS, *HABITS)}
    for fault in FAULTS.values():
        if fault.name not in relay:
            yield f"`{fault.name}`", _described(fault)


def _described(fault: Fault) -> str:
    return KINDS[fault.kind].format(**{name: getattr(fault, name) for name in fault.__struct_fields__})


def makes() -> Iterator[Row]:
    """Profile, API, its address, models."""
    for make in ALL.values():
        models = ", ".join(f"`{model.name}`" for model in make.models) or "any"
        for number, api in enumerate(_served(make)):
            name, listed = (f"`{make.name}`", models) if number == 0 else ("", "")
            yield name, f"`{api.wire.name}`", f"`{api.base or '…'}{ENDINGS[api.wire.name]}`", listed


def refusals() -> Iterator[Row]:
    """Profile, API, what is refused."""
    for make in ALL.values():
        for number, api in enumerate(_served(make)):
            names = dict.fromkeys(f"`{demand.name}`" for demand in api.demands)
            yield f"`{make.name}`" if number == 0 else "", f"`{api.wire.name}`", ", ".join(names)


def answers() -> Iterator[Row]:
    """Profile, API, the id of its first call, where the thoughts are, what comes between the events and at the end."""
    for make in ALL.values():
        for number, api in enumerate(_served(make)):
            name = f"`{make.name}`" if number == 0 else ""
            stream = b"".join(api.wire.frames(_answer(make), {"stream": True})).decode()
            events = [json.loads(data) for data in re.findall(r"^data: (\{.*\})$", stream, re.M)]
            call_id = _first(events, ("id", "call_id"), {"tool_calls", "content_block", "item"})
            thoughts = _thoughts(api, events)
            yield name, f"`{api.wire.name}`", f"`{json.dumps(call_id)}`", thoughts, ", ".join(_oddities(stream, events))


def _served(make: Make) -> list[Api]:
    """Its APIs; a relay of Codex refuses all but one."""
    return [api for api in make.apis if make.models or api.wire.name == "responses"]


def _answer(make: Make) -> Answer:
    return Answer(
        identity="3f7a9c1e5b2d8046" * 3,
        created=0,
        model=make.models[0].name if make.models else "gpt-5",
        actions=(Call("Read", '{"path":"a.txt"}'),),
        finish=Finish.CALLS,
        reasoned=True,
        reasoning=THOUGHT,
        seal="gAAAAAB",
        usage=Usage(9, 0, 9, 1),
    )


def _first(events: list[Json], names: tuple[str, ...], places: set[str]) -> object:
    """The id of a call, wherever the API has it."""
    for place, found in _objects(events):
        kind = found.get("type")
        if place in places and (kind in ("function", "tool_use", "function_call")):
            return next((found[name] for name in reversed(names) if name in found), None)
    return None


def _objects(value: Any, place: str = "") -> Iterator[tuple[str, Json]]:
    """All objects inside of ``value``, each with the name of the field that has it."""
    if isinstance(value, dict):
        yield place, value
        for name, inner in value.items():
            yield from _objects(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _objects(inner, place)


def _thoughts(api: Api, events: list[Json]) -> str:
    if api.thoughts == "never":
        return "not shown"
    if api.wire.name != "chat":
        kind = next((event["type"] for event in events if event.get("delta") in (THOUGHT, _DELTA)), "")
        return f"`{'thinking' if kind == 'content_block_delta' else kind}`"
    deltas = [choice["delta"] for event in events for choice in event.get("choices", ())]
    names = {name: value for delta in deltas for name, value in delta.items() if THOUGHT in json.dumps(value)}
    if "content" in names:
        return "`<think>` in the text" if isinstance(names["content"], str) else "parts of `content`"
    return ", ".join(f"`{name}`" for name in names)


_DELTA = {"type": "thinking_delta", "thinking": THOUGHT}


def _oddities(stream: str, events: list[Json]) -> Iterator[str]:
    noise = re.findall(r"^(: ?.*)$", stream, re.M)
    if noise:
        yield f"comments `{noise[0]}`"
    if re.search(r"^data: ?$", stream, re.M):
        yield "events without data"
    calls = [found for place, found in _objects(events) if place == "tool_calls"]
    if calls and "index" not in calls[0]:
        yield "calls without `index`"
    if any("extra_content" in call for call in calls):
        yield "a signature that must come back"
    if len(calls) == 1:
        yield "a call in one piece"
    with_usage = [event for event in events if event.get("usage") and "choices" in event]
    places = {
        "token counts with each chunk": len(with_usage) > 1,
        "token counts in the last chunk": len(with_usage) == 1 and bool(with_usage[0]["choices"]),
        "token counts always in a chunk of their own": len(with_usage) == 1 and not with_usage[0]["choices"],
        "token counts in `choices`": any(
            place == "choices" and found.get("usage") for place, found in _objects(events)
        ),
        "token counts in `x_groq`": any("x_groq" in event for event in events),
    }
    yield from (words for words, seen in places.items() if seen)
    if any(choice.get("finish_reason") == "stop" for event in events for choice in event.get("choices", ())):
        yield "`stop` behind calls"
    started = next((event["message"] for event in events if event.get("type") == "message_start"), None)
    if started is not None and not started["usage"]["input_tokens"]:
        yield "tokens of the prompt at the end"
    if any(event.get("type") == "response.completed" and not event["response"]["output"] for event in events):
        yield "no items in the last event"
