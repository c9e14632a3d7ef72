"""Egress policy: which networks the daemon may enter for each upstream host, remembered over restarts.

A base URL that was set through the management API is checked when it is set and again at each
connection, because a name may lead elsewhere by then. config.yaml does not say who wrote a line, so
that is kept here: host -> ``AllowedNetworks``, in the state directory. A host that is not listed was written by
hand and may be anywhere.

What no configuration mentions any more is forgotten: after ``GRACE``, since a request that began before may connect
until then, and earlier where more than ``MOST_LEFT`` hosts are waiting for that. In the latter case every host that is
neither listed nor mentioned counts as set from another host meanwhile: forgetting frees nobody.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Final

from loguru import logger

from daemon.config.urls import ascii_host
from daemon.state.files import read_file, replace_file
from daemon.upstream.http.addresses import AllowedNetworks, forbidden

GRACE: Final = 3600.0
"""Seconds. No request waits that long for its connection."""
MOST_LEFT: Final = 256


class EgressPolicy:
    """``path`` None keeps nothing. ``private_allowed`` is called at each check: the configuration may change.
    ``clock`` gives seconds that only rise."""

    def __init__(
        self,
        path: Path | None = None,
        private_allowed: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._path = path
        self._private_allowed = private_allowed
        self._clock = clock
        self._hosts = _read(path) if path is not None else {}
        self._mentioned: frozenset[str] = frozenset()
        self._left: dict[str, float] = {}  # those of ``_hosts`` that are not mentioned, and since when
        self._closed_until = 0.0
        self._writing = Lock()

    @property
    def hosts(self) -> Collection[str]:
        """Those that were set through the API."""
        return self._hosts.keys()

    def of(self, host: str) -> AllowedNetworks:
        """Where requests for ``host`` may go now."""
        name = _normalised(host)
        allowed = self._hosts.get(name)
        if allowed is None:
            forgotten = name not in self._mentioned and self._clock() < self._closed_until
            allowed = AllowedNetworks.PUBLIC if forgotten else AllowedNetworks.ANYWHERE
        if allowed is AllowedNetworks.PUBLIC and self._private_allowed():
            return AllowedNetworks.NOT_LINK_LOCAL
        return allowed

    def refusal(self, host: str, addresses: Iterable[str]) -> str:
        """Why ``host`` must not be connected to at these addresses; empty if it may."""
        return forbidden(addresses, self.of(host))

    def note(self, hosts: Iterable[str], allowed: AllowedNetworks) -> None:
        """These hosts were set through the API just now; blocks for the fsyncs of a small file."""
        noted = {_normalised(host): allowed for host in hosts}
        with self._writing:
            if any(self._hosts.get(host) is not allowed for host in noted):
                self._hosts = self._hosts | noted
                self._save()

    def follow(self, mentioned: Collection[str]) -> bool:
        """The configuration in force mentions these hosts; whether there are some to ``forget``."""
        self._mentioned, now = frozenset(map(_normalised, mentioned)), self._clock()
        self._left = {host: self._left.get(host, now) for host in self._hosts if host not in self._mentioned}
        return len(self._left) > MOST_LEFT or any(now - since > GRACE for since in self._left.values())

    def forget(self) -> None:
        """Those that have not been mentioned for long, or are too many; blocks for the fsyncs of a small file."""
        now = self._clock()
        with self._writing:
            oldest = sorted(self._left, key=self._left.__getitem__)
            expired = {host for host in oldest if now - self._left[host] > GRACE}
            surplus = set(oldest[: max(0, len(oldest) - MOST_LEFT)]) - expired
            if surplus:
                self._closed_until = now + GRACE
            gone = expired | surplus
            self._hosts = {host: allowed for host, allowed in self._hosts.items() if host not in gone}
            self._save()

    def _save(self) -> None:
        if self._path is None:
            return
        hosts = {host: allowed.name for host, allowed in sorted(self._hosts.items())}
        try:
            replace_file(self._path, json.dumps(hosts, indent=1).encode())
        except OSError as error:
            logger.warning(
                "the list of upstream hosts set through the API could not be saved in {}: {}",
                self._path,
                error.strerror,
            )


def _normalised(host: str) -> str:
    """One spelling for a host name."""
    return ascii_host(host.strip("[]").rstrip(".").lower())


def _read(path: Path) -> dict[str, AllowedNetworks]:
    try:
        if (written := read_file(path)) is None:
            return {}
        hosts = json.loads(written)
        return {str(host): AllowedNetworks[name] for host, name in hosts.items()}
    except (OSError, ValueError, KeyError, AttributeError):
        logger.warning("{} cannot be read: upstream hosts set through the API are no longer known", path)
        return {}
