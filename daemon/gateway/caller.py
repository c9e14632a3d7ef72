"""Who is calling: the one answer, for the entries, the operator routes and the details of ``/healthz``.

1. A caller is on this host if the socket says so and no header says that the request was forwarded: a proxy on this
   host looks local itself, and whoever it serves is not.
2. ``X-Forwarded-For`` counts only when the socket's peer is one of ``remote-management.trusted-proxies``. It is read
   from the right, past the proxies that are trusted themselves: what stands further left was written by the caller.
3. A trusted proxy on this host, whose chain ends on this host, forwards for a caller on this host. What a proxy on
   another host calls loopback is its own.

A proxy that adds no header cannot be recognised (docs/explanation/security.md).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import PurePath
from typing import Any, Final

from msgspec import Struct

ADMIN_SOCKET: Final = "admin.sock"
FORWARDED_FOR: Final = b"x-forwarded-for"
FORWARDING: Final = frozenset({b"forwarded", b"x-real-ip", b"true-client-ip", b"cf-connecting-ip"})
"""Beside every ``X-Forwarded-…``: the headers by which proxies say for whom they ask."""
UNREADABLE: Final = "unknown"

Scope = Mapping[str, Any]
"""The ASGI connection scope, whose shape the ASGI specification gives."""

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
    local = is_local(scope)
    if not is_forwarded(scope):
        return Caller(address, local=local)
    forwarded = forwarded_for(scope) if trusted and is_trusted(address, trusted) else []
    if not forwarded:
        return Caller(address, local=False)
    stranger = nearest_stranger(forwarded, trusted)
    return Caller(stranger, local=local and is_loopback(stranger))


def is_forwarded(scope: Scope) -> bool:
    """Whether a header says that somebody else is asking through the peer."""
    return any(name in FORWARDING or name.startswith(b"x-forwarded-") for name, _ in scope.get("headers", ()))


def on_unix_socket(scope: Scope) -> bool:
    """Whether the connection came over a unix socket.

    Asked of our own end: the peer's address of a TCP connection is unknown too once it has gone.
    """
    server = scope.get("server")
    return server is not None and server[1] is None


def peer(scope: Scope) -> str:
    """The peer's address, ``unix`` for a unix socket, or '' when it is not known."""
    client = scope.get("client")
    if client is not None:
        return str(client[0])
    return "unix" if on_unix_socket(scope) else ""


def is_loopback(address: str) -> bool:
    """Whether an address, as the kernel writes it, is this host's own loopback."""
    return address == "127.0.0.1" or address == "::1" or address.startswith(("127.", "::ffff:127."))


def is_local(scope: Scope) -> bool:
    """Whether the client is on this host: by loopback or by a unix socket."""
    client = scope.get("client")
    return is_loopback(client[0]) if client is not None else on_unix_socket(scope)


def on_admin_socket(scope: Scope) -> bool:
    """Whether the caller came through ``admin.sock``; another unix socket is only a local client."""
    return on_unix_socket(scope) and PurePath(scope["server"][0]).name == ADMIN_SOCKET


def forwarded_for(scope: Scope) -> list[str]:
    """Every address of every ``X-Forwarded-For`` line, in order."""
    lines = (value.decode("latin-1") for name, value in scope.get("headers", ()) if name == FORWARDED_FOR)
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
