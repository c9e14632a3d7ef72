"""A row of the store as ``/api/v1`` shows it: without its key, and without what else in it may be secret."""

from __future__ import annotations

from datetime import datetime

from msgspec import structs

from daemon.api.management.masked import masked_url
from daemon.api.provider_store.schemas import (
    ProviderFieldsView,
    StoredModel,
    StoredProviderRow,
    StoredProviderView,
)
from daemon.config.edit.patch import MASK
from daemon.config.schema import ModelEntry
from daemon.store.masks import masked_extra_config
from daemon.store.provider_row import Row, UnreadableRow
from daemon.store.service import ProviderState


def listed(state: ProviderState, last_error: str | None) -> StoredProviderRow:
    """``last_error`` is how its upstream failed."""
    error = state.error or last_error
    return StoredProviderRow(provider=fields_view(state.row), is_running=state.is_running, error=error)


def single(state: ProviderState, last_error: str | None) -> StoredProviderView:
    fields = structs.asdict(fields_view(state.row))
    return StoredProviderView(**fields, is_running=state.is_running, error=state.error or last_error)


def fields_view(row: Row) -> ProviderFieldsView:
    if isinstance(row, UnreadableRow):
        unknown = dict.fromkeys(ProviderFieldsView.__struct_fields__)
        known = {"id": row.id, "name": row.name, "enabled": row.enabled, "row_version": row.row_version}
        return ProviderFieldsView(**(unknown | known))  # type: ignore[arg-type]  # the others may be null
    return ProviderFieldsView(
        id=row.id,
        name=row.name,
        type=row.type,
        base_url=masked_url(row.base_url),
        timeout=row.timeout,
        api_key=row.reference or (MASK if row.api_key else None),
        extra_config=masked_extra_config(row.extra_config),
        enabled=row.enabled,
        models=None if row.models is None else [_model(each) for each in row.models],
        fallback_models=list(row.fallback_models),
        set_by=row.set_by,
        created_at=_time(row.created_at),
        updated_at=_time(row.updated_at),
        row_version=row.row_version,
    )


def _model(entry: ModelEntry) -> str | StoredModel:
    return StoredModel(name=entry.name, alias=entry.alias) if entry.alias else entry.name


def _time(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
