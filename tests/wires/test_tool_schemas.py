"""OpenAI refuses a function whose schema has an array without items; MCP servers write such."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw

from daemon.inference.request import Tool
from daemon.wires.tool_schemas import fit_schemas

ARRAY = {"type": "array"}
FITTING = {"type": "array", "items": {"type": "string"}}


def fitted(**properties: Any) -> dict[str, Any]:
    schema = json.dumps({"type": "object", "properties": properties}, separators=(",", ":")).encode()
    (raw,) = fit_schemas([Tool(name="f", parameters=Raw(schema))], [])
    shown: dict[str, Any] = json.loads(bytes(raw))["properties"]
    return shown


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"a": ARRAY}, {"a": ARRAY | {"items": {}}}),
        ({"a": {"type": ["array", "null"]}}, {"a": {"type": ["array", "null"], "items": {}}}),
        ({"a": {"anyOf": [ARRAY, FITTING]}}, {"a": {"anyOf": [ARRAY | {"items": {}}, FITTING]}}),
        ({"items": ARRAY}, {"items": ARRAY | {"items": {}}}),
        ({"a": {"type": "array", "items": ARRAY}}, {"a": {"type": "array", "items": ARRAY | {"items": {}}}}),
        ({"a": {"default": ARRAY}, "b": ARRAY}, {"a": {"default": ARRAY}, "b": ARRAY | {"items": {}}}),
        ({"type": {"enum": ["array"]}}, {"type": {"enum": ["array"]}}),
        ({"a": FITTING}, {"a": FITTING}),
    ],
)
def test_an_array_says_something_of_its_items(properties: dict[str, Any], expected: dict[str, Any]) -> None:
    assert fitted(**properties) == expected


def test_a_schema_that_fits_keeps_its_bytes() -> None:
    written = Raw(b'{"type": "object", "properties": {"a": {"type": "array", "items": {}}, "b": {"enum": ["array"]}}}')
    assert fit_schemas([Tool(name="f", parameters=written)], []) == [written]
