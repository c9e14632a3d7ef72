"""A whole answer's blocks as output items; those of a stream are in test_stream_encoder."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daemon.inference.blocks import Block, HostedCall, Image, Opaque, Reasoning, ToolCall
from daemon.inference.response import FinishReason, Response
from daemon.wires.openai_responses import WIRE
from tests.wires.openai_responses.world import context, raw

SEARCH = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}
COMPACTION = {"type": "compaction", "id": "cmp_1", "encrypted_content": "x"}
ANSWER_ID = "0" * 32


def output(*content: Block) -> list[dict[str, Any]]:
    answer = Response(id="", model="", content=content, finish=FinishReason.STOP)
    return list(json.loads(WIRE.encode_response(answer, context()))["output"])


@pytest.mark.parametrize(
    ("expected", "block"),
    [
        (SEARCH, HostedCall(id="ws_1", name="web_search", wire="responses", raw=raw(SEARCH))),
        (COMPACTION, Opaque("responses", raw(COMPACTION))),
        (
            {
                "type": "web_search_call",
                "id": f"ws_{ANSWER_ID}0000",
                "status": "completed",
                "action": {"type": "search"},
            },
            HostedCall(id="srvtoolu_1", name="web_search", wire="messages"),
        ),
        (
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"},
            Reasoning(signature="x", id="rs_1"),
        ),
        (
            {
                "type": "function_call",
                "id": f"fc_{ANSWER_ID}0000",
                "status": "incomplete",
                "call_id": "c1",
                "name": "read",
                "arguments": '{"a',
            },
            ToolCall(id="c1", name="read", arguments='{"a', item_id="odd"),
        ),
    ],
)
def test_items(expected: dict[str, Any], block: Block) -> None:
    assert output(block) == [expected]


def test_arguments_nested_without_end_are_no_whole_call() -> None:
    (item,) = output(ToolCall(id="c1", name="read", arguments="[" * 100_000))
    assert item["status"] == "incomplete"


@pytest.mark.parametrize("block", [Opaque("messages", raw({})), Image(data="A")])
def test_what_this_wire_cannot_show_leaves_no_gap(block: Block) -> None:
    call = ToolCall(id="c1", name="read", arguments="{}")
    assert [item["id"] for item in output(block, call)] == [f"fc_{ANSWER_ID}0000"]
