"""Values that fit a JSON Schema."""

from __future__ import annotations

from typing import Any

from daemon.simulate.conversation import Json

MARKER = "DONE-42"
"""What a reader, or a test, looks for to know that the scripted model has finished."""

MAX_DEPTH = 8
SCALARS: dict[str, object] = {"boolean": True, "null": None, "string": MARKER}


def example(schema: Json) -> Any:
    """The smallest plain value that ``schema`` allows, as far as the usual keywords say."""
    return _value(schema, schema, 0)


def _value(schema: object, root: Json, depth: int) -> object:
    if not isinstance(schema, dict) or depth > MAX_DEPTH:
        return MARKER
    if "$ref" in schema:
        return _value(_follow(schema["$ref"], root), root, depth + 1)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    for keyword in ("anyOf", "oneOf", "allOf"):
        if schema.get(keyword):
            return _value(schema[keyword][0], root, depth + 1)
    return _of_type(schema, root, depth)


def _of_type(schema: Json, root: Json, depth: int) -> object:
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object" or (kind is None and "properties" in schema):
        properties = schema.get("properties", {})
        required: Any = schema.get("required", properties)
        return {name: _value(properties[name], root, depth + 1) for name in properties if name in required}
    if kind == "array":
        return [_value(schema.get("items", {}), root, depth + 1)] * max(1, schema.get("minItems", 1))
    if kind in ("integer", "number"):
        return min(max(schema.get("minimum", 42), 42), schema.get("maximum", 2**53))
    return SCALARS.get(str(kind), MARKER)


def _follow(reference: str, root: Json) -> object:
    node: object = root
    for step in reference.lstrip("#/").split("/"):
        node = node.get(step) if isinstance(node, dict) else None
    return node
