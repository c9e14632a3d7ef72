"""How far the daemon may go for each upstream host, remembered over restarts.

A base URL that was set through the management API is checked when it is set and again at each
connection, because a name may lead elsewhere by then. config.yaml does not say who wrote a line, so
that is kept here: host -> ``Reach``, in the state directory. A host that is not listed was written by
hand and may be anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

from loguru import logger

from daemon.state.files import replace_file
from daemon.upstream.addresses import Reach, forbidden


class Reaches:
    """``path`` None keeps nothing. ``private_allowed`` is asked at each check: the configuration may change."""

    def __init__(self, path: Path | None = None, private_allowed: Callable[[], bool] = lambda: False) -> None:
        self._path = path
        self._private_allowed = private_allowed
        self._hosts = _read(path) if path is not None else {}

    def of(self, host: str) -> Reach:
        """The reach in force for ``host``."""
        reach = self._hosts.get(plain(host), Reach.ANYWHERE)
        return Reach.NOT_LINK_LOCAL if reach is Reach.PUBLIC and self._private_allowed() else reach

    def refusal(self, host: str, addresses: Iterable[str]) -> str:
        """Why ``host`` must not be asked at these addresses; empty if it may."""
        return forbidden(addresses, self.of(host))

    def note(self, hosts: Iterable[str], reach: Reach) -> None:
        """These hosts were set through the API just now; blocks for the fsyncs of a small file."""
        wanted = {plain(host): reach for host in hosts}
        if any(self._hosts.get(host) is not each for host, each in wanted.items()):
            self._hosts |= wanted
            self._save()

    def _save(self) -> None:
        if self._path is None:
            return
        hosts = {host: reach.name for host, reach in sorted(self._hosts.items())}
        try:
            replace_file(self._path, json.dumps(hosts, indent=1).encode())
        except OSError as error:
            logger.warning("who set which upstream could not be kept in {}: {}", self._path, error.strerror)


def plain(host: str) -> str:
    """One spelling for a host name."""
    return host.strip("[]").rstrip(".").lower()


def _read(path: Path) -> dict[str, Reach]:
    try:
        kept = json.loads(path.read_text("utf-8"))
        return {str(host): Reach[name] for host, name in kept.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, AttributeError):
        logger.warning("{} cannot be read: upstream hosts set through the API are not known any more", path)
        return {}
