"""A conversation that Anthropic's API has compacted, as other models read it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daemon.inference.blocks import Text
from daemon.wires.added_text import earlier_summary
from daemon.wires.anthropic_messages import WIRE

U, A = "user", "assistant"
COMPACTED = {"type": "compaction", "content": "X is done"}
FAILED = {"type": "compaction", "content": None}
X = earlier_summary("X is done")


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


@pytest.mark.parametrize(
    "turns, read",
    [
        ([(A, [COMPACTED]), (U, "go on")], [(U, X), (U, "go on")]),
        ([(U, "old"), (A, [text("older"), COMPACTED, text("new")]), (U, "go on")], [(U, X), (A, "new"), (U, "go on")]),
        ([(A, [COMPACTED]), (U, "a"), (A, [{**COMPACTED, "content": "all"}])], [(U, earlier_summary("all"))]),
        ([(U, "old"), (A, [FAILED, text("b")]), (U, "c")], [(U, "old"), (A, "b"), (U, "c")]),
        ([(U, "old"), (A, [FAILED]), (U, "c")], [(U, "old"), (U, "c")]),
        ([(A, [{**COMPACTED, "encrypted_content": "x", "signature": "y"}]), (U, "c")], [(U, X), (U, "c")]),
        ([(A, [{**COMPACTED, "content": [1]}]), (U, "c")], [(U, "c")]),
    ],
    ids=["alone", "what was before it", "the last of two", "a failed one", "nothing else", "with a proof", "odd"],
)
def test_the_last_summary_stands_for_what_was_before_it(turns: list[Any], read: list[Any]) -> None:
    messages = [{"role": role, "content": content} for role, content in turns]
    body = {"model": "m", "max_tokens": 9, "system": "rules", "messages": messages}
    request = WIRE.decode_request(json.dumps(body).encode(), {})
    said = [
        (message.role, block.text)
        for message in request.messages
        for block in message.content
        if isinstance(block, Text)
    ]
    assert said == read
    assert [part.text for part in request.system] == ["rules"]
