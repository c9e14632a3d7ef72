"""The attempts of one request: an upstream is asked, again where its refusal says what it needs, and its answer goes to
the client.

No timer runs here: ``Deadlines`` watches the clock and breaks a wait off. Whom to ask is the request handler's.
"""

from __future__ import annotations

from asyncio import CancelledError
from functools import lru_cache
from math import inf
from time import monotonic
from typing import Final

from daemon.errors import ErrorKind, GatewayError, LocalError, RemoteError
from daemon.gateway.client_request import ClientRequest
from daemon.gateway.client_stream import ClientWriter
from daemon.gateway.compaction import CompactionPipe
from daemon.gateway.decisions import log_again
from daemon.gateway.gathered import STEP, Share, without_frames
from daemon.gateway.headers import PassedHeaders
from daemon.gateway.learned import RequestAmendments
from daemon.gateway.live_state import LiveState
from daemon.gateway.passthrough import PassthroughPipe
from daemon.gateway.request_record import RequestRecord, loss_names
from daemon.gateway.request_state import ClientGone, Overdue, RequestState
from daemon.gateway.response_pipe import AttemptTarget, PreparedRequest, ResponsePipe
from daemon.gateway.translation import TranslationPipe
from daemon.snapshot.listings import Candidate
from daemon.upstream.adapters.adapter import Adapter, too_late
from daemon.upstream.http.call import GRACE, UpstreamResponse
from daemon.upstream.privacy import mask_error
from daemon.upstream.response_form import unwrapped
from daemon.wires.base import Ending
from daemon.wires.failures.judge import judged_again
from daemon.wires.json import NOT_JSON
from daemon.wires.losses import is_refused
from daemon.wires.sse import check_values

NOT_READABLE: Final = "the upstream's answer is not valid JSON of its API"
TOO_DEEP: Final = "the request is nested too deep to be sent on (send objects and lists less than 1,000 levels deep)"

SIGNS_OF_LIFE: Final = 4
"""How many times ``timeouts.idle`` an upstream may send comments and pings in place of the next event."""


class Attempts:
    """Of one request, made in its task. ``client_request`` may get a better estimate before the first one, ``pipe`` is
    that of the latest. ``needed`` are the parts of the request that only who made them can read, and that stay in."""

    __slots__ = (
        "_amendments",
        "_answer",
        "_compaction",
        "_headers",
        "_live",
        "_pipes",
        "_record",
        "_state",
        "_streamed",
        "_writer",
        "client_request",
        "needed",
        "pipe",
    )

    def __init__(
        self,
        live: LiveState,
        client_request: ClientRequest,
        *,
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
        self._compaction: CompactionPipe | None = None
        self._answer: UpstreamResponse | None = None  # that of the current attempt, once its head is there
        self.pipe: ResponsePipe | None = None
        self.needed: tuple[bytes, ...] = ()

    async def ask(self, candidate: Candidate, effort: str | None) -> RemoteError | None:
        """One candidate: None when it has answered and the client has its answer, else its error."""
        auth = candidate.auth
        self._record.auth, self._record.served = auth, candidate.model
        # Once per attempt: whoever replaces an adapter sees it asked by the next one, and none is asked in part.
        adapter = self._live.adapters.of(auth)
        self.pipe = self._pipe_for(adapter)
        error = await self._ask_amended(self._amendments.first(candidate, adapter, effort), self.pipe)
        if error is None:
            self._live.states.succeeded(auth.id)
            self._live.metrics.attempt(auth.name, "ok")
        return error

    @property
    def shown(self) -> bool:
        """Whether the client has seen a piece of the latest answer, so that nobody else can go on with it."""
        return self._streamed and self.pipe is not None and self.pipe.stage != "held"

    def open_pipe(self, candidate: Candidate) -> None:
        """For keep-alives before the first attempt: the way by which this candidate would answer."""
        self.pipe = self._pipe_for(self._live.adapters.of(candidate.auth))

    def close(self) -> None:
        """The attempt has failed, or nobody waits for it; what the upstream said beside its answer stays, in
        ``_headers``."""
        if self._answer is not None:
            self._answer.close()
            self._answer = None

    def release(self) -> None:
        """What the pipes keep is not to wait for whoever holds on to the request."""
        self.pipe = None
        self._pipes.clear()
        self._compaction = None

    async def drain(self) -> None:
        """Read the end of the upstream's body, so that the connection can be used again."""
        if self._answer is None:
            return
        if self._record.estimated:  # cut short: the upstream is still writing what nobody needs
            self._answer.close()
            return
        await self._answer.drain()

    def _pipe_for(self, adapter: Adapter) -> ResponsePipe:
        if self.client_request.request.compaction:
            if self._compaction is None:
                self._compaction = CompactionPipe(self.client_request, self._live.owners)
            return self._compaction
        same_wire = self.client_request.wire is adapter.wire
        if same_wire not in self._pipes:
            self._pipes[same_wire] = (
                PassthroughPipe(self.client_request, self._live.owners)
                if same_wire
                else TranslationPipe(self.client_request, self._live.call_reasoning)
            )
        return self._pipes[same_wire]

    async def _ask_amended(self, target: AttemptTarget, pipe: ResponsePipe) -> RemoteError | None:
        """Ask, and where the upstream's refusal says what it needs instead, ask again with that."""
        auth, adapter = target.candidate.auth, target.adapter
        try:
            prepared = pipe.prepare(target)
        except RecursionError:
            raise LocalError(ErrorKind.INVALID_REQUEST, TOO_DEEP) from None
        while True:
            self._record.attempts += 1
            headers = self._headers.for_upstream(adapter, prepared.session, target.amendments)
            self._note_losses(prepared)
            try:
                await self._ask(target, prepared, pipe, headers)
                return None
            except RemoteError as failure:
                error = judged_again(failure, self.client_request.says).with_traceback(None)  # whose frames hold us
            finally:
                if pipe.stage != "held":  # a 2xx, whether or not the client has waited for the end of it
                    self._amendments.accepted(target.candidate)
                    self._headers.accepted(adapter)
                    self._live.owners.accepted(auth.id, self.needed)
            mask_error(error, adapter.masks(self.client_request.headers))
            self._live.metrics.attempt(auth.name, error.kind.value)
            if error.kind is ErrorKind.INVALID_REQUEST and self._answer is not None:
                self._live.adapters.refused(auth, self._answer.headers.get("server", ""))
            self.close()
            again = None if pipe.stage != "held" else self._amendments.next(target, prepared, error, pipe)
            if again is None:
                self._live.failures.attempt(self._record, target.candidate, error, monotonic())
                return error
            log_again(self.client_request, target.candidate, error)
            if again[0].leaves_turn_state and not target.leaves_turn_state:
                self._headers.refused(adapter)
            target, prepared = again

    def _note_losses(self, prepared: PreparedRequest) -> None:
        lost = loss_names(prepared.lost)
        self._record.lost = (*self._record.lost_in_name, *lost, *self._headers.lost)
        if not lost or not self.client_request.snapshot.config.translation.strict:
            return
        if refused := [*filter(is_refused, lost)]:
            raise LocalError(
                ErrorKind.INVALID_REQUEST,
                f"the upstream's API does not support: {', '.join(refused)} (leave them out, or switch "
                "translation.strict off)",
            )

    # --- one upstream's answer ---

    async def _ask(
        self, target: AttemptTarget, prepared: PreparedRequest, pipe: ResponsePipe, headers: dict[str, str]
    ) -> None:
        adapter = target.adapter
        state, timeouts = self._state, adapter.auth.timeouts
        # An upstream that was asked for one JSON answer sends its first byte when it has written the last one.
        limit, patience = "first-event", timeouts.first_event
        if not prepared.streamed and timeouts.idle > patience:
            limit, patience = "idle", timeouts.idle
        now = monotonic()
        self._record.asked(now)
        state.deadline = now + patience
        state.overdue = _overdue("first event", patience, adapter.setting(limit))
        state.ends = inf
        if (total := timeouts.limit(streamed=self._streamed)) is not None:
            state.ends = now + total
            state.too_long = _overdue("whole answer", total, adapter.setting_of_total(total))
        try:
            async with state.waiting():
                self._answer = answer = await adapter.open(
                    prepared.body, headers, watched=prepared.watched, path=prepared.path
                )
                self._headers.received(adapter, answer.headers)
                self._live.router.heard(adapter.auth.id, answer.headers)
                await adapter.accept(answer)
                pipe.accepted()
                with self._live.gathered.share() as share:
                    try:
                        await self._read_answer(adapter, answer, pipe, share)
                        whole = pipe.take() if self._streamed else pipe.whole()
                    except NOT_JSON:  # what nobody reads but at the end, or only beside the rest
                        raise RemoteError(ErrorKind.API, NOT_READABLE) from None
                    await self._finish(pipe, adapter, whole)
        except (GatewayError, ClientGone) as error:
            raise without_frames(error) from error.__cause__
        finally:
            if pipe.stage == "finished" or not self._streamed:
                pipe.release()

    async def _read_answer(self, adapter: Adapter, answer: UpstreamResponse, pipe: ResponsePipe, share: Share) -> None:
        first_bytes, form = await adapter.begin(answer)
        if form == "json":
            body = await answer.read_whole(begun=first_bytes, taken=share.take)
            self._record.upstream_first = monotonic()
            check_values(body)
            whole = unwrapped(body)
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
        passed_on = False  # until then all of it is in memory, afterwards what the pipe keeps
        # The deadlines count events that go on with the answer. Comments, pings and parts of events stretch the wait
        # for the next one, up to ``last_sign``; what cannot be read does not even do that.
        heard = skipped = 0
        last_sign = patience = 0.0
        ending: Ending = ""
        data = first_bytes or await answer.read()
        while data:
            if not passed_on:
                share.take(len(data))
            stage = pipe.feed(data)
            if pipe.kept > share.size and not passed_on:
                share.hold(pipe.kept)  # what was made of the bytes is larger than they are
            now = monotonic()
            if pipe.ending:
                if pipe.ending != ending or (ending == "doubted" and pipe.heard != heard):
                    last_sign = now + GRACE[pipe.ending]
                heard, ending, patience = pipe.heard, pipe.ending, last_sign - now
                state.ends_by(last_sign)
                if self._record.upstream_first is None:
                    self._record.upstream_first = now
            elif pipe.heard != heard:
                heard, patience, last_sign = pipe.heard, idle, now + SIGNS_OF_LIFE * idle
                state.deadline = now + idle
                if state.overdue is not overdue:  # it still says "first event"
                    state.overdue = overdue
                    self._record.upstream_first = now
            elif heard:
                if pipe.skipped == skipped:
                    patience = min(idle, last_sign - now)
                    state.deadline = now + patience
                skipped = pipe.skipped
            if stage == "finished":
                return
            if stage == "committed" and self._streamed:
                ready = pipe.take()
                await self._writer.write(ready, patience)
                if ready and not passed_on:
                    self._record.shown(monotonic())
                if not passed_on or abs(pipe.kept - share.size) >= STEP:
                    share.hold(pipe.kept)
                    passed_on = passed_on or bool(ready)
            data = await (self._read_end(answer) if ending else answer.read())
        pipe.end_of_body()
        if self._record.upstream_first is None:  # it was the last one, too, and lacked its blank line
            self._record.upstream_first = monotonic()

    async def _read_end(self, answer: UpstreamResponse) -> bytes:
        """The next bytes of an answer that is complete: none, instead of a failure, where the connection breaks or
        nothing comes in time."""
        try:
            return await answer.read()
        except RemoteError:
            return b""
        except CancelledError:
            if not self._state.has_ended():
                raise
            return b""

    async def _finish(self, pipe: ResponsePipe, adapter: Adapter, whole: bytes) -> None:
        record, summary = self._record, pipe.summary()
        record.usage, record.estimated = summary.usage, summary.cut_short
        if summary.lost:  # names that the upstream has chosen
            record.answer_lost = loss_names(map(adapter.masks(self.client_request.headers), summary.lost))
        self._writer.answer_complete()
        if self._streamed:
            await self._writer.end(whole)
        else:
            await self._writer.respond(200, {"content-type": "application/json"}, whole)
        record.shown(monotonic())


@lru_cache(maxsize=64)
def _overdue(what: str, seconds: float, setting: str) -> Overdue:
    return Overdue(too_late(what, seconds, setting))
