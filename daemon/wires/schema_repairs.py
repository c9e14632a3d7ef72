"""One JSON Schema of a tool, as the strictest of the common servers takes it.

MCP servers write what their languages make of a type, in any draft, and one schema that a server refuses fails every
request of the session. OpenAI checks them by Python's ``jsonschema`` (its words: "is not a 'regex'", "None is not of
type 'array'"), Anthropic by draft 2020-12, both with rules of their own for the root; NVIDIA, GLM and Moonshot are
like one of the two (all 2026). The repairs, at every depth:

1. A ``pattern``, or a key of ``patternProperties``, that Python's ``re`` cannot compile is left out: ``\\p{Cc}`` of
   Claude Code's Artifact, ``\\u{…}``, ``(?<name>``, ``[^]``, ``[\\w-.]``. Look-aheads stay, they pass everywhere.
2. A keyword that is null, or of a type that no draft allows, is left out. ``required: true`` of a property (draft 3)
   and boolean ``exclusiveMinimum`` (draft 4) become what they mean.
3. ``items`` is there for every array, and is one schema: a list of them (draft 7) becomes any of them.
4. At the root the type is ``object``; ``anyOf``, ``oneOf``, ``allOf`` and ``$ref`` become properties.

Values (``default``, ``enum``, ``const``, ``examples``), ``format``, ``$defs`` and what nobody here knows stay.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from daemon.wires.schema_keywords import repair_keywords

Schema = dict[str, Any]

_VALUES: Final = frozenset({"default", "const", "example"})
_ONE: Final = frozenset(
    (
        "items",
        "additionalProperties",
        "additionalItems",
        "unevaluatedItems",
        "unevaluatedProperties",
        "contains",
        "contentSchema",
        "propertyNames",
        "not",
        "if",
        "then",
        "else",
    )
)
_LISTS: Final = ("anyOf", "oneOf", "allOf", "prefixItems")
_MAPS: Final = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_SWITCHES: Final = frozenset({"additionalProperties", "additionalItems", "unevaluatedItems", "unevaluatedProperties"})
"""Where ``true`` and ``false`` are usual, and taken everywhere."""

_TYPES: Final = frozenset({"string", "number", "integer", "boolean", "object", "array", "null"})
_OTHER_TYPES: Final[Mapping[str, str]] = {
    "str": "string",
    "text": "string",
    "int": "integer",
    "float": "number",
    "double": "number",
    "bool": "boolean",
    "dict": "object",
    "list": "array",
    "none": "null",
}
_EXCLUSIVE: Final = (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum"))

MOST_BRANCHES: Final = 128
"""Of a root's ``anyOf`` and its kin, and references, that are read: schemas may refer to themselves."""


def repair(root: Schema, lost: Callable[[str], None]) -> None:
    """Repairs ``root`` in place; ``lost`` is given the keyword of each limit that had to go."""
    _flatten(root, lost)
    nodes = [root]
    while nodes:
        node = nodes.pop()
        _repair_node(node, lost)
        nodes += inside(node)


def inside(node: Schema) -> Iterator[Schema]:
    """The schemas that stand directly in ``node``, which is repaired."""
    for key, value in node.items():
        if key in _ONE and isinstance(value, dict):
            yield value
        elif key in _LISTS:
            yield from (each for each in value if isinstance(each, dict))
        elif key in _MAPS:
            yield from (each for each in value.values() if isinstance(each, dict))


# --- one node, without what is inside of it ------------------------------------------------------


def _repair_node(node: Schema, lost: Callable[[str], None]) -> None:
    for key in [key for key, value in node.items() if value is None and key not in _VALUES]:
        del node[key]
    repair_keywords(node)
    _repair_patterns(node, lost)
    _repair_lists(node)
    _repair_maps(node)
    _repair_required(node)
    _repair_type(node)
    _repair_items(node, lost)
    for key in [key for key in node if key in _ONE]:
        if isinstance(node[key], bool) and key not in _SWITCHES:
            node[key] = _said(node[key])
        elif not isinstance(node[key], dict | bool):
            del node[key]
    for exclusive, limit in _EXCLUSIVE:
        if isinstance(node.get(exclusive), bool) and node.pop(exclusive) and limit in node:
            node[exclusive] = node.pop(limit)


def _said(schema: object) -> Schema:
    """A boolean schema as an object: servers that are written by hand expect one."""
    return {} if schema else {"not": {}}


def _repair_patterns(node: Schema, lost: Callable[[str], None]) -> None:
    pattern = node.get("pattern")
    if pattern is not None and not (isinstance(pattern, str) and _compiles(pattern)):
        del node["pattern"]
        lost("pattern")
    by_pattern = node.get("patternProperties")
    if not isinstance(by_pattern, dict):
        return
    refused = [key for key in by_pattern if not _compiles(key)]
    if not refused:
        return
    lost("patternProperties")
    kept = {key: value for key, value in by_pattern.items() if key not in refused}
    node["patternProperties"] = kept
    if not kept:
        del node["patternProperties"]
    if node.get("additionalProperties") is False:
        del node["additionalProperties"]  # it would now forbid what the pattern allowed


def _compiles(pattern: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "possible nested set": it compiles all the same
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return False
    return True


def _repair_lists(node: Schema) -> None:
    for key in _LISTS:
        if key not in node:
            continue
        entries = node[key] if isinstance(node[key], list) else []
        schemas = [each if isinstance(each, dict) else _said(each) for each in entries if isinstance(each, dict | bool)]
        node[key] = schemas
        if not schemas:
            del node[key]
    if "enum" in node and not (isinstance(node["enum"], list) and node["enum"]):
        del node["enum"]
    if "examples" in node and not isinstance(node["examples"], list):
        node["examples"] = [node["examples"]]


def _repair_maps(node: Schema) -> None:
    for key in _MAPS:
        if key not in node:
            continue
        if not isinstance(node[key], dict):
            del node[key]
            continue
        schemas = node[key]
        for name in [name for name, schema in schemas.items() if schema is False and key == "properties"]:
            del schemas[name]
        for name, schema in schemas.items():
            if not isinstance(schema, dict):
                schemas[name] = _said(schema if isinstance(schema, bool) else True)


def _repair_required(node: Schema) -> None:
    names = node.get("required", [])
    names = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
    for name, schema in node.get("properties", {}).items():
        if isinstance(schema.get("required"), bool) and schema.pop("required"):
            names.append(name)
    names = list(dict.fromkeys(names))
    if names or isinstance(node.get("required"), list):
        if node.get("required") != names:
            node["required"] = names
    else:
        node.pop("required", None)


def _repair_type(node: Schema) -> None:
    if "type" not in node:
        return
    written = node["type"]
    words = written if isinstance(written, list) else [written]
    known = dict.fromkeys(filter(None, map(_type, words)))
    if not known:
        del node["type"]
    elif not isinstance(written, list):
        node["type"] = next(iter(known))
    elif list(known) != written:
        node["type"] = list(known)


def _type(word: object) -> str | None:
    if not isinstance(word, str):
        return None
    lower = word.lower()
    return lower if lower in _TYPES else _OTHER_TYPES.get(lower)


def _repair_items(node: Schema, lost: Callable[[str], None]) -> None:
    """OpenAI: "array schema missing items"; and of draft 7's lists: "[…] is not of type 'object', 'boolean'"."""
    items = node.get("items")
    if isinstance(items, list):
        schemas = [each if isinstance(each, dict) else _said(each) for each in items if isinstance(each, dict | bool)]
        different = [each for number, each in enumerate(schemas) if each not in schemas[:number]]
        node["items"] = {"anyOf": different} if len(different) > 1 else next(iter(different), {})
        if node.pop("additionalItems", None) is False:
            node.setdefault("maxItems", len(schemas))
        if len(different) > 1:
            lost("items")
    types = node.get("type")
    if (types == "array" or (isinstance(types, list) and "array" in types)) and "items" not in node:
        node["items"] = {}


# --- the root ------------------------------------------------------------------------------------


_UNIONS: Final = ("anyOf", "oneOf")


def _flatten(root: Schema, lost: Callable[[str], None]) -> None:
    """What the branches of the root have becomes the root's own. A model that sees the properties of all branches fills
    in those of one; the tool itself checks which."""
    for key in ("anyOf", "oneOf", "allOf", "enum", "not"):
        if root.get(key) is not None:
            lost(key)
    if isinstance(root.get("$ref"), str) and _target(root["$ref"], root) is None:
        lost("$ref")
    properties, required = _shape(root, root, [MOST_BRANCHES], ())
    for key in ("anyOf", "oneOf", "allOf", "enum", "not", "$ref"):
        root.pop(key, None)
    root["type"] = "object"
    root["properties"] = properties
    if required:
        root["required"] = required


def _shape(node: Schema, root: Schema, left: list[int], above: tuple[str, ...]) -> tuple[Schema, list[str]]:
    """(properties, required) of an object with all its branches. ``above``: the references that lead here."""
    own = node.get("properties")
    properties: Schema = dict(own) if isinstance(own, dict) else {}
    names = node.get("required")
    required = list(names) if isinstance(names, list) else []
    reference = node.get("$ref")
    if isinstance(reference, str) and reference not in above:
        target = _target(reference, root)
        if target is not None and left[0] > 0:
            left[0] -= 1
            for key in ("description", "additionalProperties"):
                if node is root and key in target:
                    node.setdefault(key, target[key])
            more, needed = _shape(target, root, left, (*above, reference))
            _add(properties, more)
            required += needed
    for branch in _branches(node, "allOf", left):
        more, needed = _shape(branch, root, left, above)
        _add(properties, more)
        required += needed
    for key in _UNIONS:
        shapes = [_shape(branch, root, left, above) for branch in _branches(node, key, left)]
        for more, _ in shapes:
            _add(properties, more)
        first = shapes[0][1] if shapes else []
        required += [name for name in first if all(name in needed for _, needed in shapes)]
    return properties, [name for name in dict.fromkeys(filter(_is_text, required))]


def _is_text(name: object) -> bool:
    return isinstance(name, str)


def _branches(node: Schema, key: str, left: list[int]) -> Iterator[Schema]:
    """The branches that an object may have; ``left``: how many more are read."""
    entries = node.get(key)
    for branch in entries if isinstance(entries, list) else ():
        if left[0] > 0 and isinstance(branch, dict) and branch.get("type", "object") in ("object", None):
            left[0] -= 1
            yield branch


def _target(reference: str, root: Schema) -> Schema | None:
    """What a reference inside the schema names."""
    node: Any = root
    if not reference.startswith("#/"):
        return None
    for step in reference[2:].split("/"):
        node = node.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(node, dict) else None
    return node if isinstance(node, dict) else None


def _add(properties: Schema, more: Schema) -> None:
    """A property that two branches describe otherwise may be either; of two constants it is one of them."""
    for name, schema in more.items():
        known = properties.get(name)
        if known is None or known == schema:
            properties[name] = schema
        elif (values := _values(known)) is not None and (others := _values(schema)) is not None:
            properties[name] = _without_values(known) | {"enum": [*values, *(v for v in others if v not in values)]}
        else:
            either = known["anyOf"] if isinstance(known, dict) and set(known) == {"anyOf"} else [known]
            properties[name] = {"anyOf": either if schema in either else [*either, schema]}


def _values(schema: object) -> list[object] | None:
    if not isinstance(schema, dict):
        return None
    if "const" in schema:
        return [schema["const"]]
    values = schema.get("enum")
    return values if isinstance(values, list) else None


def _without_values(schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if key not in ("const", "enum")}
