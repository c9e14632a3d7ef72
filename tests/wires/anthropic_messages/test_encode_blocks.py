"""Messages and their blocks on the way up to a Messages upstream."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw

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
    ToolResult,
)
from daemon.inference.request import Message, Role
from tests.wires.anthropic_messages.test_encode_request import HI, body, encode

GO_ON = [{"type": "text", "text": "Continue."}]
"""What a user says where none does."""

BLOCKS: list[tuple[Role, Block, list[dict[str, Any]]]] = [
    ("user", Text(""), []),
    ("assistant", ModelRefusal("no"), [{"type": "text", "text": "no"}]),
    ("assistant", Reasoning(parts=("a",), signature="s"), [{"type": "thinking", "thinking": "a", "signature": "s"}]),
    ("assistant", Reasoning(signature="E", redacted=True), [{"type": "redacted_thinking", "data": "E"}]),
    ("user", Image(url="https://a/b.png"), [{"type": "image", "source": {"type": "url", "url": "https://a/b.png"}}]),
    (
        "user",
        Image(url="data:image/png;base64,iV"),
        [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iV"}}],
    ),
    (
        "user",
        File(media_type="application/pdf", data="JV", filename="a.pdf", context="c"),
        [
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "JV"},
                "title": "a.pdf",
                "context": "c",
            }
        ],
    ),
    (
        "user",
        File(text="x"),
        [{"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}],
    ),
    ("user", File(url="https://a"), [{"type": "document", "source": {"type": "url", "url": "https://a"}}]),
    (
        "user",
        File(media_type="text/csv", data="YSxi"),
        [{"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "a,b"}}],
    ),
    ("assistant", Opaque("messages", Raw(b'{"type":"compaction"}')), [{"type": "compaction"}]),
    ("assistant", HostedCall(id="w", name="web_search", wire="messages", raw=Raw(b'[{"type":"x"}]')), [{"type": "x"}]),
]


@pytest.mark.parametrize(("role", "block", "expected"), BLOCKS)
def test_blocks(role: Role, block: Block, expected: list[dict[str, Any]]) -> None:
    encoded = encode(Message(role, (block,)))
    messages = json.loads(encoded.body)["messages"]
    turns = [message["content"] for message in messages if message["content"] != GO_ON]
    assert turns == ([expected] if expected else [])
    assert encoded.lost == ()


CALL = ToolCall(id="call|1", name="R", arguments='{"a":1}')
SHOT = Image(media_type="image/png", data="iV")


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (ToolResult(call_id="call|1"), {}),
        (
            ToolResult(call_id="call|1", content=(Text("x"), SHOT), is_error=True),
            {
                "content": [
                    {"type": "text", "text": "x"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iV"}},
                ],
                "is_error": True,
            },
        ),
    ],
)
def test_a_call_and_its_result(result: ToolResult, expected: dict[str, Any]) -> None:
    called, answered = body(Message("assistant", (CALL,)), Message("user", (result,)))["messages"]
    assert called["content"] == [{"type": "tool_use", "id": "call_1", "name": "R", "input": {"a": 1}}]
    assert answered["content"] == [{"type": "tool_result", "tool_use_id": "call_1", **expected}]


@pytest.mark.parametrize(
    ("word", "block"),
    [
        ("reasoning", Reasoning(parts=("a",))),
        ("image", Image(file_id="f")),
        ("image", Image(media_type="image/tiff", data="x")),
        ("image", Image(url="data:image/png,raw")),
        ("document", File(media_type="application/zip", data="UEs=")),
        ("document", File(media_type="text/plain", data="/w==")),
        ("document", File(file_id="f")),
        ("content", Opaque("responses", Raw(b"{}"))),
        ("compaction", Opaque("responses", Raw(b'{"type":"compaction"}'))),
        ("web_search", HostedCall(id="w", name="web_search", sealed=True)),
        ("file_search", HostedCall(id="w", name="file_search")),
    ],
)
def test_what_has_no_form_is_reported(word: str, block: Block) -> None:
    encoded = encode(HI, Message("assistant", (Text("x"), block)))
    assert encoded.lost == (f"messages[1].{word}",)


@pytest.mark.parametrize(
    ("line", "block"),
    [
        ("[image at f, which could not be passed on]", Image(file_id="f")),
        ("[document at f, which could not be passed on]", File(file_id="f")),
        (None, Image(url="data:image/png,raw")),
        (None, Image(media_type="image/tiff", data="x")),
    ],
)
def test_where_a_named_medium_was_a_line_says_so(line: str | None, block: Image | File) -> None:
    """Also in a result."""
    result = ToolResult(call_id="c7", content=(Text("x"), block))
    called = Message("assistant", (ToolCall(id="c7", name="R", arguments=""),))
    encoded = encode(Message("user", (Text("x"), block)), called, Message("user", (result,)))
    first, _, last = json.loads(encoded.body)["messages"]
    texts = ["x", line] if line else ["x"]
    assert [part["text"] for part in first["content"]] == texts
    assert [part["text"] for part in last["content"][0]["content"]] == texts
    word = "document" if isinstance(block, File) else "image"
    assert encoded.lost == (f"messages[0].{word}", f"messages[2].{word}")


def test_calls_and_results_of_openai_items_become_turns() -> None:
    """Each item is a message of its own there; here a turn holds them all, results first."""
    messages = body(
        HI,
        Message("assistant", (ToolCall(id="a", name="R", arguments=""),)),
        Message("assistant", (ToolCall(id="b", name="R", arguments=""),)),
        Message("user", (Text("and"),)),
        Message("user", (ToolResult(call_id="a"),)),
        Message("user", (ToolResult(call_id="b"),)),
    )["messages"]
    assert [(m["role"], [block["type"] for block in m["content"]]) for m in messages] == [
        ("user", ["text"]),
        ("assistant", ["tool_use", "tool_use"]),
        ("user", ["tool_result", "tool_result", "text"]),
    ]


def test_system_texts_of_openai_entries() -> None:
    given = body(
        Message("developer", (Text("a"),)), Message("system", (Text("b"),)), HI, Message("developer", (Text("c"),))
    )
    assert given["system"] == [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    (message,) = given["messages"]
    assert [block["text"] for block in message["content"]] == ["hi", "<system-reminder>\nc\n</system-reminder>"]


def test_what_is_no_text_in_a_system_message_is_reported() -> None:
    """At the front, where it becomes the system text, and behind, where it becomes a reminder."""
    picture = Image(media_type="image/png", data="iV")
    sent = encode(Message("system", (Text("a"), picture)), HI, Message("developer", (Text("b"), picture)))
    assert sent.lost == ("messages[0].image", "messages[2].image")


def test_system_messages_of_this_entry_stay() -> None:
    messages = body(HI, Message("system", (Text("c"),)), wire="messages", system=(Text("s"),))["messages"]
    assert [message["role"] for message in messages] == ["user", "system"]
