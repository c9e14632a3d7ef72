"""The adapters that serve: one per core auth ID, built when a snapshot is put in force, and looked up by each attempt.

    register(type) ─▶ build(core auth) ─▶ prepare(snapshot) … put ─▶ of(core auth) ─▶ the adapter that is asked

1. The table is never changed but replaced whole, under a lock that only writers take: a reader in any task or thread
   sees all of one table, and waits for nobody.
2. An adapter is kept as long as nothing of its core auth changes, also one that ``replace`` has put there.
3. An upstream that shows of which make it is (``recognition``) gets an adapter with that profile.
4. A request whose snapshot is older than the table is served as that snapshot says, by an adapter of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from threading import Lock

from msgspec import Struct

from daemon.snapshot.core_auths import CoreAuth
from daemon.snapshot.snapshot import Snapshot
from daemon.upstream.adapters.adapter import Adapter, Open
from daemon.upstream.adapters.base import AdapterType
from daemon.upstream.adapters.recognition import Recognition
from daemon.upstream.adapters.table import ADAPTERS, adapter_of

MakeAdapter = Callable[..., Adapter]
"""As ``Adapter`` itself: (type, core auth, open, ca=…)."""


class UnknownAdapterType(ValueError):
    """Nobody has registered a type of this name."""


class AdapterEntry(Struct, frozen=True):
    """``adapter`` serves ``auth``, with the extra CA file ``ca`` or ''."""

    auth: CoreAuth
    ca: str
    adapter: Adapter


class NextAdapters(Struct, frozen=True):
    """What ``prepare`` has made of a snapshot: what is new or changed is ``built``, the rest stays as it is then."""

    auths: tuple[CoreAuth, ...]
    ca: str
    built: Mapping[str, Adapter]


class AdapterRegistry:
    """One for the daemon's life. ``open`` is the transport's."""

    def __init__(self, open: Open, types: Iterable[AdapterType] = tuple(ADAPTERS.values())) -> None:
        self._open = open
        self._types: dict[str, tuple[AdapterType, MakeAdapter]] = {}
        self._entries: Mapping[str, AdapterEntry] = {}
        self._ca = ""
        self._recognition = Recognition()
        self._writing = Lock()
        for kind in types:
            self.register(kind)

    # --- types ---

    def register(self, kind: AdapterType, make: MakeAdapter = Adapter) -> None:
        """From now on providers of this type are served by what ``make`` gives. Raises ValueError for a name that is
        taken."""
        with self._writing:
            if kind.type in self._types:
                raise ValueError(f"the provider type {kind.type!r} is registered already")
            self._types = self._types | {kind.type: (kind, make)}

    def build(self, auth: CoreAuth, *, ca: str | None = None) -> Adapter:
        """A new adapter, which serves nobody yet. Raises ``UnknownAdapterType``."""
        if auth.type and auth.type not in self._types:
            raise UnknownAdapterType(f"unknown provider type {auth.type!r} (known: {', '.join(sorted(self._types))})")
        kind = adapter_of(auth)
        kind, make = self._types.get(auth.type or kind.type, (kind, Adapter))
        return make(kind, self.recognised(auth), self._open, ca=self._ca if ca is None else ca)

    # --- who serves ---

    def of(self, auth: CoreAuth) -> Adapter:
        """The adapter that a request for ``auth`` goes through."""
        entry = self._entries.get(auth.id)
        if entry is not None and (entry.auth is auth or entry.auth == auth):
            return entry.adapter
        return self.build(auth)

    def get(self, auth_id: str) -> Adapter | None:
        """The adapter that serves this core auth ID now."""
        entry = self._entries.get(auth_id)
        return None if entry is None else entry.adapter

    def ids(self) -> frozenset[str]:
        """The core auth IDs that are served."""
        return frozenset(self._entries)

    def replace(self, auth_id: str, adapter: Adapter) -> Adapter:
        """From the next attempt on ``adapter`` serves this core auth ID; gives the one before it, which serves on
        whoever has it. Raises LookupError where there is none."""
        with self._writing:
            entry = self._entries[auth_id]
            self._entries = {**self._entries, auth_id: AdapterEntry(entry.auth, entry.ca, adapter)}
        return entry.adapter

    # --- profiles ---

    def recognised(self, auth: CoreAuth) -> CoreAuth:
        """``auth`` with the profile that its upstream has shown, where nothing else says which it has."""
        return self._recognition.of(auth)

    def listed(self, auth: CoreAuth, owners: Collection[str]) -> None:
        """Its upstream lists models, which ``owners`` own."""
        if self._recognition.listed(auth, owners):
            self._rebuild(auth.id)

    def refused(self, auth: CoreAuth, server: str) -> None:
        """Its upstream has refused a request; ``server`` is the response's header, or ''."""
        if self._recognition.refused(auth, server):
            self._rebuild(auth.id)

    def _rebuild(self, auth_id: str) -> None:
        entry = self._entries.get(auth_id)
        if entry is not None:
            self.replace(auth_id, self.build(entry.auth, ca=entry.ca))

    # --- snapshots ---

    def prepare(self, snapshot: Snapshot) -> NextAdapters:
        """Builds what ``snapshot`` has new or changed; nobody is served by it before ``put``."""
        ca, entries = snapshot.config.upstream_ca, self._entries
        built = {}
        for auth in snapshot.core_auths:
            entry = entries.get(auth.id)
            if entry is None or entry.ca != ca or entry.auth != auth:
                built[auth.id] = self.build(auth, ca=ca)
        return NextAdapters(snapshot.core_auths, ca, built)

    def put(self, prepared: NextAdapters) -> None:
        """The snapshot is in force: its core auths are served, and no others."""
        ca, built = prepared.ca, prepared.built
        self._recognition.keep_only(auth.id for auth in prepared.auths)
        with self._writing:
            entries = self._entries
            self._ca = ca
            self._entries = {
                auth.id: AdapterEntry(auth, ca, built.get(auth.id) or entries[auth.id].adapter)
                for auth in prepared.auths
            }
