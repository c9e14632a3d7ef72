"""Writing values into a client's file, and taking them back.

1. Only the values of the target change. The new text is parsed and compared with what was wanted before it is written.
2. A file that cannot be parsed, or changed without touching more, stays as it is.
3. The record is written first, so that whatever happens next can be taken back.
4. Taking back restores the very bytes if nobody has changed the file since; else each value that is still the one that
   was written. What the user has changed since is left.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path as FilePath
from typing import Literal

from msgspec import Struct

from daemon.cli.clients.file_text import NotChangeable, Path, Raw, TextFormat, value_at, with_value
from daemon.cli.clients.record import (
    ChangeRecord,
    RecordedValue,
    digest_of,
    read_record,
    way_back,
    went_back,
    write_record,
)
from daemon.cli.clients.targets import ClientFile
from daemon.config.foreign_text import decoded
from daemon.sources.write import FileOnDisk, read_for_write, replace


class ValueChange(Struct, frozen=True):
    """``before`` and ``after`` are None where there is nothing."""

    path: Path
    before: object
    after: object


class Outcome(Struct, frozen=True, kw_only=True):
    """``left`` are values that the user has changed since they were written. ``mode`` is that of the file; 0: none."""

    result: Literal["written", "unchanged", "undone", "removed", "nothing to undo", "gone"]
    changes: tuple[ValueChange, ...] = ()
    left: tuple[Path, ...] = ()
    rivals: tuple[tuple[Path, str], ...] = ()
    mode: int = 0


def write(target: ClientFile, record_at: FilePath, *, dry_run: bool) -> Outcome:
    """Raises Unparsable, NotChangeable, Unreadable, WriteRefused and OSError; the file is as it was then."""
    file = read_for_write(target.file)
    text, data = _read(target.format, file)
    changes = tuple(
        ValueChange(path, value_at(data, path), value)
        for path, value in target.values.items()
        if value_at(data, path) != value
    )
    rivals = tuple((path, hint) for path, hint in target.rivals.items() if value_at(data, path) is not None)
    mode = os.stat(file.path).st_mode if file.is_there else 0
    if not changes:
        return Outcome(result="unchanged", rivals=rivals, mode=mode)
    form = target.format
    new = _changed(form, text, data, {each.path: _encoded(form, each.after) for each in changes})
    outcome = Outcome(result="written", changes=changes, rivals=rivals, mode=mode)
    if dry_run:
        return outcome
    FilePath(file.path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    earlier = read_record(record_at)
    write_record(record_at, _record(target, file, text, new, earlier))
    try:
        replace(file, _bytes(file, new))
    except Exception:
        _put_back(record_at, earlier)
        raise
    return outcome


def undo(target: ClientFile, record_at: FilePath, *, dry_run: bool) -> Outcome:
    """Raises what ``write`` raises."""
    record = read_record(record_at)
    if record is None:
        return Outcome(result="nothing to undo")
    file = read_for_write(target.file)
    if not file.is_there:
        outcome, new = Outcome(result="gone"), ""
    else:
        outcome, new = _undone(target.format, file, record)
    if dry_run:
        return outcome
    if outcome.result == "removed":
        os.unlink(file.path)
    elif outcome.changes:
        replace(file, _bytes(file, new))
    record_at.unlink(missing_ok=True)
    return outcome


def _undone(form: TextFormat, file: FileOnDisk, record: ChangeRecord) -> tuple[Outcome, str]:
    text, data = _read(form, file)
    left = tuple(each.path for each in record.values if value_at(data, each.path) not in _known(form, each))
    wanted = {each.path: each.before for each in record.values if value_at(data, each.path) == each.after}
    if record.digest and digest_of(text) == record.digest:
        new = went_back(text, record.lines)
        result: Literal["removed", "undone"] = "removed" if record.created and not new.strip() else "undone"
    else:
        new, result = _without_sections(form, _changed(form, text, data, wanted), record.sections), "undone"
    after = form.data(new)
    changes = tuple(ValueChange(path, value_at(data, path), value_at(after, path)) for path in wanted)
    return Outcome(result=result, changes=changes, left=left), new


def _known(form: TextFormat, each: RecordedValue) -> Iterator[object]:
    """The values that are no change of the user's: the one that was written, and the one before it."""
    yield each.after
    yield None if each.before is None else value_at(form.data(form.put("", each.path, each.before)), each.path)


def _without_sections(form: TextFormat, text: str, sections: tuple[Path, ...]) -> str:
    """Without those that were made for the values and that nothing else has been put into."""
    for path in sorted(sections, key=len, reverse=True):
        if value_at(form.data(text), path) == {}:
            text = form.remove(text, path)
    return text


def _changed(form: TextFormat, text: str, data: Mapping[str, object], raws: Mapping[Path, Raw | None]) -> str:
    wanted: Mapping[str, object] = data
    for path, raw in raws.items():
        text = form.remove(text, path) if raw is None else form.put(text, path, raw)
        value = None if raw is None else value_at(form.data(text), path)
        wanted = with_value(wanted, path, value)
    if form.data(text) != wanted:
        raise NotChangeable("the change would affect other settings")
    return text


def _record(target: ClientFile, file: FileOnDisk, text: str, new: str, earlier: ChangeRecord | None) -> ChangeRecord:
    """Of a second write: what was there before the first one, as far as nobody has changed it between."""
    form = target.format
    data = form.data(text)
    first = {each.path: each for each in earlier.values} if earlier else {}
    untouched = earlier is not None and earlier.digest == digest_of(text)
    values = {}
    for path, value in target.values.items():
        before = first.get(path)
        if before is not None and value_at(data, path) == before.after:
            values[path] = RecordedValue(path, before.before, value)
        elif value_at(data, path) != value:
            values[path] = RecordedValue(path, form.raw(text, path), value)
    values = {**{path: each for path, each in first.items() if path not in target.values}, **values}
    original = went_back(text, earlier.lines) if earlier and untouched else text
    sections = {path[:depth] for path in values for depth in range(1, len(path))}
    made = {path for path in sections if value_at(data, path) is None}
    return ChangeRecord(
        file=str(target.file),
        created=earlier.created if earlier else not file.is_there,
        digest=digest_of(new) if untouched or earlier is None else "",
        lines=way_back(original, new),
        values=tuple(values.values()),
        sections=tuple(sorted(made | set(earlier.sections if earlier else ()))),
    )


def _put_back(record_at: FilePath, earlier: ChangeRecord | None) -> None:
    with suppress(OSError):
        if earlier is None:
            record_at.unlink(missing_ok=True)
        else:
            write_record(record_at, earlier)


def _read(form: TextFormat, file: FileOnDisk) -> tuple[str, Mapping[str, object]]:
    text = decoded(file.raw)
    return text, form.data(text)


def _encoded(form: TextFormat, value: object) -> Raw | None:
    return None if value is None else form.encode(value)


def _bytes(file: FileOnDisk, text: str) -> bytes:
    return (codecs.BOM_UTF8 if file.raw.startswith(codecs.BOM_UTF8) else b"") + text.encode()
