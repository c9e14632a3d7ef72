"""What system messages change on their way (effort, tools, texts), as other wires and their models see it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daemon.errors import LocalError
from daemon.inference.request import Request
from daemon.wires.anthropic_messages import WIRE
from daemon.wires.base import EncodeOptions
from daemon.wires.table import WIRES

U: dict[str, Any] = {"role": "user", "content": "hi"}
A: dict[str, Any] = {"role": "assistant", "content": "yes"}
RESULT: dict[str, Any] = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "r"}]}
CALL: dict[str, Any] = {
    "role": "assistant",
    "content": [{"type": "tool_use", "id": "t", "name": "Later", "input": {}}],
}


def request(*messages: dict[str, Any], **fields: Any) -> Request:
    body = {"model": "m", "max_tokens": 10, "messages": messages} | fields
    return WIRE.decode_request(json.dumps(body).encode(), {})


def level(effort: str | None, content: Any = ()) -> dict[str, Any]:
    return {"role": "system", "content": list(content), "output_config": {"effort": effort}}


@pytest.mark.parametrize(
    ("messages", "effort"),
    [
        ((U,), "high"),
        ((U, level("low")), "low"),
        ((U, A, level("low"), U), "low"),
        ((U, A, level("low")), "high"),
        ((U, level("low"), CALL, RESULT), "low"),
        ((U, CALL, level("max"), RESULT), "high"),
        ((U, CALL, RESULT, level("max")), "high"),
        ((U, level("low"), A, U, level("max")), "max"),
        ((U, level("low"), A, U), "low"),
        ((U, level(None)), "high"),
        ((U, level("low", [{"type": "text", "text": "a"}])), "low"),
        ((U, {"role": "system", "output_config": {"effort": "low"}}), "low"),
        ((U, {"role": "system", "content": "a", "output_config": {}}), "high"),
    ],
)
def test_the_effort_of_the_next_answer(messages: tuple[dict[str, Any], ...], effort: str) -> None:
    """Behind a turn of the user it holds at once, elsewhere from the next one; results of tools are none."""
    assert request(*messages, output_config={"effort": "high"}).reasoning.effort == effort


def test_other_messages_need_content() -> None:
    with pytest.raises(LocalError, match=r"messages\.1\.content: Field required"):
        request(U, {"role": "assistant"})
    with pytest.raises(LocalError, match=r"messages\.1\.content: Field required"):
        request(U, {"role": "system"})


TOOLS = [
    {"name": "Now", "input_schema": {"type": "object"}},
    {"name": "Later", "input_schema": {"type": "object"}, "defer_loading": True},
    {"name": "Never", "input_schema": {"type": "object"}, "defer_loading": True},
]
SEARCH = {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"}


def change(kind: str, name: str = "", definition: Any = None) -> dict[str, Any]:
    tool = (
        {"type": "tool_definition", "definition": definition}
        if definition
        else {"type": "tool_reference", "name": name}
    )
    return {"role": "system", "content": [{"type": kind, "tool": tool}]}


def found(*names: str) -> dict[str, Any]:
    parts = [{"type": "tool_reference", "tool_name": name} for name in names]
    return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": parts}]}


NEW = {"name": "New", "description": "d", "input_schema": {"type": "object", "properties": {"a": {"type": "string"}}}}
NOW_AGAIN = {"name": "Now", "description": "another", "input_schema": {"type": "object"}}


@pytest.mark.parametrize(
    ("messages", "fields", "offered"),
    [
        ((U,), {}, ["Now"]),
        ((U, change("tool_addition", "Later")), {}, ["Now", "Later"]),
        ((U, change("tool_removal", "Now")), {}, []),
        ((U, change("tool_removal", "Now"), A, U, change("tool_addition", "Now")), {}, ["Now"]),
        ((U, change("tool_addition", "Later"), A, U, change("tool_removal", "Later")), {}, ["Now"]),
        ((U, change("tool_addition", definition=NEW)), {}, ["Now", "New"]),
        ((U, change("tool_addition", definition=NEW), change("tool_removal", "New")), {}, ["Now"]),
        ((U, change("tool_addition", definition=NOW_AGAIN)), {}, ["Now"]),
        ((U, change("tool_addition", "Unheard")), {}, ["Now"]),
        ((U, CALL, found("Later")), {}, ["Now", "Later"]),
        ((U, CALL, RESULT), {}, ["Now", "Later"]),
        ((U,), {"tool_choice": {"type": "tool", "name": "Later"}}, ["Now", "Later"]),
        ((U,), {"tools": [SEARCH, *TOOLS]}, ["tool_search_tool_regex", "Now", "Later", "Never"]),
        (
            (
                U,
                {
                    "role": "system",
                    "content": [
                        {"type": "tool_addition", "tool": {"type": "mcp_toolset_reference", "server_name": "s"}}
                    ],
                },
            ),
            {},
            ["Now"],
        ),
        ((U, {"role": "system", "content": [{"type": "tool_addition", "tool": 7}]}), {}, ["Now"]),
    ],
)
def test_the_tools_that_are_offered_at_the_end(
    messages: tuple[dict[str, Any], ...], fields: dict[str, Any], offered: list[str]
) -> None:
    assert [tool.name for tool in request(*messages, **({"tools": TOOLS} | fields)).tools] == offered


def test_the_last_definition_counts() -> None:
    (tool,) = request(U, change("tool_addition", definition=NOW_AGAIN), tools=TOOLS[:1]).tools
    assert getattr(tool, "description", None) == "another"


@pytest.mark.parametrize("wire", ["chat", "responses"])
def test_other_upstreams_get_the_tools_and_no_trace_of_the_change(wire: str) -> None:
    asked = request(U, change("tool_addition", "Later"), A, U, tools=TOOLS)
    sent = WIRES[wire].encode_request(asked, EncodeOptions(model="m"))
    assert b"tool_addition" not in sent.body
    assert b"Later" in sent.body
    assert b"Never" not in sent.body
    assert sent.lost == ()


@pytest.mark.parametrize("wire", ["chat", "responses"])
@pytest.mark.parametrize(
    ("messages", "shown"),
    [
        ((U, {"role": "system", "content": "NOTE", "clear_at": "next_user_message"}), True),
        ((U, {"role": "system", "content": "NOTE", "clear_at": "next_user_message"}, A, U), False),
        ((U, {"role": "system", "content": "NOTE", "clear_at": "next_user_message"}, CALL, RESULT), False),
        ((U, {"role": "system", "content": "NOTE", "clear_at": "never"}, A, U), True),
    ],
)
def test_a_text_that_is_over_is_not_shown(wire: str, messages: tuple[dict[str, Any], ...], shown: bool) -> None:
    sent = WIRES[wire].encode_request(request(*messages), EncodeOptions(model="m"))
    assert (b"NOTE" in sent.body) is shown
    assert sent.lost == ()
