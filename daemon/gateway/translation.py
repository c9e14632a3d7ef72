"""The relay through the hub: any entry wire over any upstream wire."""

from __future__ import annotations

from collections.abc import Sequence

from daemon.errors import ErrorKind, GatewayError, RemoteError
from daemon.gateway.inbound import Inbound
from daemon.gateway.relay import HELD_BYTES, HELD_EVENTS
from daemon.gateway.sealing import Seal, open_request, seal_events
from daemon.inference.collect import collect, replay
from daemon.inference.events import BlockDelta, Event, Finish, StreamError
from daemon.inference.response import Usage
from daemon.snapshot.models import Candidate
from daemon.wires.base import EncodeOptions, StreamDecoder, StreamEncoder, UpstreamBody, Wire
from daemon.wires.table import WIRES


class Translation:
    """One request through the hub. The encoder lives with the request, the decoder with the attempt."""

    __slots__ = (
        "_bytes_held",
        "_decoder",
        "_encoder",
        "_events",
        "_inbound",
        "_seal",
        "_upstream",
        "_upstream_body",
        "committed",
        "error",
        "finished",
        "usage",
    )

    def __init__(self, inbound: Inbound) -> None:
        self._inbound = inbound
        self._encoder: StreamEncoder | None = None
        self._events: list[Event] = []
        self._bytes_held = 0
        self.committed = False
        self.finished = False
        self.error: RemoteError | None = None
        self.usage: Usage | None = None
        self._upstream: Wire
        self._upstream_body: UpstreamBody
        self._decoder: StreamDecoder
        self._seal: Seal

    def prepare(self, candidate: Candidate, effort: str | None) -> UpstreamBody:
        auth = candidate.auth
        self._upstream = WIRES[auth.wire]
        self._seal = Seal.of(auth.id)
        self._events, self._bytes_held = [], 0
        self.committed = self.finished = False
        self.error = None
        self._upstream_body = self._upstream.encode_request(
            open_request(self._seal, self._inbound.request),
            EncodeOptions(
                model=candidate.model,
                effort=effort,
                default_effort=auth.defaults.model_reasoning_effort,
                store=auth.store,
                instructions=auth.instructions,
                unsupported=frozenset(auth.unsupported_parameters),
            ),
        )
        wire = self._upstream
        decoder = wire.stream_decoder if self._inbound.request.stream else wire.collected_decoder or wire.stream_decoder
        self._decoder = decoder(self._upstream_body.tool_names)
        return self._upstream_body

    def feed(self, data: bytes) -> None:
        self._bytes_held += len(data)
        try:
            self._accept(self._decoder.feed(data))
        except RemoteError as error:
            self.error = error

    def feed_whole(self, body: bytes) -> None:
        try:
            response = self._upstream.decode_response(body, self._upstream_body.tool_names)
        except RemoteError as error:
            self.error = error
        else:
            self._accept(list(replay(response)))

    def end_of_body(self) -> None:
        self._accept(self._decoder.close())

    def _accept(self, events: Sequence[Event]) -> None:
        if not events:
            return
        match events[-1]:
            case StreamError(error=error):
                self.error = _remote(error)
                events = events[:-1]
            case Finish(usage=usage):
                self.finished = True
                self.usage = usage
        self._events += seal_events(self._seal, events)
        if not self.committed:
            self.committed = self._commits(events)

    def _commits(self, events: Sequence[Event]) -> bool:
        return (
            self.finished
            or any(type(event) is BlockDelta for event in events)
            or len(self._events) > HELD_EVENTS
            or self._bytes_held > HELD_BYTES
        )

    def take(self) -> bytes:
        if not self.committed or not self._events:
            return b""
        events, self._events = self._events, []
        return self._encode().encode(events)

    def whole(self) -> bytes:
        response = collect(self._events)
        return self._inbound.wire.encode_response(response, self._inbound.context)

    def keep_alive(self) -> bytes:
        return self._encode().keep_alive()

    def fail(self, error: GatewayError) -> bytes:
        return self._encode().fail(error)

    def _encode(self) -> StreamEncoder:
        if self._encoder is None:
            self._encoder = self._inbound.wire.stream_encoder(self._inbound.context)
        return self._encoder


def _remote(error: GatewayError) -> RemoteError:
    return error if isinstance(error, RemoteError) else RemoteError(ErrorKind.API, error.message)
