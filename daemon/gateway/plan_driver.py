"""Does what the router's plan says for one request, step by step, and reports back what came of it."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Final

from daemon.errors import GatewayError
from daemon.gateway.attempts import Attempts
from daemon.gateway.decisions import log_end, log_route, log_step
from daemon.gateway.request_record import RequestRecord
from daemon.gateway.request_state import ClientGone, RequestState
from daemon.router.ownership import narrowed
from daemon.router.plan import Acquire, Acquired, Answered, Ask, Failed, Outcome, Pause, QueueFull, Step, Waited, plan
from daemon.router.router import RoutedRequest, Router
from daemon.snapshot.models import Resolution
from daemon.upstream.amendments.parameters import is_foreign
from daemon.wires.effort import FIELDS

LATE: Final = 0.002
"""Seconds: a sleep may end before its time, by the loop's clock, and the rest that is waited for is not over then."""


CLOSING: Final = 0.05
"""Seconds after a hang-up for the upstream to see that its connection is closed, before its place is given away: one
that takes a single request would refuse the next one otherwise."""


class PlanDriver:
    """Of one request, in its task, which ``state`` can interrupt."""

    __slots__ = ("_attempts", "_record", "_request", "_router", "_state")

    def __init__(
        self, router: Router, request: RoutedRequest, attempts: Attempts, record: RequestRecord, state: RequestState
    ) -> None:
        self._router = router
        self._request = request
        self._attempts = attempts
        self._record = record
        self._state = state

    async def follow(self, resolution: Resolution) -> None:
        """Until the client has its answer. Raises ``GatewayError`` where it gets none, and ``ClientGone``."""
        client_request = self._attempts.client_request
        steps = plan(self._router, self._request)
        if resolution.lowered:
            self._record.lost_in_name = (FIELDS[client_request.wire.name],)
        step: Step | None = None
        try:
            step = next(steps)
            log_route(client_request, resolution, self._router, self._request, step)
            while True:
                step = steps.send(await self._take(step, resolution.effort))
                log_step(client_request, step)
        except StopIteration:
            return
        except GatewayError as error:
            log_end(client_request, self._router, self._request, error)
            raise
        except (ClientGone, asyncio.CancelledError) as end:
            self._attempts.close()  # before its place is free: a client that asks again comes after what it gave up
            if isinstance(end, ClientGone) and isinstance(step, Ask):
                await asyncio.sleep(CLOSING)
            raise
        finally:
            steps.close()

    async def _take(self, step: Step, effort: str | None) -> Outcome:
        if self._attempts.pipe is None and not isinstance(step, Ask):  # for the keep-alives
            self._attempts.open_pipe(narrowed(self._request).candidates[0])
        match step:
            case Ask(candidate):
                error = await self._attempts.ask(candidate, effort)
                if error is not None:
                    foreign = bool(self._request.needs) and not self._request.owner and is_foreign(error)
                    return Failed(error, shown=self._attempts.shown, foreign=foreign)
                return Answered((self._record.upstream_first or monotonic()) - self._record.asked_at)
            case Pause(seconds):
                async with self._state.waiting():
                    await asyncio.sleep(seconds + LATE)
                return Waited()
            case Acquire():
                return await self._acquire(step)

    async def _acquire(self, step: Acquire) -> Outcome:
        """A place at one of the core auths, in turn with the other clients."""
        slots = self._router.slots
        free = asyncio.Event()
        ticket = slots.wait(
            self._request.client, [auth.id for auth in step.auths], free.set, session=self._request.session
        )
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
