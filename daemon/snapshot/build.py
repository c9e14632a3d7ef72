"""A fragment becomes a snapshot: synthesis, registry and revision, all pure functions of the configuration."""

from __future__ import annotations

import hashlib

import msgspec

from daemon.config.instructions import Instructions
from daemon.config.load import Fragment
from daemon.config.provider import providers_of
from daemon.config.schema import Base, Config
from daemon.config.shape import fields
from daemon.secret import Secret
from daemon.snapshot.core_auths import synthesize
from daemon.snapshot.models import registry
from daemon.snapshot.snapshot import Snapshot


def build(fragment: Fragment, *, generation: int) -> Snapshot:
    """The snapshot of a valid fragment (``config`` is not None)."""
    config = fragment.config
    assert config is not None, "a fragment with errors has no snapshot"
    providers = providers_of(config)
    core_auths, warnings = synthesize(config, providers)
    return Snapshot(
        generation=generation,
        revision=revision(config),
        config=config,
        providers=providers,
        core_auths=core_auths,
        models=registry(core_auths, config.model_aliases),
        warnings=(*fragment.diagnostics, *warnings),
        effective_sources=fragment.effective_sources,
        written=fragment.written,
    )


def revision(config: Config) -> str:
    """SHA-256 (hex) of the canonical configuration: same meaning, same revision, whatever the file looks like.

    Defaults are left out, so that a new key of a later version changes no revision. Secrets and fixed
    instructions enter by their digest, so a changed one is a new revision and none can be read from it.
    """
    return hashlib.sha256(CANONICAL.encode(_chosen(config))).hexdigest()


def _chosen(value: object) -> object:
    """A value as plain data, its sections without what is at its default."""
    if isinstance(value, Base):
        given = ((field, getattr(value, field.attribute)) for field in fields(type(value)).values())
        return {field.key: _chosen(each) for field, each in given if each != field.default}
    return [_chosen(item) for item in value] if isinstance(value, tuple) else value


def _digest(value: object) -> str:
    if isinstance(value, Secret):
        return value.digest.hex()
    if isinstance(value, Instructions):
        return value.identity
    raise NotImplementedError(type(value).__name__)


CANONICAL = msgspec.json.Encoder(enc_hook=_digest, order="sorted")
