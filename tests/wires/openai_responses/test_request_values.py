"""What the object around an answer says of the request."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daemon.errors import ErrorKind, LocalError
from daemon.inference.collect import collect
from daemon.inference.events import Event, Finish, MessageStart
from daemon.inference.response import FinishReason
from daemon.wires.openai_responses import WIRE
from tests.wires.fields_responses import response_misfits
from tests.wires.grammar_responses import check, frames
from tests.wires.openai_responses.world import ask, context

ANSWER: list[Event] = [MessageStart("resp_up", "upstream-model"), Finish(FinishReason.STOP)]

_SAID: dict[str, Any] = {
    "model": "asked-for",
    "input": "hi",
    "background": False,
    "frequency_penalty": 0.5,
    "instructions": "be brief",
    "max_output_tokens": 99,
    "max_tool_calls": 3,
    "metadata": {"a": "b"},
    "parallel_tool_calls": False,
    "presence_penalty": -1,
    "previous_response_id": "resp_0",
    "prompt_cache_key": "key",
    "reasoning": {"effort": "low", "summary": "auto"},
    "safety_identifier": "someone",
    "store": True,
    "temperature": 0.5,
    "text": {"format": {"type": "json_object"}, "verbosity": "low"},
    "tool_choice": "required",
    "tools": [{"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}],
    "top_logprobs": 2,
    "top_p": 0.9,
    "truncation": "auto",
    "user": "me",
}
_DEFAULTS: dict[str, Any] = {
    "background": False,
    "frequency_penalty": 0,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "presence_penalty": 0,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "store": False,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}, "verbosity": "medium"},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}
_SCHEMA = {"type": "object", "required": None}
_CHOICE = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]}


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ({name: value for name, value in _SAID.items() if name not in ("model", "input")}, _SAID),
        (_DEFAULTS, {}),
        (_DEFAULTS, dict.fromkeys(_DEFAULTS)),
        (
            {"truncation": "disabled", "metadata": {}, "store": False, "top_logprobs": 0, "safety_identifier": None},
            {"truncation": 1, "metadata": "x", "store": "yes", "top_logprobs": "2", "safety_identifier": []},
        ),
        (
            {"tools": [{"type": "function", "name": "f", "description": None, "parameters": None, "strict": False}]},
            {"tools": [{"type": "function", "name": "f"}]},
        ),
        (
            {"tools": [{"type": "function", "name": "f", "description": None, "parameters": _SCHEMA, "strict": False}]},
            {"tools": [{"type": "function", "name": "f", "parameters": _SCHEMA}]},
        ),
        (
            {"tools": [{"type": "custom", "name": "c"}, {"type": "web_search"}, {"type": "code_interpreter"}]},
            {"tools": [{"type": "custom", "name": "c"}, {"type": "web_search"}, {"type": "code_interpreter"}]},
        ),
        ({"tool_choice": {"type": "function", "name": "f"}}, {"tool_choice": {"type": "function", "name": "f"}}),
        ({"tool_choice": _CHOICE}, {"tool_choice": _CHOICE}),
        (
            {
                "text": {
                    "format": {
                        "type": "json_schema",
                        "name": "n",
                        "description": None,
                        "schema": {"type": "object"},
                        "strict": False,
                    },
                    "verbosity": "medium",
                }
            },
            {"text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}}},
        ),
    ],
)
def test_the_object_repeats_the_request(expected: dict[str, Any], said: dict[str, Any]) -> None:
    """Streamed, whole and of a failure; what the client did not say, or not as the API wants it, has its default."""
    body = json.dumps({"model": "asked-for", "input": "hi", **said}).encode()
    asked = context(WIRE.decode_request(body, {}))
    whole = json.loads(WIRE.encode_response(collect(ANSWER), asked))
    for response in (
        *(event["response"] for event in frames(WIRE.stream_encoder(asked).encode(ANSWER)) if "response" in event),
        check(WIRE.stream_encoder(asked).fail(LocalError(ErrorKind.API, "no"))),
        whole,
    ):
        assert {name: response[name] for name in expected} == expected
    assert response_misfits(whole) == []
    assert (whole["id"], whole["model"], whole["created_at"]) == ("resp_" + "0" * 32, "gpt-5", 1_700_000_000)


@pytest.mark.parametrize(
    ("running", "final", "asked", "served"),
    [("auto", "default", None, None), ("flex", "flex", "flex", "flex"), ("flex", "default", "flex", None)],
)
def test_the_tier_is_a_word(running: str, final: str, asked: str | None, served: str | None) -> None:
    request = ask(wire="responses", service_tier=asked)
    said = frames(
        WIRE.stream_encoder(context(request)).encode([ANSWER[0], Finish(FinishReason.STOP, service_tier=served)])
    )
    assert [event["response"]["service_tier"] for event in said] == [running, running, final]
