"""Which upstream addresses a caller of the management API may set: the SSRF rule.

    write ─▶ Config before, Config after ─▶ changed URLs ─▶ resolve ─▶ forbidden? ─▶ diagnostics (422)
                                                             └ after the write: EgressPolicy.note, for connect time

From this host anything but link-local; from another host nothing private either, unless
``remote-management.allow-private-upstreams``. A name that does not resolve now is not refused: it is
checked again at each connection. A proxy's URL counts like a base URL.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final
from urllib.parse import urlsplit

from daemon.config.diagnostics import Diagnostic, Fault, Path
from daemon.config.provider import providers_of
from daemon.config.schema import Config
from daemon.config.urls import BYPASS, ascii_url
from daemon.gateway.caller import Caller
from daemon.snapshot.snapshot import Snapshot
from daemon.upstream.http.addresses import AllowedNetworks, forbidden
from daemon.upstream.http.egress import EgressPolicy

RESOLVE_SECONDS: Final = 5.0
LOOPBACK: Final[tuple[str, ...]] = ("127.0.0.1", "::1")

Lookup = Callable[[str], Awaitable[tuple[str, ...]]]
"""A host name -> its addresses; empty where it has none."""


async def system_lookup(host: str) -> tuple[str, ...]:
    """The addresses of ``host``, here or on another system: with and without the final dot of an absolute name, and
    ``localhost`` is loopback (RFC 6761) also where the resolver does not say so."""
    name = host.rstrip(".").lower()
    addresses = LOOPBACK if name == "localhost" or name.endswith(".localhost") else ()
    for spelling in dict.fromkeys((host, name)):
        addresses += await resolved(spelling)
    return tuple(dict.fromkeys(addresses))


async def resolved(host: str) -> tuple[str, ...]:
    """What the system's resolver says, which knows every spelling of an address that a connection would take."""
    try:
        async with asyncio.timeout(RESOLVE_SECONDS):
            answers = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError):
        return ()
    return tuple(str(address[0]) for *_, address in answers)


class UpstreamRule:
    """``egress`` remembers what was set; ``lookup`` is replaced in tests."""

    def __init__(self, egress: EgressPolicy, lookup: Lookup = system_lookup) -> None:
        self._egress = egress
        self._lookup = lookup

    async def check(self, who: Caller, old: Config, new: Config) -> tuple[Diagnostic, ...]:
        """An error for each URL that ``new`` sets, ``old`` has not, and ``who`` must not set."""
        allowed = allowed_networks(who, old)
        diagnostics = [await self._checked(path, url, allowed) for path, url in changed_urls(old, new)]
        return tuple(each for each in diagnostics if each is not None)

    def note(self, who: Caller, old: Config, new: Config) -> None:
        """``new`` has been written for ``who``: what it sets stays within reach at each connection."""
        self.note_hosts(who, [host_of(url) for _, url in changed_urls(old, new)])

    def note_hosts(self, who: Caller, hosts: Sequence[str]) -> None:
        """``who`` has set URLs of these hosts; blocks for the fsyncs of a small file."""
        self._egress.note(hosts, AllowedNetworks.NOT_LINK_LOCAL if who.local else AllowedNetworks.PUBLIC)

    async def _checked(self, path: Path, url: str, reach: AllowedNetworks) -> Diagnostic | None:
        fault = await self.fault(path, url, reach)
        if fault is None:
            return None
        return Diagnostic(severity="error", code=fault.code, message=fault.message, path=path, hint=fault.hint)

    async def fault(self, path: Path, url: str, reach: AllowedNetworks) -> Fault | None:
        """Why the URL must not be set at ``path`` by whoever has this reach."""
        refusal = forbidden(await self._lookup(host_of(url)), reach)
        if not refusal:
            return None
        return Fault(
            path=path,
            code="private-upstream",
            message=f"{path[-1]} leads to {refusal}, which must not be set through the API from your address",
            hint="write it into config.yaml yourself, or see remote-management.allow-private-upstreams",
        )


def allowed_networks(who: Caller, config: Config) -> AllowedNetworks:
    """Where URLs of this caller may lead. The setting in use counts, not one that the same write brings."""
    private = who.local or config.remote_management.allow_private_upstreams
    return AllowedNetworks.NOT_LINK_LOCAL if private else AllowedNetworks.PUBLIC


def changed_urls(old: Config, new: Config) -> tuple[tuple[Path, str], ...]:
    """The URLs of ``new`` with their places, without those that the same provider had before."""
    before = {(source, path[-1], url) for source, path, url in _urls(old)}
    return tuple((path, url) for source, path, url in _urls(new) if (source, path[-1], url) not in before)


def host_of(url: str) -> str:
    """The host that a connection would be made to; empty where there is none."""
    try:
        return urlsplit(ascii_url(url)).hostname or ""
    except ValueError:
        return ""


def hosts_of(snapshot: Snapshot) -> frozenset[str]:
    """Every host that a snapshot mentions: of providers, the disabled ones too, and of proxies."""
    urls = {snapshot.config.proxy_url}
    urls.update(url for each in snapshot.providers for url in (each.base_url, each.proxy_url))
    urls.update(url for auth in snapshot.core_auths for url in (auth.base_url, auth.proxy_url))
    return frozenset(filter(None, map(host_of, urls)))


def _urls(config: Config) -> Iterator[tuple[str, Path, str]]:
    urls: list[tuple[str, Path, str]] = [("", ("proxy-url",), config.proxy_url)]
    for provider in providers_of(config):
        urls.append((provider.source, (*provider.path, "base-url"), provider.base_url))
        urls.append((provider.source, (*provider.path, "proxy-url"), provider.proxy_url))
    for source, path, url in urls:
        if host_of(url) and url.strip() not in BYPASS:
            yield source, path, url.strip()
