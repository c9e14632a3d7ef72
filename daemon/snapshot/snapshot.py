"""The snapshot: what one request sees from start to end, how it is built, and the holder of the current one.

All of it is a pure function of the configuration: core auths, registry and revision.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache

import msgspec
from msgspec import NODEFAULT, Struct, structs

from daemon.config.diagnostics import Diagnostic
from daemon.config.instructions import Instructions
from daemon.config.load import Fragment
from daemon.config.provider import PACKYCODE, Provider
from daemon.config.schema import Config
from daemon.secret import Secret
from daemon.snapshot.core_auths import CoreAuth, general_settings, synthesize
from daemon.snapshot.listings import Lists
from daemon.snapshot.models import ModelRegistry, registry


class Snapshot(Struct, frozen=True, kw_only=True):
    """``revision`` is the SHA-256 (hex) of the canonical effective configuration, resolved
    references included; ``generation`` counts applied snapshots from 1, over restarts.

    ``providers`` are all that are configured, the disabled ones too; ``core_auths`` those that are used.
    ``effective_sources`` has the source of each packycode field (``config.yaml``,
    ``env``, ``codex-cli``); ``written`` is the file's data as written (references unresolved), for
    the management view. ``config_header`` is the value of ``x-tppcd-config``."""

    generation: int
    revision: str
    config: Config
    core_auths: tuple[CoreAuth, ...]
    models: ModelRegistry
    providers: tuple[Provider, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()
    effective_sources: Mapping[str, str] = {}
    written: Mapping[str, object] = {}

    @property
    def named_providers(self) -> Iterator[Provider]:
        """``providers`` without a packycode block that is nowhere: it has defaults, and is disabled by them."""
        for each in self.providers:
            if each.enabled or each.kind != PACKYCODE or PACKYCODE in self.written:
                yield each

    @property
    def config_header(self) -> str:
        return f"{self.generation}/{self.revision[:12]}"


class Current:
    """The snapshot in force, one reference that is assigned whole: ``get`` once per request, ``set`` by a reload
    alone."""

    __slots__ = ("_snapshot",)

    def __init__(self, snapshot: Snapshot | None = None) -> None:
        self._snapshot = snapshot

    def get(self) -> Snapshot:
        if self._snapshot is None:
            raise LookupError("no configuration has been loaded yet")
        return self._snapshot

    def get_or_none(self) -> Snapshot | None:
        return self._snapshot

    def set(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot


def build(fragment: Fragment, *, generation: int, listed: Lists | None = None, old: Snapshot | None = None) -> Snapshot:
    """The snapshot of a valid fragment: that of config.yaml, or all sources merged. ``listed`` is what upstreams list,
    as far as it is known. What is in ``old`` already is taken from there: it saves work and changes nothing."""
    settings, providers = fragment.settings, fragment.providers
    assert settings is not None, "a fragment with errors has no snapshot"
    core_auths, warnings = synthesize(settings, providers, _still_valid(old, settings, providers))
    return Snapshot(
        generation=generation,
        revision=revision(settings, providers),
        config=settings,
        providers=providers,
        core_auths=core_auths,
        models=registry(core_auths, settings.model_aliases, listed, old.models if old else None),
        warnings=(*fragment.diagnostics, *warnings),
        effective_sources=fragment.effective_sources,
        written=fragment.written,
    )


def with_lists(snapshot: Snapshot, listed: Lists) -> Snapshot:
    """The same configuration, its upstreams with other models.

    Generation and revision stay: they say which configuration a request met, and this is none. What upstreams list is
    live state, like a cooldown: each machine asks for itself and at its own time, so a revision with it in would differ
    between machines that have the same configuration, and one kept for a rollback could not be brought back.
    """
    models = registry(snapshot.core_auths, snapshot.config.model_aliases, listed, snapshot.models)
    return structs.replace(snapshot, models=models)


def _still_valid(old: Snapshot | None, settings: Config, providers: Sequence[Provider]) -> Mapping[str, CoreAuth]:
    """``source`` -> the core auth of a provider that has not changed: of the store, where such a one is the same
    object. Of 2,000 rows one changes at a time."""
    if old is None or general_settings(old.config) != general_settings(settings):
        return {}
    before = {each.source: each for each in old.providers if each.kind == "store"}
    same = {each.source for each in providers if before.get(each.source) is each}
    return {auth.source: auth for auth in old.core_auths if auth.source in same}


def revision(settings: Config, providers: Iterable[Provider] = ()) -> str:
    """SHA-256 (hex) of the canonical configuration: same meaning, same revision, whatever the file looks like.

    Defaults are left out, so that a new key of a later version changes no revision. Secrets and fixed
    instructions enter by their digest, so a changed one is a new revision and none can be read from it.
    """
    plain = _chosen(settings)
    # Those of config.yaml are among its settings.
    stored = (each for each in providers if each.kind == "store")
    if others := [(each.digest, each.enabled, each.failed) if each.digest else _chosen(each) for each in stored]:
        plain = {"settings": plain, "providers": others}
    return hashlib.sha256(CANONICAL.encode(plain)).hexdigest()


def _chosen(value: object) -> object:
    """A value as plain data, its structs without the fields that have their default."""
    if isinstance(value, Struct):
        values = ((key, getattr(value, name), default) for name, key, default in _defaults(type(value)))
        return {key: _chosen(each) for key, each, default in values if each != default}
    return [_chosen(item) for item in value] if isinstance(value, tuple) else value


@cache
def _defaults(kind: type[Struct]) -> tuple[tuple[str, str, object], ...]:
    """(attribute, key, default) of each field; NODEFAULT, which equals nothing, where it must be given."""
    return tuple(
        (each.name, each.encode_name, each.default if each.default_factory is NODEFAULT else each.default_factory())
        for each in structs.fields(kind)
    )


def _digest(value: object) -> str:
    if isinstance(value, Secret):
        return value.digest.hex()
    if isinstance(value, Instructions):
        return value.identity
    raise NotImplementedError(type(value).__name__)


CANONICAL = msgspec.json.Encoder(enc_hook=_digest, order="sorted")
