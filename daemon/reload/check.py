"""The one check of a configuration: parse, check, build, compare. Blocking; off the loop.

The daemon calls it at each reload, the management API before a write, and ``tppcd check``, ``diff`` and ``doctor``
print its result: all of them report the same problems of a file.

A block that is required on the command line (``--packycode``, ``--tppc``) is checked as if it
were enabled, so that everything that keeps it from serving is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from msgspec import Struct, structs

from daemon.config.diagnostics import Diagnostic
from daemon.config.diagnostics import Path as ValuePath
from daemon.config.document import Document, parse
from daemon.config.exposure import exposure
from daemon.config.load import Fragment, load, merged, with_last_good
from daemon.config.provider import provider_path
from daemon.snapshot.diff import ChangeSet, diff
from daemon.snapshot.snapshot import Snapshot, build
from daemon.sources.ambient import ambient_settings
from daemon.sources.base import Update
from daemon.sources.named_files import with_named_files
from daemon.sources.references import resolver, watched_paths

REQUIRED: Final = "required-block"
"""The code of the error about a block that the command line asks for."""


class CheckResult(Struct, frozen=True, kw_only=True):
    """``snapshot`` is None where nothing can be applied; with errors it lacks the providers that fail, or has them as
    they were. ``fragment`` is what the source contributes to it, its ``files`` as the paths to watch; ``changes`` are
    what the snapshot changes. ``new_errors`` are the errors in what has been edited: a provider that is written as
    before, and whose reference cannot be resolved, has none of them."""

    source: str
    fragment: Fragment
    diagnostics: tuple[Diagnostic, ...]
    snapshot: Snapshot | None = None
    changes: ChangeSet = ChangeSet()
    new_errors: tuple[Diagnostic, ...] = ()

    @property
    def errors(self) -> int:
        """How many of the diagnostics are errors."""
        return len(_errors(self.diagnostics))


def check(
    update: Update,
    document: Document | None = None,
    *,
    environ: Mapping[str, str],
    base: Path,
    old: Snapshot | None = None,
    others: Iterable[Fragment] = (),
    last_good: Fragment | None = None,
    require: frozenset[str] = frozenset(),
) -> CheckResult:
    """What ``update`` would put in force after ``old``, or everything that is wrong with it.

    ``document`` is a text that was parsed already; it is used where it is the update's. ``environ`` resolves
    references and ambient settings, ``base`` is where relative paths begin. ``others`` are the fragments of the
    other sources, ``last_good`` what this one has in force. ``require`` names blocks that must serve.
    """
    fragment = with_last_good(_fragment(update, document, environ, base, require), last_good)
    if not fragment.is_usable:
        problems = fragment.diagnostics
        return CheckResult(source=update.source, fragment=fragment, diagnostics=problems, new_errors=_errors(problems))
    generation, listed = (old.generation + 1, old.models.listed) if old else (1, None)
    snapshot = build(merged((fragment, *others)), generation=generation, listed=listed, old=old)
    return CheckResult(
        source=update.source,
        fragment=fragment,
        diagnostics=snapshot.warnings,
        snapshot=snapshot,
        changes=diff(old, snapshot),
        new_errors=tuple(_new_errors(fragment, old)),
    )


def _errors(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    return tuple(each for each in diagnostics if each.severity == "error")


def _new_errors(fragment: Fragment, old: Snapshot | None) -> Iterator[Diagnostic]:
    """The errors of a fragment that can be put in force, all of them of providers, where the provider was changed."""
    sources = {each.path: each.source for each in fragment.providers}
    before = {each.source: value_at(old.written, each.path) for each in old.providers} if old else {}
    for error in _errors(fragment.diagnostics):
        path = provider_path(error.path)
        if value_at(fragment.written, path) != before.get(sources.get(path, "")):
            yield error


def value_at(data: object, path: ValuePath) -> object:
    """The value at ``path`` of plain data; None where there is none."""
    for part in path:
        if isinstance(data, Mapping):
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            return None
    return data


def _fragment(
    update: Update, document: Document | None, environ: Mapping[str, str], base: Path, require: frozenset[str]
) -> Fragment:
    """What one source contributes."""
    if update.problem is not None:
        return Fragment(source=update.source, diagnostics=(update.problem,))
    if update.fragment is not None:
        return update.fragment
    if document is None or (document.raw, document.source) != (update.raw, update.source):
        document = parse(update.raw, update.source)
    ambient = ambient_settings(environ)
    read = partial(load, resolve=resolver(environ, base=base), ambient=ambient)
    fragment = read(document)
    lacking = tuple(each for block in sorted(require) for each in _lacking(block, document, fragment, read))
    files = watched_paths(fragment.files, environ, base=base)
    fragment = with_named_files(fragment, document, environ, base)
    if lacking or any(provider.failed and provider.kind in require for provider in fragment.providers):
        fragment = fragment.refused(*lacking)
        fragment = structs.replace(fragment, diagnostics=_unique(fragment.diagnostics))
    exposed = (warning,) if (warning := exposure(document, update.mode)) else ()
    outside = ambient.problems if "packycode" in require or _asks_codex_cli(document) else ()
    return structs.replace(fragment, files=files, diagnostics=(*outside, *exposed, *fragment.diagnostics))


def _asks_codex_cli(document: Document) -> bool:
    """Whether Codex CLI's files may matter: the packycode block is in use."""
    return value_at(document.data, ("packycode", "enabled")) is True


def _lacking(
    block: str, document: Document, fragment: Fragment, read: Callable[[Document], Fragment]
) -> tuple[Diagnostic, ...]:
    """Why a required block would not serve; empty when it would."""
    if document.diagnostics and not document.data:  # unreadable as a whole, which is reported already
        return ()
    if fragment.settings is not None and _serves(block, fragment):
        return ()
    enabled = _enabled(block, document)
    if enabled is None:
        return ()
    path, data = enabled
    line, column = document.place(path)
    absent = Diagnostic(
        severity="error",
        code="required-block",
        message=f"must be configured and enabled, because of --{block}",
        path=path,
        line=line,
        column=column,
        source=document.source,
        hint="set it, or start without the option",
    )
    return (absent, *read(structs.replace(document, data=data)).diagnostics)


def _serves(block: str, fragment: Fragment) -> bool:
    return any(provider.enabled for provider in fragment.providers if provider.kind == block)


def _enabled(block: str, document: Document) -> tuple[tuple[str, ...], dict[str, object]] | None:
    """The key to set, and the data as if it were set; None where the block is enabled already."""
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
    """Each once, in file order, after the block that has to be enabled: it is why the others are reported at all."""
    seen: dict[object, Diagnostic] = {}
    for each in diagnostics:
        seen.setdefault((each.path, each.code, each.message), each)
    return tuple(sorted(seen.values(), key=lambda each: (each.code != REQUIRED, each.line, each.column)))
