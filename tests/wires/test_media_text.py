"""Media that a model cannot read are a line of text, on every wire, and reported by their place."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.wires import media_text
from daemon.wires.base import Change
from tests.wires.openai_chat.test_request_changes import changed

LINE = "[image, which could not be passed on]"
AT = "[image at https://e.example/a.png, which could not be passed on]"
DATA = "data:image/png;base64,QUJD"
CHAT_IMAGE = {"type": "image_url", "image_url": {"url": DATA}}
RESPONSES_IMAGE = {"type": "input_image", "image_url": DATA}
MESSAGES_IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"}}
AUDIO = {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}}
PDF = {"type": "file", "file": {"file_data": "data:application/pdf;base64,QUJD"}}


def text(words: str, type_: str = "text") -> dict[str, Any]:
    return {"type": type_, "text": words}


def user(*parts: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(parts)}


ROWS: list[tuple[str, Change, dict[str, Any], dict[str, Any], list[str]]] = [
    (
        "chat",
        media_text.images_as_text,
        {"messages": [user(text("see"), CHAT_IMAGE), user("x")]},
        {"messages": [{"role": "user", "content": f"see\n\n{LINE}"}, user("x")]},
        ["messages[0].image"],
    ),
    (
        "an address is kept",
        media_text.images_as_text,
        {"messages": [user({"type": "image_url", "image_url": {"url": "https://e.example/a.png"}})]},
        {"messages": [{"role": "user", "content": AT}]},
        ["messages[0].image"],
    ),
    (
        "only those with an address",
        media_text.linked_images_as_text,
        {"messages": [user({"type": "image_url", "image_url": {"url": "https://e.example/a.png"}}, CHAT_IMAGE)]},
        {"messages": [user(text(AT), CHAT_IMAGE)]},
        ["messages[0].image"],
    ),
    (
        "other media stay",
        media_text.images_as_text,
        {"messages": [user(CHAT_IMAGE, AUDIO, PDF)]},
        {"messages": [user(text(LINE), AUDIO, PDF)]},
        ["messages[0].image"],
    ),
    (
        "audio",
        media_text.audio_as_text,
        {"messages": [user(CHAT_IMAGE, AUDIO)]},
        {"messages": [user(CHAT_IMAGE, text("[audio, which could not be passed on]"))]},
        ["messages[0].audio"],
    ),
    (
        "all of it",
        media_text.media_as_text,
        {"messages": [user(PDF, AUDIO)]},
        {
            "messages": [
                {
                    "role": "user",
                    "content": "[document, which could not be passed on]\n\n[audio, which could not be passed on]",
                }
            ]
        },
        ["messages[0].document", "messages[0].audio"],
    ),
    (
        "responses",
        media_text.images_as_text,
        {
            "input": [
                {"type": "message", **user(text("see", "input_text"), RESPONSES_IMAGE)},
                {"type": "function_call_output", "call_id": "a", "output": [RESPONSES_IMAGE]},
                {"type": "function_call_output", "call_id": "b", "output": "1"},
            ]
        },
        {
            "input": [
                {"type": "message", **user(text("see", "input_text"), text(LINE, "input_text"))},
                {"type": "function_call_output", "call_id": "a", "output": [text(LINE, "input_text")]},
                {"type": "function_call_output", "call_id": "b", "output": "1"},
            ]
        },
        ["input[0].image", "input[1].image"],
    ),
    (
        "messages, also in results",
        media_text.images_as_text,
        {
            "messages": [
                user({"type": "tool_result", "tool_use_id": "t", "content": [MESSAGES_IMAGE]}, text("so")),
                user(text("a") | {"cache_control": {"type": "ephemeral"}}, MESSAGES_IMAGE),
            ]
        },
        {
            "messages": [
                user({"type": "tool_result", "tool_use_id": "t", "content": LINE}, text("so")),
                user(text("a") | {"cache_control": {"type": "ephemeral"}}, text(LINE)),
            ]
        },
        ["messages[0].image", "messages[1].image"],
    ),
]


@pytest.mark.parametrize(("change", "before", "after", "lost"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_media_are_text(change: Change, before: dict[str, Any], after: dict[str, Any], lost: list[str]) -> None:
    assert changed(change, before) == (after, lost)
    assert changed(change, after) == (after, [])


@pytest.mark.parametrize("value", ["x", None, 5, [], [1, None, "a", [], {}], [{"content": 5}], [{"content": ["a", 5]}]])
def test_odd_bodies_are_left_alone(value: Any) -> None:
    for name in ("messages", "input"):
        assert changed(media_text.media_as_text, {name: value}) == ({name: value}, [])
