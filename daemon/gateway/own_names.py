"""By which names a browser may call this daemon: DNS rebinding needs a name, and it is none of these."""

from __future__ import annotations

import ipaddress
import socket
from functools import cache
from typing import Final

OWN_NAMES: Final = "this daemon's own names (an IP address, localhost, the machine's name, `host`)"
_LONGEST_NAME: Final = 253
"""Characters of a host name (RFC 1035)."""


def is_own_name(name: str, configured_host: str) -> bool:
    """Whether ``name``, as ``host_name`` gives it, is one of ours."""
    return bool(name) and (
        name == "localhost" or is_address(name) or name == configured_host.lower() or name in machine_names()
    )


def is_own_origin(origin: str, configured_host: str) -> bool:
    """Whether a browser's ``Origin`` names this host. An IP address that is not loopback may be another's page."""
    scheme, _, authority = origin.partition("://")
    name = host_name(authority)
    own = name == "localhost" or is_loopback_name(name) or name == configured_host.lower() or name in machine_names()
    return bool(name) and scheme in ("http", "https") and own


@cache
def machine_names() -> frozenset[str]:
    """The machine's host name, in lower case, with and without its domain."""
    name = socket.gethostname().lower()
    return frozenset({name, name.partition(".")[0]} - {""})


def is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback_name(name: str) -> bool:
    """Whether a host name written by a client is a loopback literal, and not ``127.0.0.1.evil.com``."""
    parts = name.split(".")
    dotted = len(parts) == 4 and all(part.isascii() and part.isdigit() and int(part) < 256 for part in parts)
    return name == "::1" or (dotted and parts[0] == "127")


def host_name(authority: str) -> str:
    """The lower-case host of ``host[:port]``; '' when it is malformed."""
    if authority.startswith("["):
        name, bracket, port = authority[1:].partition("]")
        well_formed = bracket and (not port or (port.startswith(":") and port[1:].isdigit()))
        return name.lower() if well_formed else ""
    name, colon, port = authority.partition(":")
    return name.lower() if not colon or (port.isascii() and port.isdigit()) else ""


def shown(name: str) -> str:
    """A name as a refusal shows it: it is the caller's text."""
    return ascii(name[:_LONGEST_NAME])
