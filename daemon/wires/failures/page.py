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
_LIMITED = re.compile(r"you are being rate limited|error(?: code)?:? 1015", re.I)


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
