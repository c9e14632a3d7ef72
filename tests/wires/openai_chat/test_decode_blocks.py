"""A client's messages: content of every shape, and calls paired with their results whatever is missing.

The numbers are those of the pinned cases in the reference of the seed system.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from daemon.errors import LocalError
from daemon.inference.blocks import (
    Block,
    File,
    Image,
    ModelRefusal,
    Opaque,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from daemon.inference.request import Message
from tests.wires.openai_chat.world import decoded, raw, turn

URL = "https://a.example/a.png"


def messages(*messages: dict[str, Any], **fields: Any) -> tuple[Message, ...]:
    return decoded(messages=list(messages), **fields).messages


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def assistant(*calls: dict[str, Any], content: Any = None, **fields: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, "tool_calls": list(calls), **fields}


def call(id_: str | None, name: str = "read", arguments: Any = "{}") -> dict[str, Any]:
    return {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}


def output(id_: str | None, content: Any = "ok") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id_, "content": content}


def hub_call(id_: str, name: str = "read", arguments: str = "{}", **fields: Any) -> ToolCall:
    return ToolCall(id=id_, name=name, arguments=arguments, **fields)


def hub_result(id_: str, *content: Any, **fields: Any) -> ToolResult:
    blocks = tuple(Text(each) if isinstance(each, str) else each for each in content or ("ok",))
    return ToolResult(call_id=id_, content=blocks, **fields)


PAIRING: list[tuple[str, list[dict[str, Any]], list[Message]]] = [
    (
        "46 the usual turns",
        [{"role": "system", "content": "s"}, user("u"), assistant(call("a")), output("a")],
        [turn("system", "s"), turn("user", "u"), turn("assistant", hub_call("a")), turn("user", hub_result("a"))],
    ),
    (
        "47 empty content is none, other content stays before the calls",
        [assistant(call("a"), content=""), output("a"), assistant(call("b"), content="t"), output("b")],
        [
            turn("assistant", hub_call("a")),
            turn("user", hub_result("a")),
            turn("assistant", "t", hub_call("b")),
            turn("user", hub_result("b")),
        ],
    ),
    (
        "48 parallel calls, results in a row",
        [assistant(call("a"), call("b"), call("c")), output("a"), output("b"), output("c"), user("u")],
        [
            turn("assistant", hub_call("a"), hub_call("b"), hub_call("c")),
            turn("user", hub_result("a"), hub_result("b"), hub_result("c")),
            turn("user", "u"),
        ],
    ),
    (
        "61 results in another order",
        [assistant(call("a"), call("b")), output("b", "2"), output("a", "1")],
        [turn("assistant", hub_call("a"), hub_call("b")), turn("user", hub_result("b", "2"), hub_result("a", "1"))],
    ),
    (
        "62 an id in two rounds",
        [assistant(call("a")), output("a"), assistant(call("a")), output("a")],
        [turn("assistant", hub_call("a")), turn("user", hub_result("a"))] * 2,
    ),
    (
        "63 a call without an id gets one, and its result",
        [output(None), assistant(call(None), call("")), output(None, "1"), output(None, "2")],
        [
            turn("user", hub_result("")),
            turn("assistant", hub_call("call_missing_1_0"), hub_call("call_missing_1_1")),
            turn("user", hub_result("call_missing_1_0", "1"), hub_result("call_missing_1_1", "2")),
        ],
    ),
    (
        "65 results without ids answer the oldest first",
        [assistant(call("a"), call("b"), call("c")), output("b"), output(None, "1"), output(None, "3")],
        [
            turn("assistant", hub_call("a"), hub_call("b"), hub_call("c")),
            turn("user", hub_result("b"), hub_result("a", "1"), hub_result("c", "3")),
        ],
    ),
    (
        "66 two calls with one id, and their results, are dropped",
        [assistant(call("a"), call("a", "write"), call("b")), output("a"), output("a"), output("b")],
        [turn("assistant", hub_call("b")), turn("user", hub_result("b"))],
    ),
    (
        "67 what answers no call, or answers again, is the upstream's business",
        [assistant(call("a")), output("x"), output("a", "1"), output("a", "2")],
        [turn("assistant", hub_call("a")), turn("user", hub_result("x"), hub_result("a", "1"), hub_result("a", "2"))],
    ),
    (
        "the call of before there were tools",
        [assistant(function_call={"name": "f", "arguments": "{}"}), {"role": "function", "name": "f", "content": "ok"}],
        [turn("assistant", hub_call("call_missing_0_0", "f")), turn("user", hub_result("call_missing_0_0"))],
    ),
    (
        "arguments as an object, or none",
        [assistant(call("a", arguments={"x": 1}), call("b", arguments=None))],
        [turn("assistant", hub_call("a", arguments='{"x":1}'), hub_call("b", arguments=""))],
    ),
    (
        "thoughts and refusals",
        [
            assistant(reasoning_content="hm", content="t"),
            assistant(reasoning="hm", refusal="no"),
            assistant(reasoning={}),
        ],
        [
            turn("assistant", Reasoning(parts=("hm",)), "t"),
            turn("assistant", Reasoning(parts=("hm",)), ModelRefusal("no")),
        ],
    ),
    ("roles stay", [{"role": "developer", "content": ""}, user("")], [turn("developer", ""), turn("user", "")]),
]


@pytest.mark.parametrize(("given", "expected"), [row[1:] for row in PAIRING], ids=[row[0] for row in PAIRING])
def test_turns(given: list[dict[str, Any]], expected: list[Message]) -> None:
    assert messages(*given) == tuple(expected)


CUSTOM = {"type": "custom", "custom": {"name": "patch"}}


@pytest.mark.parametrize(
    "history",
    [
        {"id": "a", "type": "custom", "custom": {"name": "patch", "input": "x"}},
        call("a", "patch", "x"),
        call("a", "patch", '{"input":"x"}'),
    ],
)
def test_59_60_a_custom_tools_call_is_one_in_either_form(history: dict[str, Any]) -> None:
    assert messages(assistant(history), output("a"), tools=[CUSTOM]) == (
        turn("assistant", hub_call("a", "patch", "x", kind="custom")),
        turn("user", hub_result("a", kind="custom")),
    )


IMAGE = {"type": "image_url", "image_url": {"url": URL, "detail": "low"}}
HUB_IMAGE = Image(url=URL, detail="low")

PARTS: list[tuple[dict[str, Any], Block]] = [
    ({"type": "text", "text": "a"}, Text("a")),
    ({"type": "refusal", "refusal": "no"}, ModelRefusal("no")),
    (IMAGE, HUB_IMAGE),
    ({"type": "image_url", "image_url": URL}, Image(url=URL)),
    (
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}},
        Image(media_type="image/png", data="QUJD"),
    ),
    ({"type": "image_url", "image_url": {"url": "data:;base64,QUJD"}}, Image(data="QUJD")),
    ({"type": "image_url", "image_url": {"url": "data:text/plain,x"}}, Image(url="data:text/plain,x")),
    ({"type": "image_url", "image_url": {"file_id": "file_1"}}, Image(file_id="file_1")),
    ({"type": "input_image", "image_url": URL, "detail": "high"}, Image(url=URL, detail="high")),
    ({"type": "file", "file": {"file_id": "file_1"}}, File(file_id="file_1")),
    ({"type": "file", "file": {"file_url": URL, "filename": "a"}}, File(url=URL, filename="a")),
    (
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,QUJD", "filename": "a"}},
        File(media_type="application/pdf", data="QUJD", filename="a"),
    ),
    ({"type": "file", "file": {"file_data": "QUJD"}}, File(data="QUJD")),
    *(
        (odd, Opaque("chat", raw(odd)))
        for odd in (
            {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}},
            {"type": "image_url", "image_url": {}},
            {"type": "image_url"},
            {"type": "file", "file": {}},
            {"type": "file"},
            {"type": "text"},
            {"type": "video_url", "video_url": {"url": URL}},
        )
    ),
]


@pytest.mark.parametrize(("part", "block"), PARTS)
def test_50_53_55_parts(part: dict[str, Any], block: Block) -> None:
    assert messages(user([part])) == (turn("user", block),)
    if isinstance(block, ModelRefusal):
        block = Text(block.text)
    assert messages(assistant(call("a")), output("a", [part]))[1] == turn("user", hub_result("a", block))


OUTPUTS: list[tuple[str, Any, tuple[Block, ...]]] = [
    ("51 an image in a text", json.dumps([{"type": "text", "text": "see"}, IMAGE]), (Text("see"), HUB_IMAGE)),
    (
        "51 one of the Responses API",
        json.dumps([{"type": "input_image", "image_url": URL, "detail": "low"}]),
        (HUB_IMAGE,),
    ),
    *(
        (f"52 {name}", text, (Text(text),))
        for name, text in (
            ("plain text", "ok"),
            ("an object", '{"a":1}'),
            ("a list of texts", '[{"type":"text","text":"image_url"}]'),
            ("a list with the word", '["image_url", "input_image"]'),
            ("a list with a quoted word", '[{"type":"text","text":"\\"image_url\\""}]'),
            ("an image without an address", '[{"type":"image_url"}]'),
            ("a list of something else", '[{"type":"refusal","refusal":"x","a":"image_url"}]'),
            ("half a list", '[{"type":"image_url"'),
            ("a misshapen part", '[{"type":"image_url","image_url":1}]'),
        )
    ),
    ("54 null", None, (Text("null"),)),
    ("54 an object", {"a": 1}, (Text('{"a": 1}'),)),
    ("a number", 1, (Text("1"),)),
    ("empty text", "", ()),
    ("no parts", [], ()),
]


@pytest.mark.parametrize(("content", "blocks"), [row[1:] for row in OUTPUTS], ids=[row[0] for row in OUTPUTS])
def test_results(content: Any, blocks: tuple[Block, ...]) -> None:
    result = messages(assistant(call("a")), output("a", content))[1].content[0]
    assert isinstance(result, ToolResult) and result.content == blocks


def test_a_result_without_content_is_empty() -> None:
    assert messages(assistant(call("a")), {"role": "tool", "tool_call_id": "a"})[1].content == (
        ToolResult(call_id="a"),
    )


MISTAKES: list[tuple[dict[str, Any], str, str]] = [
    ({"role": "robot", "content": "x"}, "messages[0].role", "Invalid value. Supported"),
    ({"content": "x"}, "messages[0].role", "Invalid value. Supported"),
    (user(None), "messages[0].content", "expected a string, got null"),
    ({"role": "user"}, "messages[0].content", "expected a string, got null"),
    (user({"a": 1}), "messages[0].content", "expected one of a string or array of objects"),
    (user([{"type": "text", "text": "a"}, {"type": "text", "text": 1}]), "messages[0].content[1]", "Expected `str"),
    (user(["a"]), "messages[0].content[0]", "Expected `object`"),
    (assistant({"id": "a", "type": "function"}), "messages[0].tool_calls", "function.name"),
    (assistant({"id": "a", "custom": {}}), "messages[0].tool_calls", "function.name"),
    (output("a", [1]), "messages[0].content[0]", "Expected `object`"),
]


@pytest.mark.parametrize(("message", "param", "words"), MISTAKES)
def test_mistakes_are_named_by_their_place(message: dict[str, Any], param: str, words: str) -> None:
    with pytest.raises(LocalError) as caught:
        messages(message)
    assert caught.value.status == 400 and caught.value.param == param and words in caught.value.message
