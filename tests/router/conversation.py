"""Conversations with the plan: upstreams that behave by script, and a clock that only ``Pause`` moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from daemon.errors import ErrorKind, GatewayError, RemoteError, Scope
from daemon.router.plan import Acquire, Acquired, Answered, Ask, Failed, Outcome, Pause, Waited, plan
from daemon.router.router import RoutedRequest, Router
from daemon.snapshot.listings import Candidate

NOT_MADE_HERE = "previous_response_not_found"
"""The code of an upstream that does not know what another one made."""
Script = Callable[[Candidate], RemoteError | None]


class World:
    """A router, its clock, and what each upstream answers: by name, None is an answer. ``first_event`` in seconds."""

    def __init__(self, *candidates: Candidate, strategy: str = "round-robin", rounds: int = 0) -> None:
        self.now = 1000.0
        self.router = Router(clock=lambda: self.now, wall=lambda: 1.8e9 + self.now, random=lambda: 0.0)
        self.candidates = candidates
        self.strategy = strategy
        self.rounds = rounds
        self.answers: dict[str, Script] = {}
        self.first_event: Mapping[str, float] = {}
        self.shown = False  # whether clients have seen a piece of what fails
        self.numbers = iter(range(1, 10**9))
        self.router.follow(each.auth for each in candidates)

    def fails(self, name: str, *errors: RemoteError | None) -> None:
        """The next answers of this upstream, the last one for ever."""
        queue = list(errors)
        self.answers[name] = lambda _: queue.pop(0) if len(queue) > 1 else queue[0]

    def works(self, name: str) -> None:
        self.answers.pop(name, None)

    def request(self, candidates: Sequence[Candidate] | None = None, **fields: object) -> RoutedRequest:
        settings: dict[str, object] = {
            "name": "gpt-5",
            "candidates": self.candidates if candidates is None else candidates,
            "number": next(self.numbers),
            "strategy": self.strategy,
            "rounds": self.rounds,
        }
        return RoutedRequest(**settings | fields)  # type: ignore[arg-type]

    def ask(self, candidates: Sequence[Candidate] | None = None, **fields: object) -> str:
        """Who is asked, in order, by name; a fallback model by its own, a wait by its seconds. ``!`` and the kind of
        what the client gets where nobody answered."""
        return " ".join(self._course(self.request(candidates, **fields)))

    def _course(self, request: RoutedRequest) -> Iterator[str]:
        steps = plan(self.router, request)
        outcome: Outcome | None = None
        while True:
            try:
                step = next(steps) if outcome is None else steps.send(outcome)
            except StopIteration:
                return
            except GatewayError as error:
                yield f"!{error.kind}"
                return
            match step:
                case Ask(candidate):
                    name = candidate.auth.name
                    yield name if candidate.model == "gpt-5" else candidate.model
                    script = self.answers.get(name)
                    fault = script(candidate) if script else None
                    foreign = fault is not None and fault.code == NOT_MADE_HERE
                    answered = Answered(self.first_event.get(name, 0.01))
                    outcome = answered if fault is None else Failed(fault, shown=self.shown, foreign=foreign)
                case Pause(seconds):
                    self.now += seconds
                    yield f"{seconds:g}s"
                    outcome = Waited()
                case Acquire(auths, seconds):
                    self.now += seconds
                    yield f"queue({','.join(auth.name for auth in auths)})"
                    outcome = Waited()


def error(kind: ErrorKind, status: int | None = None, **fields: object) -> RemoteError:
    """As the judge makes it of an upstream's answer."""
    scopes = {
        ErrorKind.INVALID_REQUEST: Scope.REQUEST,
        ErrorKind.CONTEXT_LENGTH: Scope.REQUEST,
        ErrorKind.CONTENT: Scope.REQUEST,
        ErrorKind.MODEL_NOT_FOUND: Scope.MODEL,
        ErrorKind.WRONG_CLIENT: Scope.CLIENT,
    }
    scope = scopes.get(kind, Scope.PROVIDER)
    return RemoteError(kind, "no", scope=scope, upstream_status=status, **fields)  # type: ignore[arg-type]


__all__ = ["Acquired", "World", "error"]
