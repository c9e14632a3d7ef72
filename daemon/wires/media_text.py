"""Images, audio and documents as a line of text, for models that read text alone: the same on every wire.

Without it a picture that a model cannot see stays in the history and refuses every later turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from msgspec import Raw

from daemon.wires.base import Fields
from daemon.wires.json import NULL, RawObject, encode, list_of, object_of, string_of, type_of

_KINDS: Final[Mapping[str, str]] = {
    "image": "image",
    "image_url": "image",
    "input_image": "image",
    "video_url": "video",
    "input_video": "video",
    "video": "video",
    "input_audio": "audio",
    "audio_url": "audio",
    "audio": "audio",
    "document": "document",
    "file": "document",
    "input_file": "document",
    "file_url": "document",
}
"""Types of content parts on the three wires, and what a loss calls them."""

_LISTS: Final = {"messages": "text", "input": "input_text"}
"""Where a wire has its conversation, and the type of its text parts."""

_HOLDERS: Final = ("content", "output")
"""Where a message, an item or a result has its parts."""


def line_for(kind: str, where: str = "") -> str:
    """What stands where something was that could not be passed on; ``where`` is its URL or file id."""
    return f"[{kind} at {where}, which could not be passed on]" if where else f"[{kind}, which could not be passed on]"


def images_as_text(fields: Fields, _: str = "") -> Sequence[str]:
    return _as_text(fields, frozenset({"image", "video"}))


def audio_as_text(fields: Fields, _: str = "") -> Sequence[str]:
    return _as_text(fields, frozenset({"audio"}))


def documents_as_text(fields: Fields, _: str = "") -> Sequence[str]:
    return _as_text(fields, frozenset({"document"}))


def linked_images_as_text(fields: Fields, _: str = "") -> Sequence[str]:
    """Those that a server would have to fetch (Kimi)."""
    return _as_text(fields, frozenset({"image", "video"}), linked=True)


def media_as_text(fields: Fields, _: str = "") -> Sequence[str]:
    return _as_text(fields, frozenset(_KINDS.values()))


class _Chosen(NamedTuple):
    """What becomes text, of the type ``text_type``. ``linked``: only what has an address."""

    kinds: frozenset[str]
    text_type: str
    linked: bool


def _as_text(fields: Fields, kinds: frozenset[str], *, linked: bool = False) -> list[str]:
    lost: list[str] = []
    marks = [b'"%b"' % type_.encode() for type_, kind in _KINDS.items() if kind in kinds]
    for name, text_type in _LISTS.items():
        whole = bytes(fields.get(name, NULL))
        items = list_of(fields[name]) if any(mark in whole for mark in marks) else []
        chosen = _Chosen(kinds, text_type, linked)
        new = [_without(item, chosen, lost, f"{name}[{number}]") for number, item in enumerate(items)]
        if any(after is not before for after, before in zip(new, items, strict=True)):
            fields[name] = Raw(encode(new))
    return lost


def _without(raw: Raw, chosen: _Chosen, lost: list[str], place: str) -> Raw:
    """An item or a result with text for what is chosen; itself where there is nothing of it."""
    holder = object_of(raw)
    for name in _HOLDERS:
        parts = list_of(holder.get(name, NULL))
        new = [_part(part, chosen, lost, place) for part in parts]
        if any(after is not before for after, before in zip(new, parts, strict=True)):
            whole = _plain_text(new) if name == "content" and chosen.text_type == "text" else None
            return Raw(encode(holder | {name: Raw(encode(new if whole is None else whole))}))
    return raw


def _part(part: Raw, chosen: _Chosen, lost: list[str], place: str) -> Raw:
    type_ = type_of(part)
    kind = _KINDS.get(type_, "")
    if type_ == "tool_result":
        return _without(part, chosen, lost, place)
    if kind not in chosen.kinds:
        return part
    where = _where(object_of(part))
    if chosen.linked and not where:
        return part
    lost.append(f"{place}.{kind}")
    return Raw(encode({"type": chosen.text_type, "text": line_for(kind, where)}))


def _where(part: RawObject) -> str:
    """Its address, as far as that says something: not the bytes themselves."""
    for name in ("image_url", "url", "file_url", "source", "video_url"):
        inner = part.get(name, NULL)
        url = string_of(inner) or string_of(object_of(inner).get("url", NULL))
        if url and not url.startswith("data:"):
            return url
    return ""


def _plain_text(parts: Sequence[Raw]) -> str | None:
    """The text of parts that are nothing else: servers that read text alone often read no lists."""
    texts = []
    for part in parts:
        fields = object_of(part)
        if fields.keys() != {"type", "text"} or type_of(part) != "text":
            return None
        texts.append(string_of(fields["text"]))
    return "\n\n".join(text for text in texts if text)
