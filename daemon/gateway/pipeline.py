"""The request plane's engine: what all requests share, and the frame around each of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from time import monotonic

from daemon.gateway.calibration import Calibration
from daemon.gateway.channel import Channel
from daemon.gateway.conversation import Conversation
from daemon.gateway.count_tokens import CountTokens
from daemon.gateway.exchange import Exchange
from daemon.gateway.gathered import GatheredBudget
from daemon.gateway.inbound import Inbound
from daemon.gateway.learned import LearnedAmendments
from daemon.gateway.origins import Origins
from daemon.gateway.sweep import Sweep
from daemon.gateway.upstreams import Upstreams
from daemon.router.selection import Rotation
from daemon.router.states import AuthStates
from daemon.telemetry.metrics import Metrics


class Pipeline:
    """One for the daemon's life. ``counted`` frames every request, for whoever must know when none is
    left. ``learned``, ``origins`` and ``calibration`` are what has been learned of upstreams: live
    state by core auth ID and model, which outlives every snapshot. ``gathered`` bounds the answers in memory."""

    def __init__(
        self,
        *,
        upstreams: Upstreams,
        states: AuthStates,
        metrics: Metrics,
        sweep: Sweep,
        learned: LearnedAmendments | None = None,
        counted: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.upstreams = upstreams
        self.states = states
        self.metrics = metrics
        self.sweep = sweep
        self.counted = counted
        self.rotation = Rotation()
        self.learned = LearnedAmendments() if learned is None else learned
        self.origins = Origins()
        self.calibration = Calibration()
        self.gathered = GatheredBudget()
        self.tokens = CountTokens(upstreams=upstreams, calibration=self.calibration)

    @property
    def running(self) -> int:
        """Requests between their first and their last byte."""
        return len(self.sweep)

    async def run(self, inbound: Inbound, channel: Channel, exchange: Exchange) -> None:
        """Answer one request. Every failure is told to the client in its dialect; nothing is raised."""
        conversation = Conversation(self, inbound, channel, exchange)
        account = conversation.account
        self.metrics.request_started()
        self.sweep.enter(exchange, conversation.keep_alive)
        try:
            with self.counted():
                await conversation.run()
        finally:
            self.sweep.leave(exchange)
            account.close(monotonic(), self.metrics)
            if account.measured is not None:
                self.calibration.observe(account.served, inbound.context.input_estimate, account.measured)
        await conversation.let_go()
