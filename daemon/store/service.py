"""What the API does with the store: create, get, list with state, update, switch, delete, reload.

    request ─▶ fields_of ─▶ StoreSource.call(repository) ─▶ commit ─▶ apply() ─▶ answer
                              on its thread                  the pipeline reads and swaps

1. The commit is the truth: after it the provider is created, whatever its initialisation says. A row that fails to
   initialise is kept and reported (``error``); what served before goes on.
2. An answer is given once the rows are in force, so whoever reads it may send a request to what it says.
3. Callers that change the same row at once are serialized by the database; none is lost.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence, Set
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from msgspec import UNSET, Struct

from daemon.config.provider import SetBy, lower_name
from daemon.config.references import is_reference
from daemon.secret import Secret
from daemon.store.errors import NameTaken, NoSuchProvider, StoreError, StoreUnavailable, StoreUnusable
from daemon.store.provider_fields import ProviderFields, fields_of
from daemon.store.provider_row import Row
from daemon.store.source import StoreSource

if TYPE_CHECKING:
    from daemon.store.repository import ProviderRepository


class ProviderState(Struct, frozen=True, kw_only=True):
    """A row and what became of it here. ``is_running``: it is in the snapshot in force. ``error``: why its row cannot
    be used; then it may be running all the same, with its last good settings."""

    row: Row
    is_running: bool
    error: str | None = None


class ReloadFailed(StoreError):
    """A provider could not be initialised again; the old instance goes on serving."""

    code = "reload_failed"

    def __init__(self, name: str, details: str) -> None:
        super().__init__("failed to reload provider" if name else "failed to reload providers", details)
        self.name = name
        self.details = details


class ProviderService:
    """``apply`` reads every source and puts it in force (a reload); it returns when that is done. ``running`` gives the
    ``source`` of each core auth in the snapshot in force. ``owner`` says which part of config.yaml has a name (given in
    lower case), empty for none. ``refresh`` asks the upstream of a ``source`` for its models again, '' for all."""

    def __init__(
        self,
        source: StoreSource,
        *,
        apply: Callable[[], Awaitable[object]],
        running: Callable[[], Set[str]],
        owner: Callable[[str], str] = lambda name: "",
        refresh: Callable[[str], None] = lambda source: None,
    ) -> None:
        self._source = source
        self._apply = apply
        self._running = running
        self._owner = owner
        self._refresh = refresh

    async def check_free(self, name: str) -> None:
        """Raises NameTaken: by config.yaml, or by a row."""
        if owner := self._owner(lower_name(name)):
            raise NameTaken(name, owner)
        with suppress(NoSuchProvider):
            await self._row(name)
            raise NameTaken(name)

    async def resolved(self, key: Secret) -> Secret | None:
        """What a key that was sent leads to; None where its reference cannot be resolved now."""
        if not is_reference(key.reveal()):
            return key
        return await self._source.resolved(key.reveal())

    async def create(self, body: object, *, set_by: SetBy = "local") -> ProviderState:
        """The new provider, initialised. Raises InvalidProvider, NameTaken, StoreUnavailable."""
        fields = fields_of(body)
        self._demand_free(fields)
        return await self._applied(await self._source.call(lambda repository: repository.create(fields, set_by=set_by)))

    async def get(self, name: str) -> ProviderState:
        """As it is in the database; while that is away, as it was read last. Raises NoSuchProvider."""
        try:
            row = await self._row(name)
        except (StoreUnavailable, StoreUnusable) as away:
            return self._state(_named(self._last_rows(away), name))
        return self._state(row)

    async def list(
        self, *, enabled: bool | None = None, after: str = "", limit: int | None = None
    ) -> tuple[ProviderState, ...]:
        """In the order of creation; ``after`` is the name of the last one of the page before, '' for the first page.

        While the database is away: as it was read last. Raises NoSuchProvider where that one is gone.
        """

        def work(repository: ProviderRepository) -> tuple[Row, ...]:
            last = repository.get_by_name(after).id if after else 0
            return repository.list(enabled=enabled, after=last, limit=limit)

        try:
            rows = await self._source.look_up(work, lambda: _missing(after) if after else ())
        except (StoreUnavailable, StoreUnusable) as away:
            known = self._last_rows(away)
            last = _named(known, after).id if after else 0
            rows = tuple(each for each in known if each.id > last and enabled in (None, each.enabled))[:limit]
        return self._states(rows)

    async def update(
        self, name: str, body: object, *, set_by: SetBy = "local", expected: int | None = None
    ) -> ProviderState:
        """What the body gives over what there is. Raises also RowChanged where ``expected`` is not its version."""
        fields = fields_of(body)
        if isinstance(fields.name, str) and lower_name(fields.name) != lower_name(name):
            self._demand_free(fields)
        return await self._written(
            name, lambda repository: repository.update(name, fields, set_by=set_by, expected=expected)
        )

    async def switch(self, name: str, *, enabled: bool, expected: int | None = None) -> ProviderState:
        """Enables or disables; one that is so already stays as it is, its version too."""
        return await self._written(name, lambda repository: repository.switch(name, enabled=enabled, expected=expected))

    async def delete(self, name: str, *, expected: int | None = None) -> None:
        """It serves nothing any more when this returns; its requests in flight end on their snapshot."""
        await self._written(name, lambda repository: repository.delete(name, expected=expected))

    async def reload(self, name: str) -> ProviderState:
        """Reads the rows and what they refer to again. Raises NoSuchProvider; ReloadFailed where this one fails."""
        state = await self._written(name, lambda repository: repository.get_by_name(name))
        self._refresh(state.row.source)
        if state.error is not None:
            raise ReloadFailed(state.row.name, state.error)
        return state

    async def reload_all(self) -> None:
        """As ``reload``, of all. Raises ReloadFailed that names each that fails; the others are in force."""
        await self._apply()
        self._refresh("")
        if self._source.problem is not None:
            raise self._source.problem
        if problems := self._source.problems:
            details = "; ".join(f"{source.removeprefix('store:')}: {why}" for source, why in problems.items())
            raise ReloadFailed("", details)

    async def _row(self, name: str) -> Row:
        return await self._source.look_up(lambda repository: repository.get_by_name(name), lambda: _missing(name))

    async def _written(self, name: str, work: Callable[[ProviderRepository], Row]) -> ProviderState:
        """``work`` on the row of that name."""
        return await self._applied(await self._source.look_up(work, lambda: _missing(name)))

    async def _applied(self, row: Row) -> ProviderState:
        await self._apply()
        return self._state(row)

    def _state(self, row: Row) -> ProviderState:
        return self._states((row,))[0]

    def _states(self, rows: Sequence[Row]) -> tuple[ProviderState, ...]:
        """Both look-ups are made once for all rows: of 2,000, one for each took 0.7 s on the loop."""
        running, problems = self._running(), self._source.problems
        errors = {row.source: str(problems[row.source]) for row in rows if row.source in problems}
        return tuple(
            ProviderState(row=row, is_running=row.source in running, error=errors.get(row.source)) for row in rows
        )

    def _last_rows(self, away: StoreError) -> tuple[Row, ...]:
        rows = self._source.rows
        if rows is None:
            raise away
        return rows

    def _demand_free(self, fields: ProviderFields) -> None:
        name = "" if fields.name is UNSET else fields.name
        if owner := self._owner(lower_name(name)):
            raise NameTaken(name, owner)


def _missing(name: str) -> NoReturn:
    raise NoSuchProvider(name)


def _named(rows: tuple[Row, ...], name: str) -> Row:
    found = next((each for each in rows if lower_name(each.name) == lower_name(name)), None)
    if found is None:
        raise NoSuchProvider(name)
    return found
