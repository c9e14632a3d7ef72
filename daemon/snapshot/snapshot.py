"""The snapshot itself: what one request sees from start to end."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from daemon.config.diagnostics import Diagnostic
from daemon.config.provider import Provider
from daemon.config.schema import Config
from daemon.snapshot.core_auths import CoreAuth
from daemon.snapshot.models import ModelRegistry


class Snapshot(Struct, frozen=True, kw_only=True):
    """``revision`` is the SHA-256 (hex) of the canonical effective configuration, resolved
    references included; ``generation`` counts applied snapshots from 1, over restarts.

    ``providers`` are all that are configured, the disabled ones too; ``core_auths`` those that are used.
    ``effective_sources`` says per packycode field where its value came from (``config.yaml``,
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
    def config_header(self) -> str:
        return f"{self.generation}/{self.revision[:12]}"
