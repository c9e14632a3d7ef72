"""URLs of the configuration: what is wrong with one, and how one may be shown."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from daemon.config.document import looks_secret

HOST = re.compile(r"[\w.-]+|\[[0-9A-Fa-f:.]+(%25[\w.-]+)?\]")
PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")
BYPASS = ("direct", "none")


def http_fault(url: str) -> str:
    """Why this is no absolute http(s) URL that requests can be sent to; empty if it is one."""
    fault = _fault(url, ("http", "https"))
    if fault:
        return fault
    return "it has a #fragment; remove it" if "#" in url else ""


def has_user(url: str) -> bool:
    """Whether a URL names a user or password before its host."""
    return "@" in urlsplit(url.strip()).netloc


def proxy_fault(url: str) -> str:
    """Why this is no proxy URL; a user name and password are fine there."""
    return "" if url.strip() in ("", *BYPASS) else _fault(url, PROXY_SCHEMES)


def _fault(url: str, schemes: tuple[str, ...]) -> str:
    text = url.strip()
    if re.search(r"[\s\x00-\x20\x7f\\<>\"{}|^`]", text):
        return "it contains a space or a character that no URL may contain"
    try:
        parts = urlsplit(text)
    except ValueError:
        return "its address in brackets is not valid"
    if parts.scheme.lower() not in schemes or not text[len(parts.scheme) :].startswith("://"):
        return f"it must begin with {' or '.join(f'{scheme}://' for scheme in schemes[:3])}"
    return _host_fault(parts)


def _host_fault(parts: SplitResult) -> str:
    address = parts.netloc.rpartition("@")[2]
    host, _, port = address.rpartition(":") if re.search(r":[^\]]*$", address) else (address, "", "0")
    if not host:
        return "it has no host"
    if not HOST.fullmatch(host) or ".." in host:
        return "its host is not valid"
    if not port.isascii() or not port.isdigit():
        return "its port is not a number"
    return "its port is above 65535" if int(port[:6]) > 65535 else ""


def shown(url: str) -> str:
    """``scheme://host[:port]``; ``<none>`` for nothing, ``<redacted>`` where it has no host.

    Never more: a path, a query or a user part may hold a key.
    """
    text = url.strip()
    if not text:
        return "<none>"
    if text in BYPASS:
        return text
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
    except ValueError:
        return "<redacted>"
    address = parts.netloc.rpartition("@")[2]
    if _host_fault(parts):
        return f"{parts.scheme}://" if parts.scheme.startswith("sqlite") else "<redacted>"
    if not parts.scheme:  # no URL at all; it may be a key in the wrong place
        return "<redacted>" if looks_secret(address) else address
    return f"{parts.scheme}://{address}"
