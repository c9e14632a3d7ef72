"""How makes write an answer: what the simulator's frames become. Pure: frames in, frames out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

Json = dict[str, Any]
CallId = Callable[[str, str, int], Any]
"""(hex of the answer, the tool's name, the call's number in the answer) -> its id, of any type; None for none."""


def spelled(pattern: str) -> CallId:
    """``{hex}``, ``{name}``, ``{number}`` are replaced; with none of the first it repeats from turn to turn."""
    return lambda identity, name, number: pattern.format(hex=identity, name=name, number=number)


def nine(identity: str, name: str, number: int) -> str:
    return f"{identity[:8]}{number}"


def numeric(identity: str, name: str, number: int) -> int:
    return number


def absent(identity: str, name: str, number: int) -> None:
    return None


def chat(
    frames: Iterable[bytes],
    *,
    identity: str,
    call_id: CallId,
    thinking: str,
    whole_calls: bool,
    usage: str,
) -> Iterator[bytes]:
    """The simulator's Chat stream as another make writes it."""
    names: dict[int, str] = {}
    held: list[Json] = []
    opened = False
    for frame in frames:
        if b"[DONE]" in frame:
            yield frame
            continue
        chunk: Json = json.loads(frame.removeprefix(b"data: "))
        choice = (chunk["choices"] or [{}])[0]
        delta: Json = choice.get("delta") or {}
        for call in delta.get("tool_calls") or ():
            if "id" in call:
                names[call["index"]] = call["function"]["name"]
                _name(call, call_id(identity, names[call["index"]], call["index"]))
        if whole_calls and delta.get("tool_calls"):
            _merge(held, delta["tool_calls"])
            continue
        if held and choice.get("finish_reason"):
            for call in held:
                yield _data(
                    {**chunk, "choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}]}
                )
        if "reasoning_content" in delta and thinking != "reasoning_content":
            text = delta.pop("reasoning_content")
            if thinking == "<think>":
                delta["content"] = ("" if opened else "<think>") + text
                opened = True
            elif thinking == "parts":
                delta["content"] = [{"type": "thinking", "thinking": [{"type": "text", "text": text}]}]
            elif thinking:
                delta[thinking] = text
        elif opened and (delta.get("content") or delta.get("tool_calls") or choice.get("finish_reason")):
            opened = False
            yield _data(
                {**chunk, "choices": [{"index": 0, "delta": {"content": "\n</think>\n\n"}, "finish_reason": None}]}
            )
        yield from _with_usage(chunk, choice, usage)


def _name(call: Json, identity: Any) -> None:
    if identity is None:
        del call["id"], call["index"]  # Gemini: neither
    else:
        call["id"] = identity


def _merge(held: list[Json], fragments: list[Json]) -> None:
    for fragment in fragments:
        if "name" in fragment["function"]:
            held.append(fragment)
        else:
            held[-1]["function"]["arguments"] += fragment["function"]["arguments"]


def _with_usage(chunk: Json, choice: Json, usage: str) -> Iterator[bytes]:
    """``apart``: as OpenAI; ``choice``: Moonshot's; ``x_groq``; ``every``: with each chunk, as Gemini counts."""
    counts = chunk.get("usage")
    if usage == "choice" and counts and not chunk["choices"]:
        yield _data(
            {**chunk, "usage": None, "choices": [{"index": 0, "delta": {}, "finish_reason": None, "usage": counts}]}
        )
    elif usage == "x_groq" and counts:
        yield _data({**chunk, "usage": None, "x_groq": {"id": "req_1", "usage": counts}})
    elif usage == "every" and not counts:
        yield _data({**chunk, "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}})
    else:
        yield _data(chunk)


def messages(frames: Iterable[bytes], *, identity: str, call_id: CallId) -> Iterator[bytes]:
    """The simulator's Messages stream with a make's ids."""
    number = 0
    for frame in frames:
        lead, _, data = frame.partition(b"data: ")
        event = json.loads(data)
        block = event.get("content_block") or {}
        if block.get("type") == "tool_use":
            block["id"] = call_id(identity, block["name"], number)
            number += 1
        yield lead + _data(event)


def noisy(frames: Iterable[bytes], noise: tuple[bytes, ...]) -> Iterator[bytes]:
    """Each of ``noise`` once before the answer and then in turn before every third event."""
    yield from noise
    for number, frame in enumerate(frames):
        if noise and number % 3 == 1:
            yield noise[number // 3 % len(noise)]
        yield frame


def _data(value: Json) -> bytes:
    return b"data: %b\n\n" % json.dumps(value, ensure_ascii=False).encode()
