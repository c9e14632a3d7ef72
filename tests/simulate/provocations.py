"""Requests that a make may refuse, by what is odd about them: changes of a request that all makes take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Json = dict[str, Any]
Change = Callable[[Json], Json]

CALL: Json = {"id": "abcdefgh0", "type": "function", "function": {"name": "Read", "arguments": "{}"}}
SIGNED: Json = CALL | {"extra_content": {"google": {"thought_signature": "gAAAAABx"}}}
CALLED: Json = {"role": "assistant", "content": "", "reasoning_content": "hm", "tool_calls": [SIGNED]}
RESULT: Json = {"role": "tool", "tool_call_id": "abcdefgh0", "content": "x"}
SYSTEM: Json = {"role": "system", "content": "s"}
USER: Json = {"role": "user", "content": "hi"}
ANSWER: Json = {"role": "assistant", "content": "well"}
IMAGE: Json = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
PICTURE: Json = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}
USE: Json = {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {}}
THOUGHT: Json = {"type": "thinking", "thinking": "hm", "signature": ""}
TOOL: Json = {"type": "function", "function": {"name": "Read", "parameters": {"type": "object"}}}
LONG = "word " * 1_000_000


def good(wire: str, model: str) -> Json:
    """What every make takes."""
    if wire == "responses":
        said = {"type": "message", "role": "user", "content": "hi"}
        return {"model": model, "instructions": "", "store": False, "stream": True, "input": [said]}
    if wire == "messages":
        return {"model": model, "max_tokens": 100, "messages": [USER]}
    return {"model": model, "messages": [SYSTEM, USER]}


def with_fields(**fields: Any) -> Change:
    """These fields beside what is there; ``max_tokens`` and the like by the name that the wire has."""
    return lambda body: body | fields


def with_messages(*messages: Json) -> Change:
    """These in the place of its messages."""
    return lambda body: body | {"messages": list(messages)}


def _limit(body: Json) -> Json:
    return body | {"max_output_tokens" if "input" in body else "max_tokens": 10_000_000}


def _effort(level: str) -> Change:
    def change(body: Json) -> Json:
        if "input" in body:
            return body | {"reasoning": {"effort": level}}
        return body | ({"output_config": {"effort": level}} if "max_tokens" in body else {"reasoning_effort": level})

    return change


def _long(body: Json) -> Json:
    said = {"role": "user", "content": LONG}
    return body | ({"input": [said]} if "input" in body else {"messages": [said]})


def _results(*blocks: Json) -> Change:
    """A Messages conversation with a call whose message has these blocks."""
    results = [{"type": "tool_result", "tool_use_id": each["id"], "content": "x"} for each in blocks if "id" in each]
    return with_messages(USER, {"role": "assistant", "content": list(blocks)}, {"role": "user", "content": results})


def _calls(*calls: Json, **fields: Any) -> Change:
    """A Chat conversation with a message that has these calls."""
    results = [RESULT | {"tool_call_id": call["id"]} for call in calls]
    return with_messages(SYSTEM, USER, {**CALLED, "tool_calls": list(calls), **fields}, *results)


CHANGES: dict[str, Change] = {
    "another model": with_fields(model="no-such-model"),
    "long prompt": _long,
    "long answer": _limit,
    "odd effort": _effort("ultra"),
    "effort": _effort("high"),
    # --- parameters ---
    "temperature": with_fields(temperature=0.5),
    "max_tokens": with_fields(max_tokens=100),
    "stop": with_fields(stop=["x"]),
    "top_k": with_fields(top_k=5),
    "logprobs": with_fields(logprobs=True),
    "store": with_fields(store=False),
    "user": with_fields(user="u"),
    "verbosity": with_fields(verbosity="low"),
    "metadata": with_fields(metadata={"a": "b"}),
    "safety_identifier": with_fields(safety_identifier="s"),
    "prompt_cache_key": with_fields(prompt_cache_key="k"),
    "stream_options": with_fields(stream=True, stream_options={"include_usage": True}),
    "max_completion_tokens": with_fields(max_completion_tokens=100),
    "5000 tokens at once": with_fields(max_tokens=5000),
    "forced tool": with_fields(tools=[TOOL], tool_choice="required"),
    "named tool": with_fields(tools=[TOOL], tool_choice={"type": "function", "function": {"name": "Read"}}),
    "name of a tool": with_fields(tools=[{"type": "function", "function": {"name": "a.b"}}]),
    "tools with effort": with_fields(tools=[TOOL], reasoning_effort="low"),
    "thinking": with_fields(thinking={"type": "enabled"}),
    "adaptive": with_fields(thinking={"type": "adaptive"}),
    "enabled": with_fields(max_tokens=9000, thinking={"type": "enabled", "budget_tokens": 2000}),
    "large budget": with_fields(max_tokens=9000, thinking={"type": "enabled", "budget_tokens": 9000}),
    "forced while it thinks": with_fields(thinking={"type": "adaptive"}, tool_choice={"type": "any"}),
    "no limit": lambda body: {name: value for name, value in body.items() if name != "max_tokens"},
    # --- turns ---
    "late system": with_messages(USER, SYSTEM),
    "two systems": with_messages(SYSTEM, SYSTEM, USER),
    "two users": with_messages(USER, USER),
    "developer": with_messages({"role": "developer", "content": "d"}, USER),
    "user behind a tool": with_messages(SYSTEM, USER, CALLED, RESULT, USER),
    "begun answer": with_messages(USER, ANSWER),
    "call without result": with_messages(SYSTEM, USER, CALLED, USER),
    "two calls": _calls(SIGNED, SIGNED | {"id": "abcdefgh1"}),
    # --- contents ---
    "image": with_messages({"role": "user", "content": [IMAGE]}),
    "picture": with_messages({"role": "user", "content": [PICTURE]}),
    "image item": with_fields(input=[{"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}]),
    "file": with_messages({"role": "user", "content": [{"type": "file", "file": {"file_data": "x"}}]}),
    "null": _calls(SIGNED, content=None),
    "empty": with_messages(USER, {"role": "assistant", "content": ""}, USER),
    "id with a dash": _calls(SIGNED | {"id": "call-1"}),
    "long id": _calls(SIGNED | {"id": "x" * 60}),
    "id twice": _calls(SIGNED, SIGNED),
    "odd id": _results(USE | {"id": "Read:0"}),
    "thinking comes back": _calls(SIGNED),
    "no thinking comes back": _calls(SIGNED, reasoning_content=""),
    "no thinking block comes back": _results(USE),
    "no reasoning item comes back": lambda body: (
        body
        | {
            "input": [
                *body["input"],
                {"type": "function_call", "call_id": "c", "name": "Read", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c", "output": "x"},
            ]
        }
    ),
    "no signature comes back": _calls(CALL),
    "another account's signature comes back": _calls(SIGNED),
    "another account's seal comes back": _calls(CALL, reasoning_opaque="gAAAAABx"),
    "another account's detail comes back": _calls(CALL, reasoning_details=[{"data": "gAAAAABx"}]),
    # --- the shape of Codex ---
    "no instructions": lambda body: {name: value for name, value in body.items() if name != "instructions"},
    "stored": with_fields(store=True),
    "not streamed": with_fields(stream=False),
    "text for a list": with_fields(input="hi"),
    "system item": with_fields(input=[{"type": "message", **SYSTEM}]),
    "untyped item": with_fields(input=[USER]),
    "top_p": with_fields(top_p=0.5),
}
