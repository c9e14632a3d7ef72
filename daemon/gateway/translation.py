"""The relay through the hub: any entry wire over any upstream wire."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from daemon.errors import ErrorKind, GatewayError, RemoteError
from daemon.gateway.amendments import amend_body
from daemon.gateway.inbound import Inbound
from daemon.gateway.losses import answer_losses
from daemon.gateway.relay import HELD_BYTES, HELD_EVENTS, Target
from daemon.gateway.sealing import Seal, open_request, seal_events
from daemon.gateway.stop_sequences import StopScanner
from daemon.inference.collect import collect, merged, replay
from daemon.inference.events import BlockDelta, Event, Finish, StreamError
from daemon.inference.response import Usage
from daemon.wires.base import StreamDecoder, StreamEncoder, UpstreamBody, Wire
from daemon.wires.table import WIRES

MANY_EVENTS = 4096
"""Events of an answer that nobody watches: more are put together, since each takes more room than its text."""


class Translation:
    """One request through the hub. The encoder lives with the request, the decoder with the attempt."""

    __slots__ = (
        "_bytes_held",
        "_decoder",
        "_encoder",
        "_events",
        "_inbound",
        "_merged",
        "_seal",
        "_stops",
        "_upstream",
        "_upstream_body",
        "answer_lost",
        "committed",
        "cut_short",
        "error",
        "finished",
        "streamed",
        "usage",
        "watched",
    )

    def __init__(self, inbound: Inbound) -> None:
        self._inbound = inbound
        self._encoder: StreamEncoder | None = None
        self._events: list[Event] = []
        self._bytes_held = 0
        self._merged = 0
        self._stops: StopScanner | None = None
        self.answer_lost: tuple[str, ...] = ()
        self.committed = self.finished = self.cut_short = False
        self.streamed = self.watched = True
        self.error: RemoteError | None = None
        self.usage: Usage | None = None
        self._upstream: Wire
        self._upstream_body: UpstreamBody
        self._decoder: StreamDecoder
        self._seal: Seal

    def prepare(self, target: Target) -> UpstreamBody:
        auth = target.candidate.auth
        self._upstream = WIRES[auth.wire]
        self._seal = Seal.of(auth.id)
        self._events, self._bytes_held = [], 0
        self._merged = 0
        self.answer_lost = ()
        self.committed = self.finished = self.cut_short = False
        self.error = None
        request = self._inbound.request
        foreign = self._inbound.wire.foreign_fields(request.extra.get(request.wire, {}))
        body = self._upstream.encode_request(
            open_request(self._seal if target.reasoning else None, request),
            target.options,
        )
        amended, lost = amend_body(body.body, target.amendments)
        if lost or foreign or amended is not body.body:
            body = replace(body, body=amended, lost=(*body.lost, *lost, *foreign))
        self._upstream_body = body = self._emulated(body)
        self._decoder = self._new_decoder()
        return body

    def _emulated(self, body: UpstreamBody) -> UpstreamBody:
        """Stop sequences that the upstream's wire has no place for are watched for here: not lost."""
        self._stops = None
        if "stop" not in body.lost or not self._inbound.request.stop:
            return body
        self._stops = StopScanner(self._inbound.request.stop)
        return replace(body, lost=tuple(name for name in body.lost if name != "stop"))

    def _new_decoder(self) -> StreamDecoder:
        wire = self._upstream
        self.watched = self._inbound.request.stream or self._stops is not None
        decoder = wire.stream_decoder if self.watched else wire.collected_decoder or wire.stream_decoder
        return decoder(self._upstream_body.tool_names)

    @property
    def skipped(self) -> int:
        return self._decoder.skipped

    def accepted(self) -> None:
        """Nothing to learn: what travels through the hub is sealed."""

    def refused(self) -> None:
        """Nothing to learn either: the next turn brings the same seal, and the same refusal."""

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

    def release(self) -> None:
        self._events = []
        if not self.finished:  # it may hold a part of the answer
            self._decoder = self._new_decoder()

    def end_of_body(self) -> None:
        self._accept(self._decoder.close())

    def _accept(self, events: Sequence[Event]) -> None:
        if self._stops is not None:
            events = self._stopped(self._stops, events)
        if not events:
            return
        last = events[-1]  # only the last event of an answer is terminal
        if isinstance(last, StreamError):
            self.error = _remote(last.error)
            events = events[:-1]
        elif isinstance(last, Finish):
            self.finished = True
            self.usage = last.usage
        if lost := answer_losses(self._inbound.wire, events):
            self.answer_lost += lost
        self._events += seal_events(self._seal, events)
        if len(self._events) > self._merged + MANY_EVENTS and not self._inbound.request.stream:
            self._events[self._merged :] = merged(self._events[self._merged :])
            self._merged = len(self._events)
        if not self.committed:
            self.committed = self._commits(events)

    def _stopped(self, stops: StopScanner, events: Sequence[Event]) -> Sequence[Event]:
        events = stops.scan(events)
        if stops.found is not None and not self.finished:
            self.cut_short = not stops.ended
            estimate = Usage(input_tokens=self._inbound.input_estimate, output_tokens=stops.output_tokens)
            finish = events[-1]
            if isinstance(finish, Finish) and finish.usage is None:
                events = [*events[:-1], replace(finish, usage=estimate)]
        return events

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
        return self._inbound.encode_response(collect(self._events))

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
