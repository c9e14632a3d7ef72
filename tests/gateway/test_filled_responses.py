"""A Responses answer that was collected for a client fits the schema of its API, whatever its upstream left out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.gateway.test_passthrough import STOPPING, ending, frames, new_pipe, opening, read, text
from tests.wires.fields_responses import event_misfits, response_misfits


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        ({}, {}),
        ({"status": "completed", "odd": {"x": 1}}, {"odd": {"x": 1}}),
        (
            {"temperature": 0.5, "tools": [{"type": "web_search"}]},
            {"temperature": 0.5, "tools": [{"type": "web_search"}]},
        ),
        ({"temperature": 1.0, "truncation": "disabled", "metadata": {}}, {"temperature": None, "metadata": None}),
        ({"reasoning": {"effort": "low", "summary": None, "odd": 1}}, {"reasoning": {"effort": "low", "odd": 1}}),
        ({"user": "the client's", "previous_response_id": None}, {"previous_response_id": None}),
    ],
)
def test_a_collected_response_has_what_its_upstream_left_out(kept: dict[str, Any], said: dict[str, Any]) -> None:
    """Many servers of this API repeat nothing of the request; what they say is not changed."""
    pipe = new_pipe("responses", stream=False, user="the client's")
    last = ending("responses")[0]
    pipe.feed(frames("responses", *opening("responses"), *text("responses", "hello")))
    pipe.feed(frames("responses", last | {"response": last["response"] | said}))
    answer = json.loads(pipe.whole())
    assert response_misfits(answer) == []
    assert {name: answer[name] for name in kept} == kept
    assert (answer["usage"]["input_tokens"], answer["output"][0]["content"][0]["text"]) == (11, "hello")


def test_so_does_the_object_of_a_failure_that_is_ours() -> None:
    """Also where the upstream has begun the answer with an object of its own."""
    pipe = new_pipe("responses")
    pipe.feed(frames("responses", *opening("responses"), *text("responses", "hello")))
    pipe.take()
    (failed,) = read(pipe.fail(STOPPING))
    assert event_misfits(failed) == []
    assert (failed["response"]["id"], failed["response"]["odd"]) == ("msg_up", {"model": "served-2026"})
