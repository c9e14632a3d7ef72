"""How makes write an answer of Chat Completions: the simulator's own answer, changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

import msgspec
from msgspec import Struct

from daemon.simulate import chat
from daemon.simulate.answer import Answer
from daemon.simulate.conversation import Json
from daemon.simulate.habits.call_ids import OPENAI, CallId
from daemon.simulate.rules.envelopes import Envelope, openai
from daemon.simulate.wire import Wire, data_frame, noisy

ThinkingField = Literal["reasoning_content", "reasoning", "reasoning_text", "reasoning_details", "<think>", "parts"]
SealPlace = Literal["", "extra_content", "reasoning_opaque", "reasoning_details"]
UsagePlace = Literal["apart", "always apart", "last", "choice", "x_groq", "every"]


class ChatHabits(Struct, frozen=True, kw_only=True):
    """``call_id`` makes the ids of calls. ``thinking`` is the field that has the thoughts (``<think>`` = in the text,
    ``parts`` = as parts of the content). ``whole_calls``: a call comes in one piece; without ``indexed`` it has no
    index. ``sealed`` is where the sealed form of the thoughts is: with the first call (Gemini), or in a field of the
    message (Copilot, OpenRouter).

    ``usage``: in a chunk of its own where it was asked for, or always; in the last chunk; in its choice (Moonshot); in
    ``x_groq``; or with every chunk. ``finish`` are other words for how an answer ended. ``nulls`` are fields that each
    delta has, though with nothing in them. ``noise`` comes between the events, ``done`` says whether ``[DONE]`` does.
    ``apart``: the text and the calls of a whole answer are two choices (Copilot, of Claude).
    """

    call_id: CallId = OPENAI
    thinking: ThinkingField = "reasoning_content"
    whole_calls: bool = False
    indexed: bool = True
    sealed: SealPlace = ""
    usage: UsagePlace = "apart"
    finish: Mapping[str, str] = {}
    nulls: tuple[str, ...] = ()
    noise: tuple[bytes, ...] = ()
    done: bool = True
    apart: bool = False


def chat_wire(habits: ChatHabits, says: Envelope = openai) -> Wire:
    """Chat Completions as the make with these habits serves it, errors in its envelope."""
    return msgspec.structs.replace(
        chat.WIRE,
        whole=lambda answer, body: _whole(answer, body, habits),
        frames=lambda answer, body: noisy(_frames(answer, body, habits), habits.noise),
        error=lambda problem, _: says(problem),
        error_event=lambda answer, body, problem: data_frame(says(problem)),
        failed=lambda answer, body, problem: data_frame(says(problem)),
    )


# --- a whole answer -----------------------------------------------------------------------------------


def _whole(answer: Answer, body: Json, habits: ChatHabits) -> Json:
    whole = chat.whole(answer, body)
    choice = whole["choices"][0]
    choice["finish_reason"] = habits.finish.get(choice["finish_reason"], choice["finish_reason"])
    message = choice["message"]
    for number, call in enumerate(message.get("tool_calls") or ()):
        _name(call, number, answer, habits)
    thoughts = message.pop("reasoning_content", None)
    if thoughts:
        choice["message"] = message = _thought(message, thoughts, habits)
    _seal(message, answer, habits)
    if habits.apart and message["content"] and message.get("tool_calls"):
        calls = {"role": "assistant", "tool_calls": message.pop("tool_calls")}
        whole["choices"] = [choice, {**choice, "message": calls}]
    return whole


def _thought(message: Json, thoughts: str, habits: ChatHabits) -> Json:
    match habits.thinking:
        case "<think>":
            return {**message, "content": f"<think>\n{thoughts}\n</think>\n\n{message['content'] or ''}"}
        case "parts":
            text = [{"type": "text", "text": message["content"]}] if message["content"] else []
            return {**message, "content": [_part(thoughts), *text]}
        case "reasoning_details":
            return {**message, **_details(thoughts)}
        case field:
            return {**message, field: thoughts}


# --- a stream -----------------------------------------------------------------------------------------


def _frames(answer: Answer, body: Json, habits: ChatHabits) -> Iterator[bytes]:
    asked = bool((body.get("stream_options") or {}).get("include_usage"))
    wanted = {**body, "stream_options": {"include_usage": True}}
    chunks: list[Json] = [
        msgspec.json.decode(frame.removeprefix(b"data: "))
        for frame in chat.frames(answer, wanted)
        if frame != chat.DONE
    ]
    counts = chunks.pop()["usage"] if answer.usage else None
    for chunk in chunks:
        del chunk["usage"]
    thought = _with_seal(_with_thinking(chunks, habits), answer, habits)
    changed = _with_finish(_with_calls(thought, answer, habits), habits)
    nothing = dict.fromkeys(habits.nulls)
    for chunk in _with_usage(changed, counts, habits, asked=asked):
        if nothing and chunk["choices"]:
            chunk["choices"][0]["delta"] = nothing | chunk["choices"][0]["delta"]
        yield data_frame(chunk)
    if habits.done:
        yield chat.DONE


def _delta(chunk: Json) -> Json:
    delta: Json = chunk["choices"][0]["delta"]
    return delta


def _changed(chunk: Json, delta: Json) -> Json:
    """``chunk`` with another delta, before the answer has ended."""
    return {**chunk, "choices": [{**chunk["choices"][0], "delta": delta, "finish_reason": None}]}


def _with_thinking(chunks: Iterable[Json], habits: ChatHabits) -> Iterator[Json]:
    tagged = habits.thinking == "<think>"
    opened = False
    for chunk in chunks:
        delta = _delta(chunk)
        thoughts = delta.pop("reasoning_content", None)
        if thoughts is None:
            if opened and (any(delta.values()) or chunk["choices"][0]["finish_reason"]):
                opened = False
                yield _changed(chunk, {"content": "\n</think>\n\n"})
        elif tagged:
            delta["content"] = thoughts if opened else f"<think>\n{thoughts}"
            opened = True
        elif habits.thinking == "parts":
            delta["content"] = [_part(thoughts)]
        elif habits.thinking == "reasoning_details":
            delta |= _details(thoughts)
        else:
            delta[habits.thinking] = thoughts
        yield chunk


def _with_seal(chunks: Iterable[Json], answer: Answer, habits: ChatHabits) -> Iterator[Json]:
    """In a delta of its own before the first call, or before the end."""
    sealed = False
    for chunk in chunks:
        if not sealed and (_delta(chunk).get("tool_calls") or chunk["choices"][0]["finish_reason"]):
            sealed = True
            delta: Json = {}
            _seal(delta, answer, habits)
            if delta:
                yield _changed(chunk, delta)
        yield chunk


def _part(thoughts: str) -> Json:
    """Mistral's."""
    return {"type": "thinking", "thinking": [{"type": "text", "text": thoughts}]}


def _details(thoughts: str) -> Json:
    """OpenRouter's: the text twice, once in a list."""
    detail = {"type": "reasoning.text", "text": thoughts, "format": "unknown", "index": 0}
    return {"reasoning": thoughts, "reasoning_details": [detail]}


def _with_calls(chunks: Iterable[Json], answer: Answer, habits: ChatHabits) -> Iterator[Json]:
    held: dict[int, Json] = {}
    for chunk in chunks:
        fragments = _delta(chunk).get("tool_calls") or ()
        for fragment in fragments:
            number = fragment["index"]
            if "id" in fragment:
                _name(fragment, number, answer, habits)
            if not habits.indexed:
                fragment.pop("index")
            if habits.whole_calls and number in held:
                held[number]["function"]["arguments"] += fragment["function"]["arguments"]
            elif habits.whole_calls:
                held[number] = fragment
        if fragments and habits.whole_calls:
            continue
        if chunk["choices"][0]["finish_reason"]:
            yield from (_changed(chunk, {"tool_calls": [call]}) for call in held.values())
        yield chunk


def _name(call: Json, number: int, answer: Answer, habits: ChatHabits) -> None:
    call["id"] = habits.call_id(answer, call["function"]["name"], number)
    if habits.sealed == "extra_content" and answer.seal and number == 0:
        call["extra_content"] = {"google": {"thought_signature": answer.seal}}


def _seal(message: Json, answer: Answer, habits: ChatHabits) -> None:
    """Puts the sealed form of the thoughts into a message, or into the last delta of its thinking."""
    if not answer.seal or habits.sealed in ("", "extra_content"):
        return
    if habits.sealed == "reasoning_opaque":
        message["reasoning_opaque"] = answer.seal
        return
    piece = {"type": "reasoning.encrypted", "data": answer.seal, "id": "rs_1", "format": "unknown", "index": 1}
    message["reasoning_details"] = [*message.get("reasoning_details", ()), piece]


def _with_finish(chunks: Iterable[Json], habits: ChatHabits) -> Iterator[Json]:
    for chunk in chunks:
        choice = chunk["choices"][0]
        choice["finish_reason"] = habits.finish.get(choice["finish_reason"], choice["finish_reason"])
        yield chunk


def _with_usage(chunks: Iterable[Json], counts: Json | None, habits: ChatHabits, *, asked: bool) -> Iterator[Json]:
    chunk: Json = {}
    for chunk in chunks:
        ends = chunk["choices"][0]["finish_reason"] is not None
        if counts is None:
            yield chunk
        elif habits.usage == "every" or (ends and habits.usage == "last"):
            yield {**chunk, "usage": counts}
        elif ends and habits.usage == "choice":
            yield {**chunk, "choices": [{**chunk["choices"][0], "usage": counts}]}
        elif ends and habits.usage == "x_groq":
            yield {**chunk, "x_groq": {"id": "req_simulated", "usage": counts}}
        else:
            yield chunk
    if counts and (habits.usage == "always apart" or (asked and habits.usage in ("apart", "x_groq"))):
        yield {**chunk, "choices": [], "usage": counts}
