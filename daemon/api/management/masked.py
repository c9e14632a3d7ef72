"""A block of config.yaml without its secrets: as the management API shows it, and as a command prints it.

Secrets show as a fixed mask, references as they are written. What is secret is known from the
struct's types, so a new secret field cannot be forgotten here.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

import msgspec
from msgspec import UNSET

from daemon.config.edit.patch import MASK
from daemon.config.references import is_reference
from daemon.config.schema_base import Base
from daemon.config.shape import Field, Shape, fields
from daemon.secret import Secret

__all__ = ["MASK", "as_written", "masked", "masked_url"]


def masked(block: type[Base], written: Mapping[str, object]) -> dict[str, object]:
    """``written`` (the block's data as in the file) over the defaults of ``block``, key by key."""
    shown = {key: _field(field, written) for key, field in fields(block).items()}
    return {key: value for key, value in shown.items() if value is not UNSET}


def as_written(block: type[Base], written: Mapping[str, object]) -> dict[str, object]:
    """``written`` alone, without defaults and unknown keys; order as written."""
    shown = masked(block, written)
    return {key: _without_defaults(shown[key], value) for key, value in written.items() if key in shown}


def _without_defaults(shown: object, written: object) -> object:
    if isinstance(shown, Mapping) and isinstance(written, Mapping):
        return {key: _without_defaults(shown[key], value) for key, value in written.items() if key in shown}
    if isinstance(shown, list) and isinstance(written, list):
        return [_without_defaults(*pair) for pair in zip(shown, written, strict=True)]
    return shown


def masked_url(url: str) -> str:
    """``url`` without what may be secret in it: its user part and its query. Where an ``@`` comes later, or it is no
    URL, nobody can say where a password ends: then all of it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return MASK
    if "@" in parts.path + parts.query + parts.fragment:
        return MASK
    userinfo, at, host = parts.netloc.rpartition("@")
    netloc = f"{MASK}@{host}" if at and userinfo else host
    return urlunsplit((parts.scheme, netloc, parts.path, MASK if parts.query else "", ""))


def _field(field: Field, written: Mapping[str, object]) -> object:
    if field.key in written:
        return _shown(field.shape, written[field.key])
    if field.shape.kind == "section" and field.shape.section is not None:
        return masked(field.shape.section, {})
    return UNSET if field.required else _default(field.shown)


def _default(value: object) -> object:
    """The default as a JSON value (an absent secret is an empty one); UNSET where there is none."""
    if value is UNSET:
        return UNSET
    plain = msgspec.to_builtins(value, enc_hook=lambda each: "" if isinstance(each, Secret) else str(each))
    return list(plain) if isinstance(plain, tuple) else plain


def _shown(shape: Shape, value: object) -> object:
    """``value`` as written in the file, masked where its shape says that it may hold a secret."""
    if _is_reference(value) or value is None:
        return value
    if isinstance(value, list | tuple) and shape.item is not None:
        return [_shown(shape.item, item) for item in value]
    match shape.kind:
        case "secret" | "keys":
            return MASK if value else ""
        case "section" if shape.section is not None and isinstance(value, Mapping):
            return masked(shape.section, value)
        case "table" if isinstance(value, Mapping):
            return {key: _header(item) for key, item in value.items()}
        case "url" if isinstance(value, str):
            return masked_url(value)
    return value


def _header(value: object) -> object:
    """A header's value may be a key; ``$Name`` and a reference only say where it comes from."""
    return value if _is_reference(value) or str(value).startswith("$") else MASK


def _is_reference(value: object) -> bool:
    """Whether ``value`` says where a secret is instead of being one."""
    return isinstance(value, str) and is_reference(value)
