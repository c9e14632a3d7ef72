"""One request between its client and the upstreams that are asked for it, in straight lines.

Nothing is sent to the client before an attempt is committed or a keep-alive is due, so that a dead
upstream stays invisible.
"""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import count
from time import monotonic
from typing import Final

from msgspec.structs import replace

from daemon.errors import GatewayError, stopping
from daemon.gateway import traced
from daemon.gateway.attempts import Attempts
from daemon.gateway.client_request import ClientRequest
from daemon.gateway.client_stream import ClientStream, ClientWriter, ResponseHead
from daemon.gateway.decisions import routed
from daemon.gateway.departures import Departure
from daemon.gateway.gathered import without_frames
from daemon.gateway.headers import PassedHeaders
from daemon.gateway.live_state import LiveState
from daemon.gateway.ownership import ownership
from daemon.gateway.plan_driver import PlanDriver
from daemon.gateway.request_record import CLIENT_GONE, RequestRecord
from daemon.gateway.request_state import ClientGone, RequestState
from daemon.gateway.routing import routed_request
from daemon.gateway.wording import for_client

NUMBERS: Final = count(1)
"""Of requests, since the start: by it the router knows whose a probe is."""


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
        if live.tracing is not None:
            record.trace = traced.begin(live.tracing, client_request)
        headers = PassedHeaders(client_request, live.owners)
        # Nothing below may refer back to the handler: a cycle would keep the request's memory until the collector runs.
        self._writer = writer = ClientWriter(stream, state, partial(_head, record, headers))
        self._attempts = Attempts(live, client_request, state=state, record=record, headers=headers, writer=writer)

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
            self._attempts.release()
            live.free_pages.return_after(live.gathered)
            record.report(monotonic(), live.metrics)
            if record.trace is not None:
                traced.end(record.trace, record, begun=self._writer.started)
            live.failures.request(record.client_request.request_id, record.error, record.auth)
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
        except asyncio.CancelledError:
            self.record.fail(stopping())  # nothing else cancels a request from outside
            raise
        finally:
            if self.record.status != 200:
                self._attempts.close()

    # --- whom to ask ---

    async def _follow_plan(self) -> None:
        resolution = routed(self._client_request)
        if self._streamed:
            self._correct_estimate(resolution.candidates[0].model)
            self._state.quiet_since = monotonic()  # from now on keep-alives are due
        self._recall()
        owned = ownership(self._client_request, resolution.candidates, self._live.owners)
        self._attempts.needed = tuple(part.value for part in owned.needed)
        request = routed_request(self._client_request, resolution, next(NUMBERS), owned)
        driver = PlanDriver(self._live.router, request, self._attempts, self.record, self._state)
        live, turn = self._live, (request.client, request.session)
        if live.departures:
            await live.departures.passed(turn, self._state)
        self._state.departure = departure = Departure(live.departures, turn)
        try:
            await driver.follow(resolution)
        finally:
            self._state.departure = None
            departure.end()

    def _recall(self) -> None:
        """Reasoning that this client could not carry goes along again."""
        client_request = self._client_request
        if not client_request.wire.carries_signatures:
            request = self._live.call_reasoning.put_back(client_request.request)
            if request is not client_request.request:
                self._client_request = replace(client_request, request=request, recalled=True)
                self._attempts.client_request = self._client_request

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
        error = for_client(error, self._client_request, self.record.served)
        self.record.fail(without_frames(error))
        pipe = self._attempts.pipe if self._streamed else None
        if pipe is not None and (self._writer.started or pipe.stage != "held"):
            ready = pipe.take()
            self.record.in_stream = True
            await self._writer.end(ready + pipe.fail(error))
            if ready:
                self.record.shown(monotonic())
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
