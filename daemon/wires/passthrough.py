"""What the wires' pass-throughs share: the exact way to change a field of raw JSON, and the way round by the hub."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw

from daemon.inference.collect import collect
from daemon.wires.base import EncodeResponse, Fields, StreamDecoder

NULL: Final = Raw(b"null")
TRUE: Final = Raw(b"true")
FALSE: Final = Raw(b"false")

encode = msgspec.json.encode
fields_of = msgspec.json.Decoder(dict[str, Raw]).decode


def collected(decoder: StreamDecoder, stream: bytes, encode_response: EncodeResponse) -> bytes:
    """The JSON answer by way of the hub, where a stream has no form of it. Raises ``RemoteError``."""
    return encode_response(collect(decoder.feed(stream)))


def changed(raw: bytes | Raw, **values: object) -> bytes:
    """The JSON object with some top-level fields replaced or added; all others keep their bytes and order."""
    fields = fields_of(raw)
    for name, value in values.items():
        fields[name] = value if isinstance(value, Raw) else Raw(encode(value))
    return encode(fields)


def object_of(raw: Raw | None) -> Fields:
    """The fields of an object that may be null or missing."""
    return fields_of(raw) if raw and raw != NULL else {}


def with_effort(fields: Fields, name: str, suffix: str | None, default: str | None) -> None:
    """Sets ``effort`` in the object ``name``: the suffix's level; the default where the client says none."""
    options = object_of(fields.get(name))
    if suffix is not None:
        options["effort"] = Raw(encode(suffix))
    elif options.get("effort", NULL) == NULL:
        options["effort"] = Raw(encode(default))
    fields[name] = Raw(encode(options))
