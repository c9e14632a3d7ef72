"""URLs of the configuration: what is wrong with one, how one is sent, and how one may be shown.

    as written ─ http_fault, proxy_fault ─▶ "" or why not
               ├ ascii_url ─▶ as it is sent: the host in Punycode, other characters percent-encoded
               └ shown ─▶ scheme://host[:port]

The stable IDs hash a URL as it is written, so that it may be written as people read it: ``https://狐狸.example/v1``.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

from daemon.config.document import looks_secret

HOST = re.compile(r"[\w.-]+|\[[0-9A-Fa-f:.]+\]")
PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")
PROXY_PORTS: Final = {"http": ":80", "https": ":443", "socks5": ":1080", "socks5h": ":1080"}
BYPASS = ("direct", "none")
_NEVER: Final = re.compile(r"[\s\x00-\x20\x7f\\<>\"{}|^`]")
_NO_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PLACE: Final = re.compile(r"(?:\$\.?)?\w[\w-]{0,99}(?:\.\w[\w-]{0,99}|\[\d{1,6}\]){0,15}")
_ASCII: Final = "".join(map(chr, range(0x21, 0x7F)))
_STANDARDS_DIFFER: Final = re.compile("[\u00df\u1e9e\u03c2]")
"""Letters that IDNA 2003 replaces and IDNA 2008 keeps: a name with one leads to either of two hosts."""
_LONGEST_HOST: Final = 253
_LONGEST_LABEL: Final = 63
ENCODE = (
    "percent-encode it in a user name or password: # is %23, / is %2F, ? is %3F, @ is %40, % is %25, a space is %20"
)


def http_fault(url: str) -> str:
    """Why this is no absolute http(s) URL that requests can be sent to; empty if it is one."""
    fault = _fault(url, ("http", "https"))
    if fault:
        return fault
    if "#" in url:
        return "it has a #fragment; remove it"
    parts = urlsplit(url.strip())
    return "it has a % that begins no escape; write %25" if _NO_ESCAPE.search(parts.path + parts.query) else ""


def same_origin(url: str, other: str) -> bool:
    """Whether two http(s) URLs lead to one server: the same scheme, host and port."""
    return _origin(url) == _origin(other)


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(ascii_url(url))
    return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def is_place(text: str) -> bool:
    """Whether this is a way to a value in JSON (``data.balance``, ``$.items[0].left``); nothing is one, too."""
    return not text or _PLACE.fullmatch(text) is not None


def place_steps(text: str) -> tuple[str, ...]:
    """``$.items[0].left`` -> ``items``, ``0``, ``left``."""
    return tuple(filter(None, re.split(r"[.\[\]]+", text.removeprefix("$"))))


def has_user(url: str) -> bool:
    """Whether a URL names a user or password before its host."""
    return "@" in urlsplit(url.strip()).netloc


def proxy_fault(url: str) -> str:
    """Why this is no proxy URL; a user name and password are fine there."""
    text = url.strip()
    if text in ("", *BYPASS):
        return ""
    if "@" in _beyond_address(text):
        return f"its user name or password has a /, ? or # in it; {ENCODE}"
    fault = _fault(text, PROXY_SCHEMES)
    if fault and "@" in text:
        return f"{fault}; {ENCODE}"
    if fault:
        return fault
    if not unquote(urlsplit(text).netloc.rpartition("@")[0]).isascii():
        return "its user name or password has a character that is not ASCII, which proxies do not take"
    return "it has a ? or # in it; remove what is behind its port" if re.search("[?#]", text) else ""


def ascii_url(url: str) -> str:
    """The same URL as it is sent; one that is no URL as it is."""
    text = url.strip()
    try:
        parts = urlsplit(text)
        user, at, address = parts.netloc.rpartition("@")
        host, port = _host_and_port(address)
    except ValueError:
        return text
    netloc = f"{_encoded(user)}{at}{ascii_host(host)}{port}"
    path, query, fragment = map(_encoded, (parts.path, parts.query, parts.fragment))
    return urlunsplit((parts.scheme, netloc, path, query, fragment))


def proxy_as_dialed(url: str) -> str:
    """A proxy's URL with what may be left out of it: the port, and the colon behind a user name."""
    text = ascii_url(url)
    if text in ("", *BYPASS):
        return text
    scheme, _, rest = text.partition("://")
    user, at, address = rest.partition("/")[0].rpartition("@")
    colon = ":" if at and ":" not in user else ""
    host, port = _host_and_port(address)
    return f"{scheme}://{user}{colon}{at}{host}{port or PROXY_PORTS.get(scheme, '')}"


def ascii_host(host: str) -> str:
    """A host name as DNS and TLS know it: in Punycode, without the final dot. One that cannot be is left as it is."""
    name = host.removesuffix(".") or host
    if name.isascii():
        return name
    try:
        return name.encode("idna").decode()
    except UnicodeError:
        return name


def host_fault(host: str) -> str:
    """Why a name or an address in brackets is no host; empty if it is one."""
    if not HOST.fullmatch(host) or ".." in host:
        return "its host is not valid"
    if _STANDARDS_DIFFER.search(host):
        return "its host has a letter that programs encode in different ways; write the xn-- form of the name"
    name = ascii_host(host)
    labels = name.split(".")
    if not HOST.fullmatch(name) or not name.isascii() or len(name) > _LONGEST_HOST or "" in labels:
        return "its host is not valid"
    return "its host is not valid" if max(map(len, labels)) > _LONGEST_LABEL and "[" not in name else ""


def _fault(url: str, schemes: tuple[str, ...]) -> str:
    text = url.strip()
    if _NEVER.search(text) or not text.isprintable():
        return "it contains a space or a character that no URL may contain"
    try:
        parts = urlsplit(text)
    except ValueError:
        return "its address in brackets is not valid" if "[" in text or "]" in text else "its host is not valid"
    if parts.scheme.lower() not in schemes or not text[len(parts.scheme) :].startswith("://"):
        return f"it must begin with {' or '.join(f'{scheme}://' for scheme in schemes[:3])}"
    return _address_fault(parts)


def _address_fault(parts: SplitResult) -> str:
    host, port = _host_and_port(parts.netloc.rpartition("@")[2])
    if not host:
        return "it has no host"
    if fault := host_fault(host):
        return fault
    number = port[1:]
    if not port:
        return ""
    if not number.isascii() or not number.isdigit():
        return "its port is not a number"
    if len(number) > 5 or int(number) > 65535:
        return "its port is above 65535"
    return "" if int(number) else "its port is 0"


def _host_and_port(address: str) -> tuple[str, str]:
    """``[::1]:80`` -> ``[::1]``, ``:80``."""
    match = re.search(r":[^:\]]*$", address)
    return (address[: match.start()], match[0]) if match else (address, "")


def _beyond_address(text: str) -> str:
    """All that follows host and port: path, query and fragment."""
    rest = text.partition("://")[2]
    end = re.search(r"[/?#]", rest)
    return rest[end.start() :] if end else ""


def _encoded(text: str) -> str:
    return text if text.isascii() else quote(text, safe=_ASCII)


def shown(url: str) -> str:
    """``scheme://host[:port]``; ``<none>`` for nothing, ``<redacted>`` where it has no host.

    Never more: a path, a query or a user part may hold a key. Where an ``@`` follows, the host may be a piece of a
    password.
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
    if _address_fault(parts):
        return f"{parts.scheme}://" if parts.scheme.startswith("sqlite") else "<redacted>"
    if "@" in parts.path + parts.query + parts.fragment:
        return "<redacted>"
    if not parts.scheme:  # no URL at all; it may be a key in the wrong place
        return "<redacted>" if looks_secret(address) else address
    return f"{parts.scheme}://{address}"
