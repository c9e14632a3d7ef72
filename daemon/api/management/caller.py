"""Who is calling an operator route: by the socket, and by what a configured proxy says about it.

``X-Forwarded-For`` counts only when the socket's peer is one of ``remote-management.trusted-proxies``.
It is read from the right, past the proxies that are trusted themselves: what stands further left was
written by the caller. An address learned from a header is never this host's own, whatever it says.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import lru_cache
from pathlib import PurePath
from typing import Final

from msgspec import Struct

from daemon.gateway.access import Scope, is_local, on_unix_socket, peer

ADMIN_SOCKET: Final = "admin.sock"
FORWARDED: Final = b"x-forwarded-for"
UNREADABLE: Final = "unknown"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Caller(Struct, frozen=True):
    """``address`` as audit events name it; ``local``: on this host; ``admin``: over the admin socket."""

    address: str
    local: bool
    admin: bool = False

    @property
    def bucket(self) -> str:
        """What a lock-out is counted by: an address, or the /64 of an IPv6 one (one machine has it all)."""
        parsed = parse(self.address)
        if isinstance(parsed, ipaddress.IPv6Address) and not self.local:
            return str(ipaddress.ip_network((parsed, 64), strict=False))
        return self.address


def caller(scope: Scope, trusted: tuple[str, ...] = ()) -> Caller:
    """The caller of this request; ``trusted`` are addresses or networks of proxies."""
    if on_admin_socket(scope):
        return Caller("admin socket", local=True, admin=True)
    address = plain(peer(scope))
    if not (trusted and is_trusted(address, trusted)):
        return Caller(address, local=is_local(scope))
    forwarded = forwarded_for(scope)
    if not forwarded:
        return Caller(address, local=is_local(scope))
    return Caller(nearest_stranger(forwarded, trusted), local=False)


def on_admin_socket(scope: Scope) -> bool:
    """Whether the caller came through ``admin.sock``; another unix socket is only a local client."""
    return on_unix_socket(scope) and PurePath(scope["server"][0]).name == ADMIN_SOCKET


def forwarded_for(scope: Scope) -> list[str]:
    """Every address of every ``X-Forwarded-For`` line, in order."""
    lines = (value.decode("latin-1") for name, value in scope.get("headers", ()) if name == FORWARDED)
    return [part.strip() for line in lines for part in line.split(",")]


def nearest_stranger(forwarded: Sequence[str], trusted: tuple[str, ...]) -> str:
    """The rightmost address that is not a trusted proxy, else the leftmost; ``unknown`` where it is not an address."""
    # Lazily: what stands further left may be thousands of addresses, written by the caller.
    outwards = map(plain, reversed(forwarded))
    stranger = next((each for each in outwards if not is_trusted(each, trusted)), plain(forwarded[0]))
    return stranger if parse(stranger) is not None else UNREADABLE


def is_trusted(address: str, trusted: tuple[str, ...]) -> bool:
    parsed = parse(address)
    return parsed is not None and any(parsed in network for network in networks(trusted))


@lru_cache(maxsize=8)
def networks(trusted: tuple[str, ...]) -> tuple[Network, ...]:
    """The configured entries as networks; an entry that is not one trusts nobody."""
    parsed = []
    for entry in trusted:
        try:
            parsed.append(ipaddress.ip_network(entry.strip(), strict=False))
        except ValueError:
            continue
    return tuple(parsed)


def plain(address: str) -> str:
    """An address as it is compared: without a zone, IPv4-mapped IPv6 as IPv4, one spelling."""
    parsed = parse(address)
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return address if parsed is None else str(parsed)


def parse(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(address.partition("%")[0].strip("[]"))
    except ValueError:
        return None
