"""Images and documents on their way up."""

from __future__ import annotations

import msgspec
import pytest

from daemon.inference.blocks import File, Image
from daemon.wires.openai_chat.encode_parts import medium_part

URL = "https://a.example/a"


def image(**fields: str) -> dict[str, object]:
    return {"type": "image_url", "image_url": fields}


def file(**fields: str) -> dict[str, object]:
    return {"type": "file", "file": fields}


def text(text: str) -> dict[str, object]:
    return {"type": "text", "text": text}


MEDIA = [
    (Image(data="QUJD", media_type="image/webp"), "messages", image(url="data:image/webp;base64,QUJD")),
    (Image(data="QUJD"), "messages", image(url="data:image/png;base64,QUJD")),
    (Image(url=URL, detail="low"), "responses", image(url=URL, detail="low")),
    (Image(url=URL, detail="original"), "responses", image(url=URL, detail="auto")),
    (Image(file_id="file_1", detail="low"), "chat", image(file_id="file_1", detail="low")),
    (Image(file_id="file_1"), "responses", None),
    (Image(), "messages", None),
    (File(text="hi"), "messages", text("hi")),
    (File(text="hi", filename="a", context="c"), "messages", text("Document: a\nContext: c\n\nhi")),
    (File(data="aGk=", media_type="text/csv", filename="a.csv"), "messages", text("Document: a.csv\n\nhi")),
    (
        File(data="/w==", media_type="text/csv"),
        "messages",
        file(filename="document.csv", file_data="data:text/csv;base64,/w=="),
    ),
    (
        File(data="?", media_type="text/csv"),
        "messages",
        file(filename="document.csv", file_data="data:text/csv;base64,?"),
    ),
    (File(data="QUJD"), "messages", file(filename="document.pdf", file_data="data:application/pdf;base64,QUJD")),
    (
        File(data="QUJD", media_type="x/y", filename="a"),
        "messages",
        file(filename="a", file_data="data:x/y;base64,QUJD"),
    ),
    (File(data="QUJD", media_type="x/y"), "messages", file(filename="document.bin", file_data="data:x/y;base64,QUJD")),
    (
        File(data="aGk=", media_type="text/csv", filename="a"),
        "chat",
        file(filename="a", file_data="data:text/csv;base64,aGk="),
    ),
    (File(data="QUJD", filename="a"), "chat", file(filename="a", file_data="QUJD")),
    (File(data="QUJD"), "chat", file(file_data="QUJD")),
    (File(file_id="file_1"), "responses", file(file_id="file_1")),
    (File(file_id="file_1"), "messages", None),
    (File(url=URL, filename="a"), "chat", file(filename="a", file_url=URL)),
    (File(url=URL), "messages", None),
]


@pytest.mark.parametrize(("medium", "entry", "expected"), MEDIA)
def test_media(medium: Image | File, entry: str, expected: dict[str, object] | None) -> None:
    assert msgspec.to_builtins(medium_part(medium, entry)) == expected
