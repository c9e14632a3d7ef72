"""What every section of config.yaml is made of: the base of the structs, the docs text of a field, and the types that
say what a text or a number is beyond its Python type (``shape`` reads all three)."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta, Struct


def doc(
    text: str, *, restart: bool = False, ge: float | None = None, le: float | None = None, shown: str | None = None
) -> Meta:
    """What a field means; ``restart``: the running daemon keeps the old value. ``shown``: the default for people, of a
    field whose value differs from that while nobody has set it."""
    extra: dict[str, object] = {"restart": True} if restart else {}
    return Meta(description=text, ge=ge, le=le, extra=extra | ({} if shown is None else {"shown": shown}) or None)


Url = Annotated[str, Meta(extra={"kind": "url"})]
"""Shown as ``scheme://host[:port]`` only."""
PEM: Final = "-----BEGIN"
"""What no path has, and every PEM text."""
PemFile = Annotated[str, Meta(extra={"kind": "pem"})]
"""The path of a PEM file. A reference may also lead to the text of the file itself (``sources.named_files``)."""
Name = Annotated[str, Meta(extra={"kind": "name"})]
"""Shown as it is written, so it takes no reference: names, aliases, words of a fixed set."""
Duration = Annotated[float, Meta(extra={"kind": "duration"}, gt=0)]
"""Seconds: a number, or text such as ``500ms``, ``30s``, ``5m``."""
Size = Annotated[int, Meta(extra={"kind": "size"}, ge=1)]
"""Bytes: a number, or text such as ``64MiB``."""


class Base(Struct, frozen=True, kw_only=True, rename="kebab"):
    """What all sections share."""
