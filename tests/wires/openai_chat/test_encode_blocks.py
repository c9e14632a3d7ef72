"""The hub's messages as Chat messages: order, pairing, and what becomes of content this wire has no place for."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from daemon.inference.blocks import (
    Block,
    File,
    HostedCall,
    Image,
    ModelRefusal,
    Opaque,
    Reasoning,
    Text,
    ToolCall,
    ToolContent,
    ToolResult,
)
from daemon.inference.request import Message, Role
from daemon.wires.added_text import reminder
from daemon.wires.base import EncodeOptions
from daemon.wires.openai_chat import WIRE
from tests.wires.openai_chat.world import GPT_4, LLAMA, ask, encoded, raw, sent_messages, tool, turn

PNG = Image(media_type="image/png", data="QUJD")
PNG_PART = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}
PDF = File(media_type="application/pdf", data="QUJD", filename="a.pdf")
PDF_PART = {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,QUJD"}}


def call(id_: str = "a", name: str = "read", arguments: str = "{}", **fields: Any) -> ToolCall:
    return ToolCall(id=id_, name=name, arguments=arguments, **fields)


def result(call_id: str, *content: ToolContent | str, **fields: Any) -> ToolResult:
    blocks = tuple(Text(piece) if isinstance(piece, str) else piece for piece in content)
    return ToolResult(call_id=call_id, content=blocks, **fields)


def sent_call(id_: str = "a", name: str = "read", arguments: str = "{}") -> dict[str, Any]:
    return {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}


def assistant(*calls: dict[str, Any], content: Any = None, **fields: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **fields, **({"tool_calls": list(calls)} if calls else {})}


def tool_message(call_id: str, content: Any) -> dict[str, Any]:
    return {"role": "tool", "content": content, "tool_call_id": call_id}


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def text_part(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


UNANSWERED = tool_message("a", "[tool error]\nno result of this call is in the conversation")

MESSAGES: list[tuple[str, list[Message], list[dict[str, Any]]]] = [
    ("text is a string", [turn("user", "a", "b")], [user("a\n\nb")]),
    (
        "system text that opens the conversation is one message",
        [turn("developer", "mind"), turn("system", "", "this"), turn("developer", "too"), turn("user", "a")],
        [{"role": "system", "content": "mind\n\nthis\n\ntoo"}, user("a")],
    ),
    (
        "later system text stays where it stands, with its neighbour",
        [turn("user", "a"), turn("system", "mind", "me"), turn("developer", "this"), turn("assistant", "b")],
        [user("\n\n".join(["a", reminder("mind\n\nme"), reminder("this")])), assistant(content="b")],
    ),
    (
        "system text before what a user says",
        [turn("assistant", "a"), turn("system", "mind"), turn("user", "b", PNG)],
        [assistant(content="a"), user([text_part(reminder("mind")), text_part("b"), PNG_PART])],
    ),
    (
        "system text between a call and its result comes after it",
        [turn("assistant", call()), turn("system", "mind"), turn("user", result("a", "1"))],
        [assistant(sent_call()), tool_message("a", "1"), user(reminder("mind"))],
    ),
    (
        "a picture in system text is the user's",
        [turn("system", "see", PNG), turn("system", "too"), turn("user", "a")],
        [{"role": "system", "content": "see"}, user([PNG_PART, text_part(reminder("too")), text_part("a")])],
    ),
    (
        "neighbours of one role are one message",
        [
            turn("user", "a"),
            turn("user", "b"),
            turn("assistant", "c"),
            turn("assistant", "d", call()),
            turn("user", result("a", "1")),
        ],
        [user("a\n\nb"), assistant(sent_call(), content="c\n\nd"), tool_message("a", "1")],
    ),
    (
        "media make parts",
        [turn("user", "see", PNG, "and", PDF)],
        [user([text_part("see"), PNG_PART, text_part("and"), PDF_PART])],
    ),
    (
        "calls and results",
        [turn("assistant", "look", call("a"), call("b")), turn("user", result("a", "1"), result("b", "2"), "go on")],
        [
            assistant(sent_call("a"), sent_call("b"), content="look"),
            tool_message("a", "1"),
            tool_message("b", "2"),
            user("go on"),
        ],
    ),
    (
        "no content is null, no arguments an empty object",
        [turn("assistant", "", call(arguments="")), turn("user", result("a"))],
        [assistant(sent_call()), tool_message("a", "")],
    ),
    (
        "results in another order, text before them",
        [
            turn("assistant", call("a"), call("b")),
            turn("user", "wait", result("b", "2")),
            turn("user", result("a", "1")),
        ],
        [assistant(sent_call("a"), sent_call("b")), tool_message("b", "2"), tool_message("a", "1"), user("wait")],
    ),
    (
        "a call that is never answered",
        [turn("assistant", call("a")), turn("user", "stop"), turn("assistant", "ok")],
        [assistant(sent_call("a")), UNANSWERED, user("stop"), assistant(content="ok")],
    ),
    (
        "text at the end waits for nobody",
        [turn("assistant", call("a")), turn("user", "stop")],
        [assistant(sent_call("a")), UNANSWERED, user("stop")],
    ),
    (
        "an id in two rounds",
        [
            turn("assistant", call()),
            turn("user", result("a", "1")),
            turn("assistant", call()),
            turn("user", result("a", "2")),
        ],
        [assistant(sent_call()), tool_message("a", "1"), assistant(sent_call("a_2")), tool_message("a_2", "2")],
    ),
    (
        "an error stands in the text",
        [turn("assistant", call()), turn("user", result("a", "no", "such file", is_error=True))],
        [assistant(sent_call()), tool_message("a", "[tool error]\nno\n\nsuch file")],
    ),
    (
        "pictures of results follow, named in both places, in order",
        [
            turn("assistant", call("a", "shoot"), call("b")),
            turn("user", result("a", "before", PNG, "after", PDF), result("b", "2"), "and?"),
        ],
        [
            assistant(sent_call("a", "shoot"), sent_call("b")),
            tool_message(
                "a",
                "before\n\n[image 1 of the result of shoot (a)]\n\nafter\n\n[document 2 of the result of shoot (a)]",
            ),
            tool_message("b", "2"),
            user(
                [
                    text_part("[image 1 of the result of shoot (a)]"),
                    PNG_PART,
                    text_part("[document 2 of the result of shoot (a)]"),
                    PDF_PART,
                    text_part("and?"),
                ]
            ),
        ],
    ),
    (
        "text in other clothes stays in the result",
        [
            turn("assistant", call()),
            turn(
                "user",
                result("a", File(text="hi", filename="a.txt"), Opaque("messages", raw({"type": "tool_reference"}))),
            ),
        ],
        [assistant(sent_call()), tool_message("a", 'Document: a.txt\n\nhi\n\n{"type": "tool_reference"}')],
    ),
    (
        "a custom tool's call is a function's",
        [
            turn("assistant", call("a", "patch", "*** Begin", kind="custom")),
            turn("user", result("a", "ok", kind="custom")),
        ],
        [assistant(sent_call("a", "patch", '{"input":"*** Begin"}')), tool_message("a", "ok")],
    ),
    ("a refusal is text", [turn("assistant", ModelRefusal("no"))], [assistant(content="no")]),
    (
        "thinking goes back to the field it came in, and where it came from alone",
        [
            turn(
                "assistant",
                Reasoning(parts=("hm",), signature="reasoning_content"),
                Reasoning(parts=("more",), signature="reasoning_content"),
                Reasoning(parts=("foreign",)),
                Reasoning(signature="reasoning_content"),
                "a",
            ),
            turn("user", "go on"),
            turn("assistant", Reasoning(parts=("hm",), signature="reasoning"), "b"),
        ],
        [
            assistant(content="a", reasoning_content="hm\n\nmore"),
            user("go on"),
            assistant(content="b", reasoning="hm"),
        ],
    ),
    (
        "thinking that was a part of the content is one again",
        [
            turn("assistant", Reasoning(parts=("h", "m"), signature="content"), "a"),
            turn("user", "go on"),
            turn("assistant", Reasoning(parts=("hm",), signature="content")),
        ],
        [
            assistant(
                content=[
                    {"type": "thinking", "thinking": [{"type": "text", "text": "h\n\nm"}]},
                    {"type": "text", "text": "a"},
                ]
            ),
            user("go on"),
        ],
    ),
    (
        "neighbours' thinking is kept together",
        [turn("assistant", Reasoning(parts=(part,), signature="reasoning"), part) for part in ("a", "b")],
        [assistant(content="a\n\nb", reasoning="a\n\nb")],
    ),
    ("thinking alone is no message", [turn("assistant", Reasoning(parts=("hm",), signature="reasoning"))], []),
    (
        "audio is written as the Responses API writes it",
        [turn("user", Opaque("responses", raw({"type": "input_audio"})))],
        [user([{"type": "input_audio"}])],
    ),
    ("a refusal said by a user", [turn("user", ModelRefusal("no"))], [user("no")]),
    ("no user has thought or called", [turn("user", Reasoning(parts=("hm",)), call(), "a")], [user("a")]),
]


@pytest.mark.parametrize(("messages", "expected"), [row[1:] for row in MESSAGES], ids=[row[0] for row in MESSAGES])
def test_messages(messages: list[Message], expected: list[dict[str, Any]]) -> None:
    assert sent_messages(*messages) == expected


def test_system_text_is_one_system_message() -> None:
    messages = encoded(ask(turn("user", "hi"), system=(Text("a"), Text(""), Text("b"))))["messages"]
    assert messages == [{"role": "system", "content": "a\n\nb"}, user("hi")]
    assert encoded(ask(turn("user", "hi"), system=(Text(""),)))["messages"] == [user("hi")]


# --- what a client of this wire sent goes back as it came ---

NATIVE: list[tuple[str, list[Message], list[dict[str, Any]]]] = [
    (
        "parts stay parts",
        [turn("user", "a", "b"), turn("system", "c", "d")],
        [
            user([text_part("a"), text_part("b")]),
            {"role": "system", "content": [text_part("c"), text_part("d")]},
        ],
    ),
    ("roles stay", [turn("developer", "a"), turn("user", "")], [{"role": "developer", "content": "a"}, user("")]),
    (
        "thinking stays",
        [turn("assistant", Reasoning(parts=("hm",)), "a")],
        [assistant(content="a", reasoning_content="hm")],
    ),
    ("a refusal has its field", [turn("assistant", ModelRefusal("no"))], [assistant(refusal="no")]),
    (
        "a custom call stays one",
        [
            turn("assistant", call("a", "patch", "x", kind="custom")),
            turn("user", result("a", "ok", "so", kind="custom")),
        ],
        [
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "a", "type": "custom", "custom": {"name": "patch", "input": "x"}}],
            },
            tool_message("a", [text_part("ok"), text_part("so")]),
        ],
    ),
    (
        "unknown parts stay",
        [turn("user", "a", Opaque("chat", raw({"type": "video_url"})))],
        [user([text_part("a"), {"type": "video_url"}])],
    ),
    (
        "also the assistant's",
        [turn("assistant", "a", Opaque("chat", raw({"type": "x"})))],
        [assistant(content=[text_part("a"), {"type": "x"}])],
    ),
    (
        "an error of a result in parts",
        [turn("assistant", call()), turn("user", result("a", "no", is_error=True))],
        [assistant(sent_call()), tool_message("a", [text_part("[tool error]"), text_part("no")])],
    ),
]


@pytest.mark.parametrize(("messages", "expected"), [row[1:] for row in NATIVE], ids=[row[0] for row in NATIVE])
def test_messages_of_this_wires_clients(messages: list[Message], expected: list[dict[str, Any]]) -> None:
    assert sent_messages(*messages, wire="chat") == expected


# --- losses ---

LOSSES: list[tuple[str, Message, list[str]]] = [
    ("a result without its call", turn("user", result("x", "1"), "a"), ["messages[1].tool_result"]),
    (
        "a search that the upstream ran",
        turn("assistant", HostedCall(id="w", name="web_search", sealed=True)),
        ["messages[1].web_search"],
    ),
    ("one in a user's turn", turn("user", HostedCall(id="w", name="web_search")), ["messages[1].web_search"]),
    ("a picture of the assistant's", turn("assistant", PNG), ["messages[1].image"]),
    ("a document of the assistant's", turn("assistant", PDF), ["messages[1].document"]),
    (
        "another wire's content",
        turn("assistant", Opaque("responses", raw({"type": "compaction"}))),
        ["messages[1].compaction"],
    ),
    (
        "an item of its own that holds no content",
        turn("user", Opaque("responses", raw({"type": "computer_call_output", "output": {}})), "a"),
        ["messages[1].computer_call_output"],
    ),
    (
        "an item that is an order",
        turn("user", "a", Opaque("responses", raw({"type": "compaction_trigger"}))),
        ["messages[1].compaction_trigger"],
    ),
    ("content without a type", turn("assistant", Opaque("responses", raw(1))), ["messages[1].content"]),
    ("a picture in Anthropic's store", turn("user", Image(file_id="file_1")), ["messages[1].image"]),
    ("a document at an address", turn("user", File(url="https://a.example/a.pdf")), ["messages[1].document"]),
    ("a document that is nowhere", turn("user", File()), ["messages[1].document"]),
]


@pytest.mark.parametrize(("message", "lost"), [row[1:] for row in LOSSES], ids=[row[0] for row in LOSSES])
def test_what_has_no_place_is_reported(message: Message, lost: list[str]) -> None:
    assert WIRE.encode_request(ask(turn("user", "hi"), message), GPT_4).lost == tuple(lost)


def test_the_model_learns_of_a_document_that_could_not_come() -> None:
    document = File(url="https://a.example/a.pdf")
    note = "[document at https://a.example/a.pdf, which could not be passed on]"
    assert encoded(ask(turn("user", "see", document)))["messages"] == [user(f"see\n\n{note}")]
    answered = encoded(ask(turn("assistant", call()), turn("user", result("a", document))))["messages"]
    assert answered == [assistant(sent_call()), tool_message("a", note)]


def test_what_is_said_about_a_document_stands_before_it() -> None:
    document = File(media_type="application/pdf", data="QUJD", filename="a.pdf", context="the contract")
    (message,) = encoded(ask(turn("user", document)))["messages"]
    about, file = message["content"]
    assert about == {"type": "text", "text": "Document: a.pdf\nContext: the contract"}
    assert (file["type"], file["file"]["filename"]) == ("file", "a.pdf")


def test_thinking_stays_here_where_the_upstream_refuses_it() -> None:
    options = EncodeOptions(model="deepseek-r1", store=None, unsupported=frozenset({"reasoning_content"}))
    body = WIRE.encode_request(
        ask(turn("assistant", Reasoning(parts=("hm",), signature="reasoning_content"), "a")), options
    )
    assert body.lost == ("messages[0].reasoning_content",) and b"hm" not in body.body


# --- names and ids ---


def test_long_ids_are_shortened_for_openai_alone() -> None:
    id_ = "functions.mcp__playwright__browser_take_screenshot:12"
    request = ask(turn("assistant", call(id_)), turn("user", result(id_, "ok")))
    first, second = encoded(request)["messages"]
    assert len(second["tool_call_id"]) == 40 and first["tool_calls"][0]["id"] == second["tool_call_id"]
    assert encoded(request, LLAMA)["messages"][1]["tool_call_id"] == id_


def test_names_of_tools_and_calls_are_shortened_alike() -> None:
    name = "mcp__" + "x" * 70 + "__read"
    request = ask(turn("assistant", call(name=name), call("b", "gone." + "y" * 70)), tools=(tool(name),))
    body = WIRE.encode_request(request, GPT_4)
    sent = encoded(request)
    assert sent["tools"][0]["function"]["name"] == "mcp__read"
    names = [each["function"]["name"] for each in sent["messages"][0]["tool_calls"]]
    assert names[0] == "mcp__read" and len(names[1]) == 64
    assert body.tool_names == {"mcp__read": name, names[1]: "gone." + "y" * 70}


def test_every_block_has_a_place_or_is_reported() -> None:
    """Nothing is lost in silence, whichever role says it, but for thinking that is not this upstream's."""
    blocks: list[Block] = [
        Text("a"),
        ModelRefusal("a"),
        PNG,
        PDF,
        call(),
        result("x"),
        HostedCall(id="w", name="s"),
        Opaque("messages", raw({})),
    ]
    for role in ("user", "assistant", "system"):
        for block in blocks:
            if role != "assistant" and isinstance(block, ToolCall):
                continue  # no decoder makes such a message
            body = WIRE.encode_request(ask(turn("user", "hi"), turn(role, block)), GPT_4)
            sent = encoded(ask(turn("user", "hi"), turn(role, block)))["messages"]
            assert (sent != [user("hi")]) != bool(body.lost), (role, block)


@pytest.mark.parametrize("late", ["system", "developer"])
def test_the_messages_of_a_turn_begin_the_next_one(late: Role) -> None:
    """What an upstream has in its prompt cache stays the beginning of every later request."""
    conversation = [
        turn("developer", "base"),
        turn("user", "a"),
        turn(late, "mind"),
        turn("assistant", call()),
        turn("user", result("a", "1")),
        turn(late, "now"),
        turn("assistant", "b"),
        turn("user", "c"),
    ]
    asked = [sent_messages(*conversation[:end]) for end in (3, 6, 8)]
    for before, after in pairwise(asked):
        assert after[: len(before)] == before
