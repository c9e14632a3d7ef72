"""Rows become the store's fragment: each its ``Provider``, or a reason why it fails, and then its last good settings.

What a row needs beyond itself, its encryption key and what its reference leads to, is asked for here, once per row that
changed: a snapshot built of the fragment opens no key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence

from loguru import logger
from msgspec import Struct, structs

from daemon.config.diagnostics import Diagnostic, dotted
from daemon.config.header_rules import header_faults
from daemon.config.load import Fragment
from daemon.config.provider import Provider
from daemon.config.references import Resolve, UnresolvedReference, watched_name
from daemon.config.urls import shown
from daemon.secret import Secret
from daemon.snapshot.snapshot import CANONICAL
from daemon.store.encryption import EncryptionKeys, SealedKey
from daemon.store.errors import StoreUnusable
from daemon.store.provider_fields import extra_config_of, key_problem
from daemon.store.provider_row import Row, StoredProvider, UnreadableRow, failed_provider, provider_of


class ProviderProblem(Struct, frozen=True):
    """Why a row cannot be used, and what to do."""

    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class RowsInForce:
    """Remembers of each row what came of it last. ``resolve`` follows references, ``paths`` gives the files of those
    that name one. Called on the store's thread; ``problems`` is replaced whole and may be read on any."""

    def __init__(self, resolve: Resolve, paths: Callable[[Iterable[str]], frozenset[str]]) -> None:
        self._resolve = resolve
        self._paths = paths
        self._good: dict[int, tuple[StoredProvider, Provider]] = {}
        self._reported: dict[int, int] = {}
        self.problems: Mapping[str, ProviderProblem] = {}

    def fragment(
        self, rows: Sequence[Row], keys: EncryptionKeys | None, source: str, *, away: Diagnostic | None = None
    ) -> Fragment:
        """``away`` is why the rows may be older than the database's; it makes the whole fragment a failing one."""
        providers: list[Provider] = []
        problems: dict[str, ProviderProblem] = {}
        for row in rows:
            made = self._provider(row, keys)
            if isinstance(made, ProviderProblem):
                problems[row.source] = made
                made = self._last_good(row)
            providers.append(made)
        self._report(rows, problems)
        self._good = {row.id: self._good[row.id] for row in rows if row.id in self._good}
        self._reported = {row.id: self._reported[row.id] for row in rows if row.id in self._reported}
        self.problems = problems
        diagnostics = [_diagnostic(source, row.name, problems[row.source]) for row in rows if row.source in problems]
        references = (row.reference for row in rows if isinstance(row, StoredProvider) and row.reference)
        return Fragment(
            source=source,
            providers=tuple(providers),
            diagnostics=(*diagnostics, *((away,) if away else ())),
            files=self._paths(name for each in references if (name := watched_name(each))),
            failing=frozenset((*problems, *((source,) if away else ()))),
        )

    def _provider(self, row: Row, keys: EncryptionKeys | None) -> Provider | ProviderProblem:
        if isinstance(row, UnreadableRow):
            return ProviderProblem(row.message, row.hint)
        before, known = self._good.get(row.id, (None, None))
        if before is row and known is not None and row.reference is None:
            return known
        try:
            key = self._key(row, keys)
        except UnresolvedReference as error:
            if row.enabled:
                return ProviderProblem(f"api_key: {error.message}", error.hint)
            key = Secret("")  # of a provider that is switched off, no mistake
        except StoreUnusable as error:
            return ProviderProblem(error.message, error.hint)
        if row.reference and row.enabled and (problem := key_problem(key)):
            return ProviderProblem(f"api_key: what {row.reference} leads to {problem}", "put the bare key there")
        extra, _ = extra_config_of(row.extra_config)
        if row.enabled and (wrong := _header_problem(extra.headers)):
            return wrong
        provider = provider_of(row, extra, api_key=key)
        if known != provider:
            self._good[row.id] = row, provider
            return provider
        self._good[row.id] = row, known
        return known

    def _key(self, row: StoredProvider, keys: EncryptionKeys | None) -> Secret:
        if row.reference is not None:
            return Secret(self._resolve(row.reference).strip())
        if row.api_key is None:
            return Secret("")
        if keys is None:
            raise StoreUnusable("its key cannot be opened: there is no encryption key", "set it, or set the key again")
        keys.open(row.api_key)  # found out now, and not by a request
        return SealedKey(row.api_key, row.key_id, keys.open)

    def _last_good(self, row: Row) -> Provider:
        """What is served in place of a row that fails; a row that is switched off is so at once."""
        if row.id in self._good:
            return structs.replace(self._good[row.id][1], enabled=row.enabled)
        if isinstance(row, UnreadableRow):
            return failed_provider(row)
        extra, _ = extra_config_of(row.extra_config)
        return provider_of(row, extra, api_key=Secret(""), failed=True)

    def _report(self, rows: Sequence[Row], problems: Mapping[str, ProviderProblem]) -> None:
        """The result of each initialisation that went well, once. One that failed is a diagnostic, which is logged
        where all are: by the reload."""
        for row in rows:
            if row.source in problems or not isinstance(row, StoredProvider):
                continue
            if row.source in self.problems or self._is_new(row):
                state = "enabled" if row.enabled else "disabled"
                bound = logger.bind(provider=row.name)
                bound.info("provider {} of the store: {} {}, {}", row.name, row.type, shown(row.base_url), state)

    def _is_new(self, row: StoredProvider) -> bool:
        if self._reported.get(row.id) == row.row_version:
            return False
        self._reported[row.id] = row.row_version
        return True


def _header_problem(headers: Mapping[str, str]) -> ProviderProblem | None:
    """What a row's headers must not be; the API refuses it, a row may be older or written by another program."""
    faults = header_faults(("extra_config", "headers"), headers)
    wrong = next((each for each in faults if each.severity == "error"), None)
    return ProviderProblem(f"{dotted(wrong.path)}: {wrong.message}", wrong.hint) if wrong else None


def digest_of(fragment: Fragment, version: int) -> str:
    """SHA-256 (hex) of what the fragment means and of the rows' version; keys enter by their digest."""
    # Not the words of a database that is away: they differ from one attempt to the next.
    problems = [each.message if each.path else each.code for each in fragment.diagnostics]
    providers = [(each.digest or each.source, each.enabled, each.failed) for each in fragment.providers]
    parts = [version, providers, sorted(fragment.failing), problems]
    return hashlib.sha256(CANONICAL.encode(parts)).hexdigest()


def _diagnostic(source: str, name: str, problem: ProviderProblem) -> Diagnostic:
    return Diagnostic(
        severity="error",
        code="store-provider",
        message=problem.message,
        path=("providers", name),
        source=source,
        hint=problem.hint,
    )
