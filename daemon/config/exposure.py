"""A warning for a config.yaml that contains a literal key and that others can read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from daemon.config.diagnostics import Diagnostic, Path
from daemon.config.document import Document
from daemon.config.references import is_reference
from daemon.config.schema import Config
from daemon.config.schema_base import Base
from daemon.config.shape import Shape, fields

OTHERS = 0o077
"""The permission bits of everybody but the owner."""

HASHES = ("$2a$", "$2b$", "$2y$", "$argon2")
"""bcrypt and argon2: such a value is not a key."""


def exposure(document: Document, mode: int) -> Diagnostic | None:
    """``mode`` is the file's ``st_mode``; None where nothing is exposed."""
    path = next(literal_secrets(document.data), None)
    if not mode & OTHERS or path is None:
        return None
    line, column = document.place(path)
    return Diagnostic(
        severity="warning",
        code="exposed",
        message=f"others can read this file (mode {mode & 0o777:04o}) and it contains a literal key",
        path=path,
        line=line,
        column=column,
        source=document.source,
        hint=f"chmod 600 {document.source}, or write a reference such as env:NAME",
    )


def literal_secrets(written: Mapping[str, object], section: type[Base] = Config, path: Path = ()) -> Iterator[Path]:
    """The paths of the secrets that are written out."""
    for key, field in fields(section).items():
        if key in written:
            yield from _within(field.shape, written[key], (*path, key))


def _within(shape: Shape, value: object, path: Path) -> Iterator[Path]:
    match shape.kind, value:
        case "secret", str(text) if text.strip() and not is_reference(text) and not text.startswith(HASHES):
            yield path
        case "section", dict() if shape.section is not None:
            yield from literal_secrets(value, shape.section, path)
        case "keys", str() if shape.item is not None:
            yield from _within(shape.item, value, path)
        case "list" | "keys", list() if shape.item is not None:
            for index, item in enumerate(value):
                yield from _within(shape.item, item, (*path, index))
