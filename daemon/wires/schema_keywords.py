"""What the simple keywords of JSON Schema hold, draft 2020-12, and how a value of another type is read.

Servers that check a schema check these too ("'1' is not of type 'number'"). A number or a flag that is written as text
is what it says; any other value that the draft does not allow counts as not said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

_ANCHOR: Final = re.compile(r"[A-Za-z_][-A-Za-z0-9._]*")
_ID: Final = re.compile(r"[^#]*#?")
_FLAGS: Final[Mapping[object, bool]] = {"true": True, "false": False}


def _number(value: object) -> float | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
        value = int(value) if value.is_integer() else value
    return value if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300 else None


def _above_zero(value: object) -> float | None:
    number = _number(value)
    return number if number is not None and number > 0 else None


def _count(value: object) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number >= 0 and number == int(number) else None


def _text(value: object) -> str | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else _FLAGS.get(value) if isinstance(value, str) else None


def _reference(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _matching(pattern: re.Pattern[str]) -> Callable[[object], str | None]:
    return lambda value: value if isinstance(value, str) and pattern.fullmatch(value) else None


def _names_by_name(value: object) -> dict[str, list[str]] | None:
    if not isinstance(value, dict):
        return None
    return {
        name: list(dict.fromkeys(each for each in names if isinstance(each, str)))
        for name, names in value.items()
        if isinstance(names, list)
    }


_READERS: Final[Mapping[str, Callable[[object], object]]] = {
    **dict.fromkeys(("minimum", "maximum"), _number),
    "multipleOf": _above_zero,
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), _count),
    **dict.fromkeys(("minProperties", "maxProperties", "minContains", "maxContains"), _count),
    **dict.fromkeys(("title", "description"), _text),
    **dict.fromkeys(("$ref", "$dynamicRef", "$comment", "$schema", "format"), _reference),
    **dict.fromkeys(("contentMediaType", "contentEncoding"), _reference),
    **dict.fromkeys(("uniqueItems", "deprecated", "readOnly", "writeOnly"), _flag),
    **dict.fromkeys(("$anchor", "$dynamicAnchor"), _matching(_ANCHOR)),
    "$id": _matching(_ID),
    "dependentRequired": _names_by_name,
}


def repair_keywords(node: dict[str, Any]) -> None:
    """Reads the keywords of ``node`` in place."""
    for key in _READERS.keys() & node.keys():
        read = _READERS[key](node[key])
        if read is None:
            del node[key]
        elif read != node[key] or isinstance(read, bool) != isinstance(node[key], bool):
            node[key] = read
    for key in ("exclusiveMinimum", "exclusiveMaximum"):
        if key in node and not isinstance(node[key], bool):
            read = _number(node[key])
            if read is None:
                del node[key]
            else:
                node[key] = read
