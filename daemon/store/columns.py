"""A row's columns as values, and values as columns: what ``repository`` reads and writes, without the database.

What another hand has written is read by the same readers and rules as a request's body, so a row that the API would
have refused is an ``UnreadableRow`` with the same words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec import UNSET, structs

from daemon.config.provider import lower_name
from daemon.config.references import is_reference
from daemon.config.schema import ModelEntry
from daemon.secret import Secret
from daemon.store.errors import InvalidProvider, fault_text
from daemon.store.provider_fields import DEFAULTS, STAND_IN_KEY, ProviderFields, check_fields, fields_of
from daemon.store.provider_row import Row, StoredProvider, UnreadableRow

Columns = Mapping[str, Any]
"""A row as the driver gives it, by the names of its columns."""


def row_of(columns: Columns) -> Row:
    """A row as the database has it. What another hand wrote wrongly makes it unreadable, with the reason."""
    written = {each: columns[each] for each in WRITTEN}
    enabled = bool(columns["enabled"])
    try:
        fields = fields_of(written)
        check_fields(structs.replace(fields, api_key=_validated(columns["api_key"])))
    except InvalidProvider as error:
        faults = "; ".join(fault_text(each) for each in error.faults)
        hint = "it was not written by this tppcd: change it through the API"
        return UnreadableRow(
            id=columns["id"],
            name=columns["name"],
            message=faults,
            hint=hint,
            enabled=enabled,
            row_version=columns["row_version"],
        )
    given = {name: value for name, value in structs.asdict(fields).items() if value is not UNSET}
    return StoredProvider(
        **given,
        id=columns["id"],
        api_key=columns["api_key"] or None,
        key_id=columns["key_id"],
        set_by="local" if columns["set_by"] == "local" else "remote",  # unknown: the narrower rule
        core_auth_id=columns["core_auth_id"] or None,
        client_id=columns["client_id"] or None,
        created_at=columns["created_at"],
        updated_at=columns["updated_at"],
        row_version=columns["row_version"],
    )


WRITTEN: Final = ("name", "type", "base_url", "timeout", "extra_config", "enabled", "models", "fallback_models")
"""The columns that are read as a body's fields are."""


def fields_in(columns: Columns) -> ProviderFields:
    """The fields of a row to be changed; a value that cannot be read counts as not given, so it must be given now."""
    fields = DEFAULTS
    for name in WRITTEN:
        try:
            fields = fields_of({name: columns[name]}).over(fields)
        except InvalidProvider:
            continue
    return structs.replace(fields, api_key=_validated(columns["api_key"]))


def fields_of_row(row: Row | None) -> ProviderFields:
    """The same of a row that was read; None is one that does not exist yet."""
    if row is None:
        return DEFAULTS
    if isinstance(row, UnreadableRow):
        return structs.replace(DEFAULTS, name=row.name, enabled=row.enabled)
    written = {each: getattr(row, each) for each in WRITTEN}
    return ProviderFields(**written, api_key=_validated(row.api_key))


def _validated(api_key: str | None) -> Secret | None:
    """A column's key for the rules: a sealed one was valid when it was sealed."""
    if not api_key:
        return None
    return Secret(api_key if is_reference(api_key) else STAND_IN_KEY)


def columns_of(fields: ProviderFields) -> dict[str, object]:
    """The columns that follow from the fields alone."""
    models = fields.models if isinstance(fields.models, tuple) else None
    name = str(fields.name).strip()
    return {
        "name": name,
        "name_key": lower_name(name),
        "type": fields.type,
        "base_url": fields.base_url,
        "timeout": fields.timeout,
        "extra_config": fields.extra_config,
        "enabled": fields.enabled,
        "models": None if models is None else [_model(each) for each in models],
        "fallback_models": list(fields.fallback_models if isinstance(fields.fallback_models, tuple) else ()),
    }


def _model(entry: ModelEntry) -> object:
    return {"name": entry.name, "alias": entry.alias} if entry.alias else entry.name
