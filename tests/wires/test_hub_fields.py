"""Every field of the hub toward every wire: it makes a difference to what is sent or to what is reported as lost, or it
stands here with what it is for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec import NODEFAULT, Raw, Struct, structs

from daemon.inference import blocks, request
from daemon.inference.blocks import (
    Citation,
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
from daemon.wires.table import WIRES

SCHEMA = Raw(b'{"type":"object","properties":{"a":{"type":"string"}}}')
OBJECT = Raw(b'{"type":"of_tomorrow"}')
MODELS = {"messages": "claude-sonnet-4-5", "responses": "gpt-5", "chat": "gpt-5"}
OTHER = {"messages": "chat", "responses": "chat", "chat": "responses"}
"""The wire of the client that asks."""


def whole(wire: str) -> list[Request]:
    """Requests of a client of ``wire`` that together say something in every field."""
    spoken = (
        Message(
            "user",
            (Text("go", (Citation(url="u", title="t", cited_text="c", start=1, end=2, wire=wire, raw=OBJECT),)),),
            "msg_1",
        ),
        Message("user", (Image(media_type="image/jpeg", data="AA==", detail="low"), Image(url="https://a"))),
        Message("user", (Image(file_id="file_1"), File(file_id="file_2"), File(url="https://a/b.pdf"))),
        Message("user", (File(media_type="text/plain", text="t", filename="n", context="c"),)),
        Message("user", (File(media_type="application/json", data="e30=", filename="n"),)),
        Message("assistant", (Reasoning(parts=("p",), signature="s", id="rs_1"),)),
        Message("assistant", (Reasoning(signature="s", redacted=True), Text("a"))),
        Message("assistant", (ToolCall(id="c1", name="f", arguments="{}", namespace="n", item_id="fc_1"),)),
        Message("user", (ToolResult(call_id="c1", content=(Text("x"),), is_error=True),)),
        Message("assistant", (ToolCall(id="c2", name="g", arguments="x", kind="custom"),)),
        Message("user", (ToolResult(call_id="c2", content=(Text("x"),), kind="custom"),)),
        Message(
            "assistant",
            (HostedCall(id="h", name="web_search", input=OBJECT, hits=(SearchHit("u", "t"),), wire=wire, raw=OBJECT),),
        ),
        Message("assistant", (HostedCall(id="i", name="web_search", sealed=True, wire=wire, raw=OBJECT),)),
        Message("user", (Opaque(wire, OBJECT, (ToolResult(call_id="c3"),)),)),
        Message("user", (Text("go"),)),
    )
    return [
        Request(
            wire=wire,
            model="m",
            messages=spoken,
            system=(Text("s"),),
            tools=(
                Tool(name="f", description="d", parameters=SCHEMA, strict=True, namespace="n"),
                Tool(name="g", kind="custom", format=OBJECT),
                WebSearch(
                    name="search", allowed_domains=("a",), blocked_domains=("b",), user_location=OBJECT, max_uses=2
                ),
                OpaqueTool(wire, "o", OBJECT, (Tool(name="inner"),)),
            ),
            inline_tools=(Tool(name="inline"),),
            tool_choice=ToolChoice("tool", "f"),
            parallel_tool_calls=False,
            max_tokens=9000,
            temperature=0.5,
            top_p=0.5,
            top_k=5,
            stop=("x",),
            output=OutputFormat(kind="json_schema", name="n", description="d", schema=SCHEMA, strict=True),
            verbosity="low",
            stream=True,
            include_usage=False,
            service_tier="flex",
            user="u",
            session="s",
            cache_key="k",
            compaction=True,
            extra={wire: {"metadata": OBJECT}},
            unread=("tools[0].new",),
        ),
        Request(wire=wire, model="m", messages=spoken[:1], reasoning=ReasoningOptions(effort="low", visible=True)),
        Request(wire=wire, model="m", messages=spoken[:1], reasoning=ReasoningOptions(budget=3000, enabled=True)),
        Request(wire=wire, model="m", messages=spoken[:1], reasoning=ReasoningOptions(enabled=False)),
        Request(wire=wire, model="m", messages=spoken[:1], reasoning=ReasoningOptions(effort="low", summary="auto")),
        Request(
            wire=wire,
            model="m",
            messages=spoken[:1],
            tools=(Tool(name="g", kind="custom"), WebSearch()),
            tool_choice=ToolChoice("tool", "web_search", "web_search"),
        ),
    ]


EVERYWHERE: dict[str, frozenset[str]] = {
    "Request": frozenset(
        {"extra", "unread"}  # the gateway reports what is in them (``TranslationPipe.prepare``)
        | {"session", "stream", "include_usage", "compaction"}  # for the daemon itself, and for the answer
    ),
    # what an answer said of itself, when it comes back
    "Message": frozenset({"id"}),
    "Text": frozenset({"citations"}),
    "Citation": frozenset({"url", "title", "cited_text", "start", "end", "wire", "raw"}),
    "HostedCall": frozenset({"raw", "wire"}),  # of the client's wire
    "ToolResult": frozenset({"kind"}),  # its call's
}
"""What is not missed toward any other wire."""
ALSO: dict[str, dict[str, frozenset[str]]] = {
    "messages": {
        "HostedCall": frozenset({"input"}),  # of a search, what it found goes
        "Image": frozenset({"detail"}),
        "OutputFormat": frozenset({"name", "description", "strict"}),  # the schema itself goes
        "Reasoning": frozenset({"id"}),
        "ReasoningOptions": frozenset({"summary", "visible"}),  # this API shows all of it or nothing
        "Request": frozenset({"cache_key"}),  # the price
        "Tool": frozenset({"strict"}),
        "ToolCall": frozenset({"item_id"}),
        "ToolChoice": frozenset({"kind"}),  # the tool's own
        "WebSearch": frozenset({"name"}),  # this API has one name for it
    },
    "responses": {
        "SearchHit": frozenset({"title"}),
        "OpaqueTool": frozenset({"lifted"}),  # of clients of this wire alone
        "Opaque": frozenset({"lifted"}),
        "Reasoning": frozenset({"parts", "redacted"}),  # what is encrypted says it all
        "Request": frozenset({"inline_tools"}),
        "Tool": frozenset({"namespace"}),
        "ToolChoice": frozenset({"kind"}),
    },
    "chat": {
        "HostedCall": frozenset({"input"}),
        "Reasoning": frozenset({"id", "parts", "redacted", "signature"}),  # reported as earlier_reasoning
        "ReasoningOptions": frozenset({"summary", "visible"}),
        "ToolCall": frozenset({"item_id"}),
        "WebSearch": frozenset({"allowed_domains", "blocked_domains", "max_uses", "user_location"}),  # lost whole
    },
}
"""And toward one."""


def _structs(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[Struct, tuple[str | int, ...]]]:
    if isinstance(value, tuple):
        for number, each in enumerate(value):
            yield from _structs(each, (*path, number))
    elif isinstance(value, Struct):
        yield value, path
        for field in structs.fields(value):
            yield from _structs(getattr(value, field.name), (*path, field.name))


def _changed(value: Any, path: tuple[str | int, ...], field: str, default: Any) -> Any:
    if not path:
        return structs.replace(value, **{field: default})
    first, *rest = path
    if isinstance(value, tuple):
        return tuple(
            _changed(each, tuple(rest), field, default) if number == first else each
            for number, each in enumerate(value)
        )
    return structs.replace(value, **{str(first): _changed(getattr(value, str(first)), tuple(rest), field, default)})


def _sent(toward: str, asked: Request) -> object:
    encoded = WIRES[toward].encode_request(asked, EncodeOptions(model=MODELS[toward]))
    return encoded.body, encoded.lost, encoded.carried


@pytest.mark.parametrize("toward", WIRES)
def test_each_field_is_written_or_reported_or_not_missed(toward: str) -> None:
    seen: set[tuple[str, str]] = set()
    for asked in whole(OTHER[toward]):
        before = _sent(toward, asked)
        for struct, path in _structs(asked):
            for field in structs.fields(struct):
                if field.default is NODEFAULT or getattr(struct, field.name) == field.default:
                    continue
                if _sent(toward, _changed(asked, path, field.name, field.default)) != before:
                    seen.add((type(struct).__name__, field.name))
    kinds = [each for module in (blocks, request) for each in vars(module).values() if isinstance(each, type)]
    known = {
        (kind.__name__, field.name)
        for kind in kinds
        if issubclass(kind, Struct) and kind is not Struct
        for field in structs.fields(kind)
        if field.default is not NODEFAULT
    }
    silent = {
        (kind, field) for table in (EVERYWHERE, ALSO[toward]) for kind, fields in table.items() for field in fields
    }
    assert sorted(known - seen - silent) == []
    assert sorted(silent & seen) == []
