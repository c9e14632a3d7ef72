"""JSON that is kept as it came, because nobody here reads it, or not all of it: its fields, how one is
changed, and what is wrong with it; and objects of odd shapes as structs.

Relays write numbers as text and text as numbers, and put anything into a field that nobody needs. No answer is lost
for that (``LenientDecoder``):
1. The strict decoder comes first: it is the fast one, and what OpenAI and Anthropic send passes it.
2. Where it finds another type, each field is read by itself. A number counts as text where text belongs (not where
   ``Words`` do) and whole numbers are read from text and from ``5.0``; one object stands for a list of one. Any other
   type counts as not sent.
3. What is no JSON, or no object, is refused by both: ``msgspec.DecodeError`` or another of ``NOT_JSON``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Final, Generic, NamedTuple, TypeVar, cast

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType, inspect

RawObject = dict[str, Raw]
"""An object of which the top level is read and every value keeps its bytes."""

NULL: Final = Raw(b"null")
TRUE: Final = Raw(b"true")
FALSE: Final = Raw(b"false")

encode = msgspec.json.Encoder().encode
fields_of = msgspec.json.Decoder(RawObject).decode
items_of = msgspec.json.Decoder(list[Raw]).decode

NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises for what is no JSON, or not the JSON that was asked for. Nesting deeper than the stack
counts as none: nobody sends it in earnest."""


class _Typed(Struct):
    type: str | None = None


_typed = msgspec.json.Decoder(_Typed)
_any = msgspec.json.Decoder(Raw)
_string = msgspec.json.Decoder(str).decode


_AS_GOOD_AS_NONE = frozenset({b"", b"null", b"false", b"0", b"0.0", b"[]", b"{}", b'""', b'"disabled"', b'["text"]'})


def says(fields: Mapping[str, Raw], name: str) -> bool:
    """Whether a request says something by this field: some values are as good as none."""
    return bytes(fields.get(name, b"")) not in _AS_GOOD_AS_NONE


def check_utf8(body: bytes) -> None:
    """Raises ``UnicodeDecodeError``. What stays raw is passed on unread: it must not smuggle what is no UTF-8."""
    if not body.isascii():
        body.decode()


def with_utf8(body: bytes) -> bytes:
    """The same where it is UTF-8; else with what is none replaced, as browsers and Node do."""
    try:
        check_utf8(body)
    except UnicodeDecodeError:
        return body.decode("utf-8", "replace").encode()
    return body


def is_json(text: bytes | str) -> bool:
    """Whether it is one whole JSON value."""
    try:
        _any.decode(text)
    except NOT_JSON:
        return False
    return True


def json_text(value: object) -> str | None:
    """A call's arguments as text: JSON that is not in a string yet is written as it would stand there."""
    return value if value is None or isinstance(value, str) else msgspec.json.encode(value).decode()


def is_object(raw: Raw) -> bool:
    """Whether a field that stays raw is an object."""
    return first_byte(raw) == b"{"


def object_of(raw: Raw | None) -> RawObject:
    """The fields of an object; none for anything else."""
    return fields_of(raw) if raw and is_object(raw) else {}


def list_of(raw: Raw) -> list[Raw]:
    """The items of a list; none for anything else."""
    return items_of(raw) if first_byte(raw) == b"[" else []


def string_of(raw: Raw) -> str:
    """A string's text; '' for anything else."""
    if first_byte(raw) != b'"':
        return ""
    try:
        return _string(raw)
    except NOT_JSON:  # half a surrogate pair
        return ""


def first_byte(raw: Raw) -> bytes:
    """Enough to know an object, a list and a string by: a value that stays raw has no space before it."""
    return bytes(memoryview(raw)[:1])


def copy_of(raw: Raw | UnsetType) -> Raw | None:
    """A copy of a field that was sent, and not as ``null``; it does not keep the whole body in memory."""
    if raw is UNSET or bytes(raw) == b"null":
        return None
    return Raw(bytes(raw))


def type_of(raw: Raw) -> str:
    """The ``type`` of an object; empty for anything that has none."""
    try:
        return _typed.decode(raw).type or ""
    except NOT_JSON:
        return ""


def changed(raw: bytes | Raw, **values: object) -> bytes:
    """The JSON object with some top-level fields replaced or added; all others keep their bytes and order."""
    fields = fields_of(raw)
    for name, value in values.items():
        fields[name] = value if isinstance(value, Raw) else Raw(encode(value))
    return encode(fields)


def with_effort(fields: RawObject, name: str, suffix: str | None, default: str | None) -> None:
    """Sets ``effort`` in the object ``name``: the suffix's level; the default, if any, where the client says none."""
    options = object_of(fields.get(name))
    level = suffix if suffix is not None or options.get("effort", NULL) != NULL else default
    if level is not None:
        fields[name] = Raw(encode(options | {"effort": Raw(encode(level))}))


# --- mistakes ------------------------------------------------------------------------------------


MOST_LEVELS: Final = 16
"""Objects of an API inside each other that are looked into: no API has more, and clients may send a thousand."""

_PLACE: Final = re.compile(r" - at `([^`]*)`\Z")
NOT_ONE_OF_THEM: Final = "Invalid value"
_QUOTING: Final = re.compile(r"Invalid (?:enum )?value\b")


class Mistake(NamedTuple):
    """What msgspec says of a mistake, less the value that it quotes: that is the client's, or the model's, own text.

    Invalid enum value 'tell my doctor' - at `$.messages[0].role`  ->  Invalid value - at `$.messages[0].role`

    ``what`` is wrong, and ``place`` as msgspec writes it (``$.messages[0].role``), '' for the whole."""

    what: str
    place: str

    def __str__(self) -> str:
        return f"{self.what} - at `{self.place}`" if self.place else self.what


def mistake(error: Exception) -> Mistake:
    """A ``ValidationError`` as a client or a log may see it."""
    text = str(error)
    # Anchored at the end: a quoted value may look like a place itself.
    place = _PLACE.search(text)
    what = text[: place.start()] if place else text
    return Mistake(NOT_ONE_OF_THEM if _QUOTING.match(what) else what, place[1] if place else "")


# --- JSON of odd shapes --------------------------------------------------------------------------


T = TypeVar("T", bound=Struct)

_WORDS: Final = {"words": True}
Words = Annotated[str, Meta(extra=_WORDS)]
"""Text that is shown to people, and changes what an answer is: a number in its place is no such text."""

_NOT_SENT: Final = object()
_WHOLE_NUMBER: Final = re.compile(r"(-?\d{1,18})(?:\.0*)?")

_value = msgspec.json.Decoder().decode


class LenientDecoder(Generic[T]):
    """One struct. ``strict`` is for hot paths, which call it first and ``odd`` when it raises ``ValidationError``."""

    __slots__ = ("_type", "strict")

    def __init__(self, type_: type[T]) -> None:
        self._type = type_
        self.strict = msgspec.json.Decoder(type_).decode

    def decode(self, raw: bytes | Raw) -> T:
        """The object in ``raw``. Raises what ``NOT_JSON`` lists."""
        try:
            return self.strict(raw)
        except msgspec.ValidationError:
            return self.odd(raw)

    def odd(self, raw: bytes | Raw) -> T:
        """As ``decode``, for what the strict decoder has refused."""
        return cast(T, _object(raw, self._type))


def _object(raw: bytes | Raw, type_: type[Struct]) -> Struct:
    """Raises ``ValidationError`` where a field is missing that has no default."""
    sent = fields_of(raw)
    values: dict[str, object] = {}
    for field in _struct(type_):
        value = _read(bytes(sent[field.encode_name]), field.type) if field.encode_name in sent else _NOT_SENT
        if value is not _NOT_SENT:
            values[field.name] = value
        elif field.required:
            raise msgspec.ValidationError(f"Object missing required field `{field.encode_name}`")
    return type_(**values)


@cache
def _struct(type_: type[Struct]) -> tuple[inspect.Field, ...]:
    return cast(inspect.StructType, inspect.type_info(type_)).fields


def _read(raw: bytes, type_: inspect.Type) -> object:
    """The value as ``type_``, or ``_NOT_SENT``."""
    match type_:
        case inspect.UnionType(types=types):
            values = (_read(raw, each) for each in types)
            return next((value for value in values if value is not _NOT_SENT), _NOT_SENT)
        case inspect.Metadata(type=inner, extra=extra):
            return _NOT_SENT if extra == _WORDS and not raw.startswith(b'"') else _read(raw, inner)
        case inspect.RawType():
            return Raw(raw)
        case inspect.StructType(cls=cls):
            return _object(raw, cls) if raw.startswith(b"{") else _NOT_SENT
        case inspect.ListType(item_type=item):
            return _list(raw, item)
        case inspect.DictType(value_type=value):
            return _dict(raw, value) if raw.startswith(b"{") else _NOT_SENT
        case inspect.AnyType():
            return _value(raw)
        case _:
            return _scalar(_value(raw), type_)


def _list(raw: bytes, item: inspect.Type) -> object:
    if raw.startswith(b"["):
        return [value for each in items_of(raw) if (value := _read(bytes(each), item)) is not _NOT_SENT]
    alone = isinstance(item, inspect.StructType) and raw.startswith(b"{")
    return [_read(raw, item)] if alone else _NOT_SENT


def _dict(raw: bytes, value: inspect.Type) -> dict[str, object]:
    read = ((name, _read(bytes(each), value)) for name, each in fields_of(raw).items())
    return {name: each for name, each in read if each is not _NOT_SENT}


def _scalar(value: Any, type_: inspect.Type) -> object:
    if value is None:
        return None if isinstance(type_, inspect.NoneType) else _NOT_SENT
    if isinstance(value, bool):
        return value if isinstance(type_, inspect.BoolType) else _NOT_SENT
    if not isinstance(value, str | int | float):
        return _NOT_SENT
    if isinstance(type_, inspect.StrType):
        return str(value)
    if isinstance(type_, inspect.IntType) and (whole := _WHOLE_NUMBER.fullmatch(str(value).strip())):
        return int(whole[1])
    return _NOT_SENT
