"""``host``: where the daemon listens. What is written becomes what ``bind`` takes, or a fault.

``[::1]`` is ``::1``, ``127.1`` is ``127.0.0.1``, ``::ffff:127.0.0.1`` is ``127.0.0.1``; ``*`` and ``::`` are all
addresses of both families, ``0`` and ``0.0.0.0`` all of IPv4. A URL, a port and a network are none.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from daemon.config.urls import ascii_host, host_fault

ALL: Final = "*"
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,2}")
_NO_ADDRESS: Final = "is not an address"
_ONLY_HOST: Final = "write the address alone, e.g. 127.0.0.1, and the number at the key port"


def listen_host(text: str) -> str:
    """What ``bind`` takes; '' for nothing."""
    host = text.strip()
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if dotted := _short_ipv4(host):
        return dotted
    address = _address(host)
    if address is None:
        return ascii_host(host)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)


def listen_fault(text: str) -> tuple[str, str]:
    """What is wrong with it, and what to do; empty texts if nothing is."""
    host = text.strip()
    bracketed = host.startswith("[") and host.endswith("]")
    inner = host[1:-1] if bracketed else host
    address = _address(inner)
    if host in ("", ALL) or (address is not None and (not bracketed or address.version == 6)):
        return "", ""
    if "://" in host:
        return "must be an address, not a URL", _ONLY_HOST
    if re.search(r"[^:]:[^:]*$|^:[^:]*$|\]:", host):
        return "must be an address without a port", _ONLY_HOST
    if "/" in host:
        return "must be one address, not a network or path", "write e.g. 127.0.0.1, or 0.0.0.0 for all interfaces"
    if re.fullmatch(r"[0-9.]+", host):
        return ("", "") if _short_ipv4(host) else (_NO_ADDRESS, "write four numbers from 0 to 255, e.g. 127.0.0.1")
    if bracketed or ":" in host or host_fault(host) or "*" in host:
        return _NO_ADDRESS, "write e.g. 127.0.0.1, ::1, localhost, or 0.0.0.0 for all interfaces"
    return "", ""


def _short_ipv4(host: str) -> str:
    """``0`` and ``127.1`` in full: the last number takes the places that are left out. A single number is a port rather
    than an address, and one that begins with 0 would be octal."""
    numbers = host.split(".")
    if not all(_DECIMAL.fullmatch(each) for each in numbers) or len(numbers) > 4 or (host != "0" and len(numbers) == 1):
        return ""
    if max(map(int, numbers)) > 255:
        return ""
    *first, last = numbers
    return ".".join([*first, *["0"] * (3 - len(first)), last])


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
