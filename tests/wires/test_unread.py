"""The structs of the entries are the only list of what is read: each field of theirs is read, or nobody misses it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec import Struct, structs
from msgspec.json import encode

from daemon.gateway.request_record import loss_names
from daemon.inference.request import Request
from daemon.wires import unread
from daemon.wires.anthropic_messages import schema as messages
from daemon.wires.openai_chat import entry_schema as chat
from daemon.wires.openai_responses import entry_schema as responses
from daemon.wires.table import WIRES

SAID: dict[str, dict[str, Any]] = {
    "messages": {"max_tokens": 9, "messages": [{"role": "user", "content": "go"}]},
    "responses": {"input": "go"},
    "chat": {"messages": [{"role": "user", "content": "go"}]},
}
TOOL = {"name": "f", "input_schema": {}}
FUNCTION = {"type": "function", "name": "f", "parameters": {}}


def decoded(wire: str, **fields: Any) -> Request:
    return WIRES[wire].decode_request(encode({"model": "m", **SAID[wire], **fields}), {})


def turn(*parts: dict[str, Any], role: Any = "user", **more: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": "hi"}, {"role": role, "content": list(parts), **more}]


@pytest.mark.parametrize(
    ("names", "wire", "fields"),
    [
        (["tools[1].input_examples"], "messages", {"tools": [TOOL, TOOL | {"name": "g", "input_examples": [{}]}]}),
        (["tools[0].new"], "messages", {"tools": [{"type": "web_search_20250305", "name": "web_search", "new": 1}]}),
        ([], "messages", {"tools": [{"type": "web_fetch_20250910", "name": "web_fetch", "max_content_tokens": 9}]}),
        ([], "messages", {"tools": [TOOL | {"cache_control": {"type": "ephemeral"}, "allowed_callers": ["direct"]}]}),
        (["output_config.task_budget"], "messages", {"output_config": {"effort": "low", "task_budget": {"total": 9}}}),
        (["thinking.block_binding"], "messages", {"thinking": {"type": "adaptive", "block_binding": "x"}}),
        (["metadata.team"], "messages", {"metadata": {"user_id": "u", "team": "t"}}),
        (["system[0].new"], "messages", {"system": [{"type": "text", "text": "a", "new": True}]}),
        (
            ["messages[1].citations"],
            "messages",
            {
                "messages": turn(
                    {
                        "type": "document",
                        "source": {"type": "text", "media_type": "text/plain", "data": "a"},
                        "citations": {"enabled": True},
                    }
                )
            },
        ),
        (
            [],
            "messages",
            {
                "messages": turn(
                    {
                        "type": "document",
                        "source": {"type": "text", "media_type": "text/plain", "data": "a"},
                        "citations": {"enabled": False},
                    }
                )
            },
        ),
        # of several, the first; a block of an unknown kind is lost, or not, as a whole
        (
            ["messages[1].new"],
            "messages",
            {
                "messages": [
                    *turn({"type": "text", "text": "a", "new": 1}, {"type": "text", "text": "b", "new": 2}),
                    *turn({"type": "text", "text": "a", "new": 1}, {"type": "of_tomorrow", "newer": 2}),
                ]
            },
        ),
        (["messages[1].prefill"], "messages", {"messages": turn({"type": "text", "text": "{"}, role="assistant")}),
        (["tools[0].function.new"], "chat", {"tools": [{"type": "function", "function": {"name": "f", "new": 1}}]}),
        ([], "chat", {"tools": [{"type": "of_tomorrow", "of_tomorrow": {"new": 1}}]}),
        (["messages[1].name"], "chat", {"messages": turn(name="ann")}),
        ([], "chat", {"messages": [{"role": "tool", "tool_call_id": "c", "name": "f", "content": "x"}]}),
        (["messages[1].audio"], "chat", {"messages": turn(role="assistant", audio={"id": "a"})}),
        (["messages[1].new"], "chat", {"messages": turn({"type": "text", "text": "a", "new": 1})}),
        ([], "chat", {"messages": turn({"type": "input_audio", "input_audio": {"data": "A", "format": "wav"}})}),
        (["messages[1].new"], "chat", {"messages": turn(role="assistant", tool_calls=[{"new": 1}])}),
        (["response_format.json_schema.new"], "chat", {"response_format": {"json_schema": {"new": 1}}}),
        (["tools[0].output_schema"], "responses", {"tools": [FUNCTION | {"output_schema": {"type": "object"}}]}),
        (
            ["tools[0].search_context_size"],
            "responses",
            {"tools": [{"type": "web_search", "search_context_size": "low"}]},
        ),
        (
            ["tools[0].filters.new"],
            "responses",
            {"tools": [{"type": "web_search", "filters": {"allowed_domains": ["a"], "new": ["a"]}}]},
        ),
        (
            ["tools[0].tools[1].new"],
            "responses",
            {"tools": [{"type": "namespace", "name": "n", "tools": [FUNCTION, FUNCTION | {"name": "g", "new": 1}]}]},
        ),
        ([], "responses", {"tools": [{"type": "file_search", "vector_store_ids": [], "max_num_results": 3}]}),
        (["text.new"], "responses", {"text": {"verbosity": "low", "new": 1}}),
        (["input[1].new"], "responses", {"input": turn(new=1)}),
        (["input[1].new"], "responses", {"input": turn({"type": "input_text", "text": "a", "new": 1})}),
        ([], "responses", {"input": [{"type": "of_tomorrow", "new": 1}]}),
        (["tool_choice.new"], "messages", {"tool_choice": {"type": "auto", "new": 1}}),
        (
            ["tool_choice.function.new"],
            "chat",
            {"tool_choice": {"type": "function", "function": {"name": "f", "new": 1}}},
        ),
        (["tool_choice.new"], "responses", {"tool_choice": {"type": "function", "name": "f", "new": 1}}),
        (["messages[1].unnamed"], "chat", {"messages": turn(**{"my doctor's name": 1})}),
    ],
)
def test_what_no_struct_has_is_named(names: list[str], wire: str, fields: dict[str, Any]) -> None:
    if "response_format" in fields or "tool_calls" in str(fields):
        fields = {name: _completed(value) for name, value in fields.items()}
    request = decoded(wire, **fields)
    assert list(request.unread) == names
    assert loss_names(names) == tuple(names)


def _completed(value: Any) -> Any:
    """The rows' short forms of a call and of a schema, with what they cannot do without."""
    if isinstance(value, dict):
        return {"type": "json_schema", "json_schema": {"name": "n", "schema": {}, **value["json_schema"]}}
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    return [each | {"tool_calls": [call | each["tool_calls"][0]]} if "tool_calls" in each else each for each in value]


def test_names_are_few() -> None:
    request = decoded("chat", messages=turn(**{f"new_{number}": 1 for number in range(99)}))
    assert len(request.unread) == unread.MOST_NAMED + 1 and request.unread[-1] == unread.MORE


def test_a_strict_struct_is_the_same_struct() -> None:
    strict = unread.strict(messages.CreateMessage)
    assert issubclass(strict, messages.CreateMessage)
    assert (
        strict.__struct_config__.forbid_unknown_fields
        and not messages.CreateMessage.__struct_config__.forbid_unknown_fields
    )


# --- each field of a struct is read ---------------------------------------------------------------

CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
SIGNED = {"google": {"thought_signature": "s"}}
OPAQUE: list[dict[str, Any]] = [
    {"reasoning_text": "r"},
    {"reasoning_details": [{"type": "reasoning.encrypted", "data": "d"}]},
    {"thinking_blocks": [{"type": "thinking", "thinking": "t", "signature": "s"}]},
    {"reasoning_opaque": "o"},
    {"reasoning_signature": "s"},
    {"thought_signature": "s"},
    {"extra_content": SIGNED},
    {"tool_calls": [CALL | {"id": "c3", "extra_content": SIGNED}]},
    {"tool_calls": [CALL | {"id": "c4", "thought_signature": "s"}]},
    {"tool_calls": [CALL | {"id": "c5", "provider_specific_fields": {"thought_signature": "s"}}]},
]
"""What compatible servers want back."""
FULL: dict[str, list[dict[str, Any]]] = {
    "messages": [
        {
            "model": "m",
            "max_tokens": 5000,
            "system": [{"type": "text", "text": "s"}],
            "tools": [
                {"name": "f", "type": "custom", "description": "d", "input_schema": {"type": "object"}, "strict": True},
                {"name": "g", "input_schema": {}, "defer_loading": True},
                {
                    "type": "web_search_20250305",
                    "name": "search",
                    "allowed_domains": ["a"],
                    "blocked_domains": ["b"],
                    "user_location": {"type": "approximate"},
                    "max_uses": 2,
                },
            ],
            "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": True},
            "thinking": {"type": "enabled", "budget_tokens": 2000, "display": "omitted"},
            "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {}, "name": "n"}},
            "metadata": {"user_id": "u"},
            "stop_sequences": ["x"],
            "stream": True,
            "temperature": 0.5,
            "top_p": 0.5,
            "top_k": 5,
            "service_tier": "flex",
            "context_management": {"edits": []},
            "messages": [
                {"role": "system", "content": "over", "clear_at": "next_user_message"},
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "a", "citations": [{"type": "char_location", "cited_text": "a"}]},
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}},
                        {"type": "image", "source": {"type": "url", "url": "https://a"}},
                        {
                            "type": "document",
                            "source": {"type": "file", "file_id": "file_1"},
                            "title": "t",
                            "context": "c",
                        },
                        {"type": "document", "source": {"type": "content", "content": "text"}},
                        {
                            "type": "search_result",
                            "source": "s",
                            "title": "t",
                            "content": [{"type": "text", "text": "x"}],
                        },
                    ],
                },
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "t", "signature": "s"},
                        {"type": "redacted_thinking", "data": "d"},
                        {"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}},
                    ],
                },
                {
                    "role": "user",
                    "content": [{"type": "tool_result", "tool_use_id": "c", "content": "x", "is_error": True}],
                },
            ],
        },
        {
            "model": "m",
            "max_tokens": 9,
            "speed": "fast",
            "output_format": {"type": "json_schema", "schema": {}},
            "messages": [
                {"role": "user", "content": "go"},
                {"role": "system", "content": [], "output_config": {"effort": "high"}},
            ],
        },
    ],
    "chat": [
        {
            "model": "m",
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "a"},
                        {"type": "refusal", "refusal": "no"},
                        {"type": "image_url", "image_url": {"url": "https://a", "detail": "low"}},
                        {"type": "input_image", "image_url": {"file_id": "file_1"}, "detail": "low"},
                        {
                            "type": "file",
                            "file": {"file_id": "f", "file_data": "AA==", "file_url": "u", "filename": "n"},
                        },
                    ],
                },
                {"role": "user", "name": "ann", "content": "b"},
                {
                    "role": "assistant",
                    "tool_calls": [CALL, {"id": "c2", "type": "custom", "custom": {"name": "g", "input": "x"}}],
                    "function_call": {"name": "h", "arguments": "{}"},
                    "refusal": "no",
                    "reasoning_content": "r",
                },
                {"role": "assistant", "reasoning": "r", "content": "a"},
                *({"role": "assistant", "content": "a", **each} for each in OPAQUE),
                {"role": "tool", "tool_call_id": "c2", "content": "x"},
            ],
            "stream": True,
            "stream_options": {"include_usage": True},
            "tools": [
                {
                    "type": "function",
                    "function": {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True},
                },
                {"type": "custom", "custom": {"name": "g", "description": "d", "format": {"type": "text"}}},
                {"type": "of_tomorrow", "name": "n"},
            ],
            "functions": [{"name": "h", "parameters": {}}],
            "tool_choice": {"type": "function", "function": {"name": "f"}},
            "parallel_tool_calls": True,
            "max_completion_tokens": 9,
            "temperature": 0.5,
            "top_p": 0.5,
            "top_k": 5,
            "stop": "x",
            "reasoning_effort": "low",
            "reasoning": {"max_tokens": 9, "enabled": True, "exclude": True},
            "verbosity": "low",
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "n", "description": "d", "schema": {}, "strict": True},
            },
            "web_search_options": {"user_location": {"type": "approximate"}},
            "service_tier": "flex",
            "user": "u",
            "prompt_cache_key": "k",
        },
        {"model": "m", **SAID["chat"], "max_tokens": 9, "function_call": {"name": "f"}, "reasoning": {"effort": "low"}},
    ],
    "responses": [
        {
            "model": "m",
            "input": [
                {
                    "type": "message",
                    "role": "user",
                    "id": "msg_1",
                    "content": [
                        {"type": "input_text", "text": "a"},
                        {"type": "refusal", "refusal": "no"},
                        {"type": "input_image", "image_url": "https://a", "detail": "low", "file_id": "f"},
                        {"type": "input_file", "file_url": "u", "file_data": "AA==", "filename": "n"},
                        {
                            "type": "output_text",
                            "text": "b",
                            "annotations": [{"type": "url_citation", "url": "u", "title": "t"}],
                        },
                    ],
                },
                {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "s"}]},
                {"type": "reasoning", "encrypted_content": "e", "summary": []},
                {"type": "function_call", "call_id": "c1", "name": "f", "namespace": "n", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c1", "output": "x"},
                {"type": "custom_tool_call", "call_id": "c2", "name": "g", "input": "x"},
            ],
            "instructions": "i",
            "stream": True,
            "tools": [
                FUNCTION | {"description": "d", "parameters": {"type": "object"}, "strict": True},
                {"type": "custom", "name": "g", "format": {"type": "text"}},
                {
                    "type": "web_search",
                    "filters": {"allowed_domains": ["a"], "blocked_domains": ["b"]},
                    "user_location": {"type": "approximate"},
                },
                {"type": "namespace", "name": "n", "tools": [FUNCTION]},
                {"type": "tool_search", "execution": "client"},
            ],
            "tool_choice": {"type": "function", "name": "f"},
            "parallel_tool_calls": True,
            "reasoning": {"effort": "low", "summary": "auto"},
            "text": {
                "format": {"type": "json_schema", "name": "n", "description": "d", "schema": {}, "strict": True},
                "verbosity": "low",
            },
            "max_output_tokens": 99,
            "temperature": 0.5,
            "top_p": 0.5,
            "prompt_cache_key": "k",
            "service_tier": "flex",
            "user": "u",
            "include": ["new"],
        },
        {"model": "m", **SAID["responses"], "reasoning": {"generate_summary": "auto"}},
    ],
}
"""Bodies that together say something in every field that is read."""

PIECES: dict[tuple[type[Struct], str], type[Struct]] = {
    (chat.RequestMessage, "content"): chat.RequestPart,
    (chat.RequestBody, "tools"): chat.RequestTool,
    (responses.RequestBody, "input"): responses.RequestItem,
    (responses.RequestBody, "tools"): responses.RequestTool,
    (responses.RequestTool, "tools"): responses.RequestTool,
    (responses.RequestTool, "filters"): responses.RequestFilters,
    (responses.RequestItem, "content"): responses.RequestPart,
    (responses.RequestItem, "output"): responses.RequestPart,
}
"""Fields that stay raw at first, and what their items are then read as."""
BODIES: dict[str, type[Struct]] = {
    "messages": messages.CreateMessage,
    "chat": chat.RequestBody,
    "responses": responses.RequestBody,
}
ECHOED = {("CallPart", "index"), ("CallPart", "type"), ("Part", "type"), ("Part", "refusal"), ("Part", "annotations")}
"""What the structs of answers have that are used for requests too: the number of a call, the kind of a summary."""
TYPES = {"type", "role", "model"}
"""What says what an object is: without it another object would be read, or none."""

Path = tuple[str | int, ...]


def _places(
    value: Any, type_: Any, struct: type[Struct] | None = None, path: Path = ()
) -> Iterator[tuple[str, str, Path]]:
    """(struct, field, path) of each field of ``value`` that a struct has."""
    if isinstance(value, list):
        for number, each in enumerate(value):
            yield from _places(each, type_, struct, (*path, number))
        return
    found = [each for each in unread._structs(type_) if _is(each, value)] if isinstance(value, dict) else []
    for kind in found[:1]:
        for field in structs.fields(kind):
            if field.name in value:
                yield kind.__name__, field.name, (*path, field.name)
                inner = PIECES.get((kind, field.name), field.type)
                yield from _places(value[field.name], inner, kind, (*path, field.name))


def _is(struct: type[Struct], value: dict[str, Any]) -> bool:
    tag = struct.__struct_config__.tag
    return tag is None or tag == value.get("type")


def _all_structs(type_: Any, seen: set[type[Struct]]) -> set[type[Struct]]:
    for struct in unread._structs(type_):
        if struct not in seen:
            seen.add(struct)
            for field in structs.fields(struct):
                _all_structs(PIECES.get((struct, field.name), field.type), seen)
    return seen


def _is_not_missed(hint: Any) -> bool:
    """Also an object of which nothing is read."""
    inside = [field.type for struct in unread._structs(hint) for field in structs.fields(struct)]
    return hint == unread.NotMissed or (bool(inside) and all(each == unread.NotMissed for each in inside))


def _without(value: Any, path: Path) -> Any:
    first, *rest = path
    if not rest:
        return {name: each for name, each in value.items() if name != first}
    changed = _without(value[first], tuple(rest))
    if isinstance(value, list):
        return [changed if number == first else each for number, each in enumerate(value)]
    return value | {first: changed}


@pytest.mark.parametrize("wire", WIRES)
def test_each_field_of_an_entry_is_read_or_not_missed(wire: str) -> None:
    """A body without the field is another request, or none. A new field needs a place in ``FULL``, or nobody misses
    it."""
    read: set[tuple[str, str]] = set()
    for body in FULL[wire]:
        whole = WIRES[wire].decode_request(encode(body), {})
        for struct, field, path in _places(body, BODIES[wire]):
            if field in TYPES or (struct, field) in read:
                continue
            try:
                other = WIRES[wire].decode_request(encode(_without(body, path)), {})
            except Exception:
                read.add((struct, field))
                continue
            if other != whole:
                read.add((struct, field))
    known = {
        (struct.__name__, field.name)
        for struct in _all_structs(BODIES[wire], set())
        for field in structs.fields(struct)
        if field.name not in TYPES and not _is_not_missed(field.type)
    }
    assert known - read - ECHOED == (
        {("CreateMessage", "thread")} if wire == "messages" else set()
    )  # thread is refused
