"""A document becomes a ``Fragment``: the configuration, or everything that is wrong with it at once.

    Document ─ packycode precedence ─ Converter (types) ─ RULES (meaning) ─▶ Fragment

A rule's finding at a place where the type is wrong already is dropped: one mistake is told once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct, structs

from daemon.config.convert import Converter
from daemon.config.diagnostics import Diagnostic, Path
from daemon.config.document import Document
from daemon.config.packycode import OuterSettings, merge
from daemon.config.references import Resolve, UnresolvedReference
from daemon.config.rules import RULES
from daemon.config.schema import Config

__all__ = ["Fragment", "OuterSettings", "Resolve", "UnresolvedReference", "load"]


class Fragment(Struct, frozen=True, kw_only=True):
    """What one source says. ``config`` is None if and only if a diagnostic is an error.

    ``files`` are the paths that the configuration reads (``file:`` references, certificates, Codex CLI;
    a ``credential:NAME`` stands as written). ``written`` is the data as written: references unresolved,
    **literal secrets included**, so whoever shows it masks it (``api.masked``).
    """

    config: Config | None
    diagnostics: tuple[Diagnostic, ...]
    files: frozenset[str] = frozenset()
    effective_sources: Mapping[str, str] = {}
    written: Mapping[str, object] = {}


def load(document: Document, *, resolve: Resolve, outer: OuterSettings | None = None) -> Fragment:
    """Check a document. ``resolve`` follows references, ``outer`` fills what packycode leaves open."""
    if document.diagnostics and not document.data:
        return Fragment(config=None, diagnostics=document.diagnostics)
    outer = outer or OuterSettings()
    data, sources = _with_outer(document.data, outer)
    converter = Converter(document, resolve)
    config = converter.section(Config, data, ())
    assert isinstance(config, Config)  # no field of Config is required, so there always is one
    _apply_rules(converter, config)
    diagnostics = tuple(sorted((*document.diagnostics, *converter.problems), key=lambda each: each.place))
    failed = any(each.severity == "error" for each in diagnostics)
    return Fragment(
        config=None if failed else _with_host(config),
        diagnostics=diagnostics,
        files=frozenset((*converter.files, *_named_files(config), *outer.files)),
        effective_sources=sources,
        written=document.data,
    )


def _with_outer(data: dict[str, object], outer: OuterSettings) -> tuple[dict[str, object], dict[str, str]]:
    block = data.get("packycode")
    if not isinstance(block, dict | None):
        return data, {}
    merged, sources = merge(block or {}, outer)
    return ({**data, "packycode": merged} if sources else data), sources


def _with_host(config: Config) -> Config:
    """The seed system's files say ``host: ""`` for all interfaces; opening up must be asked for in so many words."""
    return config if config.host.strip() else structs.replace(config, host=Config().host)


def _apply_rules(converter: Converter, config: Config) -> None:
    told = {problem.path for problem in converter.problems if problem.severity == "error"}
    for finding in (finding for rule in RULES for finding in rule(config)):
        if not any(_concerns(finding.path, path) for path in told):
            converter.tell(finding.path, finding.code, finding.message, finding.hint, severity=finding.severity)
            told |= {finding.path} if finding.severity == "error" else set()


def _concerns(path: Path, told: Path) -> bool:
    """Whether a problem at ``told`` already explains one at ``path``: the same value, or what holds it."""
    return path[: len(told)] == told


def _named_files(config: Config) -> Iterator[str]:
    return (path for path in (config.tls.cert, config.tls.key, config.upstream_ca) if path)
