"""What a caller on another host must not set, here and in the store: ``not_settable_remotely``.

    data in force, data to write ─▶ the references and settings that are new ─▶ 403 with their paths

1. A reference may name only what config.yaml uses already, or a file below
   ``remote-management.reference-directories``: else a caller could have any file of this host sent to a URL of its own.
2. Settings that name places on this host, or that decide about these rules, are for people who are on it.
3. Both are told from the data as written, before anything that it refers to is looked at: whether a file of this host
   exists is no answer for such a caller.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath
from typing import Final

from daemon.config.diagnostics import Diagnostic, Path, dotted
from daemon.config.document import Document
from daemon.config.references import is_reference
from daemon.snapshot.snapshot import Snapshot

LOCAL_SETTINGS: Final[tuple[Path, ...]] = (
    ("logging", "file"),
    ("tls",),
    ("upstream-ca",),
    ("provider-store",),
    ("remote-management", "reference-directories"),
)
HINT: Final = "use one that config.yaml has, or see remote-management.reference-directories"


class NotSettable(Exception):
    """What was sent has values that its sender must not set; ``diagnostics`` name each with its place."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__("; ".join(each.message for each in diagnostics))
        self.diagnostics = diagnostics


def check_settable(document: Document, snapshot: Snapshot) -> None:
    """Raises NotSettable. ``document`` is what would be written, ``snapshot`` what is in force."""
    paths = [path for path in LOCAL_SETTINGS if _at(document.data, path) != _at(snapshot.written, path)]
    faults = [_fault(document, path, f"{dotted(path)} must not be changed from another host") for path in paths]
    used = {reference for _, reference in references_in(snapshot.written)}
    for path, reference in references_in(document.data):
        if reference not in used and not is_allowed_file(reference, snapshot) and not _is_below(path, paths):
            message = f"{dotted(path)} is a reference that must not be set from another host"
            faults.append(_fault(document, path, message, HINT))
    if faults:
        raise NotSettable(tuple(faults))


def may_refer_to(reference: str, snapshot: Snapshot) -> bool:
    """Whether a caller on another host may set this reference."""
    used = any(each == reference for _, each in references_in(snapshot.written))
    return used or is_allowed_file(reference, snapshot)


def references_in(data: object, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every reference in the data of config.yaml, with its place."""
    if isinstance(data, Mapping):
        for key, each in data.items():
            yield from references_in(each, (*path, key))
    elif isinstance(data, list | tuple):
        for number, each in enumerate(data):
            yield from references_in(each, (*path, number))
    elif isinstance(data, str) and is_reference(data):
        yield path, data


def is_allowed_file(reference: str, snapshot: Snapshot) -> bool:
    """Whether it is a ``file:`` below one of ``reference-directories``, links and ``..`` followed."""
    scheme, _, name = reference.partition(":")
    if scheme != "file" or not os.path.isabs(name):
        return False
    path = FilePath(os.path.realpath(name))
    directories = snapshot.config.remote_management.reference_directories
    return any(path.is_relative_to(os.path.realpath(each)) for each in directories if os.path.isabs(each))


def _at(data: object, path: Path) -> object:
    """The value there; None for nothing, also where that is written out: an empty text, list or block."""
    for key in path:
        data = data.get(key) if isinstance(data, Mapping) else None
    if isinstance(data, Mapping):
        data = {key: each for key, each in data.items() if each not in (None, "")}
    return data or None


def _is_below(path: Path, paths: list[Path]) -> bool:
    return any(path[: len(each)] == each for each in paths)


def _fault(document: Document, path: Path, message: str, hint: str = "") -> Diagnostic:
    line, column = document.place(path)
    return Diagnostic(
        severity="error",
        code="not-settable-remotely",
        message=message,
        path=path,
        line=line,
        column=column,
        source=document.source,
        hint=hint or "change it on that host",
    )
