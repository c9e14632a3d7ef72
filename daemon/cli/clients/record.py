"""What ``--write`` remembers for ``--undo``: one file for each file that was written, in the state directory.

The record has the values that were there before, as they were written, and the lines that changed. Both may be keys of
the user's, so the file has mode 0600. It goes when it has been used.
"""

from __future__ import annotations

import difflib
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path as FilePath
from typing import Final

import msgspec
from msgspec import Struct

from daemon.cli.clients.file_text import Path, Raw
from daemon.sources.reading import Unreadable, read_whole
from daemon.sources.write import read_for_write, replace

FOLDER: Final = "clients"


class RecordedValue(Struct, frozen=True):
    """``before`` as it was written, None where it was not there; ``after`` is the value that was written."""

    path: Path
    before: Raw | None
    after: object


class ReplacedLines(Struct, frozen=True):
    """``count`` lines of the text that was written, from line ``first`` on (from 0), were ``text`` before."""

    first: int
    count: int
    text: str


class ChangeRecord(Struct, frozen=True, kw_only=True):
    """``digest`` is that of the text that was written, '' where ``lines`` do not lead back from it; ``sections`` are
    those that were made for the values."""

    file: str
    created: bool
    digest: str
    lines: tuple[ReplacedLines, ...]
    values: tuple[RecordedValue, ...]
    sections: tuple[Path, ...] = ()


def record_path(state: FilePath, client: str, file: FilePath) -> FilePath:
    """By the file that symbolic links lead to."""
    name = hashlib.sha256(os.path.realpath(file).encode("utf-8", "surrogateescape")).hexdigest()[:12]
    return state / FOLDER / f"{client}-{name}.json"


def read_record(path: FilePath) -> ChangeRecord | None:
    """None where there is none that can be used."""
    try:
        return msgspec.json.decode(read_whole(str(path)).raw, type=ChangeRecord)
    except (Unreadable, msgspec.MsgspecError):
        return None


def write_record(path: FilePath, record: ChangeRecord) -> None:
    """Raises OSError, Unreadable and WriteRefused."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    replace(read_for_write(path), msgspec.json.encode(record))


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def way_back(before: str, after: str) -> tuple[ReplacedLines, ...]:
    """What makes ``before`` of ``after``."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    steps = difflib.SequenceMatcher(None, new, old, autojunk=False).get_opcodes()
    return tuple(
        ReplacedLines(first, last - first, "".join(old[start:end]))
        for kind, first, last, start, end in steps
        if kind != "equal"
    )


def went_back(after: str, lines: Sequence[ReplacedLines]) -> str:
    """The text before."""
    text = after.splitlines(keepends=True)
    for each in reversed(lines):
        text[each.first : each.first + each.count] = [each.text]
    return "".join(text)
