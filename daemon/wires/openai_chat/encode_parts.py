"""The content parts of a message: images and documents, and what only one wire knows."""

from __future__ import annotations

import base64
import binascii

from msgspec import UNSET, Raw

from daemon.inference.blocks import File, Image, Opaque
from daemon.wires.json import encode, type_of
from daemon.wires.openai.documents import FILES_OF_OPENAI, SAME_PARTS, inline_data, titled
from daemon.wires.openai_chat.schema import (
    WIRE_NAME,
    ContentPart,
    FileObject,
    FilePart,
    ImagePart,
    ImageUrl,
    TextPart,
)

_TEXTUAL = ("text/", "application/json", "application/xml")

_RESPONSES_ONLY = "original"
"""A detail of images that Codex asks for and this wire does not have."""


def medium_part(medium: Image | File, entry: str) -> ContentPart | None:
    """The part, or None for what this wire has no form for. ``entry`` is the wire of the client."""
    return _image(medium, entry) if isinstance(medium, Image) else _file(medium, entry)


def opaque_part(opaque: Opaque) -> ContentPart | None:
    """This wire's own part as it came; of another's, the model reads the JSON. None for what is no content: an item of
    its own of the Responses API, such as an output of a tool that OpenAI runs."""
    if opaque.wire == WIRE_NAME or type_of(opaque.raw) in SAME_PARTS:
        return opaque.raw
    if opaque.wire == "responses" and not type_of(opaque.raw).startswith("input_"):
        return None
    return TextPart(bytes(opaque.raw).decode("utf-8", "replace"))


def thinking_part(text: str) -> ContentPart:
    """Mistral's: its answers hold thinking among the parts of the content, and its API takes it back there
    (docs.mistral.ai, reasoning; vercel/ai has sent it since 2026)."""
    return Raw(encode({"type": "thinking", "thinking": [{"type": "text", "text": text}]}))


def _image(image: Image, entry: str) -> ContentPart | None:
    detail = UNSET if image.detail is None else "auto" if image.detail == _RESPONSES_ONLY else image.detail
    if image.data is not None:
        return ImagePart(ImageUrl(f"data:{image.media_type or 'image/png'};base64,{image.data}", detail=detail))
    if image.url is not None:
        return ImagePart(ImageUrl(image.url, detail=detail))
    if image.file_id is not None and entry == WIRE_NAME:
        return ImagePart(ImageUrl(file_id=image.file_id, detail=detail))
    return None


def _file(file: File, entry: str) -> ContentPart | None:
    """A document whose bytes are text goes as text: of others OpenAI takes PDF alone, most servers none."""
    filename = UNSET if file.filename is None else file.filename
    if file.text is not None:
        return TextPart(titled(file, file.text))
    if file.data is not None:
        text = _text_in(file) if entry != WIRE_NAME else None
        return TextPart(titled(file, text)) if text is not None else _inline(file, entry)
    if file.file_id is not None and entry in FILES_OF_OPENAI:
        return FilePart(FileObject(filename, file_id=file.file_id))
    if file.url is not None and entry == WIRE_NAME:
        return FilePart(FileObject(filename, file_url=file.url))
    return None


def _inline(file: File, entry: str) -> FilePart:
    if file.media_type is None and entry == WIRE_NAME:
        return FilePart(FileObject(UNSET if file.filename is None else file.filename, file_data=file.data or ""))
    filename, data = inline_data(file)
    return FilePart(FileObject(filename, file_data=data))


def _text_in(file: File) -> str | None:
    if not (file.media_type or "").startswith(_TEXTUAL):
        return None
    try:
        return base64.b64decode(file.data or "", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def context_part(medium: Image | File) -> TextPart | None:
    """What the client says about a document that goes as a file, which has no field for it."""
    return TextPart(titled(medium, "")) if isinstance(medium, File) and medium.context else None
