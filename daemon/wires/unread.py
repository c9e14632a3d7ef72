"""What a client's body says that its entry does not read: every field that the entry's structs have no place for.

The structs are the only list, so that no field is lost in silence: what a struct has is read into the hub, or it is
``NotMissed``; anything else is reported by its name, also what no client sends yet. Bodies without such a field are
decoded once (``strict``); only the others are looked through.

    {"tools": [{"name": "a", "input_examples": [{}]}]}  ->  tools[0].input_examples
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, reduce
from operator import or_
from typing import Annotated, Any, Final, Generic, TypeVar, Union, cast, get_args, get_origin

import msgspec
from msgspec import Meta, Raw, Struct, ValidationError
from msgspec.structs import fields as fields_of_struct

from daemon.wires.json import NOT_JSON, fields_of, first_byte, is_object, items_of, says, type_of

_EXTRA: Final = {"not_missed": True}
NotMissed = Annotated[Raw, Meta(extra=_EXTRA)]
"""A field that is not read, because no client misses what it says: it changes the price or the pace, or repeats what
an answer said."""

MOST_NAMED: Final = 32
"""Names of fields that nobody reads, of one request."""
MORE: Final = "more"
UNNAMED: Final = "unnamed"

_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,47}", re.ASCII)
_NUMBER: Final = re.compile(r"\[\d+\]")
_LONGEST_USUAL: Final = 64
"""Bytes of a value that may be the usual one."""
_USUAL: Final[Mapping[str, tuple[object, ...]]] = {
    "allowed_callers": (["direct"],),
    "citations": ({"enabled": False},),
    "execution": ("server",),
    "search_context_size": ("medium",),
    "truncation": ("disabled",),
    "n": (1,),
}
"""What the APIs do anyway, so that the field says nothing."""
_ZERO_SAYS: Final = frozenset({"seed"})

T = TypeVar("T", bound=Struct)
_value = msgspec.json.Decoder().decode


class Unread:
    """Collects the names for one request. ``where``: the item that is read now (``input``, 3)."""

    __slots__ = ("_names", "where")

    def __init__(self) -> None:
        self._names: dict[str, str] = {}  # without their numbers, to the first of each
        self.where: tuple[str, int] = ("", 0)

    def add(self, names: Iterable[str]) -> None:
        for name in names:
            if len(self._names) >= MOST_NAMED:
                self._names.setdefault(MORE, MORE)
                return
            self._names.setdefault(_NUMBER.sub("[]", name), name)

    def add_here(self, raw: bytes | Raw, type_: type[Struct], inside: str = "") -> None:
        """Of the item that is read now, or of a part of it."""
        root, number = self.where
        self.add(f"{root}[{number}].{inside}{name}" for name in unread(fields_of(raw), type_))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._names.values())


class EntryDecoder(Generic[T]):
    """Decodes a piece of a client's body, and notes what of it the struct does not have. ``reads``: whether a piece
    is read by its fields; one of another kind goes along whole, or is lost whole."""

    __slots__ = ("_loose", "_reads", "_strict", "_type")
    _strict: Callable[[bytes | Raw], T]
    _loose: Callable[[bytes | Raw], T]

    def __init__(self, type_: type[T], reads: Callable[[T], bool] = lambda _: True) -> None:
        self._type = type_
        self._reads = reads
        self._strict = msgspec.json.Decoder(strict(type_)).decode
        self._loose = msgspec.json.Decoder(type_).decode

    def decode(self, raw: bytes | Raw, noted: Unread, inside: str = "") -> T:
        """Raises ``msgspec.ValidationError`` for what is not such a piece at all. ``inside``: where the piece is in the
        item that is read now (``filters.``)."""
        try:
            return self._strict(raw)
        except ValidationError:
            piece = self._loose(raw)
        if self._reads(piece):
            noted.add_here(raw, self._type, inside)
        return piece


class BodyDecoder(Generic[T]):
    """The same for a whole body, of which the caller has the top level: that may hold more than the struct."""

    __slots__ = ("_loose", "_strict", "_type")
    _strict: Callable[[bytes], T]
    _loose: Callable[[bytes], T]

    def __init__(self, type_: type[T]) -> None:
        self._type = type_
        self._strict = msgspec.json.Decoder(strict(type_, at_top=False)).decode
        self._loose = msgspec.json.Decoder(type_).decode

    def decode(self, body: bytes, fields: Mapping[str, Raw], noted: Unread) -> T:
        """Raises ``msgspec.ValidationError`` for what is not this wire's."""
        try:
            return self._strict(body)
        except ValidationError:
            read = self._loose(body)
        noted.add(unread_inside(fields, self._type))
        return read


# --- strict structs ------------------------------------------------------------------------------


@cache
def strict(type_: type[T], *, at_top: bool = True) -> type[T]:
    """The same struct, but that it and all structs in it refuse fields that they do not have; without ``at_top`` only
    those in it."""
    config = type_.__struct_config__
    changed: list[tuple[str, Any, Any]] = []
    for field in fields_of_struct(type_):
        hint = _strict_hint(field.type)
        if hint is not field.type:
            default = field.default
            if field.default_factory is not msgspec.NODEFAULT:
                default = msgspec.field(default_factory=field.default_factory)
            changed.append((field.name, hint, default))
    return cast(
        type[T],
        msgspec.defstruct(
            f"Strict{type_.__name__}",
            [
                (name, hint) if default is msgspec.NODEFAULT else (name, hint, default)
                for name, hint, default in changed
            ],
            bases=(type_,),
            module=__name__,
            kw_only=True,
            forbid_unknown_fields=at_top,
            tag=config.tag,
            tag_field=config.tag_field,
        ),
    )


def _strict_hint(hint: Any) -> Any:
    if isinstance(hint, type) and issubclass(hint, Struct):
        return strict(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin not in (Union, types.UnionType, list):
        return hint
    new = tuple(map(_strict_hint, arguments))
    if new == arguments:
        return hint
    return list[new] if origin is list else reduce(or_, new)  # type: ignore[valid-type]


# --- what is left ---------------------------------------------------------------------------------


class _Known(Struct, frozen=True):
    """What is read of a value: of an object its ``fields``, each None where it is read whole or not missed; of one of
    several kinds those of its ``type``. A list means its items."""

    fields: Mapping[str, _Known | None] = {}
    kinds: Mapping[str, _Known] = {}


def unread(fields: Mapping[str, Raw], type_: type[Struct]) -> Iterator[str]:
    """The names of what an object says in fields that ``type_`` does not have, at every depth."""
    return _of_fields(fields, _known(type_), "")


def unread_inside(fields: Mapping[str, Raw], type_: type[Struct], leaving_out: Iterable[str] = ()) -> Iterator[str]:
    """The same, less the top level: of the fields that ``type_`` has."""
    known = _known(type_).fields
    for name, raw in fields.items():
        inner = known.get(name)
        if inner is not None and name not in leaving_out:
            yield from _of_value(raw, inner, name)


def _of_fields(fields: Mapping[str, Raw], known: _Known, where: str) -> Iterator[str]:
    for name, raw in fields.items():
        place = f"{where}.{name}" if where else name
        if name not in known.fields:
            if _says(fields, name):
                yield place if _WORD.fullmatch(name) else f"{where}.{UNNAMED}" if where else UNNAMED
            continue
        inner = known.fields[name]
        if inner is None:
            continue
        if where and first_byte(raw) == b"[":  # the parts of an item have the item's place
            for each in items_of(raw):
                yield from _of_value(each, inner, where)
        else:
            yield from _of_value(raw, inner, place)


def _of_value(raw: Raw, known: _Known, where: str) -> Iterator[str]:
    if is_object(raw):
        shape = known.kinds.get(type_of(raw)) if known.kinds else known
        if shape is not None:
            yield from _of_fields(fields_of(raw), shape, where)
    elif first_byte(raw) == b"[":
        for number, each in enumerate(items_of(raw)):
            yield from _of_value(each, known, f"{where}[{number}]")


def _says(fields: Mapping[str, Raw], name: str) -> bool:
    raw = fields[name]
    if name in _ZERO_SAYS and bytes(raw) == b"0":
        return True
    if not says(fields, name):
        return False
    if name not in _USUAL or len(bytes(raw)) > _LONGEST_USUAL:
        return True
    try:
        return _value(raw) not in _USUAL[name]
    except NOT_JSON:
        return True


@cache
def _known(type_: type[Struct]) -> _Known:
    fields = {field.encode_name: _known_hint(field.type) for field in fields_of_struct(type_)}
    config = type_.__struct_config__
    return _Known(fields={**fields, config.tag_field: None} if config.tag_field else fields)


def _known_hint(hint: Any) -> _Known | None:
    structs = list(_structs(hint))
    if len(structs) < 2:
        return _known(structs[0]) if structs else None
    return _Known(kinds={str(each.__struct_config__.tag): _known(each) for each in structs})


def _structs(hint: Any) -> Iterator[type[Struct]]:
    if isinstance(hint, type) and issubclass(hint, Struct):
        yield hint
    elif get_origin(hint) in (Union, types.UnionType, list):
        for each in get_args(hint):
            yield from _structs(each)


def not_missed(type_: type[Struct]) -> frozenset[str]:
    """The fields of ``type_`` that are not read."""
    return frozenset(field.name for field in fields_of_struct(type_) if field.type == NotMissed)
