"""The JSON Schema of config.yaml, for editors: generated from the same shapes that the loader uses."""

from __future__ import annotations

import inspect

from daemon.config.instructions import ROLES, Instructions
from daemon.config.rules import EFFORTS
from daemon.config.schema import Config, Defaults, ModelEntry
from daemon.config.schema_base import Base
from daemon.config.shape import Field, Shape, fields

DRAFT = "https://json-schema.org/draft/2020-12/schema"
Node = dict[str, object]

REFERENCE: Node = {"type": "string", "pattern": "^(env|file|credential):."}
"""Any value may be a reference, also where a number or a flag is expected."""


def json_schema() -> Node:
    """The whole document. Editors mark unknown keys as errors; tppcd only warns about them."""
    return {"$schema": DRAFT, "title": "tppcd config.yaml", **section_schema(Config)}


def section_schema(section: type[Base]) -> Node:
    """One section, also as the management API accepts and shows it."""
    known = fields(section)
    node: Node = {"type": "object", "properties": {key: _field(field, section) for key, field in known.items()}}
    if required := [key for key, field in known.items() if field.required]:
        node["required"] = required
    node["additionalProperties"] = False
    node["patternProperties"] = {"^x-": {}}
    return node


def _field(field: Field, section: type[Base]) -> Node:
    node = dict(_value(field.shape))
    if section is Defaults and field.attribute == "model_reasoning_effort":
        node["enum"] = list(EFFORTS)
    if text := _description(field):
        node["description"] = text
    if isinstance(field.shown, str | int | float):  # sections have theirs in their fields; lists and secrets show none
        node["default"] = field.shown
    if isinstance(field.default, Instructions):
        node["default"] = str(field.default)
    return node


def _description(field: Field) -> str:
    text = field.description
    if not text and field.shape.section is not None and field.shape.section.__doc__:
        text = inspect.cleandoc(field.shape.section.__doc__).partition("\n\n")[0].replace("\n", " ")
    return f"{text} Restart needed." if field.restart else text


def _value(shape: Shape) -> Node:
    match shape.kind:
        case "flag":
            return {"anyOf": [{"type": "boolean"}, REFERENCE]}
        case "integer":
            return {"anyOf": [{"type": "integer", **_bounds(shape)}, REFERENCE]}
        case "number" | "duration":
            text = {"type": "string", "pattern": r"^\d+(\.\d+)?\s*(ms|s|m|h)?$"}
            return {"anyOf": [{"type": "number", **_bounds(shape)}, text, REFERENCE]}
        case "size":
            text = {"type": "string", "pattern": r"^\d+\s*([kKMG]i?)?B?$"}
            return {"anyOf": [{"type": "integer", **_bounds(shape)}, text, REFERENCE]}
        case "choice":
            return {"enum": list(shape.choices)}
        case "models":
            return {"anyOf": [{"enum": list(shape.choices)}, _compound(shape)]}
        case "keys":
            return {"anyOf": [{"type": "string"}, _compound(shape) | {"minItems": 1}]}
        case "instructions":
            return {"anyOf": [{"enum": list(ROLES)}, REFERENCE]}
        case "table" | "aliases":
            return {"type": "object", "additionalProperties": {"type": ["string", "null"]}}
    return _compound(shape)


def _compound(shape: Shape) -> Node:
    if shape.section is ModelEntry:
        return {"anyOf": [{"type": "string"}, section_schema(ModelEntry)]}
    if shape.section is not None:
        return section_schema(shape.section)
    if shape.item is not None:
        return {"type": "array", "items": _value(shape.item)}
    return {"type": "string"}


def _bounds(shape: Shape) -> Node:
    bounds = {"minimum": shape.least, "maximum": shape.most, "exclusiveMinimum": shape.above}
    return {name: bound for name, bound in bounds.items() if bound is not None}
