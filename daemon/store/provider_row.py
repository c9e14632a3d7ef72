"""A provider of the store as a value: the row, its type, and the ``Provider`` that it makes.

1. A row is frozen; a change makes a new one.
2. ``api_key`` is what the column holds, a sealed key or a reference as written; never a key in clear.
3. ``key_id`` changes whenever the key does and says nothing about it, so that rows can be compared and the revision
   computed without opening a key. The stable IDs are columns for the same reason.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final

from msgspec import Struct, field

from daemon.config.provider import Provider, RequestDefaults, SetBy
from daemon.config.references import is_reference
from daemon.config.schema import DEFAULT_MODELS, ModelEntry, ProviderTimeouts
from daemon.secret import Secret
from daemon.snapshot.snapshot import CANONICAL
from daemon.upstream.adapters.table import ADAPTERS

DEFAULT_TIMEOUT: Final = 300.0


class ExtraConfig(RequestDefaults, frozen=True, kw_only=True):
    """``extra_config``, read. ``temperature``, ``max_tokens`` and ``top_p`` go into requests that lack them."""

    profile: str = ""
    headers: dict[str, str] = field(default_factory=dict)


class StoredProvider(Struct, frozen=True, kw_only=True, tag="row", tag_field="is"):
    """One row of ``providers``. ``timeout`` in seconds; ``models`` None where none were given; times are UTC.
    ``extra_config`` is as given, keys that tppcd does not know included. ``row_version`` counts from 1."""

    id: int
    name: str
    type: str
    base_url: str
    timeout: float = DEFAULT_TIMEOUT
    api_key: str | None = None
    key_id: str = ""
    extra_config: dict[str, object] = {}
    enabled: bool = True
    models: tuple[ModelEntry, ...] | None = None
    fallback_models: tuple[str, ...] = ()
    set_by: SetBy = "local"
    core_auth_id: str | None = None
    client_id: str | None = None
    created_at: datetime
    updated_at: datetime
    row_version: int = 1

    @property
    def source(self) -> str:
        """The contract's ``source`` attribute of its core auth."""
        return f"store:{self.name}"

    @property
    def reference(self) -> str | None:
        """The key as written where it is a reference."""
        return self.api_key if self.api_key is not None and is_reference(self.api_key) else None


class UnreadableRow(Struct, frozen=True, kw_only=True, tag="unreadable", tag_field="is"):
    """A row that this program cannot use: edited by hand, or written by a later one. The others go on."""

    id: int
    name: str
    message: str
    hint: str = ""
    enabled: bool = True
    row_version: int = 1

    @property
    def source(self) -> str:
        return f"store:{self.name}"


Row = StoredProvider | UnreadableRow


class Contents(Struct, frozen=True, kw_only=True):
    """All rows at one version, by ID; ``fingerprint`` of the encryption key, empty where nothing was sealed yet."""

    version: int
    fingerprint: str
    rows: tuple[Row, ...]


def provider_of(row: StoredProvider, extra: ExtraConfig, *, api_key: Secret, failed: bool = False) -> Provider:
    """What the rest of the daemon sees of a row. ``api_key`` is resolved or opens itself when revealed.

    ``timeout`` is the longest wait for an event of a stream, so that one that flows is never ended by it, and the
    limit of an answer that comes as a whole.
    """
    adapter = ADAPTERS[row.type]
    return Provider(
        kind="store",
        name=row.name,
        source=row.source,
        enabled=row.enabled,
        wire=adapter.wire_api,
        base_url=row.base_url,
        api_keys=(api_key,),
        models=row.models or (DEFAULT_MODELS if adapter.seed_models else ()),
        profile=extra.profile or adapter.profile,
        headers=extra.headers,
        timeouts=ProviderTimeouts(first_event=row.timeout, idle=row.timeout),
        failed=failed,
        type=row.type,
        fallback_models=row.fallback_models,
        total_timeout=row.timeout,
        request_defaults=RequestDefaults(temperature=extra.temperature, max_tokens=extra.max_tokens, top_p=extra.top_p),
        discover=not row.models,
        set_by=row.set_by,
        core_auth_id=row.core_auth_id or "",
        client_id=row.client_id or "",
        digest=_digest(row, api_key),
    )


def _digest(row: StoredProvider, api_key: Secret) -> str:
    """SHA-256 (hex) of what a row says; the key enters by its own digest."""
    said = (row.name, row.type, row.base_url, row.timeout, row.extra_config, row.models, row.fallback_models)
    return hashlib.sha256(CANONICAL.encode((*said, row.set_by, api_key))).hexdigest()


def failed_provider(row: UnreadableRow) -> Provider:
    """It stands for a row that cannot be used, so that it is listed and its name is known."""
    return Provider(
        kind="store",
        name=row.name,
        source=row.source,
        enabled=row.enabled,
        wire=ADAPTERS["openai"].wire_api,
        base_url="",
        api_keys=(Secret(""),),
        failed=True,
    )
