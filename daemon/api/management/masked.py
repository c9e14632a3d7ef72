"""A block of config.yaml without its secrets: as the management API shows it, and as a command prints it.

Secrets show as a fixed mask, references as they are written. What is secret is known from the
struct's types, so a new secret field cannot be forgotten here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from urllib.parse import urlsplit, urlunsplit

import msgspec
from msgspec import UNSET, Struct, inspect

from daemon.config.edit.patch import MASK
from daemon.config.references import is_reference
from daemon.secret import Secret

__all__ = ["MASK", "as_written", "masked", "masked_url"]


def masked(block: type[Struct], written: Mapping[str, object]) -> dict[str, object]:
    """``written`` (the block's data as in the file) over the defaults of ``block``, key by key."""
    shown = {field.encode_name: _field(field, written) for field in _fields(block)}
    return {key: value for key, value in shown.items() if value is not UNSET}


def as_written(block: type[Struct], written: Mapping[str, object]) -> dict[str, object]:
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


@cache
def _fields(block: type[Struct]) -> tuple[inspect.Field, ...]:
    """Compiled once: it takes milliseconds, and a block of many providers asks for it with each."""
    shape = inspect.type_info(block)
    assert isinstance(shape, inspect.StructType)
    return shape.fields


def _field(field: inspect.Field, written: Mapping[str, object]) -> object:
    if field.encode_name in written:
        return _shown(field.encode_name, field.type, written[field.encode_name])
    if isinstance(field.type, inspect.StructType):
        return masked(field.type.cls, {})
    return _default(field)


def _default(field: inspect.Field) -> object:
    """The default as a JSON value (an absent secret is an empty one); UNSET where there is none."""
    default = field.default
    if default is msgspec.NODEFAULT:
        default = UNSET if field.default_factory is msgspec.NODEFAULT else field.default_factory()
    if default is UNSET:
        return (field.type.extra or {}).get("shown", UNSET) if isinstance(field.type, inspect.Metadata) else UNSET
    plain = msgspec.to_builtins(default, enc_hook=lambda value: "" if isinstance(value, Secret) else str(value))
    return list(plain) if isinstance(plain, tuple) else plain


def _shown(name: str, kind: inspect.Type, value: object) -> object:
    """``value`` as written in the file, masked where its type or its name says it may hold a secret."""
    if _is_reference(value) or value is None:
        return value
    match kind:
        case inspect.Metadata():
            return _shown(name, kind.type, value)
        case inspect.CustomType() if kind.cls is Secret:
            return MASK if value else ""
        case inspect.StructType() if isinstance(value, Mapping):
            return masked(kind.cls, value)
        case inspect.UnionType() if isinstance(value, list | tuple):  # a list, or a word in its place
            return next(
                (_shown(name, each, value) for each in kind.types if isinstance(each, inspect.VarTupleType)), value
            )
        case inspect.VarTupleType() if isinstance(value, list | tuple):
            return [_shown(name, kind.item_type, item) for item in value]
        case inspect.DictType() if isinstance(value, Mapping):
            return {key: _header(item) for key, item in value.items()}
    return masked_url(value) if name.endswith("-url") and isinstance(value, str) else value


def _header(value: object) -> object:
    """A header's value may be a key; ``$Name`` and a reference only say where it comes from."""
    return value if _is_reference(value) or str(value).startswith("$") else MASK


def _is_reference(value: object) -> bool:
    """Whether ``value`` says where a secret is instead of being one."""
    return isinstance(value, str) and is_reference(value)
