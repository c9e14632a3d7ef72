"""The pipe without the hub: a client over an upstream of the same wire.

The bytes go through: of the request only ``model`` and the forced fields change (``rewrite_body``), of the
answer each event's JSON is forwarded as it came, in a frame of its own, but for what its wire's
``Dialect`` has to amend. Only events with usage, an error or the end are decoded.
"""

from __future__ import annotations

from daemon.errors import ErrorKind, GatewayError, RemoteError
from daemon.gateway.client_request import ClientRequest
from daemon.gateway.reasoning.owners import ReasoningOwners
from daemon.gateway.response_pipe import (
    HELD_BYTES,
    HELD_EVENTS,
    AnswerSummary,
    AttemptTarget,
    PreparedRequest,
    Stage,
    as_remote,
)
from daemon.gateway.rewrite_body import rewrite_body
from daemon.inference.events import Event, Finish, MessageStart, StreamError
from daemon.inference.response import FinishReason, Usage
from daemon.masks import Masks
from daemon.upstream.privacy import masked_event
from daemon.wires.base import Ending, StreamDecoder
from daemon.wires.json import NOT_JSON, is_json
from daemon.wires.losses import EARLIER_REASONING
from daemon.wires.sse import SseSplitter
from daemon.wires.sse_decoder import is_done


class PassthroughPipe:
    """One request whose entry and upstream use the same wire."""

    __slots__ = (
        "_answer",
        "_auth_id",
        "_client_request",
        "_decoder",
        "_dialect",
        "_finish",
        "_held",
        "_held_bytes",
        "_keeps_answers",
        "_masks",
        "_out",
        "_owners",
        "_signed",
        "_splitter",
        "_start",
        "_usage",
        "ending",
        "heard",
        "kept",
        "skipped",
        "stage",
    )

    def __init__(self, client_request: ClientRequest, owners: ReasoningOwners) -> None:
        self._client_request = client_request
        self._owners = owners
        # One for the request: a keep-alive that has opened the client's message binds the attempts after it.
        self._dialect = client_request.wire.passthrough(client_request.context, client_request.encode_response)
        # Of the attempt: the core auth that is asked, and the encrypted reasoning that goes to it.
        self._auth_id = ""
        self._signed: tuple[bytes, ...] = ()
        self._keeps_answers = False  # whether it may be asked to go on from the answer's id
        self._masks = Masks(())
        self._splitter: SseSplitter
        self._decoder: StreamDecoder
        self._usage: Usage | None = None
        self._reset()

    def _reset(self) -> None:
        self._drop()
        self._start: MessageStart | None = None
        self._finish: FinishReason | None = None
        self.heard = self.skipped = self.kept = 0
        self.ending: Ending = ""
        self.stage: Stage = "held"

    def _new_readers(self) -> None:
        self._splitter, self._decoder = SseSplitter(), self._client_request.wire.stream_decoder({})
        self._dialect.begin(self._decoder)

    def _drop(self) -> None:
        self._out = bytearray()
        # Events before the answer is committed, as they came: the dialect writes them only when it is certain that
        # this attempt's ids and numbers are the ones that the client sees.
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._answer = b""

    def release(self) -> None:
        if self.stage == "finished":
            self._dialect.begin()
        else:  # the readers may hold a part of the answer
            self._new_readers()
        self._drop()

    def prepare(self, target: AttemptTarget) -> PreparedRequest:
        self._new_readers()
        self._reset()
        client_request = self._client_request
        request, wire = client_request.request, client_request.wire
        rewritten = rewrite_body(client_request, target, self._owners)
        self._auth_id, self._signed = target.candidate.auth.id, rewritten.signed
        self._keeps_answers = target.options.store is not False
        self._masks = target.adapter.masks(client_request.headers)
        session_key = wire.upstream.session_key
        return PreparedRequest(
            body=rewritten.body,
            lost=(*rewritten.lost, EARLIER_REASONING) if client_request.recalled else rewritten.lost,
            session=session_key(request, target.candidate.model) if session_key else "",
            streamed=rewritten.streamed,
            watched=request.stream,
        )

    def accepted(self) -> None:
        self._owners.accepted(self._auth_id, self._signed)

    def refused(self) -> None:
        self._owners.refused(self._auth_id, self._signed)

    def feed(self, data: bytes) -> Stage:
        self._read(self._splitter.feed(data))
        decoder = self._decoder
        self.kept, self.ending = len(self._splitter.tail) + self._dialect.kept + decoder.kept, decoder.ending
        if not self._client_request.request.stream:
            self.kept += len(self._out)
        return self.stage

    def _read(self, payloads: list[bytes]) -> None:
        for payload in payloads:
            if self.stage == "finished":
                return
            try:
                self._accept(payload)
            except NOT_JSON:
                self._accept_odd(payload)

    def _accept(self, payload: bytes) -> None:
        dialect = self._dialect
        dialect.read(payload)
        if dialect.beside and (masked := masked_event(payload, self._masks)) is not payload:
            payload = masked
            dialect.read(payload)
        if dialect.signature:
            self._owners.made(self._auth_id, dialect.signature)
        self.heard += dialect.goes_on
        before = self.stage
        ends = dialect.needs_decoding and self._is_end(self._decoder.event(payload.replace(b"\n", b" ")))
        if ends:
            self.stage = "finished"  # also if the event itself turns out to be unreadable below
        if before == "committed":  # the usual event
            self._out += dialect.event(payload)
        else:
            # Nothing goes to the client before the first piece of content, so that an upstream that dies while it
            # only announces an answer is replaced unseen. What is held is bounded: beyond that it is shown.
            self._held.append(payload)
            self._held_bytes += len(payload)
            commits = ends or dialect.commits()
            if commits or len(self._held) > HELD_EVENTS or self._held_bytes > HELD_BYTES:
                self._commit()
        if ends:
            self._out += dialect.end()
            self._note_ids()

    def _note_ids(self) -> None:
        for each in self._dialect.ids() if self._keeps_answers else ():
            self._owners.made(self._auth_id, each.encode())

    def _accept_odd(self, payload: bytes) -> None:
        """What is no event of the wire goes no further: it is not for the client, and ends nothing, unless it is an
        error in a shape of its own."""
        if not is_done(payload):
            self.skipped += 1
            if self._is_end(self._decoder.event(payload.replace(b"\n", b" "))):
                self.stage = "finished"

    def _is_end(self, events: list[Event]) -> bool:
        """Whether they end the answer; raises the error that they bring."""
        if not events:
            return False
        last = events[-1]  # only the last event of an answer is terminal
        if isinstance(events[0], MessageStart):
            self._start = events[0]
        if isinstance(last, StreamError):
            raise as_remote(last.error)
        if isinstance(last, Finish):
            self._usage, self._finish = last.usage, last.reason
            return True
        return False

    def _commit(self) -> None:
        if self.stage == "held":
            self.stage = "committed"
        for payload in self._held:
            self._dialect.read(payload)
            try:
                self._out += self._dialect.event(payload)
            except NOT_JSON:
                self.skipped += 1
        self._held.clear()

    def feed_whole(self, body: bytes) -> None:
        try:
            response = self._client_request.wire.decode_response(body, {})
            body = masked_event(body, self._masks)
            self._answer = self._dialect.whole(body)
            unfolded = self._dialect.unfold(body, response) if self._client_request.request.stream else b""
        except NOT_JSON:
            message = "the upstream's response is not valid JSON of its API"
            raise RemoteError(ErrorKind.API, message) from None
        for piece in self._dialect.signatures(body):
            self._owners.made(self._auth_id, piece)
        self._note_ids()
        self._usage, self._finish = response.usage, response.finish
        self._start = MessageStart(response.id, response.model)
        self.stage = "finished"
        self._out += unfolded

    def end_of_body(self) -> None:
        self._read([payload for payload in self._splitter.close() if is_done(payload) or is_json(payload)])
        if self.stage == "finished":
            return
        events = self._decoder.close()
        self._is_end(
            events or [StreamError(RemoteError(ErrorKind.API, "the upstream's stream broke off", reason="cut"))]
        )
        self._commit()
        self.stage = "finished"
        self._out += self._dialect.end()

    def take(self) -> bytes:
        if self.stage == "held":
            return b""
        out, self._out = bytes(self._out), bytearray()
        return out

    def whole(self) -> bytes:
        """The JSON answer; put together from the stream where the upstream insisted on one."""
        if self._answer:
            return self._answer
        stream, self._out = bytes(self._out), bytearray()
        return self._dialect.collected(stream)

    def summary(self) -> AnswerSummary:
        return AnswerSummary(usage=self._usage, cut_short=False, lost=(), start=self._start, finish=self._finish)

    def keep_alive(self) -> bytes:
        return self._dialect.keep_alive(committed=self.stage != "held")

    def fail(self, error: GatewayError) -> bytes:
        return b"" if self.stage == "finished" else self._dialect.fail(error)
