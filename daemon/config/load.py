"""A document becomes a ``Fragment``: the configuration, or everything that is wrong with it at once.

    Document ─ packycode precedence ─ Converter (types) ─ RULES (meaning) ─▶ Fragment

What a rule reports about a value whose type is wrong already is dropped: one mistake is reported once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain

from msgspec import Struct, structs

from daemon.config.convert import Converter, quoted
from daemon.config.diagnostics import Diagnostic, Path, bounded
from daemon.config.document import Document
from daemon.config.hosts import listen_host
from daemon.config.lookalike_values import with_lookalikes
from daemon.config.packycode import AmbientSettings, merge
from daemon.config.provider import Provider, keys_of, lower_name, provider_path, providers_of
from daemon.config.references import Resolve, UnresolvedReference
from daemon.config.rules import RULES
from daemon.config.schema import Config, TppcProvider

__all__ = ["AmbientSettings", "Fragment", "Resolve", "UnresolvedReference", "load", "merged", "with_last_good"]


class Fragment(Struct, frozen=True, kw_only=True):
    """What one source contributes: ``settings`` (only config.yaml has them) and ``providers``.

    A file with an error is not used: ``settings`` are None then. But a reference of an enabled provider that
    cannot be resolved fails that provider alone: ``failing`` has the ``source`` of each.
    ``files`` are the paths that it reads (``file:`` references, certificates, Codex CLI; a ``credential:NAME``
    stands as written). ``written`` is the data as written: references unresolved, **literal secrets included**,
    so code that shows it masks it (``api.management.masked``).
    """

    source: str = "config.yaml"
    settings: Config | None = None
    providers: tuple[Provider, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    files: frozenset[str] = frozenset()
    effective_sources: Mapping[str, str] = {}
    written: Mapping[str, object] = {}
    failing: frozenset[str] = frozenset()

    @property
    def is_usable(self) -> bool:
        """Whether it can be applied, perhaps without the providers that fail."""
        if self.settings is not None or self.failing:
            return True
        return not any(each.severity == "error" for each in self.diagnostics)

    def refused(self, *diagnostics: Diagnostic) -> Fragment:
        """The same, of a file that is not used for these reasons, too."""
        return structs.replace(self, settings=None, failing=frozenset(), diagnostics=(*self.diagnostics, *diagnostics))


def merged(fragments: Iterable[Fragment]) -> Fragment:
    """All sources as one: that with the settings first, the others in the order of their names.

    A name is one provider's: where config.yaml has it already, that of another source is left out, with a warning.
    """
    first, *others = sorted(fragments, key=lambda each: (each.settings is None, each.source))
    owners = {lower_name(each.name): each.source for each in first.providers}
    providers, diagnostics = list(first.providers), list(first.diagnostics)
    for fragment in others:
        diagnostics += fragment.diagnostics
        for provider in fragment.providers:
            owner = owners.get(lower_name(provider.name))
            if owner is None:
                providers.append(provider)
            else:
                diagnostics.append(_name_taken(provider, owner, fragment.source))
    return structs.replace(first, providers=tuple(providers), diagnostics=tuple(diagnostics))


def _name_taken(provider: Provider, owner: str, source: str) -> Diagnostic:
    return Diagnostic(
        severity="warning",
        code="name-taken",
        message=f"is not used: config.yaml has a provider of this name ({owner})",
        path=("providers", provider.name),
        source=source,
        hint="rename one of the two, or delete this one",
    )


def load(document: Document, *, resolve: Resolve, ambient: AmbientSettings | None = None) -> Fragment:
    """Check a document. ``resolve`` follows references, ``ambient`` fills what packycode leaves open."""
    if document.diagnostics and not document.data:
        return Fragment(source=document.source, diagnostics=bounded(document.diagnostics, "error"))
    ambient = ambient or AmbientSettings()
    data, sources = _with_ambient(document.data, ambient)
    converter = Converter(document, resolve)
    config = converter.section(Config, data, ())
    assert isinstance(config, Config)  # no field of Config is required, so there always is one
    _apply_rules(converter, config)
    found = with_lookalikes(document, converter.diagnostics, converter.texts)
    diagnostics = tuple(sorted((*document.diagnostics, *found), key=lambda each: each.place))
    wrong = [each for each in diagnostics if each.severity == "error"]
    failing = {provider_path(each.path) for each in wrong if each.code == "reference"} - {()}
    refused = any(each.code != "reference" or not provider_path(each.path) for each in wrong)
    providers = () if refused else with_failed(providers_of(config), failing)
    if refused:  # else each error is one provider's, and says that this one fails
        diagnostics = bounded(diagnostics, "error")
    return Fragment(
        source=document.source,
        settings=None if refused else _in_one_form(config),
        providers=providers,
        failing=frozenset(each.source for each in providers if each.failed),
        diagnostics=bounded(diagnostics, "warning"),
        files=frozenset((*converter.files, *_named_files(config), *ambient.files)),
        effective_sources=sources,
        written=document.data,
    )


def with_failed(providers: Iterable[Provider], paths: Collection[Path]) -> tuple[Provider, ...]:
    """The providers, those at ``paths`` failed."""
    return tuple(structs.replace(each, failed=True) if each.path in paths else each for each in providers)


def with_last_good(new: Fragment, last: Fragment | None) -> Fragment:
    """``new``, each failing provider with its last good settings: all of them, never mixed with new ones."""
    if last is None or last.settings is None or new.settings is None or not new.failing:
        return new
    good = {each.source: each for each in last.providers if not each.failed}
    settings, old = new.settings, last.settings
    entries = list(settings.tppc.providers)
    replaced = {each.path: good[each.source].path for each in new.providers if each.failed and each.source in good}
    for path, before in replaced.items():
        if path == ("packycode",):
            settings = structs.replace(settings, packycode=old.packycode)
        else:
            entries[int(path[-1])] = old.tppc.providers[int(before[-1])]
    settings = structs.replace(settings, tppc=structs.replace(settings.tppc, providers=tuple(entries)))
    failed = {each.path for each in new.providers if each.failed} - replaced.keys()
    return structs.replace(new, settings=settings, providers=with_failed(providers_of(settings), failed))


def _with_ambient(data: dict[str, object], ambient: AmbientSettings) -> tuple[dict[str, object], dict[str, str]]:
    block = data.get("packycode")
    if not isinstance(block, dict | None):
        return data, {}
    merged, sources = merge(block or {}, ambient)
    return ({**data, "packycode": merged} if sources else data), sources


def _in_one_form(config: Config) -> Config:
    """What means the same is the same. The host as ``bind`` takes it: ``host: ""`` means all interfaces in the seed
    system's files; here that must be configured explicitly. A list of one key is that key."""
    entries = tuple(_with_one_key(each) for each in config.tppc.providers)
    tppc = structs.replace(config.tppc, providers=entries)
    return structs.replace(config, host=listen_host(config.host) or Config().host, tppc=tppc)


def _with_one_key(entry: TppcProvider) -> TppcProvider:
    keys = keys_of(entry)
    return structs.replace(entry, api_key=keys[0]) if len(keys) == 1 else entry


def _apply_rules(converter: Converter, config: Config) -> None:
    wrong = {each.path for each in converter.diagnostics if each.severity == "error"}
    for fault in chain.from_iterable(rule(config) for rule in RULES):
        # A value that is wrong already, or that is inside one that is: one mistake is reported once.
        if any(fault.path[:length] in wrong for length in range(len(fault.path) + 1)):
            continue
        written, text = converter.references.get(fault.path, ("", ""))
        message, hint = fault.message, fault.literal_hint or fault.hint
        if written:  # what it stands for is not shown
            if fault.literals_only:
                continue
            message, hint = (each.replace(quoted(text), quoted(written)) for each in (fault.message, fault.hint))
        converter.report(fault.path, fault.code, message, hint, severity=fault.severity)
        if fault.severity == "error":
            wrong.add(fault.path)


def _named_files(config: Config) -> Iterator[str]:
    return (path for path in (config.tls.cert, config.tls.key, config.upstream_ca) if path)
