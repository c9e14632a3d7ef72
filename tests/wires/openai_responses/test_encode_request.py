"""The body of a request toward a Responses upstream; a strict one must take it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw

from daemon.inference.blocks import File, Image, Reasoning, Text, ToolCall, ToolResult
from daemon.inference.request import Message, OutputFormat, ReasoningOptions, Request, ToolChoice, WebSearch
from daemon.wires.base import EncodeOptions
from tests.wires.openai_responses.world import SHARED, ask, encode, encoded, load, raw, tool, turn

VISIBLE = ReasoningOptions(effort="low", visible=True)


def options(**fields: Any) -> EncodeOptions:
    return EncodeOptions(**{"model": "gpt-5", **fields})


def test_what_is_always_said() -> None:
    body = encoded(ask())
    assert len(body.pop("prompt_cache_key")) == 32
    assert body == {
        "model": "gpt-5",
        "stream": True,
        "instructions": "",
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}],
        "store": False,
        "include": ["reasoning.encrypted_content"],
    }


@pytest.mark.parametrize(("expected", "store"), [(False, False), (True, True), (None, None)])
def test_store_is_the_providers_to_say(expected: bool | None, store: bool | None) -> None:
    assert encoded(ask(), options(store=store)).get("store") is expected


def test_without_a_say_the_client_decides_what_is_stored() -> None:
    asked = ask(wire="responses", extra={"responses": {"store": Raw(b"true")}})
    assert encoded(asked, options(store=None))["store"] is True
    assert encoded(asked, options(store=False))["store"] is False


def test_a_request_that_is_not_streamed() -> None:
    assert "stream" not in encoded(ask(), options(stream=False))


@pytest.mark.parametrize(
    ("expected", "wishes", "default"),
    [
        (None, ReasoningOptions(), None),
        ({"effort": "high"}, ReasoningOptions(), "high"),
        ({"effort": "low", "summary": "auto"}, VISIBLE, "high"),
        ({"summary": "auto"}, ReasoningOptions(visible=True), None),
        ({"summary": "detailed"}, ReasoningOptions(summary="detailed", visible=True), None),
        ({"effort": "low"}, ReasoningOptions(effort="low"), None),
    ],
)
def test_reasoning(expected: object, wishes: ReasoningOptions, default: str | None) -> None:
    assert encoded(ask(reasoning=wishes), options(default_effort=default)).get("reasoning") == expected


def test_reasoning_is_kept_for_the_next_turn_wherever_it_is_used() -> None:
    assert "include" in encoded(ask(reasoning=VISIBLE), options(store=None))
    assert "include" not in encoded(ask(), options(store=None))


def test_a_model_that_does_not_reason_is_asked_for_none() -> None:
    body = encoded(ask(reasoning=VISIBLE, temperature=0.5), options(model="gpt-4.1", default_effort="high"))
    assert body.keys().isdisjoint({"reasoning", "include"})
    assert body["temperature"] == 0.5


@pytest.mark.parametrize(("expected", "asked"), [(16, 1), (16, 16), (32000, 32000), (None, None)])
def test_max_tokens_has_a_least_value(expected: int | None, asked: int | None) -> None:
    assert encoded(ask(max_tokens=asked)).get("max_output_tokens") == expected


SAMPLING = {"temperature": 0.2, "top_p": 0.9}


@pytest.mark.parametrize(
    ("lost", "sent", "unsupported", "fields"),
    [
        ((), SAMPLING, (), SAMPLING),
        ((), {"temperature": 1.0}, (), {"temperature": 1.0}),
        (("temperature",), {"temperature": None, "top_p": 0.9}, ("temperature",), SAMPLING),
        (("temperature",), {"temperature": None}, ("temperature",), {"temperature": 0.0}),
        ((), {"temperature": None}, ("temperature",), {"temperature": 1.0}),
        (("top_k", "stop"), {}, (), {"top_k": 5, "stop": ("END",)}),
    ],
)
def test_sampling_is_sent_until_it_is_refused(
    lost: tuple[str, ...], sent: dict[str, Any], unsupported: tuple[str, ...], fields: dict[str, Any]
) -> None:
    body = encode(ask(**fields), options(model="gpt-5", unsupported=frozenset(unsupported)))
    assert body.lost == lost
    assert {name: json.loads(body.body).get(name) for name in sent} == sent


@pytest.mark.parametrize(
    ("gone", "lost", "unsupported"),
    [
        ("max_output_tokens", ("max_tokens",), "max_output_tokens"),
        ("store", (), "store"),
        ("include", (), "include"),
        ("prompt_cache_key", (), "prompt_cache_key"),
        ("reasoning", ("reasoning",), "reasoning"),
        ("text", ("text",), "text"),
        (None, (), "temperature"),
        (None, (), "model"),
        (None, (), "no_such_thing"),
        (None, (), "reasoning.no_such_thing"),
    ],
)
def test_what_a_provider_refused_is_left_out(gone: str | None, lost: tuple[str, ...], unsupported: str) -> None:
    request = ask(max_tokens=100, session="s", reasoning=VISIBLE, verbosity="low")
    body = encode(request, options(unsupported=frozenset({unsupported})))
    assert body.lost == lost
    assert json.loads(encode(request).body).keys() - json.loads(body.body).keys() == ({gone} if gone else set())


def test_one_field_of_an_object_may_be_refused() -> None:
    body = encode(ask(reasoning=VISIBLE), options(unsupported=frozenset({"reasoning.summary"})))
    assert json.loads(body.body)["reasoning"] == {"effort": "low"}
    assert body.lost == ("reasoning.summary",)


@pytest.mark.parametrize(
    ("expected", "asked", "lost"),
    [
        ("priority", "priority", ()),
        ("priority", "fast", ()),
        (None, "auto", ()),
        (None, "default", ()),
        (None, None, ()),
        (None, "flex", ("service_tier",)),
    ],
)
def test_service_tier(expected: str | None, asked: str | None, lost: tuple[str, ...]) -> None:
    body = encode(ask(service_tier=asked))
    assert json.loads(body.body).get("service_tier") == expected
    assert body.lost == lost


def test_the_cache_key_is_one_per_conversation_and_model() -> None:
    key = encoded(ask(session="a"))["prompt_cache_key"]
    assert key == encoded(ask(turn("user", "other"), session="a"))["prompt_cache_key"]
    assert key != encoded(ask(session="b"))["prompt_cache_key"]
    assert key != encoded(ask(session="a"), options(model="gpt-5-codex"))["prompt_cache_key"]
    assert len(key) <= 64


def test_a_conversation_without_a_name_is_known_by_how_it_begins() -> None:
    def key(*turns: Message, **fields: Any) -> str:
        return str(encoded(ask(*turns, **fields))["prompt_cache_key"])

    begun = key(turn("user", "a"), system=(Text("S"),))
    assert begun == key(turn("user", "a"), turn("assistant", "b"), turn("user", "c"), system=(Text("S"),))
    assert begun != key(turn("user", "x"), system=(Text("S"),))
    assert begun != key(turn("user", "a"), system=(Text("T"),))
    assert begun == key(turn("user", "a"), system=(Text("S"),), wire="chat")


def test_the_cache_key_is_the_session_too_and_fits_into_a_header() -> None:
    for asked in (ask(), ask(session="a"), ask(cache_key="mine"), ask(cache_key="k\u00e9\n")):
        upstream = encode(asked, options())
        assert json.loads(upstream.body)["prompt_cache_key"] == upstream.session
        assert upstream.session.isascii()
        assert upstream.session.isprintable()


def test_the_clients_own_cache_key_is_kept_as_far_as_it_fits() -> None:
    assert encoded(ask(cache_key="mine", session="a"))["prompt_cache_key"] == "mine"
    assert len(encoded(ask(cache_key="k" * 100))["prompt_cache_key"]) == 64


@pytest.mark.parametrize(
    ("expected", "wire", "user", "lost"),
    [
        ("u1", "chat", "u1", ()),
        (None, "messages", "u1", ("metadata.user_id",)),
        (None, "chat", "u" * 65, ("user",)),
    ],
)
def test_user(expected: str | None, wire: str, user: str, lost: tuple[str, ...]) -> None:
    body = encode(ask(wire=wire, user=user))
    assert json.loads(body.body).get("user") == expected
    assert body.lost == lost


SCHEMA = {"type": "object", "properties": {"title": {"type": "string"}}}


@pytest.mark.parametrize(
    ("expected", "output", "verbosity"),
    [
        (None, None, None),
        ({"verbosity": "low"}, None, "low"),
        ({"format": {"type": "json_object"}}, OutputFormat(kind="json_object"), None),
        ({"format": {"type": "text"}}, OutputFormat(), None),
        (
            {"format": {"type": "json_schema", "name": "response", "schema": SCHEMA, "strict": False}},
            OutputFormat(kind="json_schema", schema=raw(SCHEMA)),
            None,
        ),
        (
            {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True, "description": "d"}},
            OutputFormat(kind="json_schema", name="n", schema=raw(SCHEMA), strict=True, description="d"),
            None,
        ),
    ],
)
def test_output_format(expected: object, output: OutputFormat | None, verbosity: str | None) -> None:
    assert encoded(ask(output=output, verbosity=verbosity)).get("text") == expected


def test_a_responses_clients_unknown_fields_are_given_back() -> None:
    extra = {
        "client_metadata": raw({"a": 1}),
        "include": raw(["web_search_call.results"]),
        "reasoning": raw({"effort": "low", "context": "all_turns"}),
    }
    body = encoded(ask(wire="responses", reasoning=VISIBLE, extra={"responses": extra}))
    assert body["client_metadata"] == {"a": 1}
    assert body["include"] == ["web_search_call.results", "reasoning.encrypted_content"]
    assert body["reasoning"] == {"effort": "low", "context": "all_turns", "summary": "auto"}


def test_another_wires_fields_are_not() -> None:
    assert "container" not in encoded(ask(extra={"messages": {"container": raw("c")}}))


# --- the strict upstream ---


def agent_request() -> Request:
    """A Claude Code conversation with a bit of everything."""
    long = "toolu_" + "x" * 90
    name = "mcp__a_server_with_quite_a_long_name_of_its_own__and_group__search_documents"
    return ask(
        turn("user", "look", Image(media_type="image/png", data="AAAA")),
        turn("system", "reminder"),
        turn("assistant", Reasoning(signature=""), "reading", ToolCall(id=long, name=name, arguments='{"q":"a"}')),
        turn("assistant", ToolCall(id="c2", name="Read", arguments="")),
        turn("user", ToolResult(call_id=long, content=(Image(data="AAAA", media_type="image/png"),), is_error=True)),
        turn("user", ToolResult(call_id="c2"), File(media_type="application/pdf", data="AAAA"), "go on"),
        turn("system", "last"),
        system=(Text("You are"), Text("an agent")),
        tools=(tool(name), tool("Read", {"$schema": "x", "type": "object"}), tool("Odd", {"anyOf": [{}]}), WebSearch()),
        tool_choice=ToolChoice("tool", name),
        max_tokens=1,
        temperature=0.3,
        top_p=0.5,
        top_k=3,
        stop=("END",),
        reasoning=ReasoningOptions(budget=31999, enabled=True, visible=True),
        output=OutputFormat(kind="json_schema", schema=raw(SCHEMA)),
        session="session",
        user="u" * 150,
        service_tier="priority",
    )


@pytest.mark.parametrize("model", ["gpt-5", "gpt-5-codex", "gpt-5.5", "gpt-4.1", "o4-mini"])
def test_a_strict_upstream_takes_it(model: str) -> None:
    upstream = load(SHARED / "clients" / "upstream_responses.py")
    refused = () if model == "gpt-4.1" else ("temperature", "top_p")  # learned from its first answer
    given = options(model=model, default_effort="high", unsupported=frozenset(refused))
    body = encoded(agent_request(), given)
    upstream.validate(body)
    upstream.validate_items(body["input"], store=False)


def test_a_strict_upstream_takes_its_reasoning_back() -> None:
    upstream = load(SHARED / "clients" / "upstream_responses.py")
    for identifier in ("rs_1", None):
        sealed = Reasoning(signature=upstream.seal("rs_1"), id=identifier)
        upstream.validate_items(encoded(ask(turn("user", "a"), turn("assistant", sealed, "b")))["input"], store=False)
