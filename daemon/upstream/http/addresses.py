"""Which addresses of an upstream are not the public internet, in whatever notation. Pure.

An IPv6 address may carry an IPv4 one (mapped, compatible, NAT64, 6to4, Teredo, ISATAP); then what it
carries is checked too. Python's own ``is_global`` says yes to some of these, so the table is our own.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from enum import IntEnum
from functools import cache
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class AllowedNetworks(IntEnum):
    """Where requests for a host may go; a greater value forbids more. The names are kept in the state directory."""

    ANYWHERE = 0
    """Set in config.yaml by hand: local models are normal."""
    NOT_LINK_LOCAL = 1
    """Set through the API: the metadata services of clouds live there."""
    PUBLIC = 2
    """Set through the API from another host: nothing of ours either."""


LINK_LOCAL: Final = "link-local"

KINDS: Final[dict[str, tuple[str, ...]]] = {
    LINK_LOCAL: (
        "169.254.0.0/16",
        "fe80::/10",
        # metadata services outside of link-local: AWS over IPv6, Azure, Alibaba, Oracle
        "fd00:ec2::/32",
        "168.63.129.16/32",
        "100.100.100.200/32",
        "192.0.0.192/32",
    ),
    "unspecified": ("0.0.0.0/8", "::/128"),
    "loopback": ("127.0.0.0/8", "::1/128"),
    "private": (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "fc00::/7",
        "fec0::/10",
        "64:ff9b:1::/48",
    ),
    "multicast": ("224.0.0.0/4", "ff00::/8"),
    "reserved": (
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "240.0.0.0/4",
        "100::/64",
        "2001:2::/48",
        "2001:10::/28",
        "2001:20::/28",
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
    ),
}
"""Kind -> networks (the IANA special-purpose registries); the first that holds an address names it."""

NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
NAT64_LOCAL: Final = ipaddress.IPv6Network("64:ff9b:1::/48")
COMPATIBLE: Final = ipaddress.IPv6Network("::/96")
ISATAP: Final = (0x00005EFE, 0x02005EFE)


def kind(address: str) -> str:
    """``private``, ``loopback``, ``link-local`` …; empty for a public address, ``unreadable`` for none."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unreadable"
    kinds = [name for each in (parsed, *carried(parsed)) if (name := _kind(each))]
    return LINK_LOCAL if LINK_LOCAL in kinds else next(iter(kinds), "")


def carried(address: Address) -> Iterator[ipaddress.IPv4Address]:
    """The IPv4 addresses inside an IPv6 one."""
    if isinstance(address, ipaddress.IPv4Address):
        return
    number = int(address)
    low = ipaddress.IPv4Address(number & 0xFFFFFFFF)
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    elif address.sixtofour is not None:
        yield address.sixtofour
    elif address.teredo is not None:
        yield from address.teredo
    elif address in NAT64 or address in NAT64_LOCAL or (address in COMPATIBLE and number > 0xFFFF):
        yield low
    if number >> 32 & 0xFFFFFFFF in ISATAP:
        yield low


def forbidden(addresses: Iterable[str], allowed: AllowedNetworks) -> str:
    """The first of a host's addresses outside of ``allowed``, as ``10.0.0.5 (private)``; empty if there is none.

    One forbidden address is enough: which of them is taken is not in our hands.
    """
    for address in addresses:
        network = kind(address)
        if allowed is AllowedNetworks.ANYWHERE or not network:
            continue
        if allowed is AllowedNetworks.PUBLIC or network == LINK_LOCAL:
            return f"{address} ({network})"
    return ""


@cache
def _networks() -> tuple[tuple[str, Network], ...]:
    return tuple((name, ipaddress.ip_network(each)) for name, listed in KINDS.items() for each in listed)


def _kind(address: Address) -> str:
    return next((name for name, network in _networks() if address in network), "")
