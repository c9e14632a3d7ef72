"""What is remembered of requests by value is short: a cache that bounds its number alone holds a client's megabytes."""

from __future__ import annotations

import functools
import gc
import json
from collections.abc import Iterator
from typing import Any

from msgspec import Raw

from daemon.gateway.counting import estimate
from daemon.wires.base import EncodeOptions
from daemon.wires.naming import fitted_id
from daemon.wires.table import WIRES
from daemon.wires.tool_schemas import moonshot_tools, portable_tools

LONGEST = 600 * 1024
"""Bytes: what the schemas of one request's tools may have together."""
WORD = "w" * 700_000
SCHEMA = {"type": "object", "properties": {WORD: {"type": "string", "format": WORD}}}


def remembered() -> Iterator[int]:
    """The sizes of all texts that caches of the daemon hold."""
    for each in gc.get_objects():
        if isinstance(each, functools._lru_cache_wrapper) and (each.__module__ or "").startswith("daemon"):
            seen: set[int] = set()
            left: list[tuple[object, int]] = [(each, 0)]
            while left:
                value, depth = left.pop()
                if id(value) in seen or depth > 4:
                    continue
                seen.add(id(value))
                if isinstance(value, str | bytes):
                    yield len(value)
                elif depth == 0 or isinstance(value, dict | tuple | list) or type(value).__name__.startswith("_"):
                    left += [(inner, depth + 1) for inner in gc.get_referents(value)]


def requests() -> Iterator[tuple[str, dict[str, Any]]]:
    call = {"type": "tool_use", "id": WORD, "name": WORD, "input": {}}
    result = {"type": "tool_result", "tool_use_id": WORD, "content": WORD}
    turns = [
        {"role": "user", "content": WORD},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [result]},
    ]
    tools = [{"name": WORD, "description": WORD, "input_schema": SCHEMA}]
    yield "messages", {"model": "m", "max_tokens": 9, "messages": turns, "tools": tools, "system": WORD}
    function = {"name": WORD, "description": WORD, "parameters": SCHEMA}
    calls = [{"id": WORD, "type": "function", "function": {"name": WORD, "arguments": "{}"}}]
    said = [
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{WORD}"}}]},
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": WORD, "content": WORD},
    ]
    yield "chat", {"model": "m", "messages": said, "tools": [{"type": "function", "function": function}], "user": WORD}
    items = [
        {"role": "user", "content": WORD},
        {"type": "function_call", "call_id": WORD, "name": WORD, "arguments": "{}"},
        {"type": "function_call_output", "call_id": WORD, "output": WORD},
    ]
    yield "responses", {"model": "m", "input": items, "tools": [{"type": "function", **function}], "instructions": WORD}


def test_no_cache_holds_what_a_client_has_made_long() -> None:
    for wire, body in requests():
        raw = json.dumps(body).encode()
        request = WIRES[wire].decode_request(raw, {})
        estimate(request)
        for target in WIRES.values():
            target.encode_request(request, EncodeOptions(model="m"))
        for change in (portable_tools, moonshot_tools):
            change({"tools": Raw(json.dumps(body["tools"]).encode())})
    for form in ("length of 9", "^[a-zA-Z0-9_-]+$", "call_", "maximum length 40"):
        fitted_id(WORD, form)
    assert max(remembered(), default=0) < LONGEST


def test_a_cache_that_holds_too_much_is_seen() -> None:
    cached = functools.lru_cache(lambda text: len(text))
    cached.__module__ = "daemon.made_up"
    cached(WORD)
    assert max(remembered()) == len(WORD)
