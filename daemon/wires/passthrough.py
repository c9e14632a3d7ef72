"""What the wires' pass-throughs share: the exact way to change a field of raw JSON, and the way round by the hub."""

from __future__ import annotations

import msgspec
from msgspec import Raw

from daemon.inference.collect import collect
from daemon.wires.base import EncodeResponse, StreamDecoder

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
