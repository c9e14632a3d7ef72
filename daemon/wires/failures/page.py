"""Responses that are not JSON: a web page, a redirect, a firewall's challenge, nothing at all.

Of a page only the title is shown: its source helps nobody who reads an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from urllib.parse import urlsplit

ELSEWHERE = "another path"

_TITLE_LENGTH = 200
_TAG = re.compile(r"<[^>]{0,500}>")
_READ = 16384
"""Characters of a page that are searched."""
_CHALLENGE = re.compile(
    r"challenge-platform|cf-chl-|__cf_chl|cf-browser-verification|_Incapsula_Resource|aliyun_waf", re.I
)
_HTTPS_PORT = re.compile(
    r"plain http request was sent to https port"  # nginx
    r"|http request to an https server"  # Go, Caddy
    r"|speaking plain http to an ssl-enabled server port"  # Apache
    r"|combination of host and port requires tls",  # Tomcat
    re.I,
)
_LIMITED = re.compile(r"you are being rate limited|error(?: code)?:? 1015", re.I)


HTTPS_PORT = "HTTPS here"
"""What came is the answer of a port that expects TLS."""
PROXY_LOGIN = "a proxy's login"

ON_THE_WAY: Mapping[str, tuple[str, str]] = {
    HTTPS_PORT: ("plain HTTP was sent to an HTTPS port", "write https:// in base-url"),
    PROXY_LOGIN: ("a proxy on the way requires a login (HTTP 407)", "put user and password into proxy-url"),
}
"""What keeps a request from reaching the upstream, and what to do about it."""


def page_of(status: int, text: str) -> str:
    """``HTTPS_PORT`` or ``PROXY_LOGIN``, whatever the body looks like; '' for any other answer."""
    if status == 407:
        return PROXY_LOGIN
    return HTTPS_PORT if status == 400 and _HTTPS_PORT.search(text[:_READ]) else ""


def is_page(text: str) -> bool:
    """Whether a body is HTML or XML."""
    return (
        text[:64]
        .lower()
        .lstrip("\ufeff \t\r\n")
        .startswith(("<!doctype", "<html", "<head", "<?xml", "<body", "<center"))
    )


def title_of(text: str) -> str:
    """The title of a page, or its first heading, on one line; '' where it has neither."""
    text = text[:_READ]
    lower = text.lower()
    if len(lower) != len(text):
        lower = text  # a letter whose small form is longer: the places would not be the same
    for tag in ("title", "h1", "h2"):
        start = lower.find(">", lower.find(f"<{tag}")) + 1 if f"<{tag}" in lower else 0
        end = lower.find(f"</{tag}", start)
        title = one_line(unescape(_TAG.sub(" ", text[start:end][:2000])), _TITLE_LENGTH) if 0 < start < end else ""
        if title:
            return title
    return ""


def is_firewall(text: str, headers: Mapping[str, str]) -> bool:
    """Cloudflare marks its challenge in a header; others are known by what their page loads."""
    return "cf-mitigated" in headers or _CHALLENGE.search(text[:_READ]) is not None


def limit_in(text: str) -> str:
    """What Cloudflare's page of a rate limit says of it: the title only says that access is restricted."""
    match = _LIMITED.search(text[:_READ])
    return match[0] if match else ""


def target_of(location: str) -> str:
    """Where a redirect points: ``scheme://host[:port]``, since the rest may hold a key or a session; ``ELSEWHERE`` for
    a path of the same host."""
    try:
        parts = urlsplit(location.strip())
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    if not host:
        return ELSEWHERE if location.strip() else ""
    return f"{parts.scheme or 'https'}://{host}{port}"[:_TITLE_LENGTH]


def one_line(text: str, length: int) -> str:
    """``text`` on one line, cut at ``length`` characters."""
    line = " ".join(text[: length * 4].split())
    return line if len(line) <= length else f"{line[: length - 1]}…"
