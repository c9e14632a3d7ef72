"""What follows from what an upstream says of a key: the state of the core auth, a rest, one WARNING, one event.

a check off the path, a provider test ─▶ found ─▶ ``verified`` and when; refused: it rests with ``invalid_key``
an API write, before it writes ─▶ remember ─▶ ``known``, once its core auth is in force: nobody asks twice
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from loguru import logger

from daemon.config.diagnostics import dotted
from daemon.config.packycode import API_KEY
from daemon.config.references import is_reference
from daemon.router.readiness import duration, rest_reason
from daemon.router.router import Router
from daemon.router.states import AuthStates
from daemon.snapshot.core_auths import CoreAuth, Verified
from daemon.snapshot.snapshot import Snapshot
from daemon.telemetry.failure_events import FailureEvents
from daemon.upstream.diagnosis import Diagnosis

MOST_REMEMBERED: Final = 256
"""Answers to writes that were not put in force; the oldest go first."""
RESULTS: Final[Mapping[Verified, str]] = {"yes": "taken", "no": "refused", "unknown": "unknown"}
"""What was found out of a key -> the same for the metrics."""
REMEMBERED: Final = 60.0
"""Seconds after which an answer to a write says nothing of what is in force."""


class KeyVerdicts:
    """One for the daemon's life. ``clock`` gives Unix seconds. ``count`` is called with the provider's name and
    ``taken``, ``refused`` or ``unknown`` for each question that an upstream was asked."""

    __slots__ = ("_clock", "_count", "_events", "_remembered", "_router", "_states")

    def __init__(
        self,
        states: AuthStates,
        router: Router,
        events: FailureEvents,
        *,
        clock: Callable[[], float] = time.time,
        count: Callable[[str, str], None] = lambda _name, _result: None,
    ) -> None:
        self._count = count
        self._states = states
        self._router = router
        self._events = events
        self._clock = clock
        self._remembered: dict[tuple[object, ...], tuple[Diagnosis, float]] = {}

    def found(self, auth: CoreAuth, diagnosis: Diagnosis, snapshot: Snapshot) -> None:
        """The upstream of ``auth``, which is in force in ``snapshot``, has answered. What is no list and refuses no key
        (404, 503, a firewall) says nothing of it."""
        if diagnosis.verified == "unknown" and diagnosis.models is None:
            self.unanswered(auth)
            return
        self._count(auth.name, RESULTS[diagnosis.verified])
        before = self._states.view(auth.id)
        self._states.verified(auth.id, diagnosis.verified, self._clock())
        if diagnosis.verified != "no":
            if self._router.cooldowns.key_taken(auth.id, sure=diagnosis.verified == "yes"):
                self._returned(auth)
        elif before.verified != "no" or (before.state == "ready" and not auth.disable_cooling):
            self._refused(auth, diagnosis, snapshot)

    def answers(self, auth_id: str) -> int:
        """How many requests the key has served."""
        return self._states.view(auth_id).succeeded

    def unanswered(self, auth: CoreAuth) -> None:
        """The upstream was asked, and it has not said: what was known of the key stays."""
        self._count(auth.name, RESULTS["unknown"])
        if self._states.view(auth.id).verified_at is None:
            self._states.verified(auth.id, "unknown", self._clock())

    def remember(self, auth: CoreAuth, ca: str, diagnosis: Diagnosis) -> None:
        """A write has asked for ``auth``, which is not in force yet."""
        if len(self._remembered) >= MOST_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[question(auth, ca)] = diagnosis, self._clock()

    def known(self, auth: CoreAuth, ca: str) -> Diagnosis | None:
        """What a write has just heard of ``auth``, once."""
        diagnosis, at = self._remembered.pop(question(auth, ca), (None, 0.0))
        return diagnosis if self._clock() - at < REMEMBERED else None

    def _refused(self, auth: CoreAuth, diagnosis: Diagnosis, snapshot: Snapshot) -> None:
        resting = self._router.key_refused(auth)
        rests = "" if resting is None else "; it gets no request for 30 min, or until the key is changed"
        logger.bind(provider=auth.name, auth=auth.id, error="authentication", reason="invalid_key").warning(
            "{}: {}{} ({})", auth.label, diagnosis.explanation, rests, key_setting(auth, snapshot)
        )
        if resting is None:
            return
        what = rest_reason(resting.key, resting.rest)
        message = f"rests for {duration(resting.rest.until - resting.rest.since)}: {what}"
        self._events.publish_state(message, auth=auth.id, provider=auth.name, state="cooling")

    def _returned(self, auth: CoreAuth) -> None:
        logger.bind(provider=auth.name, auth=auth.id).info("{} is back: its key is taken", auth.label)
        self._events.publish_state("is back", auth=auth.id, provider=auth.name, state="ready")


def question(auth: CoreAuth, ca: str) -> tuple[object, ...]:
    """What a question about a key consists of: where it is the same, so is the answer."""
    return auth.id, auth.wire, auth.headers, auth.proxy_url, ca


def key_setting(auth: CoreAuth, snapshot: Snapshot) -> str:
    """Where to put the right key."""
    if auth.kind == "store":
        return f"set the right key: tppcd provider update {auth.name} --key -"
    provider = next((each for each in snapshot.providers if each.source == auth.source), None)
    if provider is None:
        return "set the right key in config.yaml"
    is_packycode = provider.kind == "packycode"
    path = (*provider.path, *(API_KEY.split(".") if is_packycode else ("api-key",)))
    if auth.key:
        path = (*path, auth.key - 1)
    source = snapshot.effective_sources.get(API_KEY, "config.yaml") if is_packycode else "config.yaml"
    if source != "config.yaml":
        return f"the key is from {source}: correct it there, or set {dotted(path)} in config.yaml"
    written = _at(snapshot.written, path)
    if isinstance(written, str) and is_reference(written):
        return f"correct what {written} has, or set {dotted(path)} in config.yaml"
    return f"set the right key in config.yaml: {dotted(path)}"


def _at(data: object, path: Sequence[str | int]) -> object:
    """The value at ``path`` of the data of the file; None where there is none."""
    for part in path:
        if isinstance(data, Mapping):
            data = data.get(part)
        elif isinstance(data, Sequence) and not isinstance(data, str) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            return None
    return data
