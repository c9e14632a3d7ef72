"""Egress policy: which networks the daemon may enter for each upstream host, remembered over restarts.

A base URL that was set through the management API is checked when it is set and again at each
connection, because a name may lead elsewhere by then. config.yaml does not say who wrote a line, so
that is kept here: host -> ``AllowedNetworks``, in the state directory. A host that is not listed was written by
hand and may be anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

from loguru import logger

from daemon.config.urls import ascii_host
from daemon.state.files import replace_file
from daemon.upstream.http.addresses import AllowedNetworks, forbidden


class EgressPolicy:
    """``path`` None keeps nothing. ``private_allowed`` is called at each check: the configuration may change."""

    def __init__(self, path: Path | None = None, private_allowed: Callable[[], bool] = lambda: False) -> None:
        self._path = path
        self._private_allowed = private_allowed
        self._hosts = _read(path) if path is not None else {}

    def of(self, host: str) -> AllowedNetworks:
        """Where requests for ``host`` may go now."""
        allowed = self._hosts.get(_normalised(host), AllowedNetworks.ANYWHERE)
        if allowed is AllowedNetworks.PUBLIC and self._private_allowed():
            return AllowedNetworks.NOT_LINK_LOCAL
        return allowed

    def refusal(self, host: str, addresses: Iterable[str]) -> str:
        """Why ``host`` must not be connected to at these addresses; empty if it may."""
        return forbidden(addresses, self.of(host))

    def note(self, hosts: Iterable[str], allowed: AllowedNetworks) -> None:
        """These hosts were set through the API just now; blocks for the fsyncs of a small file."""
        noted = {_normalised(host): allowed for host in hosts}
        if any(self._hosts.get(host) is not allowed for host in noted):
            self._hosts |= noted
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
        hosts = json.loads(path.read_text("utf-8"))
        return {str(host): AllowedNetworks[name] for host, name in hosts.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, AttributeError):
        logger.warning("{} cannot be read: upstream hosts set through the API are no longer known", path)
        return {}
