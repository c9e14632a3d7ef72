"""The structs of ``/api/v1``. Field names have underscores, as those of the seed system's API."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from daemon.api.schemas import DiagnosticView
from daemon.upstream.adapters.table import ADAPTERS


class StoredModel(Struct, frozen=True, kw_only=True):
    """A model of the upstream, and the name under which clients ask for it."""

    name: str
    alias: str


class ProviderFieldsView(Struct, frozen=True, kw_only=True):
    """A provider of the store. ``api_key`` is a mask or a reference as written, null where there is none; ``timeout``
    is in seconds; ``models`` null: asked from the upstream. Times are RFC 3339. Of a row that cannot be read (edited by
    hand) only ``id``, ``name``, ``enabled`` and ``row_version`` are known; the others are null."""

    id: int
    name: str
    type: str | None
    base_url: str | None
    timeout: float | None
    api_key: str | None
    extra_config: dict[str, Any] | None
    enabled: bool
    models: list[str | StoredModel] | None
    fallback_models: list[str] | None
    set_by: str | None
    created_at: str | None
    updated_at: str | None
    row_version: int


class StoredProviderView(ProviderFieldsView, frozen=True, kw_only=True):
    """A provider of the store and what became of it here. ``is_running``: it is part of what is served. ``error``: why
    its row cannot be used; with ``is_running`` its last good settings are served. Else the latest failure of its
    upstream, until that has answered again."""

    is_running: bool
    error: str | None


class StoredProviderRow(Struct, frozen=True, kw_only=True):
    """An entry of the list."""

    provider: ProviderFieldsView
    is_running: bool
    error: str | None


class StoredProviders(Struct, frozen=True, kw_only=True):
    """In the order of creation."""

    providers: list[StoredProviderRow]


TypeName = Annotated[str, Meta(extra_json_schema={"enum": [*ADAPTERS]})]
Name = Annotated[str, Meta(min_length=1, examples=["fox"])]
BaseUrl = Annotated[str, Meta(examples=["https://fox.example/v1"], extra_json_schema={"format": "uri"})]


class ProviderChange(Struct, frozen=True, kw_only=True):
    """What a PUT may change; what it leaves out stays. ``api_key`` is the key or a reference (``env:``, ``file:``,
    ``credential:``); null clears it, the mask leaves it. ``timeout`` is in seconds."""

    name: Name | UnsetType = UNSET
    type: TypeName | UnsetType = UNSET
    base_url: BaseUrl | UnsetType = UNSET
    timeout: Annotated[float, Meta(ge=1, le=86_400)] | UnsetType = UNSET
    api_key: str | UnsetType | None = UNSET
    extra_config: dict[str, Any] | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET
    models: list[str | StoredModel] | UnsetType | None = UNSET
    fallback_models: list[str] | UnsetType | None = UNSET


class NewProvider(ProviderChange, frozen=True, kw_only=True):
    """A provider to be created: enabled, and with a timeout of 300 seconds, unless it says otherwise."""

    name: Name
    type: TypeName
    base_url: BaseUrl


class StoreReloaded(Struct, frozen=True, kw_only=True):
    """A reload that succeeded. ``provider`` is the name of the one that was reloaded, null for all."""

    message: str
    provider: str | None = None


class StoreReloadFailed(Struct, frozen=True, kw_only=True):
    """A reload that failed; what served before goes on. ``details`` says why."""

    error: str
    details: str


class StoreRefusal(Struct, frozen=True, kw_only=True):
    """A write that was refused; nothing has changed. ``error`` is a word for programs, ``details`` names the fields."""

    error: str
    message: str
    details: list[DiagnosticView]
