"""The schema as data: one description of each field, read by the loader, the JSON Schema, the diff and the masks.

    Field   key, attribute, default, docs text, restart
    Shape   what a value is: kind, and the parts that belong to the kind

Compiled once per struct from its annotations.
"""

from __future__ import annotations

import types
from collections.abc import Iterable
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Meta, Struct, UnsetType

from daemon.config.instructions import Instructions
from daemon.config.schema_base import Base
from daemon.secret import Secret

Kind = Literal[
    "text", "url", "pem", "name", "secret", "flag", "integer", "number", "duration", "size", "choice", "section",
    "list", "table", "aliases", "instructions", "models", "globs", "keys",
]  # fmt: skip


class Shape(Struct, frozen=True, kw_only=True):
    """``choices`` of a choice, ``section`` of a section, ``item`` of a list; ``models`` has choices and an item,
    ``keys`` an item: one value, or a list of such. ``least`` and ``most`` bound a number, ``above`` bounds it without
    being reached."""

    kind: Kind
    choices: tuple[str, ...] = ()
    section: type[Base] | None = None
    item: Shape | None = None
    least: float | None = None
    most: float | None = None
    above: float | None = None


class Field(Struct, frozen=True, kw_only=True):
    attribute: str
    key: str
    shape: Shape
    default: object
    """``msgspec.NODEFAULT`` where the field must be given."""
    description: str
    restart: bool
    shown: object
    """The default for people."""

    @property
    def required(self) -> bool:
        return self.default is msgspec.NODEFAULT


@cache
def fields(section: type[Base]) -> dict[str, Field]:
    """The fields of a section by key, in schema order."""
    compiled = (_field(info) for info in msgspec.structs.fields(section))
    return {field.key: field for field in compiled}


def _field(info: msgspec.structs.FieldInfo) -> Field:
    default = info.default
    if default is msgspec.NODEFAULT and info.default_factory is not msgspec.NODEFAULT:
        default = info.default_factory()
    metas = tuple(_metas(info.type))
    return Field(
        attribute=info.name,
        key=info.encode_name,
        shape=_shape(info.type),
        default=default,
        description=next((meta.description for meta in metas if meta.description), ""),
        restart=any((meta.extra or {}).get("restart") for meta in metas),
        shown=next((extra["shown"] for meta in metas if "shown" in (extra := meta.extra or {})), default),
    )


def _metas(annotation: Any) -> Iterable[Meta]:
    """Every Meta of an annotation, also those inside a union (``Duration | UnsetType``)."""
    if get_origin(annotation) is Annotated:
        inner, *metas = get_args(annotation)
        yield from (meta for meta in metas if isinstance(meta, Meta))
        yield from _metas(inner)
    elif get_origin(annotation) in (Union, types.UnionType):
        for member in get_args(annotation):
            yield from _metas(member)


def _shape(annotation: Any) -> Shape:
    metas = tuple(_metas(annotation))
    extras = [meta.extra for meta in metas if meta.extra]
    kind = next((extra["kind"] for extra in extras if "kind" in extra), None)
    if kind == "keys":
        return Shape(kind="keys", item=Shape(kind="secret"))
    plain = _bare(annotation)
    kind = kind or SCALARS.get(plain)
    if kind is not None:
        return Shape(
            kind=kind,
            choices=next((extra["choices"] for extra in extras if "choices" in extra), ()),
            item=_shape(get_args(plain)[0]) if get_origin(plain) is tuple else None,
            least=next((meta.ge for meta in metas if meta.ge is not None), None),
            most=next((meta.le for meta in metas if meta.le is not None), None),
            above=next((meta.gt for meta in metas if meta.gt is not None), None),
        )
    return _compound(plain)


def _compound(plain: Any) -> Shape:
    arguments = get_args(plain)
    match get_origin(plain):
        case origin if origin is Literal:
            return Shape(kind="choice", choices=arguments)
        case origin if origin is tuple:
            return Shape(kind="list", item=_shape(arguments[0]))
        case origin if origin is dict:
            return Shape(kind="table")
    assert issubclass(plain, Base), plain
    return Shape(kind="section", section=plain)


SCALARS: dict[object, Kind] = {str: "text", Secret: "secret", bool: "flag", int: "integer", float: "number"}
SCALARS |= {Instructions: "instructions"}
NO_VALUE = (UnsetType, types.NoneType)
"""What a field may be that is not set."""


def _bare(annotation: Any) -> Any:
    """The type itself: without Annotated, without the alternatives UNSET and None, and without words beside a list."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        members = [each for each in get_args(annotation) if each not in NO_VALUE]
        (member,) = [each for each in members if get_origin(each) is not Literal] or members
        return _bare(member)
    return annotation
