"""Moonshot refuses every request with a schema that is not in its own form."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daemon.wires.json import fields_of
from daemon.wires.tool_schemas import moonshot_tools

Json = dict[str, Any]
TEXT, NUMBER = {"type": "string"}, {"type": "number"}


def sent(schema: Json) -> Json:
    tool = {"type": "function", "function": {"name": "t", "parameters": schema}}
    fields = fields_of(json.dumps({"tools": [tool]}).encode())
    assert moonshot_tools(fields) == []
    shown: Json = json.loads(bytes(fields["tools"]))[0]["function"]["parameters"]
    return shown


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            TEXT | {"anyOf": [{"enum": ["a"]}, {"pattern": "^b"}]},
            {"anyOf": [TEXT | {"enum": ["a"]}, TEXT | {"pattern": "^b"}]},
        ),
        ({"type": ["string", "null"]}, {"type": ["string", "null"]}),
        ({"oneOf": [TEXT, NUMBER], "description": "d"}, {"anyOf": [TEXT, NUMBER], "description": "d"}),
        ({"enum": ["a", "b"]}, {"type": "string", "enum": ["a", "b"]}),
        ({"const": True}, {"type": "boolean", "const": True}),
        ({"enum": [1, "b"]}, {"anyOf": [{"type": "integer"}, TEXT], "enum": [1, "b"]}),
        ({"properties": {"b": TEXT}}, {"type": "object", "properties": {"b": TEXT}}),
        ({"items": TEXT}, {"type": "array", "items": TEXT}),
        ({"$ref": "#/$defs/x", "description": "d"}, {"$ref": "#/$defs/x"}),
        ({"$ref": "#/definitions/x"}, {"$ref": "#/$defs/x"}),
        ({"allOf": [TEXT]}, {"allOf": [TEXT]}),
    ],
)
def test_the_form_of_moonshot(before: Json, after: Json) -> None:
    assert sent({"type": "object", "properties": {"a": before}})["properties"]["a"] == after


def test_what_says_nothing_may_be_anything() -> None:
    """``items`` of an array that may hold anything gets a type too."""
    shown = sent({"type": "object", "properties": {"a": {"description": "d"}}})["properties"]["a"]
    assert [each["type"] for each in shown["anyOf"]] == ["string", "number", "boolean", "object", "array"]
    assert "type" not in shown and shown["description"] == "d"


def test_definitions_move() -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "#/definitions/x"}}, "definitions": {"x": {"enum": ["a"]}}}
    shown = sent(schema)
    assert shown["$defs"] == {"x": {"type": "string", "enum": ["a"]}} and "definitions" not in shown
