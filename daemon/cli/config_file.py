"""Reading a config.yaml for the commands that only look at it: the same steps as a reload, nothing applied."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from daemon.config.diagnostics import Diagnostic
from daemon.config.document import MAX_BYTES, Document, parse
from daemon.config.exposure import exposure
from daemon.config.load import Fragment, load
from daemon.snapshot.build import build
from daemon.snapshot.snapshot import Snapshot
from daemon.sources.ca_file import with_ca_file
from daemon.sources.outer import outer_settings
from daemon.sources.references import resolver

STDIN = "-"


class Checked(Struct, frozen=True, kw_only=True):
    """A file as it was found. ``snapshot`` is None if and only if a diagnostic is an error."""

    source: str
    diagnostics: tuple[Diagnostic, ...]
    snapshot: Snapshot | None

    @property
    def errors(self) -> int:
        """How many of the diagnostics are errors."""
        return sum(1 for each in self.diagnostics if each.severity == "error")


def default_path(environ: Mapping[str, str]) -> str:
    """``$TPPCD_CONFIG``, else ``config.yaml`` here."""
    return environ.get("TPPCD_CONFIG") or "config.yaml"


def read(path: str, *, generation: int = 1) -> Checked:
    """Check a file, or what comes on stdin for ``-``. A file that cannot be read is a diagnostic too."""
    source = "<stdin>" if path == STDIN else path
    try:
        raw, mode = _bytes(path)
    except OSError as error:
        return _unreadable(source, error)
    directory = Path() if path == STDIN else Path(path).parent
    return check(raw, source, directory, mode=mode, generation=generation)


def check(raw: bytes, source: str, directory: Path, *, mode: int = 0, generation: int = 1) -> Checked:
    """Check what a file says or would say; ``directory`` is where its relative references begin."""
    document = parse(raw, source)
    fragment = load(document, resolve=resolver(os.environ, base=directory), outer=outer_settings(os.environ))
    return _checked(document, with_ca_file(fragment, document, directory), mode, generation)


def _checked(document: Document, fragment: Fragment, mode: int, generation: int) -> Checked:
    exposed = exposure(document, mode)
    snapshot = None if fragment.config is None else build(fragment, generation=generation)
    diagnostics = fragment.diagnostics if snapshot is None else snapshot.warnings
    return Checked(
        source=document.source, diagnostics=(exposed, *diagnostics) if exposed else diagnostics, snapshot=snapshot
    )


def _unreadable(source: str, error: OSError) -> Checked:
    message = (error.strerror or "cannot be read").lower()
    hint = "name another file, or create it" if isinstance(error, FileNotFoundError) else ""
    told = Diagnostic(severity="error", code="unreadable", message=message, source=source, hint=hint)
    return Checked(source=source, diagnostics=(told,), snapshot=None)


def _bytes(path: str) -> tuple[bytes, int]:
    """What is there, one byte more than is allowed at most, and the file's mode (0 for stdin)."""
    if path == STDIN:
        return sys.stdin.buffer.read(MAX_BYTES + 1), 0
    with open(path, "rb") as file:
        return file.read(MAX_BYTES + 1), os.fstat(file.fileno()).st_mode


def tell(checked: Checked) -> None:
    """The diagnostics on stderr, for commands whose stdout is something else."""
    for diagnostic in checked.diagnostics:
        print(diagnostic, file=sys.stderr)
