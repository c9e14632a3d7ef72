"""What the relay asks of a wire's dialect, and the exact way to change a field of raw JSON."""

from __future__ import annotations

from typing import Protocol

import msgspec
from msgspec import Raw

from daemon.errors import GatewayError
from daemon.gateway.inbound import Inbound
from daemon.inference.collect import collect
from daemon.inference.response import Response

encode = msgspec.json.encode
fields_of = msgspec.json.Decoder(dict[str, Raw]).decode


class Dialect(Protocol):
    """One request's dialect. ``read`` looks at an event, and what follows speaks of that one, until the next.

    ``told``: the wire's decoder is to be given it, for usage, an error or the end of the answer.
    ``signed``: the encrypted reasoning it carries, by which its origin is remembered, else empty.
    """

    told: bool
    signed: bytes

    def begin(self) -> None:
        """A new attempt; what the client has been told stays told."""
        ...

    def read(self, payload: bytes) -> None:
        """Raises ``msgspec.DecodeError`` for what is no event."""
        ...

    def commits(self) -> bool:
        """Whether the event is the first piece of content."""
        ...

    def event(self, payload: bytes) -> bytes:
        """The event as the client gets it; called once for each, in their order. May be empty."""
        ...

    def end(self) -> bytes:
        """What is still due after the last event of a complete answer."""
        ...

    def keep_alive(self, *, committed: bool) -> bytes:
        """Bytes that the client counts as activity; they commit nothing."""
        ...

    def fail(self, error: GatewayError) -> bytes:
        """The last event of a stream that cannot go on. What is open never ends as if it were complete."""
        ...

    def whole(self, body: bytes) -> bytes:
        """A JSON answer as the client gets it."""
        ...

    def collected(self, stream: bytes) -> bytes:
        """The JSON answer of a complete stream, as ``event`` and ``end`` have written it."""
        ...

    def unfold(self, body: bytes, response: Response) -> bytes:
        """The event stream of a JSON answer."""
        ...


def collected(inbound: Inbound, stream: bytes) -> bytes:
    """The JSON answer by way of the hub, where a stream has no form of it. Raises ``RemoteError``."""
    return inbound.encode_response(collect(inbound.wire.stream_decoder({}).feed(stream)))


def changed(raw: bytes | Raw, **values: object) -> bytes:
    """The JSON object with some top-level fields replaced or added; all others keep their bytes and order."""
    fields = fields_of(raw)
    for name, value in values.items():
        fields[name] = value if isinstance(value, Raw) else Raw(encode(value))
    return encode(fields)
