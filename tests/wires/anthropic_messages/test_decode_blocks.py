"""Every content block that Claude Code and the SDKs send, known and unknown."""

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
    Opaque,
    Reasoning,
    SearchHit,
    Text,
    ToolCall,
    ToolResult,
)
from daemon.wires.anthropic_messages import WIRE

HELLO = Text("hi")


def blocks(*content: dict[str, Any], role: str = "user") -> tuple[Block, ...]:
    body = {"model": "gpt-5", "max_tokens": 10, "messages": [{"role": role, "content": list(content)}]}
    (message,) = WIRE.decode_request(json.dumps(body).encode(), {}).messages
    return message.content


def raw(value: Raw | None) -> object:
    return None if value is None else json.loads(bytes(value))


TEXT = {"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}
PNG = {"type": "base64", "media_type": "image/png", "data": "iVBO"}

BLOCKS: list[tuple[str, dict[str, Any], Block]] = [
    ("text", TEXT, HELLO),
    ("image base64", {"type": "image", "source": PNG}, Image(media_type="image/png", data="iVBO")),
    ("image url", {"type": "image", "source": {"type": "url", "url": "https://a/b.png"}}, Image(url="https://a/b.png")),
    ("image file", {"type": "image", "source": {"type": "file", "file_id": "file_1"}}, Image(file_id="file_1")),
    (
        "pdf",
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}},
        File(media_type="application/pdf", data="JVBE"),
    ),
    (
        "text document",
        {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": "facts"},
            "title": "facts.txt",
            "context": "from a book",
            "citations": {"enabled": True},
        },
        File(media_type="text/plain", text="facts", filename="facts.txt", context="from a book"),
    ),
    (
        "url document",
        {"type": "document", "source": {"type": "url", "url": "https://a/b.pdf"}},
        File(url="https://a/b.pdf"),
    ),
    (
        "content document",
        {"type": "document", "source": {"type": "content", "content": [TEXT, {"type": "text", "text": "ho"}]}},
        File(media_type="text/plain", text="hi\n\nho"),
    ),
    (
        "content document with a picture",
        {"type": "document", "source": {"type": "content", "content": [TEXT, {"type": "image", "source": PNG}]}},
        File(media_type="text/plain", text="hi\n\n[image, which could not be passed on]"),
    ),
    (
        "string content document",
        {"type": "document", "source": {"type": "content", "content": "hi"}},
        File(media_type="text/plain", text="hi"),
    ),
    (
        "thinking",
        {"type": "thinking", "thinking": "hm", "signature": "gAAAA"},
        Reasoning(parts=("hm",), signature="gAAAA"),
    ),
    (
        "thinking, foreign and empty signature",
        {"type": "thinking", "thinking": "hm", "signature": ""},
        Reasoning(parts=("hm",)),
    ),
    ("signature alone", {"type": "thinking", "thinking": "", "signature": "gAAAA"}, Reasoning(signature="gAAAA")),
    ("redacted", {"type": "redacted_thinking", "data": "Em"}, Reasoning(signature="Em", redacted=True)),
    (
        "tool use",
        {"type": "tool_use", "id": "t1", "name": "Read", "input": {"a": [1, None]}},
        ToolCall(id="t1", name="Read", arguments='{"a": [1, null]}'),
    ),
    (
        "tool use without input",
        {"type": "tool_use", "id": "t1", "name": "Read"},
        ToolCall(id="t1", name="Read", arguments="{}"),
    ),
    (
        "string result",
        {"content": "done", "type": "tool_result", "tool_use_id": "t1", "is_error": True},
        ToolResult(call_id="t1", content=(Text("done"),), is_error=True),
    ),
    (
        "block result",
        {
            "type": "tool_result",
            "tool_use_id": "t1",
            "is_error": False,
            "content": [TEXT, {"type": "image", "source": PNG}],
        },
        ToolResult(call_id="t1", content=(HELLO, Image(media_type="image/png", data="iVBO")), is_error=False),
    ),
    ("empty result", {"type": "tool_result", "tool_use_id": "t1"}, ToolResult(call_id="t1")),
    (
        "document in a result",
        {
            "type": "tool_result",
            "tool_use_id": "t1",
            "content": [{"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}],
        },
        ToolResult(call_id="t1", content=(File(media_type="text/plain", text="x"),)),
    ),
    (
        "search result in a result",
        {
            "type": "tool_result",
            "tool_use_id": "t1",
            "content": [{"type": "search_result", "source": "https://a", "title": "A", "content": [TEXT]}],
        },
        ToolResult(
            call_id="t1",
            content=(File(media_type="text/plain", text="hi", filename="A", context="source: https://a"),),
        ),
    ),
]


@pytest.mark.parametrize(("given", "expected"), [row[1:] for row in BLOCKS], ids=[row[0] for row in BLOCKS])
def test_blocks(given: dict[str, Any], expected: Block) -> None:
    assert blocks(given) == (expected,)


@pytest.mark.parametrize(("given", "expected"), [row[1:] for row in BLOCKS], ids=[row[0] for row in BLOCKS])
def test_blocks_beside_an_unknown_one(given: dict[str, Any], expected: Block) -> None:
    """The path that takes a body apart piece by piece gives the same."""
    unknown = {"type": "hologram", "depth": 3}
    first, second = blocks(given, unknown)
    assert first == expected
    assert isinstance(second, Opaque)
    assert (second.wire, raw(second.raw)) == ("messages", unknown)


@pytest.mark.parametrize("kind", ["server_tool_use", "web_search_tool_result", "container_upload", "mcp_tool_use"])
def test_the_vendors_own_blocks_stay_raw(kind: str) -> None:
    """Also the result of a search that is not there."""
    given = {"type": kind, "id": "x", "name": "web_fetch", "content": []}
    (block,) = blocks(given, role="assistant")
    assert isinstance(block, Opaque)
    assert raw(block.raw) == given


def test_what_goes_into_a_container_is_a_file() -> None:
    assert blocks({"type": "container_upload", "file_id": "file_1"}) == (File(file_id="file_1"),)


def test_a_search_is_one_call_wherever_its_result_stands() -> None:
    uses = [{"type": "server_tool_use", "id": name, "name": "web_search", "input": {"query": name}} for name in "ab"]
    page = {"type": "web_search_result", "url": "https://a", "title": None, "encrypted_content": "E"}
    result = {"type": "web_search_tool_result", "tool_use_id": "b", "content": [page]}
    first, text, second, last = blocks(uses[0], TEXT, uses[1], TEXT, result, role="assistant")
    assert isinstance(first, HostedCall) and isinstance(second, HostedCall)
    assert (first.hits, first.sealed, first.raw and raw(first.raw)) == ((), False, [uses[0]])
    assert (second.hits, second.sealed) == ((SearchHit("https://a"),), True)
    assert second.raw is not None and raw(second.raw) == [uses[1], result]
    assert text == last == Text("hi")


def test_tool_reference_in_a_result_stays_raw() -> None:
    reference = {"type": "tool_reference", "tool_name": "Grep"}
    (result,) = blocks({"type": "tool_result", "tool_use_id": "t1", "content": [reference, TEXT], "is_error": None})
    assert isinstance(result, ToolResult)
    opaque, text = result.content
    assert isinstance(opaque, Opaque)
    assert raw(opaque.raw) == reference
    assert text == HELLO


def test_thinking_that_says_nothing_is_left_out() -> None:
    """Our own keep-alive block comes back so."""
    assert blocks({"type": "thinking", "thinking": "", "signature": ""}, TEXT, role="assistant") == (HELLO,)


def test_citations_keep_their_raw_form() -> None:
    citation = {
        "type": "web_search_result_location",
        "url": "https://a",
        "title": "A",
        "cited_text": "b",
        "encrypted_index": "E",
    }
    (text,) = blocks({"type": "text", "text": "b", "citations": [citation]}, role="assistant")
    assert isinstance(text, Text)
    assert (text.citations[0].url, text.citations[0].title, text.citations[0].cited_text) == ("https://a", "A", "b")
    assert raw(text.citations[0].raw) == citation
    assert blocks({"type": "text", "text": "b", "citations": None}) == (Text("b"),)


def test_a_whole_answers_blocks() -> None:
    """A search and its result are one hosted call; a result without its search stays raw."""
    use = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "q"}}
    hit = {"type": "web_search_result", "url": "https://a", "title": None}
    result = {"type": "web_search_tool_result", "tool_use_id": "s1", "content": [hit]}
    stray = {"type": "web_search_tool_result", "tool_use_id": "s2", "content": []}
    other = {"type": "server_tool_use", "id": 7, "name": "web_search"}
    thinking = {"type": "thinking", "thinking": "", "signature": ""}
    body = {"type": "message", "content": [use, result, stray, other, thinking, {"type": "text", "text": "hi"}]}
    search, second, third, text = WIRE.decode_response(json.dumps(body).encode(), {}).content
    assert isinstance(search, HostedCall)
    assert [(hit.url, hit.title) for hit in search.hits] == [("https://a", "")]
    assert raw(search.raw) == [use, result]
    assert isinstance(second, Opaque)
    assert raw(second.raw) == stray
    assert isinstance(third, Opaque)
    assert text == HELLO


def test_a_search_result_beside_the_text() -> None:
    given = {"type": "search_result", "source": "https://a", "title": "A", "content": [TEXT]}
    assert blocks(given) == (File(media_type="text/plain", text="hi", filename="A", context="source: https://a"),)


def test_a_search_result_beside_an_unknown_block_of_a_result() -> None:
    known = {"type": "search_result", "source": "https://a", "title": "A", "content": [TEXT]}
    document = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}
    image = {"type": "image", "source": PNG}
    unknown = {"type": "tool_reference", "tool_name": "Grep"}
    (result,) = blocks({"type": "tool_result", "tool_use_id": "t", "content": [known, document, image, unknown]})
    assert isinstance(result, ToolResult)
    assert [type(part).__name__ for part in result.content] == ["File", "File", "Image", "Opaque"]
