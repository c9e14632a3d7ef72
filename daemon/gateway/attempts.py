"""The attempts of one request: a core auth is asked, again where its refusal says what it needs, and its answer goes
to the client.

No timer runs here: ``Deadlines`` watches the clock and breaks a wait off. Whom to ask is the router's.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache
from math import inf
from time import monotonic
from typing import Final

from daemon.errors import ErrorKind, GatewayError, LocalError, RemoteError
from daemon.gateway.client_request import ClientRequest
from daemon.gateway.client_stream import ClientWriter
from daemon.gateway.decisions import log_again
from daemon.gateway.gathered import Share, without_frames
from daemon.gateway.headers import PassedHeaders
from daemon.gateway.learned import RequestAmendments
from daemon.gateway.live_state import LiveState
from daemon.gateway.passthrough import PassthroughPipe
from daemon.gateway.request_record import RequestRecord, loss_names
from daemon.gateway.request_state import ClientGone, Overdue, RequestState
from daemon.gateway.response_pipe import AttemptTarget, PreparedRequest, ResponsePipe
from daemon.gateway.translation import TranslationPipe
from daemon.snapshot.listings import Candidate
from daemon.telemetry.logs import debugging
from daemon.upstream.adapters.adapter import Adapter, too_late
from daemon.upstream.http.call import UpstreamResponse
from daemon.upstream.response_form import unwrapped
from daemon.wires.failures.judge import judged_again

DRAIN: Final = 1.0
"""Seconds an upstream has to end its body after its last event, for its connection to be used again."""

SIGNS_OF_LIFE: Final = 4
"""How many times ``timeouts.idle`` an upstream may send comments and pings in place of the next event."""


class Attempts:
    """Of one request, made in its task. ``client_request`` may get a better estimate before the first one. ``pipe`` is
    that of the current attempt, ``first_event`` when its first event came (``time.monotonic``), None before.
    """

    __slots__ = (
        "_amendments",
        "_answer",
        "_headers",
        "_live",
        "_pipes",
        "_record",
        "_state",
        "_streamed",
        "_writer",
        "client_request",
        "first_event",
        "pipe",
    )

    def __init__(
        self,
        live: LiveState,
        client_request: ClientRequest,
        state: RequestState,
        record: RequestRecord,
        headers: PassedHeaders,
        writer: ClientWriter,
    ) -> None:
        self._live = live
        self.client_request = client_request
        self._streamed = client_request.request.stream
        self._state = state
        self._record = record
        self._headers = headers
        self._writer = writer
        self._amendments = RequestAmendments(client_request, live.learned)
        # A pipe per way (through the hub or past it), kept over attempts: it knows what a keep-alive has already sent.
        self._pipes: dict[bool, ResponsePipe] = {}
        self._answer: UpstreamResponse | None = None  # that of the current attempt, once its head is there
        self.pipe: ResponsePipe | None = None
        self.first_event: float | None = None

    async def ask(self, candidate: Candidate, effort: str | None) -> RemoteError | None:
        """One candidate: None when it has answered and the client has the answer, else its error."""
        auth = candidate.auth
        self._record.auth, self._record.served = auth, candidate.model
        self.first_event = None
        # Once per attempt: whoever replaces an adapter sees it asked by the next one, and none is asked in part.
        adapter = self._live.adapters.of(auth)
        self.pipe = pipe = self._pipe_for(adapter)
        error = await self._ask_amended(self._amendments.first(candidate, adapter, effort), pipe)
        if error is None:
            self._live.states.succeeded(auth.id)
            self._live.metrics.attempt(auth.name, "ok")
        return error

    @property
    def shown(self) -> bool:
        """Whether the client has seen a piece of the answer, so that nobody else can go on with it."""
        return self._streamed and self.pipe is not None and self.pipe.stage != "held"

    def open_pipe(self, candidate: Candidate) -> None:
        """For keep-alives before the first attempt: the way by which this candidate would answer."""
        self.pipe = self._pipe_for(self._live.adapters.of(candidate.auth))

    def _pipe_for(self, adapter: Adapter) -> ResponsePipe:
        same_wire = self.client_request.wire is adapter.wire
        if same_wire not in self._pipes:
            self._pipes[same_wire] = (
                PassthroughPipe(self.client_request, self._live.owners)
                if same_wire
                else TranslationPipe(self.client_request)
            )
        return self._pipes[same_wire]

    async def _ask_amended(self, target: AttemptTarget, pipe: ResponsePipe) -> RemoteError | None:
        """Ask, and where the upstream's refusal says what it needs instead, ask again with that."""
        auth, adapter = target.candidate.auth, target.adapter
        prepared = pipe.prepare(target)
        while True:
            self._record.attempts += 1
            asked = monotonic()
            self._note_losses(prepared)
            try:
                await self._ask(target, prepared, pipe)
                return None
            except RemoteError as failure:
                error = judged_again(failure, self.client_request.says).with_traceback(None)  # whose frames hold us
            finally:
                if pipe.stage != "held":  # a 2xx, whether or not the client has waited for the end of it
                    self._amendments.accepted(target.candidate)
            error.message = adapter.auth.api_key.masked_in(error.message)  # some upstreams quote the key they refuse
            self._live.metrics.attempt(auth.name, error.kind.value)
            if error.kind is ErrorKind.INVALID_REQUEST and self._answer is not None:
                self._live.adapters.refused(auth, self._answer.headers.get("server", ""))
            self.close()
            again = None if pipe.stage != "held" else self._amendments.next(target, prepared, error, pipe)
            if again is None:
                self._live.failures.attempt(self._record, target.candidate, error, monotonic() - asked)
                return error
            if debugging():
                log_again(self.client_request, target.candidate, error)
            target, prepared = again

    def close(self) -> None:
        """The attempt has failed, or nobody waits for it; what the upstream said beside its answer stays, in
        ``_headers``."""
        if self._answer is not None:
            self._answer.close()
            self._answer = None

    async def drain(self) -> None:
        """Read the end of the upstream's body, so that the connection can be used again."""
        if self._answer is None:
            return
        if self._record.estimated:  # cut short: the upstream is still writing what nobody needs
            self._answer.close()
            return
        with self._answer as answer:
            if answer.ended:
                return
            try:
                async with asyncio.timeout(DRAIN):
                    while await answer.read():
                        pass
            except (TimeoutError, RemoteError):
                return

    def _note_losses(self, prepared: PreparedRequest) -> None:
        self._record.lost = lost = loss_names(prepared.lost)
        if lost and self.client_request.snapshot.config.translation.strict:
            names = ", ".join(lost)
            raise LocalError(
                ErrorKind.INVALID_REQUEST,
                f"the upstream's API does not support: {names} (leave them out, or switch translation.strict off)",
            )

    async def _ask(self, target: AttemptTarget, prepared: PreparedRequest, pipe: ResponsePipe) -> None:
        adapter = target.adapter
        state, timeouts = self._state, adapter.auth.timeouts
        headers = self._headers.for_upstream(adapter, prepared.session, target.amendments)
        # An upstream that was asked for one JSON answer sends its first byte when it has written the last one.
        limit, patience = "first-event", timeouts.first_event
        if not prepared.streamed and timeouts.idle > patience:
            limit, patience = "idle", timeouts.idle
        state.deadline = monotonic() + patience
        state.overdue = _overdue("first event", patience, adapter.setting(limit))
        state.ends = inf
        if not self._streamed and timeouts.total is not None:
            state.ends = monotonic() + timeouts.total
            state.too_long = _overdue("whole answer", timeouts.total, adapter.setting("total"))
        try:
            async with state.waiting():
                self._answer = answer = await adapter.open(prepared.body, headers, watched=prepared.watched)
                self._headers.received(adapter, answer.headers)
                await adapter.accept(answer)
                pipe.accepted()
                with self._live.gathered.share() as share:
                    await self._read_answer(adapter, answer, pipe, share)
                    await self._finish(pipe)
        except (GatewayError, ClientGone) as error:
            raise without_frames(error) from error.__cause__
        finally:
            if pipe.stage == "finished" or not self._streamed:
                pipe.release()

    async def _read_answer(self, adapter: Adapter, answer: UpstreamResponse, pipe: ResponsePipe, share: Share) -> None:
        first_bytes, form = await adapter.begin(answer)
        if form == "json":
            whole = unwrapped(await answer.read_whole(begun=first_bytes, taken=share.take))
            self._note_first_event()
            pipe.feed_whole(whole)
            return
        try:
            await self._read_stream(adapter, first_bytes, answer, pipe, share)
        finally:
            self._live.metrics.events_skipped(adapter.name, pipe.skipped)

    async def _read_stream(
        self, adapter: Adapter, first_bytes: bytes, answer: UpstreamResponse, pipe: ResponsePipe, share: Share
    ) -> None:
        """Feed what arrives and pass on what is due, until the terminal event."""
        state, idle = self._state, adapter.auth.timeouts.idle
        overdue = _overdue("next event", idle, adapter.setting("idle"))
        passed_on = False  # only what is not counts among the answers in memory
        # The deadlines count events that go on with the answer. Comments, pings and parts of events stretch the wait
        # for the next one, up to ``last_sign``; what cannot be read does not even do that.
        heard = skipped = 0
        last_sign = patience = 0.0
        data = first_bytes or await answer.read()
        while data:
            if not passed_on:
                share.take(len(data))
            stage = pipe.feed(data)
            now = monotonic()
            if pipe.heard != heard:
                heard, patience, last_sign = pipe.heard, idle, now + SIGNS_OF_LIFE * idle
                state.deadline = now + idle
                if state.overdue is not overdue:  # it still says "first event"
                    state.overdue = overdue
                    self._note_first_event()
            elif heard:
                if pipe.skipped == skipped:
                    patience = min(idle, last_sign - now)
                    state.deadline = now + patience
                skipped = pipe.skipped
            if stage == "finished":
                return
            if stage == "committed" and self._streamed:
                await self._writer.write(pipe.take(), patience)
                if not passed_on:
                    share.give_back()
                    passed_on = True
            data = await answer.read()
        pipe.end_of_body()
        self._note_first_event()  # it may have been the last one, which lacked its blank line

    async def _finish(self, pipe: ResponsePipe) -> None:
        record, summary = self._record, pipe.summary()
        record.usage, record.estimated, record.answer_lost = summary.usage, summary.cut_short, loss_names(summary.lost)
        self._writer.answer_complete()
        if self._streamed:
            await self._writer.end(pipe.take())
        else:
            await self._writer.respond(200, {"content-type": "application/json"}, pipe.whole())

    def _note_first_event(self) -> None:
        if self.first_event is None:
            self.first_event = monotonic()
            if self._record.first_event is None:
                self._record.first_event = self.first_event


@lru_cache(maxsize=64)
def _overdue(what: str, seconds: float, setting: str) -> Overdue:
    return Overdue(too_late(what, seconds, setting))
