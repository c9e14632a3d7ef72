"""One request between its client and the upstreams that are asked for it, in straight lines.

Nothing is sent to the client before an attempt is committed or a keep-alive is due, so that a dead
upstream stays invisible. No timer runs here: ``Deadlines`` watches the clock and breaks a wait off.
"""

from __future__ import annotations

from functools import lru_cache, partial
from math import inf
from time import monotonic
from typing import Final

from msgspec.structs import replace

from daemon.errors import ErrorKind, GatewayError, LocalError, RemoteError
from daemon.gateway.client_request import ClientRequest
from daemon.gateway.client_stream import ClientStream, ClientWriter, ResponseHead
from daemon.gateway.gathered import STEP, Share, without_frames
from daemon.gateway.headers import PassedHeaders
from daemon.gateway.learned import RequestAmendments
from daemon.gateway.live_state import LiveState
from daemon.gateway.passthrough import PassthroughPipe
from daemon.gateway.request_record import CLIENT_GONE, RequestRecord, loss_names
from daemon.gateway.request_state import ClientGone, Overdue, RequestState
from daemon.gateway.response_pipe import AttemptTarget, PreparedRequest, ResponsePipe
from daemon.gateway.route import route
from daemon.gateway.translation import TranslationPipe
from daemon.gateway.wording import for_client
from daemon.router.failover import attempts
from daemon.snapshot.listings import Candidate
from daemon.upstream.adapters.adapter import Adapter, too_late
from daemon.upstream.http.call import UpstreamResponse
from daemon.upstream.response_form import unwrapped
from daemon.wires.failures.judge import judged_again
from daemon.wires.json import NOT_JSON
from daemon.wires.sse import check_values

NOT_READABLE: Final = "the upstream's answer is not valid JSON of its API"
TOO_DEEP: Final = "the request is nested too deep to be sent on (send objects and lists less than 1,000 levels deep)"

SIGNS_OF_LIFE: Final = 4
"""How many times ``timeouts.idle`` an upstream may send comments and pings in place of the next event."""


class RequestHandler:
    """Drives one request to its end. Made and run in the task of the request, which ``state`` can interrupt."""

    __slots__ = (
        "_amendments",
        "_answer",
        "_client_request",
        "_headers",
        "_live",
        "_pipe",
        "_pipes",
        "_state",
        "_streamed",
        "_writer",
        "record",
    )

    def __init__(
        self, live: LiveState, client_request: ClientRequest, stream: ClientStream, state: RequestState
    ) -> None:
        self._live = live
        self._client_request = client_request
        self._streamed = client_request.request.stream
        self._state = state
        self._headers = PassedHeaders(client_request, live.owners)
        self._amendments = RequestAmendments(client_request, live.learned)
        # A pipe per way (through the hub or past it), kept over attempts: it knows what a keep-alive has already sent.
        self._pipes: dict[bool, ResponsePipe] = {}
        self._pipe: ResponsePipe | None = None  # that of the current attempt
        self._answer: UpstreamResponse | None = None  # that of the current attempt, once its head is there
        self.record = RequestRecord(client_request)
        # Nothing below may refer back to the handler: a cycle would keep the request's memory until the collector runs.
        self._writer = ClientWriter(stream, state, partial(_head, self.record, self._headers))

    async def run(self) -> None:
        """Answer the request. Every failure is reported to the client in its dialect; nothing is raised."""
        live, record, estimate = self._live, self.record, self._client_request.context.input_estimate
        live.metrics.request_started()
        live.deadlines.enter(self._state, self.keep_alive)
        try:
            with live.counted():
                await self._respond()
        finally:
            live.deadlines.leave(self._state)
            self._pipe = None
            self._pipes.clear()  # what they keep is not to wait for whoever holds on to this handler
            live.free_pages.return_after(live.gathered)
            record.report(monotonic(), live.metrics)
            if record.measured is not None:
                live.calibration.observe(record.served, estimate, record.measured)
        await self._drain_connection()

    async def _respond(self) -> None:
        try:
            await self._ask_candidates()
            self.record.status = 200
        except ClientGone:
            self.record.status = CLIENT_GONE
            self._live.metrics.upstream_cancelled()
        except GatewayError as error:
            await self._report(error)
        finally:
            if self._answer is not None and self.record.status != 200:
                self._answer.close()

    async def _drain_connection(self) -> None:
        """Read the end of the upstream's body, so that the connection can be used again."""
        if self._answer is None:
            return
        if self.record.estimated:  # cut short: the upstream is still writing what nobody needs
            self._answer.close()
            return
        await self._answer.drain()

    # --- whom to ask ---

    async def _ask_candidates(self) -> None:
        resolution = route(self._client_request.snapshot, self._client_request.request.model)
        candidates = self._live.rotation.order(resolution.matched, resolution.candidates)
        if self._streamed:
            self._correct_estimate(candidates[0].model)
            self._state.quiet_since = monotonic()  # from now on keep-alives are due
        plan = attempts(candidates)
        candidate = next(plan)
        while (error := await self._attempt(candidate, resolution.effort)) is not None:
            try:
                candidate = plan.send(error)
            except StopIteration:
                raise error from None

    def _correct_estimate(self, model: str) -> None:
        """By experience with this model: what a stream says of the prompt before the upstream has counted it."""
        context = self._client_request.context
        tokens = self._live.calibration.corrected(model, context.input_estimate)
        if tokens is not None:
            self._client_request = replace(self._client_request, context=replace(context, input_estimate=tokens))

    async def _attempt(self, candidate: Candidate, effort: str | None) -> RemoteError | None:
        """One candidate: None when it answered, its error when the next one may be asked."""
        auth = candidate.auth
        self.record.auth, self.record.served = auth, candidate.model
        # Once per attempt: whoever replaces an adapter sees it asked by the next one, and none is asked in part.
        adapter = self._live.adapters.of(auth)
        self._pipe = pipe = self._pipe_for(adapter)
        error = await self._ask_amended(self._amendments.first(candidate, adapter, effort), pipe)
        if error is None:
            self._live.states.succeeded(auth.id)
            self._live.metrics.attempt(auth.name, "ok")
            return None
        self._live.states.failed(auth.id, error)
        begun = pipe.stage != "held"
        del pipe  # the error may outlive the request, with this frame
        if begun and self._streamed:
            raise error  # the client has seen a part of this answer: nobody else can go on with it
        return error

    def _pipe_for(self, adapter: Adapter) -> ResponsePipe:
        same_wire = self._client_request.wire is adapter.wire
        if same_wire not in self._pipes:
            self._pipes[same_wire] = (
                PassthroughPipe(self._client_request, self._live.owners)
                if same_wire
                else TranslationPipe(self._client_request)
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
            self.record.attempts += 1
            self._note_losses(prepared)
            try:
                await self._ask(target, prepared, pipe)
                return None
            except RemoteError as failure:
                error = judged_again(failure, self._client_request.says).with_traceback(None)  # whose frames hold us
            finally:
                if pipe.stage != "held":  # a 2xx, whether or not the client has waited for the end of it
                    self._amendments.accepted(target.candidate)
            error.message = adapter.auth.api_key.masked_in(error.message)  # some upstreams quote the key they refuse
            self._live.metrics.attempt(auth.name, error.kind.value)
            if error.kind is ErrorKind.INVALID_REQUEST and self._answer is not None:
                self._live.adapters.refused(auth, self._answer.headers.get("server", ""))
            self._close_answer()
            again = None if pipe.stage != "held" else self._amendments.next(target, prepared, error, pipe)
            if again is None:
                return error
            target, prepared = again

    def _close_answer(self) -> None:
        """The attempt has failed; what the upstream said beside its answer stays, in ``_headers``."""
        if self._answer is not None:
            self._answer.close()
            self._answer = None

    def _note_losses(self, prepared: PreparedRequest) -> None:
        self.record.lost = lost = loss_names(prepared.lost)
        if lost and self._client_request.snapshot.config.translation.strict:
            names = ", ".join(lost)
            raise LocalError(
                ErrorKind.INVALID_REQUEST,
                f"the upstream's API does not support: {names} (leave them out, or switch translation.strict off)",
            )

    # --- one upstream's answer ---

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
                    try:
                        await self._read_answer(adapter, answer, pipe, share)
                        whole = pipe.take() if self._streamed else pipe.whole()
                    except NOT_JSON:  # what nobody reads but at the end, or only beside the rest
                        raise RemoteError(ErrorKind.API, NOT_READABLE) from None
                    await self._finish(pipe, whole)
        except (GatewayError, ClientGone) as error:
            raise without_frames(error) from error.__cause__
        finally:
            if pipe.stage == "finished" or not self._streamed:
                pipe.release()

    async def _read_answer(self, adapter: Adapter, answer: UpstreamResponse, pipe: ResponsePipe, share: Share) -> None:
        first_bytes, form = await adapter.begin(answer)
        if form == "json":
            body = await answer.read_whole(begun=first_bytes, taken=share.take)
            check_values(body)
            whole = unwrapped(body)
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
        passed_on = False  # until then all of it is in memory, afterwards what the pipe keeps
        # The deadlines count events that go on with the answer. Comments, pings and parts of events stretch the wait
        # for the next one, up to ``last_sign``; what cannot be read does not even do that.
        heard = skipped = 0
        last_sign = patience = 0.0
        data = first_bytes or await answer.read()
        while data:
            if not passed_on:
                share.take(len(data))
            stage = pipe.feed(data)
            if pipe.kept > share.size and not passed_on:
                share.hold(pipe.kept)  # what was made of the bytes is larger than they are
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
                if not passed_on or abs(pipe.kept - share.size) >= STEP:
                    share.hold(pipe.kept)
                    passed_on = True
            data = await answer.read()
        pipe.end_of_body()
        self._note_first_event()  # it may have been the last one, which lacked its blank line

    async def _finish(self, pipe: ResponsePipe, whole: bytes) -> None:
        record, summary = self.record, pipe.summary()
        record.usage, record.estimated, record.answer_lost = summary.usage, summary.cut_short, loss_names(summary.lost)
        self._writer.answer_complete()
        if self._streamed:
            await self._writer.end(whole)
        else:
            await self._writer.respond(200, {"content-type": "application/json"}, whole)

    # --- the client ---

    async def keep_alive(self) -> None:
        """Keep a waiting client's connection alive; called by ``Deadlines``, from a task of its own."""
        if self._pipe is not None:
            await self._writer.keep_alive(self._pipe)

    async def _report(self, error: GatewayError) -> None:
        """The error to the client in its dialect: as an HTTP error, or as the last event of its stream."""
        error = for_client(error, self._client_request, self.record.served)
        self.record.error, self.record.status = without_frames(error), error.status
        pipe = self._pipe if self._streamed else None
        if pipe is not None and (self._writer.started or pipe.stage != "held"):
            await self._writer.end(pipe.take() + pipe.fail(error))
            return
        status, headers, body = self._client_request.wire.encode_error(error, self._client_request.request_id)
        self.record.status = status
        await self._writer.respond(status, headers, body)

    def _note_first_event(self) -> None:
        if self.record.first_event is None:
            self.record.first_event = monotonic()


def _head(record: RequestRecord, headers: PassedHeaders) -> ResponseHead:
    return ResponseHead(
        provider=record.auth.name if record.auth else "",
        attempts=record.attempts,
        lost=record.lost,
        passed=headers.passed,
    )


@lru_cache(maxsize=64)
def _overdue(what: str, seconds: float, setting: str) -> Overdue:
    return Overdue(too_late(what, seconds, setting))
