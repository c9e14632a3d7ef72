"""What an upstream's 200 holds: an event stream, a JSON answer or a web page.

The first bytes decide, for relays label their answers wrongly in every direction (claude-code-router-next#41,
openclaw#97454, sub2api#2826), and the clients read them all the same. The content type decides where the bytes do not.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec
from msgspec import Raw, Struct

from daemon.upstream.http.call import UpstreamResponse
from daemon.wires.json import NOT_JSON

Form = Literal["events", "json", "page"]

_FIELDS: Final = (b"data:", b"event:", b":", b"id:", b"retry:")
_BOM: Final = b"\xef\xbb\xbf"
_BLANK: Final = b" \t\r\n"
_FORM_OF_BYTE: Final[dict[bytes, Form]] = {b"{": "json", b"[": "json", b"<": "page"}


async def beginning(answer: UpstreamResponse) -> tuple[bytes, Form]:
    """The body's first bytes, as soon as they say what it is: a byte-order mark and leading blanks left out, empty for
    an empty body."""
    first_bytes = b""
    while data := await answer.read():
        first_bytes += data
        if len(first_bytes) >= len(_BOM) or not _BOM.startswith(first_bytes):
            first_bytes = first_bytes.removeprefix(_BOM).lstrip(_BLANK)
        form = form_of(first_bytes)
        if form is not None:
            return first_bytes, form if form != "unknown" else _labelled(answer.content_type)
    return first_bytes, _labelled(answer.content_type)


def form_of(first_bytes: bytes) -> Form | Literal["unknown"] | None:
    """By the first bytes of a body; None while they may still become one thing or another."""
    start = first_bytes[:16].removeprefix(_BOM).lstrip(_BLANK)
    if not start or _BOM.startswith(start):
        return None
    if form := _FORM_OF_BYTE.get(start[:1]):
        return form
    if start.startswith(_FIELDS):
        return "events"
    return None if any(field.startswith(start) for field in _FIELDS) else "unknown"


def _labelled(content_type: str) -> Form:
    if content_type.endswith("json"):
        return "json"
    return "page" if content_type == "text/html" else "events"


class _Wrapper(Struct):
    data: Raw = Raw()
    choices: Raw = Raw()
    output: Raw = Raw()
    content: Raw = Raw()
    error: Raw = Raw()


_wrapper = msgspec.json.Decoder(_Wrapper).decode
_NOTHING: Final = (b"", b"null")


def unwrapped(body: bytes) -> bytes:
    """The answer in ``{"code": 200, "msg": "ok", "data": {…}}``, as Java relays wrap it; any other body as it is."""
    if b'"data"' not in body:
        return body
    try:
        outer = _wrapper(body)
        inner = outer if _is_answer(outer) else _wrapper(outer.data)
    except NOT_JSON:
        return body
    return bytes(outer.data) if inner is not outer and _is_answer(inner) else body


def _is_answer(body: _Wrapper) -> bool:
    return any(bytes(field) not in _NOTHING for field in (body.choices, body.output, body.content, body.error))
