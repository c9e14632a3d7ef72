"""Messages become input items: same order, same content, what has no place reported as lost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daemon.inference.blocks import File, HostedCall, Image, ModelRefusal, Opaque, Reasoning, Text, ToolCall, ToolResult
from daemon.inference.request import Message
from tests.wires.openai_responses.world import ask, encode, encoded, raw, tool, turn


def items(*messages: Message, wire: str = "messages", **fields: Any) -> list[dict[str, Any]]:
    return list(encoded(ask(*messages, wire=wire, **fields))["input"])


def parts(*blocks: Any) -> list[dict[str, Any]]:
    """The content parts of one user message."""
    (item,) = items(turn("user", *blocks))
    assert (item["type"], item["role"]) == ("message", "user")
    return list(item["content"])


def call(identifier: str = "c1", name: str = "read", arguments: str = "{}", **fields: Any) -> ToolCall:
    return ToolCall(id=identifier, name=name, arguments=arguments, **fields)


def result(*content: Any, identifier: str = "c1", **fields: Any) -> ToolResult:
    texts = tuple(Text(piece) if isinstance(piece, str) else piece for piece in content)
    return ToolResult(call_id=identifier, content=texts, **fields)


def output(outcome: ToolResult) -> Any:
    """The output item's ``output`` for this result."""
    _, item = items(turn("assistant", call()), turn("user", outcome))
    assert (item["type"], item["call_id"]) == ("function_call_output", "c1")
    return item["output"]


# --- system ---


def test_no_system_means_no_developer_message() -> None:
    assert [item["role"] for item in items(turn("user", "hi"))] == ["user"]


def test_system_is_one_developer_message_with_a_part_per_text() -> None:
    first = items(turn("user", "hi"), system=(Text("a"), Text("b")))[0]
    texts = [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]
    assert first == {"type": "message", "role": "developer", "content": texts}


def test_an_empty_system_is_no_message() -> None:
    assert len(items(turn("user", "hi"), system=(Text(""),))) == 1


def test_a_system_message_inside_a_claude_conversation_is_a_marked_user_message_at_its_place() -> None:
    sent = items(turn("user", "a"), turn("system", "be brief"), turn("assistant", "b"), turn("system", "last"))
    assert [item["role"] for item in sent] == ["user", "user", "assistant", "user"]
    assert sent[1]["content"][0]["text"] == "<system-reminder>\nbe brief\n</system-reminder>"


@pytest.mark.parametrize("wire", ["chat", "responses"])
def test_system_and_developer_messages_of_other_clients_are_developer_messages(wire: str) -> None:
    sent = items(turn("system", "a"), turn("user", "b"), turn("developer", "c"), wire=wire)
    assert [(item["role"], item["content"][0]["text"]) for item in sent] == [
        ("developer", "a"),
        ("user", "b"),
        ("developer", "c"),
    ]


# --- content ---


def test_text_has_the_type_of_its_side() -> None:
    sent = items(turn("user", "a"), turn("assistant", "b"))
    assert [item["content"][0]["type"] for item in sent] == ["input_text", "output_text"]


def test_a_refusal_stays_one_in_history() -> None:
    assert items(turn("assistant", ModelRefusal("no")))[0]["content"] == [{"type": "refusal", "refusal": "no"}]


@pytest.mark.parametrize(
    ("expected", "block"),
    [
        ({"image_url": "data:image/png;base64,AAA"}, Image(media_type="image/png", data="AAA")),
        ({"image_url": "data:image/png;base64,AAA"}, Image(data="AAA")),
        ({"image_url": "https://x.example/a.png"}, Image(url="https://x.example/a.png")),
    ],
)
def test_images(expected: dict[str, str], block: Image) -> None:
    assert parts(block) == [{"type": "input_image", **expected}]


@pytest.mark.parametrize(
    ("expected", "block"),
    [
        (
            {"filename": "document.pdf", "file_data": "data:application/pdf;base64,AAA"},
            File(media_type="application/pdf", data="AAA"),
        ),
        (
            {"filename": "a.csv", "file_data": "data:text/csv;base64,AAA"},
            File(media_type="text/csv", data="AAA", filename="a.csv"),
        ),
        ({"file_url": "https://x.example/a.pdf"}, File(url="https://x.example/a.pdf")),
    ],
)
def test_documents(expected: dict[str, str], block: File) -> None:
    assert parts(block) == [{"type": "input_file", **expected}]


@pytest.mark.parametrize(
    ("kind", "block", "expected"),
    [
        ("image", Image(file_id="file_1", detail="high"), {"type": "input_image", "detail": "high"}),
        ("document", File(file_id="file_1"), {"type": "input_file"}),
    ],
)
@pytest.mark.parametrize("wire", ["responses", "chat", "messages"])
def test_a_file_of_another_vendors_store_is_a_line_of_text(
    kind: str, block: Image | File, expected: dict[str, str], wire: str
) -> None:
    """Clients of both OpenAI wires name files of one store."""
    call_id = "c1"
    body = encode(
        ask(
            turn("user", "a", block, "b"),
            turn("assistant", call(call_id)),
            turn("user", ToolResult(call_id=call_id, content=(Text("r"), block))),
            wire=wire,
        )
    )
    message, _, output = json.loads(body.body)["input"]
    line = {"type": "input_text", "text": f"[{kind} at file_1, which could not be passed on]"}
    part = line if wire == "messages" else {**expected, "file_id": "file_1"}
    assert message["content"][1] == output["output"][1] == part
    assert body.lost == ((f"messages[0].{kind}", f"messages[2].{kind}") if wire == "messages" else ())


def test_a_text_document_is_text_under_its_title() -> None:
    block = File(text="body", filename="Notes", context="from 1999")
    assert parts(block) == [{"type": "input_text", "text": "Document: Notes\nContext: from 1999\n\nbody"}]


def test_a_documents_context_stands_before_it() -> None:
    texts = parts(File(url="https://x.example/a.pdf", context="draft"))
    assert [part["type"] for part in texts] == ["input_text", "input_file"]
    assert texts[0]["text"] == "Context: draft"


def test_a_document_keeps_its_place_between_texts() -> None:
    types = [part["type"] for part in parts("a", File(data="AAA", media_type="application/pdf"), "b")]
    assert types == ["input_text", "input_file", "input_text"]


def test_unknown_content_of_another_wire_is_read_as_its_json() -> None:
    block = Opaque("messages", raw({"type": "search_result", "title": "t"}))
    assert parts(block) == [{"type": "input_text", "text": '{"type": "search_result", "title": "t"}'}]


def test_audio_is_the_same_on_both_openai_wires() -> None:
    audio = {"type": "input_audio", "input_audio": {"data": "AAA", "format": "wav"}}
    assert parts(Opaque("chat", raw(audio))) == [audio]


def test_media_that_an_assistant_cannot_have_said_is_reported() -> None:
    body = encode(ask(turn("user", "a"), turn("assistant", Image(data="A"), File(data="A"), "b")))
    assert body.lost == ("messages[1].image", "messages[1].document")


# --- thinking ---


def test_thinking_with_its_seal_is_a_reasoning_item() -> None:
    sent = items(turn("assistant", Reasoning(parts=("secret",), signature="gAAA", id="rs_1"), "answer"))
    assert sent[0] == {"type": "reasoning", "summary": [], "encrypted_content": "gAAA", "id": "rs_1"}
    assert sent[1]["content"] == [{"type": "output_text", "text": "answer"}]


@pytest.mark.parametrize(
    ("parts", "signature", "content"),
    [
        (("hm",), "reasoning_text", ["hm"]),
        (("h", "m"), "reasoning_text", ["h", "m"]),
        (("short",), '{"reasoning_text":["all","of it"]}', ["all", "of it"]),
    ],
)
def test_reasoning_that_was_not_encrypted_goes_back_in_its_words(
    parts: tuple[str, ...], signature: str, content: list[str]
) -> None:
    sent = items(turn("assistant", Reasoning(parts=parts, signature=signature), "answer"))
    words = [{"type": "reasoning_text", "text": text} for text in content]
    assert sent[0] == {"type": "reasoning", "summary": [], "content": words}


@pytest.mark.parametrize("identifier", ["msg_1", "rs_" + "x" * 62, None])
def test_reasoning_ids_that_would_be_refused_are_left_out(identifier: str | None) -> None:
    assert "id" not in items(turn("assistant", Reasoning(signature="gAAA", id=identifier)))[0]


@pytest.mark.parametrize("block", [Reasoning(parts=("text",)), Reasoning(parts=("text",), signature="")])
def test_thinking_without_a_seal_is_dropped(block: Reasoning) -> None:
    assert [item["type"] for item in items(turn("assistant", block, "a"))] == ["message"]


def test_a_user_cannot_have_thought() -> None:
    assert [item["type"] for item in items(turn("user", Reasoning(signature="gAAA"), "a"))] == ["message"]


# --- calls and results ---


def test_order_is_kept() -> None:
    history = turn("assistant", Reasoning(signature="gA"), "one", call("c1"), "two", call("c2", arguments='{"a":1}'))
    sent = items(history, turn("user", result("r2", identifier="c2"), result("r1"), "go on"))
    assert [item["type"] for item in sent] == [
        "reasoning",
        "message",
        "function_call",
        "message",
        "function_call",
        "function_call_output",
        "function_call_output",
        "message",
    ]
    assert [item.get("call_id") for item in sent][4:7] == ["c2", "c2", "c1"]


def test_a_call_without_arguments_is_an_empty_object() -> None:
    sent = items(turn("assistant", call(arguments="")), turn("user", result()))
    assert sent[0] == {"type": "function_call", "call_id": "c1", "name": "read", "arguments": "{}"}


def test_long_call_ids_are_shortened_alike_on_both_sides() -> None:
    identifier = "toolu_" + "x" * 80
    sent = items(turn("assistant", call(identifier)), turn("user", result(identifier=identifier)))
    assert sent[0]["call_id"] == sent[1]["call_id"]
    assert len(sent[0]["call_id"]) == 64


def test_a_call_of_a_tool_that_is_offered_no_more_is_named_to_fit() -> None:
    history = (turn("assistant", call(name="n" * 80)), turn("user", result()))
    assert items(*history)[0]["name"] == items(*history, tools=(tool(),))[0]["name"] == "n" * 64


def test_custom_calls_and_their_outputs() -> None:
    custom = call(name="patch", arguments="*** Begin", kind="custom", namespace="fs", item_id="ctc_1")
    sent = items(turn("assistant", custom), turn("user", result("done")))
    expected = {"call_id": "c1", "name": "patch", "input": "*** Begin", "namespace": "fs", "id": "ctc_1"}
    assert sent[0] == {"type": "custom_tool_call", **expected}
    assert sent[1] == {"type": "custom_tool_call_output", "call_id": "c1", "output": "done"}


@pytest.mark.parametrize(
    ("expected", "outcome"),
    [
        ("text", result("text")),
        ("", result()),
        ("", result("")),
        ("[tool error]\nboom", result("boom", is_error=True)),
        ("text", result("text", is_error=False)),
        ([{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}], result("a", "b")),
        (
            [{"type": "input_text", "text": "a"}, {"type": "input_image", "image_url": "data:image/png;base64,A"}],
            result("a", Image(data="A")),
        ),
        (
            [{"type": "input_text", "text": "[tool error]"}, {"type": "input_file", "file_url": "https://x/a"}],
            result(File(url="https://x/a"), is_error=True),
        ),
        (
            [{"type": "input_text", "text": '{"type": "tool_reference", "tool_name": "x"}'}],
            result(Opaque("messages", raw({"type": "tool_reference", "tool_name": "x"}))),
        ),
    ],
)
def test_outputs(expected: object, outcome: ToolResult) -> None:
    assert output(outcome) == expected


def test_an_orphan_or_repeated_result_is_dropped_and_reported() -> None:
    history = (
        turn("user", result(identifier="gone")),
        turn("assistant", call()),
        turn("user", result("1"), result("2")),
    )
    body = encode(ask(*history))
    assert [item["type"] for item in json.loads(body.body)["input"]] == ["function_call", "function_call_output"]
    assert body.lost == ("messages[0].tool_result", "messages[2].tool_result")


def test_a_responses_client_may_answer_a_call_that_is_stored_upstream() -> None:
    assert items(turn("user", result("1")), wire="responses")[0]["type"] == "function_call_output"


def test_a_call_id_may_be_used_again_in_a_later_round() -> None:
    rounds = (turn("assistant", call()), turn("user", result("1"))) * 2
    assert encode(ask(*rounds)).lost == ()


# --- what only this wire knows ---


def test_own_items_come_back_as_they_were_at_their_place() -> None:
    compaction = {"type": "compaction", "encrypted_content": "x"}
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}
    hosted = HostedCall(id="ws_1", name="web_search", wire="responses", raw=raw(search))
    sent = items(turn("assistant", "a", Opaque("responses", raw(compaction)), hosted, "b"), wire="responses")
    assert sent[1:3] == [compaction, search]


def test_what_others_ran_themselves_is_reported() -> None:
    hosted = HostedCall(id="srvtoolu_1", name="web_fetch", wire="messages", raw=raw({"type": "server_tool_use"}))
    unknown = Opaque("messages", raw({"type": "container_upload"}))
    body = encode(ask(turn("assistant", hosted, unknown, "a")))
    assert body.lost == ("messages[0].web_fetch", "messages[0].container_upload")


def test_message_ids_go_back_to_this_wire_only() -> None:
    message = Message("assistant", (Text("a"),), "msg_1")
    assert items(message, wire="responses")[0]["id"] == "msg_1"
    assert "id" not in items(message)[0]


def test_own_parts_stay_inside_their_message_and_output() -> None:
    audio = {"type": "input_audio", "input_audio": {"data": "A", "format": "wav"}}
    part = Opaque("responses", raw(audio))
    assert parts("a", part)[1] == audio
    assert output(result(part)) == [audio]


def test_content_that_is_no_object_is_read_as_it_is() -> None:
    assert parts(Opaque("messages", raw(5))) == [{"type": "input_text", "text": "5"}]


def test_empty_text_is_no_part_and_makes_no_message() -> None:
    assert items(turn("assistant", ""), turn("user", "", "a")) == [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a"}]}
    ]
