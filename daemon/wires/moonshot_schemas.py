"""One JSON Schema of a tool in the form that Moonshot demands of Kimi's tools, at its own host and at resellers.

Its refusals: "tools.function.parameters is not a valid moonshot flavored json schema, details: <At path 'root': when
using anyOf, type should be defined in anyOf items instead of the parent schema>", "<At path 'properties.source': type
is not defined>", "<At path 'properties.a': conflicting keywords found after $ref expansion: description>", references
that do not begin with "#/$defs/" (2026: pi#4138, pi-subagents#127, opencode#24158 #27054 #37496).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from daemon.wires.schema_repairs import Schema, inside

_UNIONS: Final = ("anyOf", "oneOf")
_TELLING: Final = (("properties", "object"), ("additionalProperties", "object"), ("items", "array"))
_TYPES: Final[tuple[tuple[type, str], ...]] = (
    (bool, "boolean"),
    (int, "integer"),
    (float, "number"),
    (str, "string"),
    (list, "array"),
    (dict, "object"),
)
_OF_TYPE: Final = {"array": {"type": "array", "items": {"type": "string"}}}
"""An array of anything would hold arrays of anything, and so on."""
_ANY: Final = ("string", "number", "boolean", "object", "array")


def moonshot(root: Schema) -> None:
    """Changes ``root``, which is repaired already, in place. Nothing is lost by it but words beside a reference."""
    if "definitions" in root:
        root["$defs"] = root.pop("definitions") | root.get("$defs", {})
    nodes = [root]
    while nodes:
        node = nodes.pop()
        _refer(node)
        if "$ref" not in node:
            _say_type(node)
        nodes += inside(node)


def _refer(node: Schema) -> None:
    reference = node.get("$ref")
    if not isinstance(reference, str):
        return
    if reference.startswith("#/definitions/"):
        reference = "#/$defs/" + reference.removeprefix("#/definitions/")
    kept = {key: node[key] for key in ("$defs",) if key in node}
    node.clear()
    node.update(kept | {"$ref": reference})


def _say_type(node: Schema) -> None:
    union = next((key for key in _UNIONS if key in node), None)
    if union is not None:
        node["anyOf"] = node.pop(union)
        written = node.pop("type", None)
        for branch in node["anyOf"]:
            if written is not None and "$ref" not in branch and not set(_UNIONS) & branch.keys():
                branch.setdefault("type", written)
    elif "type" not in node and "allOf" not in node:
        types = list(dict.fromkeys(_types(node)))
        if len(types) == 1:
            node["type"] = types[0]
        else:
            node["anyOf"] = [_OF_TYPE.get(each, {"type": each}) for each in types or _ANY]


def _types(node: Schema) -> Iterator[str]:
    """What the other keywords say of it."""
    for key, type_ in _TELLING:
        if key in node:
            yield type_
            return
    for value in node.get("enum") or ([node["const"]] if "const" in node else []):
        yield next((name for kind, name in _TYPES if isinstance(value, kind)), "null")
