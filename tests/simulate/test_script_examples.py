"""Values made from a JSON Schema."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.simulate.example import MARKER, example

CASES: dict[str, tuple[dict[str, Any], Any]] = {
    "only what is required": (
        {"type": "object", "properties": {"a": {"type": "string"}, "b": {}}, "required": ["a"]},
        {"a": MARKER},
    ),
    "everything when nothing is said": ({"properties": {"a": {"type": "boolean"}}}, {"a": True}),
    "const": ({"const": 7}, 7),
    "enum": ({"enum": ["x", "y"]}, "x"),
    "any of": ({"anyOf": [{"type": "null"}, {"type": "string"}]}, None),
    "array of two": ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [42, 42]),
    "bounds": ({"type": "integer", "minimum": 100, "maximum": 200}, 100),
    "upper bound": ({"type": "number", "maximum": 3}, 3),
    "first of several types": ({"type": ["string", "null"]}, MARKER),
    "reference": ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "boolean"}}}, True),
    "reference to nowhere": ({"$ref": "#/$defs/zzz"}, MARKER),
    "no schema at all": ({}, MARKER),
}


@pytest.mark.parametrize("case", CASES)
def test_example(case: str) -> None:
    schema, expected = CASES[case]
    assert example(schema) == expected


def test_a_schema_that_refers_to_itself_ends() -> None:
    endless = {"type": "object", "properties": {"again": {"$ref": "#"}}}
    assert example(endless)
