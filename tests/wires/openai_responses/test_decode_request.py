"""A client's request to the hub."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw

from daemon.errors import ErrorKind, LocalError
from daemon.inference.blocks import File, HostedCall, Image, ModelRefusal, Opaque, Reasoning, Text, ToolCall, ToolResult
from daemon.inference.request import (
    Message,
    OpaqueTool,
    OutputFormat,
    ReasoningOptions,
    Request,
    Tool,
    ToolChoice,
    WebSearch,
)
from daemon.wires.base import EncodeOptions
from daemon.wires.openai_responses import WIRE
from tests.wires.openai_responses.world import raw


def request(headers: dict[str, str] | None = None, **body: Any) -> Request:
    return WIRE.decode_request(json.dumps({"model": "gpt-5", "input": "hi", **body}).encode(), headers or {})


def messages(*items: object) -> tuple[Message, ...]:
    return request(input=list(items)).messages


def content(*parts: object, role: str = "user") -> tuple[Any, ...]:
    (message,) = messages({"role": role, "content": list(parts)})
    return message.content


# --- the conversation ---


def test_a_string_is_one_user_message() -> None:
    assert request().messages == (Message("user", (Text("hi"),)),)


def test_no_input_is_no_message() -> None:
    body = json.dumps({"model": "gpt-5"}).encode()
    assert WIRE.decode_request(body, {}).messages == ()


@pytest.mark.parametrize("role", ["user", "assistant", "system", "developer"])
def test_roles_and_ids_are_kept(role: str) -> None:
    (message,) = messages({"type": "message", "role": role, "content": "a", "id": "msg_1"})
    assert message == Message(role, (Text("a"),), "msg_1")  # type: ignore[arg-type]  # parametrize has no literals


@pytest.mark.parametrize(
    ("expected", "part"),
    [
        (Text("a"), {"type": "input_text", "text": "a"}),
        (Text("a"), {"type": "output_text", "text": "a", "annotations": []}),
        (ModelRefusal("no"), {"type": "refusal", "refusal": "no"}),
        (Image(url="https://x.example/a.png"), {"type": "input_image", "image_url": "https://x.example/a.png"}),
        (
            Image(media_type="image/png", data="AAA", detail="low"),
            {"type": "input_image", "image_url": "data:image/png;base64,AAA", "detail": "low"},
        ),
        (Image(file_id="file_1"), {"type": "input_image", "file_id": "file_1"}),
        (File(file_id="file_1"), {"type": "input_file", "file_id": "file_1"}),
        (File(url="https://x.example/a.pdf"), {"type": "input_file", "file_url": "https://x.example/a.pdf"}),
        (
            File(media_type="application/pdf", data="AAA", filename="a.pdf"),
            {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAA"},
        ),
        (File(data="AAA"), {"type": "input_file", "file_data": "AAA"}),
    ],
)
def test_parts(expected: object, part: dict[str, Any]) -> None:
    assert content(part) == (expected,)


def test_an_unknown_part_is_kept_for_this_wire() -> None:
    audio = {"type": "input_audio", "input_audio": {"data": "A", "format": "wav"}}
    (block,) = content(audio)
    assert isinstance(block, Opaque) and json.loads(bytes(block.raw)) == audio


CALL = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "read", "arguments": "{}", "namespace": "fs"}
THOUGHT = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "hm"}],
    "encrypted_content": "x",
}
SAID = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]}


def test_what_the_assistant_did_in_a_row_is_one_turn() -> None:
    (turn,) = messages(THOUGHT, SAID, CALL)
    assert turn == Message(
        "assistant",
        (
            Reasoning(parts=("hm",), signature="x", id="rs_1"),
            Text("a"),
            ToolCall(id="c1", name="read", arguments="{}", namespace="fs", item_id="fc_1"),
        ),
    )


def test_two_messages_of_the_assistant_stay_two() -> None:
    assert [len(message.content) for message in messages(SAID, CALL, SAID)] == [2, 1]


def test_outputs_in_a_row_are_one_user_turn() -> None:
    outputs = [{"type": "function_call_output", "call_id": f"c{number}", "output": "r"} for number in (1, 2)]
    turns = messages(CALL, *outputs, {"role": "user", "content": "go on"})
    assert [message.role for message in turns] == ["assistant", "user", "user"]
    assert turns[1].content == tuple(ToolResult(call_id=f"c{number}", content=(Text("r"),)) for number in (1, 2))


def test_an_output_may_have_parts() -> None:
    parts = [{"type": "input_image", "image_url": "data:image/png;base64,AAA", "detail": "original"}]
    (turn,) = messages({"type": "custom_tool_call_output", "call_id": "c1", "output": parts})
    image = Image(media_type="image/png", data="AAA", detail="original")
    assert turn.content == (ToolResult(call_id="c1", content=(image,), kind="custom"),)


def test_custom_calls() -> None:
    (turn,) = messages({"type": "custom_tool_call", "call_id": "c1", "name": "patch", "input": "*** Begin"})
    assert turn.content == (ToolCall(id="c1", name="patch", arguments="*** Begin", kind="custom"),)


@pytest.mark.parametrize(
    ("role", "item"),
    [
        ("assistant", {"type": "compaction", "encrypted_content": "x"}),
        ("assistant", {"type": "tool_search_call", "call_id": "c", "arguments": {"an": "object"}}),
        ("user", {"type": "tool_search_output", "call_id": "c"}),
        ("user", {"type": "additional_tools", "role": "developer", "tools": []}),
        ("user", {"type": "compaction_trigger"}),
        ("user", {"type": "item_reference", "id": "msg_1"}),
    ],
)
def test_items_of_codex_keep_their_place(role: str, item: dict[str, Any]) -> None:
    turns = messages({"role": "user", "content": "a"}, item, {"role": "user", "content": "b"})
    assert [message.role for message in turns][-1] == "user"
    (found,) = [message for message in turns for block in message.content if isinstance(block, Opaque)]
    assert found.role == role
    assert [json.loads(bytes(block.raw)) for block in found.content if isinstance(block, Opaque)] == [item]


def test_hosted_calls() -> None:
    item = {"type": "web_search_call", "id": "ws_1", "action": {"type": "search"}}
    (turn,) = messages(item)
    (block,) = turn.content
    assert isinstance(block, HostedCall) and (block.id, block.name) == ("ws_1", "web_search")


# --- the rest of the request ---


def test_instructions_are_the_system_text() -> None:
    assert request(instructions="be brief").system == (Text("be brief"),)
    assert request(instructions=None).system == request(instructions="").system == ()


@pytest.mark.parametrize(
    ("expected", "tool"),
    [
        (
            Tool(name="read", description="d", parameters=raw({"type": "object"}), strict=False),
            {"type": "function", "name": "read", "description": "d", "parameters": {"type": "object"}, "strict": False},
        ),
        (Tool(name="read"), {"type": "function", "name": "read", "parameters": None}),
        (
            Tool(name="patch", kind="custom", format=raw({"type": "text"})),
            {"type": "custom", "name": "patch", "format": {"type": "text"}},
        ),
        (WebSearch(), {"type": "web_search_preview_2025_03_11"}),
        (
            WebSearch(allowed_domains=("a.example",), user_location=raw({"city": "x"})),
            {"type": "web_search", "filters": {"allowed_domains": ["a.example"]}, "user_location": {"city": "x"}},
        ),
        (OpaqueTool("responses", "ns", raw({"type": "namespace", "name": "ns"})), {"type": "namespace", "name": "ns"}),
        (OpaqueTool("responses", "tool_search", raw({"type": "tool_search"})), {"type": "tool_search"}),
    ],
)
def test_tools(expected: object, tool: dict[str, Any]) -> None:
    assert request(tools=[tool]).tools == (expected,)


@pytest.mark.parametrize(
    ("expected", "choice", "kept"),
    [
        (None, None, False),
        (ToolChoice("auto"), "auto", False),
        (ToolChoice("any"), "required", False),
        (ToolChoice("none"), "none", False),
        (ToolChoice("tool", "read"), {"type": "function", "name": "read"}, False),
        (ToolChoice("tool", "patch", "custom"), {"type": "custom", "name": "patch"}, False),
        (ToolChoice("tool", "web_search", "web_search"), {"type": "web_search_preview"}, False),
        (ToolChoice("any"), {"type": "allowed_tools", "mode": "required", "tools": []}, True),
        (ToolChoice("auto"), {"type": "mcp", "server_label": "x"}, True),
    ],
)
def test_choices(expected: ToolChoice | None, choice: object, kept: bool) -> None:
    asked = request(tool_choice=choice)
    assert asked.tool_choice == expected
    assert ("tool_choice" in asked.extra["responses"]) is kept


@pytest.mark.parametrize(
    ("expected", "reasoning"),
    [
        (ReasoningOptions(), None),
        (ReasoningOptions(effort="low"), {"effort": "low", "summary": None}),
        (ReasoningOptions(summary="auto", visible=True), {"summary": "auto"}),
        (ReasoningOptions(summary="none"), {"summary": "none"}),
        (ReasoningOptions(summary="detailed", visible=True), {"generate_summary": "detailed"}),
    ],
)
def test_reasoning(expected: ReasoningOptions, reasoning: object) -> None:
    assert request(reasoning=reasoning).reasoning == expected


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        (None, None),
        (None, {"format": {"type": "text"}}),
        (OutputFormat(kind="json_object"), {"format": {"type": "json_object"}}),
        (
            OutputFormat(kind="json_schema", name="n", schema=raw({"type": "object"}), strict=True),
            {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}},
        ),
    ],
)
def test_output_format(expected: OutputFormat | None, text: object) -> None:
    assert request(text=text).output == expected


def test_plain_fields() -> None:
    asked = request(
        stream=True,
        max_output_tokens=5,
        temperature=0.5,
        top_p=0.9,
        parallel_tool_calls=False,
        service_tier="priority",
        user="u",
        prompt_cache_key="k",
        text={"verbosity": "low"},
    )
    assert (asked.stream, asked.max_tokens, asked.temperature, asked.top_p) == (True, 5, 0.5, 0.9)
    assert (asked.parallel_tool_calls, asked.service_tier, asked.user) == (False, "priority", "u")
    assert (asked.cache_key, asked.session, asked.verbosity) == ("k", "k", "low")


def test_the_session_is_in_codexs_header() -> None:
    assert request({"session-id": "s"}, prompt_cache_key="k").session == "s"


def test_unknown_fields_are_kept_for_this_wire() -> None:
    extra = request(client_metadata={"a": 1}, store=True, reasoning={"effort": "low", "context": "all_turns"}).extra
    kept = {name: json.loads(bytes(value)) for name, value in extra["responses"].items()}
    assert kept == {"client_metadata": {"a": 1}, "store": True, "reasoning": {"effort": "low", "context": "all_turns"}}


@pytest.mark.parametrize(
    ("param", "body"),
    [
        (None, b"nonsense"),
        (None, b"[1]"),
        (None, b'{"model":5}'),
        (None, b'{"model":"m","include":[5]}'),
        ("model", b"{}"),
        ("model", b'{"model":""}'),
        ("input", b'{"model":"m","input":5}'),
        ("input[1]", b'{"model":"m","input":[{"role":"user","content":"a"},{"role":"robot","content":"a"}]}'),
        ("input[0]", b'{"model":"m","input":[{"type":"function_call","name":"a"}]}'),
        ("input[0]", b'{"model":"m","input":[5]}'),
        ("input[0]", b'{"model":"m","input":[{"role":"user","content":[{"type":"input_text"}]}]}'),
        (
            "input[0]",
            b'{"model":"m","input":[{"type":"function_call_output","call_id":"c","output":[{"type":"refusal"}]}]}',
        ),
        ("tools[0]", b'{"model":"m","tools":[5]}'),
        ("tools[0].name", b'{"model":"m","tools":[{"type":"function"}]}'),
        ("tool_choice", b'{"model":"m","tool_choice":"sometimes"}'),
        ("tool_choice", b'{"model":"m","tool_choice":5}'),
    ],
)
def test_mistakes_are_the_clients_and_named(param: str | None, body: bytes) -> None:
    with pytest.raises(LocalError) as caught:
        WIRE.decode_request(body, {})
    assert (caught.value.kind, caught.value.param) == (ErrorKind.INVALID_REQUEST, param)
    assert caught.value.status == 400 and caught.value.message


# --- there and back ---


TWO_PARTS = [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]
CODEX = {
    "model": "gpt-5",
    "stream": True,
    "instructions": "be brief",
    "input": [
        {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "rules"}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "go"}]},
        {"type": "reasoning", "summary": [], "encrypted_content": "x", "id": "rs_1"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "ok"}], "id": "msg_1"},
        {"type": "function_call", "call_id": "c1", "name": "exec", "arguments": '{"a":1}', "id": "fc_1"},
        {"type": "custom_tool_call", "call_id": "c2", "name": "patch", "input": "*** Begin", "id": "ctc_1"},
        {"type": "function_call_output", "call_id": "c1", "output": "done"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": TWO_PARTS},
        {"type": "compaction", "encrypted_content": "y"},
        {"type": "additional_tools", "role": "developer", "tools": []},
    ],
    "tools": [
        {"type": "function", "name": "exec", "parameters": {"type": "object", "properties": {}}, "strict": False},
        {"type": "custom", "name": "patch", "format": {"type": "text"}},
        {"type": "namespace", "name": "agents", "tools": []},
    ],
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "reasoning": {"effort": "medium", "summary": "auto", "context": "all_turns"},
    "store": False,
    "include": ["reasoning.encrypted_content"],
    "prompt_cache_key": "k",
    "text": {"verbosity": "low"},
    "client_metadata": {"a": "b"},
}


def test_codexs_request_goes_through_the_hub_unchanged() -> None:
    """But for its instructions, which become a developer message as all system text does."""
    asked = WIRE.decode_request(json.dumps(CODEX).encode(), {})
    body = WIRE.encode_request(asked, EncodeOptions(model="gpt-5"))
    said = {"type": "input_text", "text": CODEX["instructions"]}
    opening = {"type": "message", "role": "developer", "content": [said]}
    items: Any = CODEX["input"]
    assert json.loads(body.body) == CODEX | {"instructions": "", "input": [opening, *items]}
    assert body.lost == ()


def test_raw_pieces_do_not_hold_the_body() -> None:
    """A kept piece is its own bytes, so that a request of a megabyte is not kept alive by one tool."""
    (tool,) = request(tools=[{"type": "function", "name": "a", "parameters": {"type": "object"}}]).tools
    assert isinstance(tool, Tool) and isinstance(tool.parameters, Raw)
    assert bytes(tool.parameters) == b'{"type": "object"}'
