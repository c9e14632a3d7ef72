"""One request between its client and the upstreams that are asked for it: it follows the router's plan.

Nothing is sent to the client before an attempt is committed or a keep-alive is due, so that a dead
upstream stays invisible. Whom to ask, when to wait and when to give up is the plan's (``router.plan``); what one
attempt is, ``Attempts``'.
"""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import count
from time import monotonic
from typing import Final

from msgspec.structs import replace

from daemon.errors import GatewayError
from daemon.gateway.attempts import Attempts
from daemon.gateway.client_request import ClientRequest
from daemon.gateway.client_stream import ClientStream, ClientWriter, ResponseHead
from daemon.gateway.decisions import log_route, log_step, routed
from daemon.gateway.gathered import without_frames
from daemon.gateway.headers import PassedHeaders
from daemon.gateway.live_state import LiveState
from daemon.gateway.request_record import CLIENT_GONE, RequestRecord
from daemon.gateway.request_state import ClientGone, RequestState
from daemon.gateway.routing import routed_request
from daemon.gateway.wording import for_client
from daemon.router.plan import Acquire, Acquired, Answered, Ask, Failed, Outcome, Pause, QueueFull, Step, Waited, plan
from daemon.router.router import RoutedRequest
from daemon.router.standing import standings
from daemon.telemetry.logs import debugging

NUMBERS: Final = count(1)
"""Of requests, since the start: by it the router knows whose a probe is."""

LATE: Final = 0.002
"""Seconds: a sleep may end before its time, by the loop's clock, and the rest that is waited for is not over then."""


class RequestHandler:
    """Drives one request to its end. Made and run in the task of the request, which ``state`` can interrupt."""

    __slots__ = ("_attempts", "_client_request", "_live", "_state", "_streamed", "_writer", "record")

    def __init__(
        self, live: LiveState, client_request: ClientRequest, stream: ClientStream, state: RequestState
    ) -> None:
        self._live = live
        self._client_request = client_request
        self._streamed = client_request.request.stream
        self._state = state
        self.record = record = RequestRecord(client_request)
        headers = PassedHeaders(client_request, live.owners)
        # Nothing below may refer back to the handler: a cycle would keep the request's memory until the collector runs.
        self._writer = ClientWriter(stream, state, partial(_head, record, headers))
        self._attempts = Attempts(live, client_request, state, record, headers, self._writer)

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
            record.report(monotonic(), live.metrics)
            if record.measured is not None:
                live.calibration.observe(record.served, estimate, record.measured)
        await self._attempts.drain()

    async def _respond(self) -> None:
        try:
            await self._follow_plan()
            self.record.status = 200
        except ClientGone:
            self.record.status = CLIENT_GONE
            self._live.metrics.upstream_cancelled()
        except GatewayError as error:
            await self._report(error)
        finally:
            if self.record.status != 200:
                self._attempts.close()

    # --- whom to ask ---

    async def _follow_plan(self) -> None:
        resolution = routed(self._client_request)
        if self._streamed:
            self._correct_estimate(resolution.candidates[0].model)
            self._state.quiet_since = monotonic()  # from now on keep-alives are due
        router, request = self._live.router, routed_request(self._client_request, resolution, next(NUMBERS))
        if debugging():
            log_route(self._client_request, resolution, standings(router, request))
        steps = plan(router, request)
        try:
            step = next(steps)
            while True:
                if debugging():
                    log_step(self._client_request, step)
                step = steps.send(await self._take(step, request, resolution.effort))
        except StopIteration:
            return
        except (ClientGone, asyncio.CancelledError):
            self._attempts.close()  # before its place is free: a client that asks again comes after what it gave up
            raise
        finally:
            steps.close()

    async def _take(self, step: Step, request: RoutedRequest, effort: str | None) -> Outcome:
        """Do what the plan says."""
        if self._attempts.pipe is None and not isinstance(step, Ask):  # for the keep-alives
            self._attempts.open_pipe(request.candidates[0])
        match step:
            case Ask(candidate):
                began = monotonic()
                error = await self._attempts.ask(candidate, effort)
                if error is not None:
                    return Failed(error, shown=self._attempts.shown)
                return Answered((self._attempts.first_event or monotonic()) - began)
            case Pause(seconds):
                async with self._state.waiting():
                    await asyncio.sleep(seconds + LATE)
                return Waited()
            case Acquire():
                return await self._acquire(step, request)

    async def _acquire(self, step: Acquire, request: RoutedRequest) -> Outcome:
        """A place at one of the core auths, in turn with the other clients."""
        slots = self._live.router.slots
        free = asyncio.Event()
        ticket = slots.wait(request.client, [auth.id for auth in step.auths], free.set)
        if ticket is None:
            return QueueFull()
        used = False
        try:
            async with self._state.waiting(), asyncio.timeout(step.seconds):
                await free.wait()
            used = True
            return Acquired(ticket.auth_id)
        except TimeoutError:
            return Waited()
        finally:
            if not used:
                slots.leave(ticket)

    def _correct_estimate(self, model: str) -> None:
        """By experience with this model: what a stream says of the prompt before the upstream has counted it."""
        context = self._client_request.context
        tokens = self._live.calibration.corrected(model, context.input_estimate)
        if tokens is not None:
            self._client_request = replace(self._client_request, context=replace(context, input_estimate=tokens))
            self._attempts.client_request = self._client_request

    # --- the client ---

    async def keep_alive(self) -> None:
        """Keep a waiting client's connection alive; called by ``Deadlines``, from a task of its own."""
        if self._attempts.pipe is not None:
            await self._writer.keep_alive(self._attempts.pipe)

    async def _report(self, error: GatewayError) -> None:
        """The error to the client in its dialect: as an HTTP error, or as the last event of its stream."""
        self._live.failures.request(self._client_request.request_id, error, self.record.auth)
        error = for_client(error, self._client_request, self.record.served)
        self.record.error, self.record.status = without_frames(error), error.status
        pipe = self._attempts.pipe if self._streamed else None
        if pipe is not None and (self._writer.started or pipe.stage != "held"):
            await self._writer.end(pipe.take() + pipe.fail(error))
            return
        status, headers, body = self._client_request.wire.encode_error(error, self._client_request.request_id)
        self.record.status = status
        await self._writer.respond(status, headers, body)


def _head(record: RequestRecord, headers: PassedHeaders) -> ResponseHead:
    return ResponseHead(
        provider=record.auth.name if record.auth else "",
        attempts=record.attempts,
        lost=record.lost,
        passed=headers.passed,
    )
