"""What the table of operations is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec
from msgspec import Struct

PREFIX: Final = "/v0/management"

Method = Literal["get", "put", "patch", "post", "delete"]


class Content(Struct, frozen=True):
    """A body or an answer: a struct or a schema written out, and its media type."""

    schema: type[Struct] | Mapping[str, object]
    media_type: str = "application/json"


class Parameter(Struct, frozen=True, kw_only=True):
    name: str
    where: Literal["query", "path", "header"] = "query"
    description: str
    schema: Mapping[str, object] = msgspec.field(default_factory=lambda: {"type": "string"})


class Operation(Struct, frozen=True, kw_only=True):
    """One method of one path (below ``PREFIX``). ``answers`` are those beside ``COMMON``."""

    method: Method
    path: str
    name: str
    summary: str
    answers: Mapping[int, tuple[str, Content | None]]
    parameters: tuple[Parameter, ...] = ()
    body: Content | None = None
    description: str = ""


TEXT: Final = {"type": "string"}
ANY_YAML: Final[Mapping[str, object]] = {}
"""A file as it is. Tools hold what the YAML says against a schema, not its text."""
COUNT: Final = {"type": "integer", "minimum": 0}
