"""A few settings as a block of YAML for a terminal. What goes into a file is spliced by ``config.edit``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

PLAIN = re.compile(r"(?!(?:true|false|yes|no|on|off|null|y|n|~)$)[A-Za-z/][\w./:@-]*[\w/]", re.I)
"""Texts that read the same without quotes."""


def block(data: Mapping[str, object]) -> str:
    """``data`` (texts, flags, mappings, lists of mappings or texts) as YAML, two spaces a level."""
    return "\n".join(_lines(data, "")) + "\n"


def _lines(data: Mapping[str, object], indent: str) -> Iterator[str]:
    for key, value in data.items():
        if isinstance(value, Mapping):
            yield f"{indent}{key}:"
            yield from _lines(value, f"{indent}  ")
        elif isinstance(value, list | tuple):
            yield f"{indent}{key}:"
            for item in value:
                yield from _item(item, f"{indent}  ")
        else:
            yield f"{indent}{key}: {_scalar(value)}"


def _item(item: object, indent: str) -> Iterator[str]:
    if not isinstance(item, Mapping):
        yield f"{indent}- {_scalar(item)}"
        return
    first, *rest = _lines(item, f"{indent}  ")
    yield f"{indent}- {first.strip()}"
    yield from rest


def _scalar(value: object) -> str:
    if isinstance(value, str) and PLAIN.fullmatch(value):
        return value
    return json.dumps(value, ensure_ascii=False)
