"""Reports what a reload did: log, events, metrics, systemd. Nothing else of the reload package logs it.

A problem is reported once per change of state: the same broken file, read again, is not reported again.
Every line of the log is an event, too, with the same words.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Set
from functools import partial
from typing import Any, Final, Protocol

from loguru import logger
from msgspec import Struct

from daemon.config.diagnostics import Diagnostic
from daemon.reload.outcome import ReloadOutcome
from daemon.snapshot import summary
from daemon.snapshot.credential_sources import CredentialSources, credential_sources
from daemon.snapshot.diff import ChangeSet
from daemon.snapshot.listings import Standing
from daemon.snapshot.snapshot import Snapshot
from daemon.telemetry.logs import is_logged


class Events(Protocol):
    """``telemetry.audit.AuditLog``."""

    def publish(self, kind: str, message: str, **fields: object) -> None: ...


class Numbers(Protocol):
    """``telemetry.metrics.Metrics``."""

    def reload(self, ok: bool, at: float) -> None: ...

    def snapshot(
        self,
        *,
        generation: int,
        providers: int,
        core_auths: int,
        models: int,
        names: Collection[str],
        known: Callable[[str, str], Standing],
    ) -> None: ...


class Notify(Protocol):
    """``systemd.Notifier``."""

    def reloading(self) -> None: ...

    def ready(self, status: str = "") -> None: ...


LOGGED: Final = ("provider",)
"""Fields of an event that its line has, too: by them ``tppcd logs`` finds it."""
LINES_AT_ONCE: Final = 50
"""Thousands of rows may come into force at once; requests go between their lines."""


class Line(Struct, frozen=True, gc=False):
    kind: str
    text: str
    fields: Mapping[str, Any] = {}


def event_line(kind: str, line: str, **fields: object) -> Line:
    """``line`` as the log has it; ``fields`` are the event's."""
    return Line(kind, line, fields)


class News(Struct, frozen=True, kw_only=True):
    """What there is to report of a snapshot. ``names`` are those of its providers, the disabled ones too; ``known``
    says how it knows a provider's model."""

    generation: int
    providers: int
    core_auths: int
    models: int
    names: frozenset[str]
    known: Callable[[str, str], Standing]
    lines: tuple[Line, ...]
    credentials: Callable[[], Iterable[CredentialSources]] = tuple
    """For the log alone, and only where it is at DEBUG, which the snapshot itself may switch on."""


def news_of(changes: ChangeSet, old: Snapshot | None, new: Snapshot) -> News:
    """Of a snapshot that comes into force after ``old``. It compares every core auth: off the loop."""
    lines = [
        event_line("change", f"  {summary.line(each)}", path=each.path, restart=each.restart)
        for each in changes.changes
    ]
    lines.append(event_line("clients", summary.clients_line(new)))
    if (source := summary.packycode_line(new)) and (old is None or source != summary.packycode_line(old)):
        lines.append(event_line("source", source))
    lines += [event_line("registration", text, provider=who) for who, text in registration_lines(old, new)]
    lines += [event_line("profile", text, provider=who) for who, text in summary.profile_lines(old, new)]
    if old is None and (asked := summary.discovery_line(new)):
        lines.append(event_line("models", asked))
    return _news(new, lines, partial(credential_sources, old, new))


def news_of_lists(old: Snapshot, new: Snapshot) -> News:
    """As ``news_of``, of the same configuration with other models."""
    return _news(new, (event_line("models", text, provider=who) for who, text in summary.models_lines(old, new)))


def _news(new: Snapshot, lines: Iterable[Line], credentials: Callable[[], Iterable[CredentialSources]] = tuple) -> News:
    return News(
        generation=new.generation,
        providers=len({auth.name for auth in new.core_auths}),
        core_auths=len(new.core_auths),
        models=len(new.models.names()),
        names=frozenset(each.name for each in new.providers) | {auth.name for auth in new.core_auths},
        known=new.models.standing,
        lines=tuple(lines),
        credentials=credentials,
    )


class Reporter:
    """Its only state is what has been reported already."""

    def __init__(self, events: Events, numbers: Numbers) -> None:
        self._events = events
        self._numbers = numbers
        self._refused: dict[str, tuple[Diagnostic, ...]] = {}
        """By source."""
        self._warned: frozenset[tuple[object, ...]] = frozenset()

    async def applied(self, outcome: ReloadOutcome, news: News) -> None:
        """A snapshot came into force."""
        heading = outcome.changes[0]
        self._log("reload", heading, outcome.generation, ok=True, revision=outcome.revision, reason=outcome.reason)
        await self.listed(news)

    async def listed(self, news: News) -> None:
        """What is in force now; alone where the same configuration is, with other models."""
        self._numbers.snapshot(
            generation=news.generation,
            providers=news.providers,
            core_auths=news.core_auths,
            models=news.models,
            names=news.names,
            known=news.known,
        )
        for number, each in enumerate(news.lines, 1):
            self._log(each.kind, each.text, news.generation, **each.fields)
            if number % LINES_AT_ONCE == 0:
                await asyncio.sleep(0)
        if is_logged("DEBUG", "reload"):
            await self._explain(news)

    async def _explain(self, news: News) -> None:
        """Where the credentials are from."""
        for number, each in enumerate(news.credentials(), 1):
            bound = logger.bind(generation=news.generation, provider=each.provider, auth=each.auth)
            bound.debug("credential of {}: {}", each.provider, each.text)
            if number % LINES_AT_ONCE == 0:
                await asyncio.sleep(0)

    def refused(self, outcome: ReloadOutcome, source: str, *, what: str = "config") -> None:
        """What is in force stays. ``what`` is refused, in words."""
        self._numbers.reload(False, outcome.at)
        if outcome.diagnostics == self._refused.get(source):
            return
        self._refused[source] = outcome.diagnostics
        errors = sum(each.severity == "error" for each in outcome.diagnostics)
        first = _first_error(outcome)
        heading = f"{what} refused: {errors} {'error' if errors == 1 else 'errors'}, {_in_force(outcome)}: {first}"
        self._log("reload", heading, outcome.generation, level="ERROR", ok=False, reason=outcome.reason)
        for each in outcome.diagnostics:
            self._log("diagnostic", f"  {each}", outcome.generation, level=each.severity.upper())

    def in_force(
        self, outcome: ReloadOutcome, source: str, *, problems: tuple[Diagnostic, ...] = (), saved: bool
    ) -> None:
        """What the source says is in force, without the providers that fail because of ``problems``. ``saved``: the
        file's bytes changed, or a caller asked for a reload; the same bytes read again are not a reload."""
        self._warn(outcome)
        if outcome.failing:
            self._failing(outcome, source, problems)
            return
        was_refused = self._refused.pop(source, None) is not None
        if not outcome.changes and (saved or was_refused):
            news = "config is good again" if was_refused else "config unchanged"
            self._log("reload", f"{news}: {_in_force(outcome)}", outcome.generation, ok=True)
        # Nothing is well while another source is refused.
        if (saved or outcome.changes or was_refused) and not self._refused:
            self._numbers.reload(True, outcome.at)

    def _warn(self, outcome: ReloadOutcome) -> None:
        """A warning is reported once, as long as it stays: not with each reload."""
        warnings = {_meaning(each): each for each in outcome.diagnostics if each.severity == "warning"}
        for meaning, each in warnings.items():
            if meaning not in self._warned:
                self._log("diagnostic", str(each), outcome.generation, level="WARNING")
        self._warned = frozenset(warnings)

    def _failing(self, outcome: ReloadOutcome, source: str, problems: tuple[Diagnostic, ...]) -> None:
        """In force but for providers whose references cannot be resolved: an ERROR each, once."""
        self._numbers.reload(False, outcome.at)
        reported = self._refused.get(source, ())
        self._refused[source] = problems
        for each in problems:
            if each not in reported:
                self._log("diagnostic", str(each), outcome.generation, level="ERROR")

    def _log(self, kind: str, line: str, generation: int, *, level: str = "INFO", **fields: object) -> None:
        bound = {"generation": generation, **{name: fields[name] for name in LOGGED if name in fields}}
        logger.bind(**bound).log(level, "{}", line)
        self._events.publish(kind, line.strip(), **{"generation": generation, **fields})


def registration_lines(old: Snapshot | None, new: Snapshot) -> Iterator[tuple[str, str]]:
    """(provider, line): what a reconcile of the model registry does; nothing for a client whose models stay."""
    before = {each.client_id: old.models.lists_of(each) for each in old.models.auths} if old else {}
    after = {each.client_id: new.models.lists_of(each) for each in new.models.auths}
    names = {each.client_id: each.name for each in (*(old.models.auths if old else ()), *new.models.auths)}
    for client_id in before:
        if client_id not in after:
            yield names[client_id], f"unregistered {client_id} (provider {names[client_id]})"
    read: dict[tuple[object, ...], Set[str]] = {}  # of 2,000 providers most have the same
    for client_id, lists in after.items():
        known = before.get(client_id)
        if known is not None and known.key == lists.key:
            continue
        if lists.key not in read:
            read[lists.key] = lists.read().by_name.keys()
        models = read[lists.key]
        if known is None or models != known.read().by_name.keys():
            count = f"{len(models)} {'model' if len(models) == 1 else 'models'}"
            yield names[client_id], f"registered {count} for {client_id} (provider {names[client_id]})"


def status_line(outcome: ReloadOutcome) -> str:
    """One line for ``systemctl status``."""
    if outcome.ok:
        return f"{_generation(outcome)} in force"
    if outcome.failing:
        return f"{_generation(outcome)} in force without {', '.join(outcome.failing)}: {_first_error(outcome)}"
    return f"config refused, {_in_force(outcome)}: {_first_error(outcome)}"


def _first_error(outcome: ReloadOutcome) -> Diagnostic | None:
    return next((each for each in outcome.diagnostics if each.severity == "error"), None)


def _in_force(outcome: ReloadOutcome) -> str:
    if not outcome.generation:
        return "nothing is in force"
    return f"{_generation(outcome)} stays in force"


def _generation(outcome: ReloadOutcome) -> str:
    return f"generation {outcome.generation} (revision {outcome.revision[: summary.REVISION_DIGITS]}…)"


def _meaning(diagnostic: Diagnostic) -> tuple[object, ...]:
    """A warning that only moved to another line is the same warning."""
    return (diagnostic.code, diagnostic.path, diagnostic.message)
