"""One request between its client and the upstreams that are asked for it, in straight lines.

Nothing is sent to the client before an attempt is committed or a keep-alive is due, so that a dead
upstream stays invisible. No timer runs here: ``Sweep`` watches the clock and breaks a wait off.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache
from math import inf
from time import monotonic
from typing import TYPE_CHECKING

from msgspec.structs import replace

from daemon.errors import ErrorKind, GatewayError, LocalError, RemoteError
from daemon.gateway.account import CLIENT_GONE, Account
from daemon.gateway.amending import Amending
from daemon.gateway.answer_form import beginning, unwrapped
from daemon.gateway.beside import Beside
from daemon.gateway.channel import AnswerHead, Channel
from daemon.gateway.exchange import ClientGone, Exchange, Overdue
from daemon.gateway.gathered import Share, without_frames
from daemon.gateway.inbound import Inbound
from daemon.gateway.losses import request_losses
from daemon.gateway.passthrough import Passthrough
from daemon.gateway.relay import Relay, Target
from daemon.gateway.translation import Translation
from daemon.gateway.wording import for_client
from daemon.router.failover import attempts
from daemon.snapshot.core_auths import CoreAuth
from daemon.snapshot.models import Candidate, ModelUnknown, Resolution
from daemon.upstream.adapters.table import adapter_of
from daemon.upstream.http.call import UpstreamCall, UpstreamResponse
from daemon.wires.base import UpstreamBody
from daemon.wires.failures.judge import judged_again
from daemon.wires.table import WIRES

if TYPE_CHECKING:  # who runs us
    from daemon.gateway.pipeline import Pipeline

STALL = 60.0
"""Seconds a client may leave bytes unread before its request, and the upstream's, is given up."""
LET_GO = 1.0
"""Seconds an upstream has to end its body after its last event, for its connection to be used again."""


class Conversation:
    """One request between its client and the upstreams that are asked for it."""

    __slots__ = (
        "_amending",
        "_answer",
        "_beside",
        "_channel",
        "_exchange",
        "_idle",
        "_inbound",
        "_pipeline",
        "_relay",
        "_relays",
        "_turn",
        "account",
    )

    def __init__(self, pipeline: Pipeline, inbound: Inbound, channel: Channel, exchange: Exchange) -> None:
        self._pipeline = pipeline
        self._inbound = inbound
        self._channel = channel
        self._exchange = exchange
        self._turn = asyncio.Lock()
        self._relays: dict[type[Relay], Relay] = {}
        self._relay: Relay | None = None
        self._answer: UpstreamResponse | None = None
        self._idle = inf
        self._beside = Beside(inbound, pipeline.origins)
        self._amending = Amending(inbound, pipeline.learned)
        self.account = Account(inbound)

    async def run(self) -> None:
        try:
            await self._ask()
            self.account.status = 200
        except ClientGone:
            self.account.status = CLIENT_GONE
            self._pipeline.metrics.upstream_cancelled()
        except GatewayError as error:
            await self._tell(error)
        finally:
            if self._answer is not None and self.account.status != 200:
                self._answer.close()

    async def let_go(self) -> None:
        """Read the end of the upstream's body, so that the connection can be used again."""
        if self._answer is None:
            return
        if self._relay is not None and self._relay.cut_short:
            self._answer.close()  # it is still writing what nobody wants
            return
        with self._answer as answer:
            if answer.ended:
                return
            try:
                async with asyncio.timeout(LET_GO):
                    while await answer.read():
                        pass
            except (TimeoutError, RemoteError):
                return

    async def _ask(self) -> None:
        resolution = self._resolve()
        candidates = self._pipeline.rotation.order(resolution.matched, resolution.candidates)
        self._correct_estimate(candidates[0].model)
        if self._inbound.request.stream:
            self._exchange.quiet_since = monotonic()
        plan = attempts(candidates)
        candidate = next(plan)
        while (error := await self._attempt(candidate, resolution.effort)) is not None:
            try:
                candidate = plan.send(error)
            except StopIteration:
                raise error from None

    def _resolve(self) -> Resolution:
        try:
            return self._inbound.snapshot.models.resolve(self._inbound.request.model)
        except ModelUnknown as unknown:
            raise LocalError(ErrorKind.MODEL_NOT_FOUND, str(unknown), code="model_not_found", param="model") from None

    def _correct_estimate(self, model: str) -> None:
        """By experience with this model: what is said of the prompt before the upstream has counted it."""
        context = self._inbound.context
        if not self._inbound.request.stream:
            return
        tokens = self._pipeline.calibration.corrected(model, context.input_estimate)
        if tokens is not None:
            self._inbound = replace(self._inbound, context=replace(context, input_estimate=tokens))

    async def _attempt(self, candidate: Candidate, effort: str | None) -> RemoteError | None:
        """One candidate: None when it answered, its error when the next one may be asked."""
        auth = candidate.auth
        self.account.auth, self.account.served = auth, candidate.model
        self._relay = relay = self._relay_for(auth)
        error = await self._asked(self._amending.first(candidate, effort), relay)
        if error is None:
            self._pipeline.states.succeeded(auth.id)
            self._pipeline.metrics.attempt(auth.name, "ok")
            return None
        self._pipeline.states.failed(auth.id, error)
        if relay.committed and self._inbound.request.stream:
            raise error
        return error

    async def _asked(self, target: Target, relay: Relay) -> RemoteError | None:
        """Ask, and where the upstream's refusal says what it wants instead, ask again with that."""
        auth = target.candidate.auth
        upstream = relay.prepare(target)
        while True:
            self.account.attempts += 1
            self._note_losses(upstream)
            try:
                await self._converse(auth, upstream, relay)
                return None
            except RemoteError as failure:
                error = judged_again(failure, self._inbound.says).with_traceback(None)  # whose frames hold us
            finally:
                if relay.committed:  # a 2xx, whether or not the client has waited for the end of it
                    self._amending.accepted(target.candidate)
            error.message = auth.api_key.masked_in(error.message)  # some upstreams quote the key they refuse
            self._pipeline.metrics.attempt(auth.name, error.kind.value)
            self._close_answer()
            again = None if relay.committed else self._amending.next(target, upstream, error, relay)
            if again is None:
                return error
            target, upstream = again

    def _close_answer(self) -> None:
        """The attempt has failed; what the upstream said beside its answer stays."""
        if self._answer is not None and self.account.auth is not None:
            self._beside.down(self.account.auth, self._answer.headers)
            self._answer.close()
            self._answer = None

    def _relay_for(self, auth: CoreAuth) -> Relay:
        kind: type[Passthrough | Translation] = Passthrough if self._inbound.wire.name == auth.wire else Translation
        if kind not in self._relays:
            self._relays[kind] = (
                Passthrough(self._inbound, self._pipeline.origins)
                if kind is Passthrough
                else Translation(self._inbound)
            )
        return self._relays[kind]

    def _note_losses(self, upstream: UpstreamBody) -> None:
        self.account.lost = lost = request_losses(upstream.lost)
        if lost and self._inbound.snapshot.config.translation.strict:
            names = ", ".join(lost)
            raise LocalError(
                ErrorKind.INVALID_REQUEST,
                f"the upstream's wire cannot carry: {names} (leave them out, or switch translation.strict off)",
            )

    async def _converse(self, auth: CoreAuth, upstream: UpstreamBody, relay: Relay) -> None:
        exchange, timeouts = self._exchange, auth.timeouts
        call = UpstreamCall(
            url=adapter_of(auth).url(auth.base_url),
            headers=self._beside.up(auth, upstream.session),
            body=upstream.body,
            connect_timeout=timeouts.connect,
            proxy=auth.proxy_url,
            ca=self._inbound.snapshot.config.upstream_ca,
        )
        patience = timeouts.first_event if relay.streamed else max(timeouts.first_event, timeouts.idle)
        exchange.deadline = monotonic() + patience
        exchange.overdue = _overdue("first event", patience, "first-event" if relay.streamed else "idle")
        try:
            async with exchange.waiting():
                self._answer = answer = await self._pipeline.upstreams.open(call)
                if not relay.watched:
                    answer.gather()
                if answer.status >= 300:
                    raise WIRES[auth.wire].decode_error(answer.status, answer.headers, await answer.read_error())
                relay.accepted()
                with self._pipeline.gathered.share() as share:
                    await self._read_answer(auth, answer, relay, share)
                    await self._finish(relay)
        except (GatewayError, ClientGone) as error:
            raise without_frames(error) from error.__cause__
        finally:
            if relay.finished or not self._inbound.request.stream:
                relay.release()

    async def _read_answer(self, auth: CoreAuth, answer: UpstreamResponse, relay: Relay, share: Share) -> None:
        begun, form = await beginning(answer)
        if form == "page":
            raise WIRES[auth.wire].decode_error(answer.status, answer.headers, begun + await answer.read_error())
        if form == "json":
            relay.feed_whole(unwrapped(await answer.read_whole(begun=begun, taken=share.take)))
            self._first_event()
            _raise(relay)
            return
        self._idle = auth.timeouts.idle
        try:
            await self._relay_stream(begun, answer, relay, share)
        finally:
            self._pipeline.metrics.events_skipped(auth.name, relay.skipped)

    async def _relay_stream(self, begun: bytes, answer: UpstreamResponse, relay: Relay, share: Share) -> None:
        """Feed what arrives and pass on what is due, until the terminal event."""
        exchange, idle, stream = self._exchange, self._idle, self._inbound.request.stream
        overdue = _overdue("next event", idle, "idle")
        data = begun or await answer.read()
        while data:
            exchange.deadline = monotonic() + idle
            if exchange.overdue is not overdue:
                exchange.overdue = overdue
                self._first_event()
            if not (stream and relay.committed):
                share.take(len(data))
            relay.feed(data)
            if relay.error is not None:
                raise relay.error
            if relay.finished:
                return
            if stream and relay.committed:
                await self._write(relay.take())
                share.give_back()
            data = await answer.read()
        relay.end_of_body()
        _raise(relay)

    async def _finish(self, relay: Relay) -> None:
        self.account.usage, self.account.estimated = relay.usage, relay.cut_short
        self.account.answer_lost = relay.answer_lost
        exchange = self._exchange
        exchange.deadline, exchange.overdue = monotonic() + STALL, STALLED
        exchange.quiet_since = inf
        if not self._inbound.request.stream:
            await self._channel.answer(200, {"content-type": "application/json"}, relay.whole(), self._head())
            return
        async with self._turn:
            await self._start()
            await self._channel.end_stream(relay.take())

    async def _write(self, data: bytes) -> None:
        if not data:
            return
        exchange = self._exchange
        exchange.quiet_since = monotonic()
        exchange.deadline = exchange.quiet_since + STALL
        upstream_overdue, exchange.overdue = exchange.overdue, STALLED
        async with self._turn:
            await self._start()
            await self._channel.write(data)
        exchange.overdue = upstream_overdue
        exchange.deadline = monotonic() + self._idle

    async def keep_alive(self) -> None:
        """A sign of life for a client that waits; called by the sweep, from a task of its own."""
        if self._turn.locked() or self._exchange.quiet_since == inf:
            return
        async with self._turn:
            relay = self._relay
            if relay is not None and not relay.finished:
                await self._start()
                await self._channel.write(relay.keep_alive())

    async def _start(self) -> None:
        if not self._channel.started:
            await self._channel.start_stream(self._head())

    async def _tell(self, error: GatewayError) -> None:
        """The client is told in its dialect: as an HTTP error, or as the last event of its stream."""
        error = for_client(error, self._inbound, self.account.served)
        self.account.error, self.account.status = error, error.status
        self._exchange.quiet_since = inf
        relay = self._relay if self._inbound.request.stream else None
        if relay is not None and (self._channel.started or relay.committed):
            async with self._turn:
                await self._start()
                await self._channel.end_stream(relay.take() + relay.fail(error))
            return
        status, headers, body = self._inbound.wire.encode_error(error, self._inbound.request_id)
        self.account.status = status
        await self._channel.answer(status, headers, body, self._head())

    def _head(self) -> AnswerHead:
        account = self.account
        provider = account.auth.name if account.auth else ""
        if self._answer is not None and account.auth is not None:
            self._beside.down(account.auth, self._answer.headers)
        return AnswerHead(provider=provider, attempts=account.attempts, lost=account.lost, passed=self._beside.passed)

    def _first_event(self) -> None:
        if self.account.first_event is None:
            self.account.first_event = monotonic()


STALLED = Overdue(f"the client has read nothing for {STALL:g} s", ours=True)


def _raise(relay: Relay) -> None:
    if relay.error is not None:
        raise relay.error


@lru_cache(maxsize=64)
def _overdue(what: str, seconds: float, key: str) -> Overdue:
    return Overdue(f"the upstream sent no {what} within {seconds:g} s (timeouts.{key}); retry, or raise it")
