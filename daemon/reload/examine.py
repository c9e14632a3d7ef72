"""From an update to what it would put in force: parse, check, build, compare. Blocking; off the loop.

A configuration that is asked for on the command line (``--packycode``, ``--tppc``) is required: its
block is then checked as if it were enabled, so that everything that keeps it from serving is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct, structs

from daemon.config.diagnostics import Diagnostic
from daemon.config.document import Document, parse
from daemon.config.exposure import exposure
from daemon.config.load import Fragment, load
from daemon.snapshot.build import build
from daemon.snapshot.diff import ChangeSet, diff
from daemon.snapshot.snapshot import Snapshot
from daemon.sources.base import Update
from daemon.sources.ca_file import with_ca_file
from daemon.sources.outer import outer_settings
from daemon.sources.references import resolver, watched_paths


class Examination(Struct, frozen=True, kw_only=True):
    """``snapshot`` is None if and only if a diagnostic is an error. ``files`` are the paths to watch."""

    diagnostics: tuple[Diagnostic, ...]
    files: frozenset[str] = frozenset()
    snapshot: Snapshot | None = None
    changes: ChangeSet = ChangeSet()


class Examiner:
    """``environ`` resolves references and outer settings, ``base`` is where relative paths begin."""

    def __init__(self, environ: Mapping[str, str], base: Path) -> None:
        self._environ = environ
        self._base = base
        self._resolve = resolver(environ, base=base)

    def examine(self, update: Update, old: Snapshot | None, *, require: frozenset[str] = frozenset()) -> Examination:
        """What ``update`` would put in force after ``old``."""
        if update.problem is not None:
            return Examination(diagnostics=(update.problem,))
        document = parse(update.raw, update.source)
        fragment = self._load(document)
        files = watched_paths(fragment.files, self._environ, base=self._base)
        lacking = tuple(each for block in sorted(require) for each in self._lacking(block, document, fragment))
        fragment = with_ca_file(fragment, document, self._base)
        if fragment.config is None or lacking:
            return Examination(diagnostics=_unique((*fragment.diagnostics, *lacking)), files=files)
        snapshot = build(fragment, generation=old.generation + 1 if old else 1)
        exposed = exposure(document, update.mode)
        diagnostics = (*snapshot.warnings, exposed) if exposed else snapshot.warnings
        return Examination(diagnostics=diagnostics, files=files, snapshot=snapshot, changes=diff(old, snapshot))

    def _load(self, document: Document) -> Fragment:
        return load(document, resolve=self._resolve, outer=outer_settings(self._environ))

    def _lacking(self, block: str, document: Document, fragment: Fragment) -> tuple[Diagnostic, ...]:
        """Why a required block would not serve; empty when it would."""
        if document.diagnostics and not document.data:  # unreadable as a whole, which is told already
            return ()
        if fragment.config is not None and _serves(block, fragment):
            return ()
        enabled = _enabled(block, document)
        if enabled is None:
            return ()
        path, data = enabled
        line, column = document.place(path)
        told = Diagnostic(
            severity="error",
            code="required-block",
            message=f"must be there and enabled: --{block} was given",
            path=path,
            line=line,
            column=column,
            source=document.source,
            hint="set it, or start without the option",
        )
        return (told, *self._load(structs.replace(document, data=data)).diagnostics)


def _serves(block: str, fragment: Fragment) -> bool:
    assert fragment.config is not None
    if block == "packycode":
        return fragment.config.packycode.enabled
    return any(provider.enabled for provider in fragment.config.tppc.providers)


def _enabled(block: str, document: Document) -> tuple[tuple[str, ...], dict[str, object]] | None:
    """What is to be set, and the data as if it were; None where the file says so already."""
    section = document.data.get(block)
    content = dict(section) if isinstance(section, dict) else {}
    if block == "packycode":
        if content.get("enabled") is True:
            return None
        return (block, "enabled"), {**document.data, block: {**content, "enabled": True}}
    entries = content.get("providers")
    providers = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    if any(entry.get("enabled") is True for entry in providers):
        return None
    content["providers"] = [{**entry, "enabled": True} for entry in providers]
    return (block, "providers"), {**document.data, block: content}


def _unique(diagnostics: tuple[Diagnostic, ...]) -> tuple[Diagnostic, ...]:
    seen = {(each.path, each.code, each.message): each for each in reversed(diagnostics)}
    return tuple(sorted(seen.values(), key=lambda each: (each.line, each.column)))
