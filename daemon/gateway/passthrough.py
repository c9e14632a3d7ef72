"""The relay without the hub: a client over an upstream that speaks the same wire.

The bytes go through: of the request only ``model`` and the forced fields change (``splice``), of the
answer each event's JSON is forwarded as it came, in a frame of its own, but for what its wire's
``Dialect`` has to amend. Only events that speak of usage, an error or the end are decoded.
"""

from __future__ import annotations

from daemon.errors import ErrorKind, GatewayError, RemoteError
from daemon.gateway.inbound import Inbound
from daemon.gateway.origins import Origins
from daemon.gateway.relay import HELD_BYTES, HELD_EVENTS, Target
from daemon.gateway.splice import Spliced, splice_body
from daemon.inference.events import Event, Finish, StreamError
from daemon.inference.response import Usage
from daemon.wires.base import StreamDecoder, UpstreamBody
from daemon.wires.json import NOT_JSON, is_json
from daemon.wires.sse import SseSplitter
from daemon.wires.sse_decoder import is_done


class Passthrough:
    """One request whose entry and upstream speak the same wire."""

    __slots__ = (
        "_answer",
        "_asked",
        "_collected",
        "_decoder",
        "_dialect",
        "_held",
        "_held_bytes",
        "_inbound",
        "_origins",
        "_out",
        "_spliced",
        "_splitter",
        "answer_lost",
        "committed",
        "cut_short",
        "error",
        "finished",
        "skipped",
        "streamed",
        "usage",
        "watched",
    )

    def __init__(self, inbound: Inbound, origins: Origins) -> None:
        self._inbound = inbound
        self._origins = origins
        self._dialect = inbound.wire.passthrough(inbound.context, inbound.encode_response)
        self.answer_lost: tuple[str, ...] = ()
        self.cut_short = False
        self.watched = inbound.request.stream
        self.usage: Usage | None = None
        self._asked = ""
        self._spliced: Spliced
        self._splitter: SseSplitter
        self._decoder: StreamDecoder
        self._reset()

    def release(self) -> None:
        self._dialect.begin()
        if not self.finished:  # these may hold a part of the answer
            self._splitter, self._decoder = SseSplitter(), self._inbound.wire.stream_decoder({})
        self._drop()

    def _begin(self) -> None:
        self._dialect.begin()
        self._splitter, self._decoder = SseSplitter(), self._inbound.wire.stream_decoder({})
        self._reset()

    def _reset(self) -> None:
        self._drop()
        self.skipped = 0
        self.committed = self.finished = False
        self.error: RemoteError | None = None

    def _drop(self) -> None:
        self._out = bytearray()
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._answer = b""

    def prepare(self, target: Target) -> UpstreamBody:
        self._begin()
        self._asked = target.candidate.auth.id
        self._spliced = spliced = splice_body(self._inbound, target, self._origins)
        self.streamed = spliced.streamed
        request, model = self._inbound.request, target.candidate.model
        session_key = self._inbound.wire.upstream.session_key
        session = session_key(request, model) if session_key else ""
        return UpstreamBody(spliced.body, spliced.lost, session=session)

    def accepted(self) -> None:
        self._origins.accepted(self._asked, self._spliced.signed)

    def refused(self) -> None:
        self._origins.refused(self._asked, self._spliced.signed)

    def feed(self, data: bytes) -> None:
        try:
            self._take(self._splitter.feed(data))
        except RemoteError as error:
            self.error = error

    def _take(self, payloads: list[bytes]) -> None:
        for payload in payloads:
            if self.finished or self.error:
                return
            try:
                self._accept(payload)
            except NOT_JSON:
                self._odd(payload)

    def _accept(self, payload: bytes) -> None:
        dialect = self._dialect
        dialect.read(payload)
        if dialect.needs_decoding:
            self._tell(self._decoder.event(payload.replace(b"\n", b" ")))
        if dialect.signature:
            self._origins.made(self._asked, dialect.signature)
        if self.error is not None:
            return
        if self.committed and not self.finished:  # ``_pass``, less the call: the usual event
            self._out += dialect.event(payload)
        else:
            self._pass(payload)

    def _odd(self, payload: bytes) -> None:
        """What is no event of the wire goes no further: it is not for the client, and ends nothing, unless it is an
        error in a shape of its own."""
        if not is_done(payload):
            self.skipped += 1
            self._tell(self._decoder.event(payload.replace(b"\n", b" ")))

    def _tell(self, events: list[Event]) -> None:
        last = events[-1] if events else None  # only the last event of an answer is terminal
        if isinstance(last, StreamError):
            error = last.error
            self.error = error if isinstance(error, RemoteError) else RemoteError(ErrorKind.API, error.message)
        elif isinstance(last, Finish):
            self.usage = last.usage
            self.finished = True

    def _pass(self, payload: bytes) -> None:
        """On to the client, or held back until the answer is committed."""
        dialect = self._dialect
        if self.committed:
            self._out += dialect.event(payload)
        else:
            commits = self.finished or dialect.commits()
            self._held.append(payload)
            self._held_bytes += len(payload)
            if commits or len(self._held) > HELD_EVENTS or self._held_bytes > HELD_BYTES:
                self._commit()
        if self.finished:
            self._out += dialect.end()

    def _commit(self) -> None:
        self.committed = True
        for payload in self._held:
            self._dialect.read(payload)
            try:
                self._out += self._dialect.event(payload)
            except NOT_JSON:
                self.skipped += 1
        self._held.clear()

    def feed_whole(self, body: bytes) -> None:
        try:
            response = self._inbound.wire.decode_response(body, {})
            self._answer = self._dialect.whole(body)
        except RemoteError as error:
            self.error = error
            return
        except NOT_JSON:
            self.error = RemoteError(ErrorKind.API, "the upstream sent an answer that is not JSON of its wire")
            return
        self.usage = response.usage
        self.finished = self.committed = True
        if self._inbound.request.stream:
            self._out += self._dialect.unfold(body, response)

    def end_of_body(self) -> None:
        self._take([payload for payload in self._splitter.close() if is_done(payload) or is_json(payload)])
        if self.finished or self.error is not None:
            return
        events = self._decoder.close()
        self._tell(events or [StreamError(RemoteError(ErrorKind.API, "the upstream's stream ended before its end"))])
        if self.error is None:
            self._commit()
            self._out += self._dialect.end()

    def take(self) -> bytes:
        if not self.committed:
            return b""
        out, self._out = bytes(self._out), bytearray()
        return out

    def whole(self) -> bytes:
        """The JSON answer; put together from the stream where the upstream insisted on one."""
        if self._answer:
            return self._answer
        stream, self._out = bytes(self._out), bytearray()
        return self._dialect.collected(stream)

    def keep_alive(self) -> bytes:
        return self._dialect.keep_alive(committed=self.committed)

    def fail(self, error: GatewayError) -> bytes:
        return b"" if self.finished else self._dialect.fail(error)
