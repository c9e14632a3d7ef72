"""What changes between two snapshots: one recursion over the schema, so that new keys need no code here.

Entries of a list are matched by name, not by place, so a provider that moves is not "changed". How a
value may be shown is decided by its kind alone: a secret is ``set``, ``updated`` or ``removed``, a URL is
its host, a header has no value, fixed instructions are where they come from. Changes come in the order of the file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from msgspec import UNSET, Struct, structs

from daemon.config.instructions import Instructions
from daemon.config.provider import Provider, RequestDefaults, lower_name
from daemon.config.references import is_reference
from daemon.config.schema import ModelAlias, ModelEntry, TppcProvider
from daemon.config.schema_base import Base
from daemon.config.shape import Field, fields
from daemon.config.urls import shown as shown_url
from daemon.secret import Secret
from daemon.snapshot.core_auths import CoreAuth
from daemon.snapshot.file_order import FileOrder
from daemon.snapshot.snapshot import Snapshot
from daemon.snapshot.words import key_count, keys_change, plain, secret_change, shown_text

Keys = tuple[str, ...]
Written = tuple[object, object]
"""The data of the old and of the new file at one place; None where it has none."""


class Change(Struct, frozen=True, kw_only=True):
    """One line of the summary: ``path`` as a person names it (``tppc.providers[fox].base-url``), ``text``
    what became of it. ``restart``: the running daemon keeps the old value."""

    path: str
    text: str
    restart: bool = False
    keys: Keys = ()
    """The path in parts, for the order of the file."""


class ChangeSet(Struct, frozen=True, kw_only=True):
    """``added``, ``changed`` and ``removed`` count core auths; one whose key or URL changed is changed.
    ``first``: there was nothing to compare with."""

    first: bool = False
    changes: tuple[Change, ...] = ()
    added: int = 0
    changed: int = 0
    removed: int = 0


def diff(old: Snapshot | None, new: Snapshot) -> ChangeSet:
    """``old`` is None at the first load: no changes then, and every core auth is added."""
    if old is None:
        return ChangeSet(first=True, added=len(new.core_auths))
    added, changed, removed = _counts(old.core_auths, new.core_auths)
    order = FileOrder(new.written, old.written)
    changes = (
        *section_changes(old.config, new.config, "", (), (old.written, new.written)),
        *_stored_changes(old.providers, new.providers),
    )
    return ChangeSet(
        changes=tuple(sorted(changes, key=lambda change: order.rank(change.keys))),
        added=added,
        changed=changed,
        removed=removed,
    )


def _counts(old: Sequence[CoreAuth], new: Sequence[CoreAuth]) -> tuple[int, int, int]:
    """(added, changed, removed) core auths. Of one provider's, those whose ID is new take the place of those whose ID
    is gone: a key or a URL was changed."""
    before, after = {auth.id: auth for auth in old}, {auth.id: auth for auth in new}
    gone = Counter(auth.source for auth in old if auth.id not in after)
    come = Counter(auth.source for auth in new if auth.id not in before)
    replaced = (gone & come).total()
    changed = sum(1 for key, auth in after.items() if key in before and _differ(before[key], auth))
    return come.total() - replaced, changed + replaced, gone.total() - replaced


def _differ(before: CoreAuth, after: CoreAuth) -> bool:
    """Most of 2,000 are the same object, and a comparison of two that are equal looks at every field. The place among
    the keys of a list is no setting."""
    return before is not after and before != structs.replace(after, key=before.key)


def _stored_changes(old: Sequence[Provider], new: Sequence[Provider]) -> Iterator[Change]:
    """Those of the store, whose providers are not among the settings: after all that the file names."""
    before = {lower_name(each.name): each for each in old if each.kind == "store"}
    after = {lower_name(each.name): each for each in new if each.kind == "store"}
    for name, provider in after.items():
        if before.get(name) is provider:  # a row that did not change is the same object
            continue
        path = f"store.providers[{shown_text(provider.name)}]"
        if name in before:
            yield from _fields_of_stored(before[name], provider, path)
        else:
            state = "enabled" if provider.enabled else "disabled"
            yield Change(path=path, text=f"added ({state})", keys=STORE)
    for name, provider in before.items():
        if name not in after:
            yield Change(path=f"store.providers[{shown_text(provider.name)}]", text="removed", keys=STORE)


def _fields_of_stored(before: Provider, after: Provider, path: str) -> Iterator[Change]:
    for attribute, key in STORED_FIELDS:
        old, new = getattr(before, attribute), getattr(after, attribute)
        if old == new:
            continue
        below = f"{path}.{key}"
        match old, new:
            case RequestDefaults(), RequestDefaults():
                for name in RequestDefaults.__struct_fields__:
                    if getattr(old, name) != getattr(new, name):
                        text = f"{plain(getattr(old, name))} -> {plain(getattr(new, name))}"
                        yield Change(path=f"{path}.{name.replace('_', '-')}", text=text, keys=STORE)
            case dict(), dict():
                yield from _table_changes(old, new, below, STORE)
            case (Secret() as one,), (Secret() as other,):
                yield Change(path=below, text=secret_change(one, other), keys=STORE)
            case tuple(), tuple() if attribute == "models":
                yield from _entry_changes(old, new, below, STORE)
            case _:
                show = shown_url if attribute == "base_url" else plain
                text = f"{show(old)} -> {show(new)}" if show(old) != show(new) else "updated"
                yield Change(path=below, text=text, keys=STORE)


STORE: Keys = ("store",)
STORED_FIELDS = (
    ("name", "name"),
    ("enabled", "enabled"),
    ("failed", "failed"),
    ("type", "type"),
    ("base_url", "base-url"),
    ("api_keys", "api-key"),
    ("total_timeout", "timeout"),
    ("models", "models"),
    ("fallback_models", "fallback-models"),
    ("profile", "profile"),
    ("headers", "headers"),
    ("request_defaults", ""),
)
"""Attribute of ``Provider`` -> what the summary calls it. What follows from these has no line of its own."""


def section_changes(old: Base, new: Base, path: str, keys: Keys, written: Written = (None, None)) -> Iterator[Change]:
    """The changes of two values of one struct. ``path`` is empty for the whole configuration, ``written`` is the data
    of both files at this place."""
    assert type(old) is type(new)
    for field in fields(type(new)).values():
        before, after = getattr(old, field.attribute), getattr(new, field.attribute)
        if before != after:
            below = f"{path}.{field.key}" if path else field.key
            at = _in(written[0], field.key), _in(written[1], field.key)
            yield from _field_changes(field, (before, after), below, (*keys, field.key), at)


def _field_changes(
    field: Field, values: tuple[object, object], path: str, keys: Keys, written: Written
) -> Iterator[Change]:
    match values:
        case Base() as before, Base() as after:
            yield from section_changes(before, after, path, keys, written)
        case tuple() as before, tuple() as after if field.shape.kind == "aliases" or (
            field.shape.item and field.shape.item.section
        ):
            yield from _entry_changes(before, after, path, keys, written)
        case dict() as before, dict() as after:
            yield from _table_changes(before, after, path, keys)
        case before, after:
            text = _transition(field, _as_written(before, written[0]), _as_written(after, written[1]))
            yield Change(path=path, text=text, restart=field.restart, keys=keys)


def _as_written(value: object, written: object) -> object:
    """What a reference stands for is not shown: the reference is. Keys and fixed texts have words of their own."""
    if isinstance(value, Secret | Instructions):
        return value
    if isinstance(written, str) and is_reference(written):
        return Reference(written)
    if isinstance(value, tuple) and isinstance(written, list) and len(value) == len(written):
        return tuple(map(_as_written, value, written))
    return value


class Reference(str):
    """A reference as it is written."""

    __slots__ = ()


def _in(node: object, key: str | int) -> object:
    """What data has at this key; None for nothing."""
    if isinstance(node, Mapping):
        return node.get(key)
    return node[key] if isinstance(node, list) and isinstance(key, int) and key < len(node) else None


def _entry_changes(
    before: Sequence[Base], after: Sequence[Base], path: str, keys: Keys, written: Written = (None, None)
) -> Iterator[Change]:
    """Entries are the same if they are named the same."""
    old, new = _named(before), _named(after)
    for name, entry in new.items():
        at, below = f"{path}[{_label(entry, name)}]", (*keys, name)
        if name not in old:
            yield Change(path=at, text=f"added{_state(entry)}", keys=below)
        elif isinstance(entry, ModelAlias):
            if old[name] != entry:
                yield Change(path=at, text=f"{_target(old[name])} -> {_target(entry)}", keys=below)
        else:
            nodes = _in(written[0], _index_of(before, old[name])), _in(written[1], _index_of(after, entry))
            yield from section_changes(old[name], entry, at, below, nodes)
    for name, entry in old.items():
        if name not in new:
            yield Change(path=f"{path}[{_label(entry, name)}]", text="removed", keys=(*keys, name))
    if [name for name in old if name in new] != [name for name in new if name in old]:
        yield Change(path=path, text="order changed", keys=keys)


def _index_of(entries: Sequence[Base], entry: Base) -> int:
    return next(index for index, each in enumerate(entries) if each is entry)


def _named(entries: Sequence[Base]) -> dict[str, Base]:
    """Entries by identity; one without a name, or with a repeated one, by its number."""
    named: dict[str, Base] = {}
    for number, entry in enumerate(entries):
        name = _identity(entry)
        named[name if name and name not in named else str(number)] = entry
    return named


def _identity(entry: Base) -> str:
    match entry:
        case TppcProvider():
            return lower_name(entry.name)
        case ModelAlias():
            return entry.pattern
        case ModelEntry():
            return entry.public
    return ""


def _label(entry: Base, name: str) -> str:
    """Providers are named as they are written, everything else as it is compared."""
    written = entry.name.strip() if isinstance(entry, TppcProvider) else ""
    return shown_text(written or name)


def _state(entry: Base) -> str:
    match entry:
        case TppcProvider():
            return _enabled(entry.enabled)
        case ModelAlias():
            return f" ({_target(entry)})"
    return ""


def _enabled(enabled: bool) -> str:
    return " (enabled)" if enabled else " (disabled)"


def _target(alias: Base) -> str:
    assert isinstance(alias, ModelAlias)
    return shown_text(alias.model) if alias.model else "the provider's default model"


def _table_changes(before: Mapping[str, str], after: Mapping[str, str], path: str, keys: Keys) -> Iterator[Change]:
    for name in {**after, **before}:
        if before.get(name) != after.get(name):
            text = _verb(name in before, name in after)
            yield Change(path=f"{path}[{shown_text(name)}]", text=text, keys=(*keys, name))


def _verb(before: bool, after: bool) -> str:
    """What became of a value that is not shown: whether there was one, and whether there is one."""
    if not before:
        return "set"
    return "updated" if after else "removed"


def _transition(field: Field, before: object, after: object) -> str:
    match before, after:
        case Secret(), Secret():
            return secret_change(before, after)
        case ((Secret() | tuple()), (Secret() | tuple())) if field.shape.kind == "keys":
            return keys_change(before, after)
        case tuple(), tuple() if field.shape.item and field.shape.item.kind == "secret":
            return key_count(len(before), len(after))
        case Instructions(), Instructions() if before.written == after.written:  # the text behind the reference
            return "updated"
    old, new = shown(field, before), shown(field, after)
    if old == new:  # the path of a URL, or the tail of a long text
        return (
            "updated"
            if old == "<redacted>" or isinstance(after, Reference)
            else f"{old} -> {new} (changed beyond what is shown)"
        )
    return f"{old} -> {new}"


def shown(field: Field, value: object) -> str:
    """A value as the summary may show it."""
    match value:
        case Reference():
            return shown_text(value)
        case _ if value is UNSET:
            return "inherit" if field.shown is UNSET else f"{field.shown} by default"
        case int() if field.shape.kind == "size" and value % 1024**2 == 0:
            return f"{value // 1024**2}MiB"
        case str() if field.shape.kind == "url":
            return shown_url(value)
        case tuple() if field.shape.kind == "models":
            return plain(tuple(entry.public for entry in value))
    return plain(value)
