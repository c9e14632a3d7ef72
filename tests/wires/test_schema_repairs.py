"""One schema that a server refuses fails every request of a session: MCP servers and Claude Code send such."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from daemon.inference.request import Request, Tool
from daemon.wires.base import EncodeOptions
from daemon.wires.json import fields_of
from daemon.wires.table import WIRES
from daemon.wires.tool_schemas import fit_schema, fit_schemas, portable_tools
from tests.wires.world import per_wire

Json = dict[str, Any]

ARTIFACT = r'^(?!__.*__$)[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}"\\./[\]]{1,200}$'
"""Of Claude Code's Artifact tool (2.1.263 and later)."""

TEXT, NUMBER = {"type": "string"}, {"type": "number"}


def fitted(schema: object) -> tuple[Json, list[str]]:
    lost: list[str] = []
    raw = fit_schema(Tool(name="t", parameters=Raw(json.dumps(schema).encode())), lost)
    return json.loads(bytes(raw)), [name.removeprefix("tools.t.") for name in lost]


def within(schema: Json, **more: Any) -> Json:
    """``schema`` as the root's only property."""
    return {"type": "object", "properties": {"a": schema}, **more}


@pytest.mark.parametrize(
    "pattern",
    [ARTIFACT, r"\p{L}+", r"\P{L}", r"^\u{1F600}$", r"(?<name>a)", r"[^]", r"[\w-.]", r"\z", r"a{2,1}", r"(", 7, "+"],
)
@pytest.mark.parametrize("where", ["here", "items", "anyOf", "$defs", "additionalProperties", "deep"])
def test_a_pattern_that_python_cannot_compile_is_left_out(pattern: object, where: str) -> None:
    node = TEXT | {"pattern": pattern}
    around: dict[str, tuple[Json, Json]] = {
        "here": (within(node), within(TEXT)),
        "items": (within({"type": "array", "items": node}), within({"type": "array", "items": TEXT})),
        "anyOf": (within({"anyOf": [node, NUMBER]}), within({"anyOf": [TEXT, NUMBER]})),
        "$defs": (within({"$ref": "#/$defs/x"}, **{"$defs": {"x": node}}),) * 2,
        "additionalProperties": (within({"additionalProperties": node}), within({"additionalProperties": TEXT})),
        "deep": (within(within(within(within(node)))), within(within(within(within(TEXT))))),
    }
    before, after = around[where]
    if where == "$defs":
        after = within({"$ref": "#/$defs/x"}, **{"$defs": {"x": TEXT}})
    assert fitted(before) == (after, ["pattern"])


@pytest.mark.parametrize("pattern", [r"^(?!__).*$", r"(?<=a)b", r"^[a-z]+$", r"\d{3}", "", r"[[a]", r"^[^/\\]+$"])
def test_a_pattern_that_python_compiles_stays(pattern: str) -> None:
    schema = within(TEXT | {"pattern": pattern})
    assert fitted(schema) == (schema, [])


def test_a_property_may_be_called_like_a_keyword() -> None:
    names = ("pattern", "required", "items", "anyOf", "type", "enum", "properties", "$ref", "default", "not")
    schema = {"type": "object", "properties": {name: TEXT for name in names}, "required": list(names)}
    assert fitted(schema) == (schema, [])


VALUES = TEXT | {"format": "uri", "default": {"pattern": "("}, "enum": [{"required": None}]}

REPAIRS: list[tuple[str, Json, Json]] = [
    ("required: null", {"required": None}, {}),
    ("required as a word", {"required": "b"}, {}),
    ("properties: null", {"type": "object", "properties": None}, {"type": "object"}),
    ("properties as a list", {"properties": []}, {}),
    ("enum: null", TEXT | {"enum": None}, TEXT),
    ("enum without values", TEXT | {"enum": []}, TEXT),
    ("a null among the values", {"enum": ["a", None]}, {"enum": ["a", None]}),
    ("default: null", TEXT | {"default": None}, TEXT | {"default": None}),
    ("const: null", {"const": None}, {"const": None}),
    ("type: null", {"type": None, "description": None}, {}),
    ("items: null", {"type": "array", "items": None}, {"type": "array", "items": {}}),
    ("items: true", {"type": "array", "items": True}, {"type": "array", "items": {}}),
    ("no items", {"type": "array"}, {"type": "array", "items": {}}),
    ("a property that is null", {"properties": {"b": None}}, {"properties": {"b": {}}}),
    ("a property that is true", {"properties": {"b": True}}, {"properties": {"b": {}}}),
    ("a property that is false", {"properties": {"b": False}}, {"properties": {}}),
    ("anyOf: null", {"anyOf": None}, {}),
    ("anyOf without schemas", TEXT | {"anyOf": []}, TEXT),
    ("anyOf with booleans", {"anyOf": [TEXT, True, False]}, {"anyOf": [TEXT, {}, {"not": {}}]}),
    ("anyOf with null", {"anyOf": [TEXT, None]}, {"anyOf": [TEXT]}),
    ("additionalProperties: null", {"additionalProperties": None}, {}),
    ("additionalProperties: false", {"additionalProperties": False}, {"additionalProperties": False}),
    ("draft 4", NUMBER | {"minimum": 1, "exclusiveMinimum": True}, NUMBER | {"exclusiveMinimum": 1}),
    ("draft 4, not exclusive", NUMBER | {"maximum": 1, "exclusiveMaximum": False}, NUMBER | {"maximum": 1}),
    (
        "draft 3",
        {"properties": {"b": TEXT | {"required": True}, "c": TEXT | {"required": False}}},
        {"properties": {"b": TEXT, "c": TEXT}, "required": ["b"]},
    ),
    ("required twice", {"required": ["b", "b", 1]}, {"required": ["b"]}),
    ("types of Python", {"type": "dict"}, {"type": "object"}),
    ("types in upper case", {"type": "STRING"}, TEXT),
    ("a type that is none", {"type": "any"}, {}),
    ("a list of types", {"type": ["string", "null"]}, {"type": ["string", "null"]}),
    ("one example", TEXT | {"examples": "x"}, TEXT | {"examples": ["x"]}),
    ("formats and defaults", VALUES, VALUES),
    ("one list item", {"type": "array", "items": [TEXT]}, {"type": "array", "items": TEXT}),
    ("the same list items", {"type": "array", "items": [TEXT, TEXT]}, {"type": "array", "items": TEXT}),
    ("no list items", {"type": "array", "items": []}, {"type": "array", "items": {}}),
    (
        "no more list items",
        {"type": "array", "items": [TEXT, TEXT], "additionalItems": False},
        {"type": "array", "items": TEXT, "maxItems": 2},
    ),
]


@pytest.mark.parametrize(("before", "after"), [row[1:3] for row in REPAIRS], ids=[row[0] for row in REPAIRS])
def test_what_no_draft_allows_is_repaired_and_nothing_lost(before: Json, after: Json) -> None:
    assert fitted(within(before)) == (within(after), [])
    assert fitted(within(within(before))) == (within(within(after)), [])


def test_a_list_of_items_becomes_any_of_them() -> None:
    before = within({"type": "array", "items": [TEXT, NUMBER | {"minimum": None}]})
    assert fitted(before) == (within({"type": "array", "items": {"anyOf": [TEXT, NUMBER]}}), ["items"])


def test_names_by_pattern() -> None:
    before = {"patternProperties": {r"^\p{L}": TEXT, "^x": NUMBER}, "additionalProperties": False}
    after, lost = fitted(within(before))
    assert (after, lost) == (within({"patternProperties": {"^x": NUMBER}}), ["patternProperties"])
    assert fitted(within({"patternProperties": {r"\p{L}": TEXT}}))[0] == within({})


# --- the root ---


def branch(*required: str, **properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(required)}


ROOTS: list[tuple[str, Json, Json, list[str]]] = [
    ("nothing", {}, {}, []),
    ("another type", {"type": ["object", "null"]}, {}, []),
    (
        "anyOf",
        {"anyOf": [branch("a", "k", a=TEXT, k=TEXT), branch("k", b=NUMBER, k=TEXT)]},
        {"properties": {"a": TEXT, "k": TEXT, "b": NUMBER}, "required": ["k"]},
        ["anyOf"],
    ),
    (
        "oneOf with a constant each",
        {"oneOf": [branch("t", t={"const": "x"}, a=TEXT), branch("t", t={"const": "y"}, b=TEXT)]},
        {"properties": {"t": {"enum": ["x", "y"]}, "a": TEXT, "b": TEXT}, "required": ["t"]},
        ["oneOf"],
    ),
    (
        "one property in two ways",
        {"anyOf": [branch(a=TEXT), branch(a=NUMBER), branch(a=TEXT)]},
        {"properties": {"a": {"anyOf": [TEXT, NUMBER]}}},
        ["anyOf"],
    ),
    (
        "allOf",
        {"properties": {"o": TEXT}, "allOf": [branch("a", a=TEXT), branch("b", b=TEXT)], "required": ["o"]},
        {"properties": {"o": TEXT, "a": TEXT, "b": TEXT}, "required": ["o", "a", "b"]},
        ["allOf"],
    ),
    (
        "one of several fields must be there",
        {**branch("id", id=TEXT, a=TEXT, b=TEXT), "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
        branch("id", id=TEXT, a=TEXT, b=TEXT),
        ["anyOf"],
    ),
    (
        "an object or nothing",
        {"anyOf": [branch("a", a=TEXT), {"type": "null"}]},
        {"properties": {"a": TEXT}, "required": ["a"]},
        ["anyOf"],
    ),
    (
        "branches by reference",
        {"oneOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}], "$defs": {"A": branch(a=TEXT), "B": branch(b=TEXT)}},
        {"properties": {"a": TEXT, "b": TEXT}, "$defs": {"A": branch(a=TEXT), "B": branch(b=TEXT)}},
        ["oneOf"],
    ),
    (
        "a reference",
        {"$ref": "#/definitions/In", "definitions": {"In": branch("a", a=TEXT) | {"description": "d"}}},
        {
            "definitions": {"In": branch("a", a=TEXT) | {"description": "d"}},
            "description": "d",
            "properties": {"a": TEXT},
            "required": ["a"],
        },
        [],
    ),
    (
        "branches of branches",
        {"anyOf": [{"oneOf": [branch(a=TEXT), {"allOf": [branch(b=TEXT)]}]}]},
        {"properties": {"a": TEXT, "b": TEXT}},
        ["anyOf"],
    ),
    ("itself", {"anyOf": [{"$ref": "#"}, branch(a=TEXT)]}, {"properties": {"a": TEXT}}, ["anyOf"]),
    ("a reference that leads nowhere", {"$ref": "https://a.example/s"}, {}, ["$ref"]),
    ("values", {"enum": [{}], "not": {}}, {}, ["enum", "not"]),
]


@pytest.mark.parametrize(("before", "after", "lost"), [row[1:] for row in ROOTS], ids=[row[0] for row in ROOTS])
def test_the_root_is_an_object_with_all_that_its_branches_have(before: Json, after: Json, lost: list[str]) -> None:
    shown, losses = fitted(before)
    without = {key: value for key, value in shown.items() if not (key == "required" and value == [])}
    expected = {"type": "object", "properties": {}, **after}
    assert without == {key: value for key, value in expected.items() if not (key == "required" and value == [])}
    assert losses == lost


# --- limits ---


@pytest.mark.parametrize("depth", [100, 1_000, 5_000])
def test_a_deep_schema_is_repaired_or_left_as_it_is(depth: int) -> None:
    whole = b'{"type":"object","properties":{"a":' * depth + b'{"pattern":"\\\\p{L}"}' + b"}}" * depth
    lost: list[str] = []
    raw = bytes(fit_schema(Tool(name="t", parameters=Raw(whole)), lost))
    assert (b"pattern" in raw) != (lost == ["tools.t.pattern"])
    assert lost or depth > 100


def test_references_in_a_circle_and_many_branches_come_to_an_end() -> None:
    defs: Json = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{(n + k) % 30}"} for k in range(1, 30)]} for n in range(30)}
    chain: Json = {f"e{n}": {"$ref": f"#/$defs/e{n + 1}"} for n in range(2_000)}
    shown, _ = fitted({"allOf": [{"$ref": "#/$defs/d0"}, {"$ref": "#/$defs/e0"}], "$defs": defs | chain})
    assert shown["type"] == "object" and shown["properties"] == {}


# --- as it goes up ---

TOOL = {"type": "object", "properties": {"field": TEXT | {"pattern": ARTIFACT}}, "required": None}


@per_wire
def test_every_wire_repairs_and_reports(name: str) -> None:
    tool = Tool(name="Artifact", parameters=Raw(json.dumps(TOOL).encode()))
    request = Request(wire="other", model="m", messages=(), tools=(tool,))
    body = WIRES[name].encode_request(request, EncodeOptions(model="m"))
    assert "tools.Artifact.pattern" in body.lost and b"Cc" not in body.body and b"null" not in body.body


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        ({"name": "A", "input_schema": TOOL}, {"name": "A", "input_schema": within(TEXT)}, "tools.A.pattern"),
        (
            {"type": "function", "name": "A", "parameters": TOOL, "strict": False},
            {"type": "function", "name": "A", "parameters": within(TEXT), "strict": False},
            "tools.A.pattern",
        ),
        (
            {"type": "function", "function": {"name": "A", "parameters": TOOL}},
            {"type": "function", "function": {"name": "A", "parameters": within(TEXT)}},
            "tools.A.pattern",
        ),
        (
            {"type": "namespace", "name": "n", "tools": [{"name": "A", "parameters": TOOL}]},
            {
                "type": "namespace",
                "name": "n",
                "tools": [{"name": "A", "parameters": within(TEXT)}],
            },
            "tools.n.A.pattern",
        ),
    ],
)
def test_tools_of_a_body_that_passes_through(before: Json, after: Json, lost: str) -> None:
    other = {"type": "web_search_20250305", "name": "web_search"}
    fields = fields_of(json.dumps({"tools": [before, other]}).encode())
    assert portable_tools(fields) == [lost]
    shown = json.loads(bytes(fields["tools"]).replace(b'"field"', b'"a"'))
    assert shown == [after, other]


@pytest.mark.parametrize("body", [b"{}", b'{"tools":null}', b'{"tools":[]}', b'{"tools":[{"function":null}]}'])
def test_a_body_without_schemas_stays(body: bytes) -> None:
    fields = fields_of(body)
    before = dict(fields)
    assert portable_tools(fields) == [] and fields == before


def test_schemas_that_fit_keep_their_bytes_beside_one_that_does_not() -> None:
    written = Raw(b'{ "type": "object",  "properties": {"a": {"type": "string", "format": "uri"}}}')
    good, bad = Tool(name="g", parameters=written), Tool(name="b", parameters=Raw(b'{"required":null}'))
    assert fit_schemas([good, bad], [])[0] is written
    assert fit_schemas([good, good], []) == [written, written]


def test_each_keyword_is_reported_once() -> None:
    schema = {"type": "object", "properties": {name: TEXT | {"pattern": "("} for name in "abc"}}
    assert fitted(schema)[1] == ["pattern"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"minimum": "1", "maximum": "2.5"}, {"minimum": 1, "maximum": 2.5}),
        ({"minimum": True, "maximum": "x", "exclusiveMinimum": "3", "exclusiveMaximum": []}, {"exclusiveMinimum": 3}),
        ({"multipleOf": 0, "minLength": -1, "maxLength": 2.0, "minItems": 1.5}, {"maxLength": 2}),
        ({"title": 5, "description": ["x"]}, {"title": "5"}),
        ({"uniqueItems": "true", "deprecated": 1, "readOnly": "no"}, {"uniqueItems": True}),
        ({"$ref": 1, "$anchor": "#x", "$id": "a#b", "format": {}}, {}),
        ({"$anchor": "x", "$id": "https://a.example/s#", "format": "uri"},) * 2,
        ({"dependentRequired": {"a": ["b", "b", 1], "c": "d"}}, {"dependentRequired": {"a": ["b"]}}),
        ({"dependentRequired": []}, {}),
    ],
)
def test_simple_keywords_hold_what_the_draft_says(before: Json, after: Json) -> None:
    assert fitted(within(before)) == (within(after), [])


KEYWORDS = ["type", "properties", "required", "items", "pattern", "patternProperties", "enum", "anyOf", "allOf", "$ref"]
KEYWORDS += ["not", "$defs", "minimum", "exclusiveMinimum", "additionalItems", "default", "prefixItems", "a"]
values = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2) | st.sampled_from(["", "a", "object", "(", "#", "#/properties/a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYWORDS), inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_any_schema_becomes_an_object(schema: object) -> None:
    shown, _ = fitted(schema)
    assert shown["type"] == "object" and isinstance(shown["properties"], dict)
    assert not {"anyOf", "oneOf", "allOf", "enum", "not", "$ref"} & shown.keys()
