"""A provider of the store as a value: the row, its type, and the ``Provider`` that it makes.

1. A row is frozen; a change makes a new one.
2. ``api_key`` is what the column holds, a sealed key or a reference as written; never a key in clear.
3. ``key_id`` changes whenever the key does and says nothing about it, so that rows can be compared and the revision
   computed without opening a key. The stable IDs are columns for the same reason.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from msgspec import Struct

from daemon.config.profiles import PROFILES
from daemon.config.provider import Provider, lower_name
from daemon.config.references import is_reference
from daemon.config.schema import ModelEntry, Privacy, ProviderTimeouts, WireApi
from daemon.secret import Secret
from daemon.snapshot.core_auths import short

DEFAULT_TIMEOUT: Final = 300.0
SetBy = Literal["local", "remote"]
"""From where the URL was set, for the egress rule: this host, or another one."""


class ProviderType(Struct, frozen=True, kw_only=True):
    """``type`` of a row: a wire and a make. ``keyless``: works without a key, and then sends no ``Authorization``.
    ``seed_models``: without ``models`` it has the seed's ids; the others are asked for theirs."""

    name: str
    wire: WireApi
    profile: str = ""
    keyless: bool = False
    seed_models: bool = False


TYPES: Final[dict[str, ProviderType]] = {
    each.name: each
    for each in (
        ProviderType(name="openai", wire="chat"),
        ProviderType(name="vllm", wire="chat", profile="vllm", keyless=True),
        ProviderType(name="codex", wire="responses", seed_models=True),
        ProviderType(name="messages", wire="messages"),
    )
}


class ExtraConfig(Struct, frozen=True, kw_only=True):
    """``extra_config``, read. ``temperature``, ``max_tokens`` and ``top_p`` go into requests that lack them."""

    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = None
    profile: str = ""
    headers: dict[str, str] = {}


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


def stable_ids(name: str, *, api_key: str, base_url: str) -> tuple[str, str]:
    """(core auth ID, client ID) of the contract; ``api_key`` is the text itself, empty for none."""
    kind = f"store:{lower_name(name)}"
    core_auth = f"{kind}:{short(kind, api_key, base_url)}"
    return core_auth, f"store:models:{short('store:models', name, base_url, api_key)}"


def provider_of(row: StoredProvider, extra: ExtraConfig, *, api_key: Secret, failed: bool = False) -> Provider:
    """What the rest of the daemon sees of a row. ``api_key`` is resolved or opens itself when revealed.

    ``timeout`` is the longest wait for an event of a stream, so that one that flows is never ended by it.
    """
    kind = TYPES[row.type]
    return Provider(
        kind="store",
        name=row.name,
        source=row.source,
        enabled=row.enabled,
        wire=kind.wire,
        base_url=row.base_url,
        api_key=api_key,
        privacy=Privacy(),
        models=row.models or (),
        profile=extra.profile or (kind.profile if kind.profile in PROFILES else ""),
        headers=extra.headers,
        timeouts=ProviderTimeouts(first_event=row.timeout, idle=row.timeout),
        failed=failed,
    )


def failed_provider(row: UnreadableRow) -> Provider:
    """It stands for a row that cannot be used, so that it is listed and its name is known."""
    return Provider(
        kind="store",
        name=row.name,
        source=row.source,
        enabled=row.enabled,
        wire=TYPES["openai"].wire,
        base_url="",
        api_key=Secret(""),
        failed=True,
    )
