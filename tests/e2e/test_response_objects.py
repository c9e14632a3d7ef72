"""What a client of ``/v1/responses`` gets fits the API's public schema, over upstreams of every API.

The errands are those of the compliance tests of Open Responses (2026-04), but for its WebSockets, in our own words.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.dialects import RESPONSES, events
from tests.harness import Daemon, Simulator, config, daemon, provider
from tests.wires.fields_responses import event_misfits, response_misfits

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PICTURE = {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}"}
DOCUMENT = {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0xLjEKJSVFT0Y="}
SEES = {"type": "input_text", "text": "What do you see?"}
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = {"type": "function", "name": "get_weather", "description": "The weather of a city", "parameters": CITY}
ASKS_WEATHER = "What is the weather like in Paris?"


def said(*turns: Any) -> dict[str, Any]:
    """A conversation; the user begins, and the assistant is the next."""
    roles = ("user", "assistant")
    items = [{"type": "message", "role": roles[number % 2], "content": turn} for number, turn in enumerate(turns)]
    return {"input": items}


ERRANDS: dict[str, tuple[str, dict[str, Any]]] = {
    "a text": ("message", said("Say hello in three words.")),
    "a system message": (
        "message",
        {"input": [{"type": "message", "role": "system", "content": "Be a pirate."}, *said("Say hello.")["input"]]},
    ),
    "a tool": ("function_call", said(ASKS_WEATHER) | {"tools": [WEATHER]}),
    "a forced tool": (
        "function_call",
        said("Go") | {"tools": [WEATHER], "tool_choice": {"type": "function", "name": "get_weather"}},
    ),
    "a tool's result": (
        "message",
        {
            "input": [
                *said(ASKS_WEATHER)["input"],
                {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": '{"city":"Paris"}'},
                {"type": "function_call_output", "call_id": "call_1", "output": "18 °C"},
            ],
            "tools": [WEATHER],
        },
    ),
    "a picture": ("message", said([SEES, PICTURE])),
    "a document": ("message", said([SEES, DOCUMENT])),
    "several turns": ("message", said("My name is Alice.", "Hello Alice!", "What is my name?")),
    "thinking": ("message", said("Think.") | {"reasoning": {"effort": "high", "summary": "auto"}}),
    "values of its own": (
        "message",
        said("Say hello.") | {"temperature": 0.5, "metadata": {"a": "b"}, "user": "me", "prompt_cache_key": "k"},
    ),
}


@pytest.fixture(scope="module")
def gateways(_first: Simulator) -> Iterator[Daemon]:
    wires = {"responses": "gpt-5", "chat": "gpt-5", "messages": "claude-x"}
    providers = [
        provider(wire, _first, wire_api=wire, models=[{"name": model, "alias": f"of-{wire}"}])
        for wire, model in wires.items()
    ]
    with daemon(config(*providers)) as running:
        yield running


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("errand", ERRANDS)
@pytest.mark.parametrize("upstream", ["responses", "chat", "messages"])
def test_an_answer_fits_the_public_schema(gateways: Daemon, upstream: str, errand: str, stream: bool) -> None:
    kind, asked = ERRANDS[errand]
    body = {"model": f"of-{upstream}", **asked, "stream": stream}
    if stream:
        with gateways.stream(RESPONSES.path, body) as response:
            seen = list(events(response))
        assert [wrong for event in seen for wrong in event_misfits(event)] == []
        answer = seen[-1]["response"]
    else:
        answer = gateways.post(RESPONSES.path, body).json()
    assert response_misfits(answer) == []
    assert (answer["status"], answer["model"]) == ("completed", f"of-{upstream}")
    assert kind in [item["type"] for item in answer["output"]]
    repeated = asked.keys() & {"temperature", "metadata", "user", "prompt_cache_key"}
    assert {name: answer[name] for name in repeated} == {name: asked[name] for name in repeated}


@pytest.mark.parametrize("upstream", ["responses", "chat", "messages"])
def test_its_input_can_be_counted(gateways: Daemon, upstream: str) -> None:
    """The simulator has no such request: the number is the daemon's."""
    answer = gateways.post(f"{RESPONSES.path}/input_tokens", {"model": f"of-{upstream}", "input": "word " * 100})
    counted = answer.json()
    assert (answer.status_code, counted["object"]) == (200, "response.input_tokens")
    assert 50 < counted["input_tokens"] < 1000
    assert answer.headers["x-tppcd-count-source"] in ("calibrated", "estimate")
