"""Headers that a provider's ``headers`` may name, and what ``$Name`` may copy of a client's request.

A name is compared in lower case and with ``-`` for ``_``: many servers read ``Content_Length`` as ``content-length``.
The rules of config.yaml refuse what is wrong with its place. The adapters ask the same questions once more as they
make a request's headers, for what has been stored under other rules.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from daemon.config.diagnostics import Fault, Faults, Path

DESCRIPTION: Final = (
    "Extra upstream headers; `$Name` copies the client's header of that name, and sends none where the client has none "
    "or its value is not plain ASCII. Not settable: `host`, `content-length`, `transfer-encoding`, `connection`, `te`, "
    "`trailer`, `upgrade`, `keep-alive`, `proxy-*`, `expect`, `accept-encoding`. Not copied: these, and headers that "
    "hold a client's key (`authorization`, `x-api-key`, `cookie`, …)."
)
NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
RESERVED: Final = frozenset(
    {
        "host", "content-length", "transfer-encoding", "connection", "te", "trailer", "trailers", "upgrade",
        "keep-alive", "expect", "accept-encoding", "http2-settings",
    }
)  # fmt: skip
"""What a message on a connection is, and where it ends (RFC 9110, 7.6.1; RFC 9112): that is written by tppcd alone. A
second length or host makes the upstream read the next request wrongly."""
_RESERVED_FAMILY: Final = "proxy-"
_CREDENTIAL: Final = re.compile(
    r"(.*-)?(authorization|authentication|api-?key|auth-?key|access-?key|management-?key|subscription-key|"
    r"(auth|access|session|security|id|csrf|xsrf|bearer|api|refresh|user)-?token|cookie2?|jwt(-assertion)?|"
    r"client-cert|secret|password)|token|x-token|x-tppcd-.*"
)
"""By which a client or a proxy before us says who it is: the key of this gateway among them."""


@lru_cache(maxsize=1024)
def is_reserved(name: str) -> bool:
    """Whether a header is part of how HTTP carries a message."""
    plain = _plain(name)
    return plain in RESERVED or plain.startswith(_RESERVED_FAMILY)


@lru_cache(maxsize=1024)
def is_credential(name: str) -> bool:
    """Whether a client's header holds a key of its own."""
    return _CREDENTIAL.fullmatch(_plain(name)) is not None


def copied_name(value: str) -> str:
    """Of which header of the client's ``value`` asks for a copy, in lower case; empty where it asks for none."""
    return value[1:].strip().lower() if value.startswith("$") else ""


def is_sendable(value: str) -> bool:
    """Whether it may stand in a header: visible ASCII and blanks."""
    return value.isascii() and value.isprintable()


def header_faults(path: Path, headers: Mapping[str, str]) -> Faults:
    """What is wrong with a provider's ``headers``, which are at ``path``."""
    seen: set[str] = set()
    for name, value in headers.items():
        message, hint = _name_fault(name) or _value_fault(value) or ("", "")
        if message:
            yield Fault(path=(*path, name), code="header", message=message, hint=hint)
        elif name.lower() in seen:
            message, hint = "is set twice in other letters: the last one is sent", "remove one"
            yield Fault(path=(*path, name), code="duplicate", message=message, hint=hint, severity="warning")
        seen.add(name.lower())


def _name_fault(name: str) -> tuple[str, str] | None:
    if not NAME.fullmatch(name):
        return "is not a valid header name", "use letters, digits and -"
    if is_reserved(name):
        return "is a header that tppcd sets itself, or that no request may carry", "remove it"
    return None


def _value_fault(value: str) -> tuple[str, str] | None:
    copied = copied_name(value)
    if copied and is_credential(copied):
        hint = "write the value itself or a reference such as env:NAME; the provider's key has its own field"
        return "would send the key of a client to this provider", hint
    if copied and is_reserved(copied):
        return "would copy a header that belongs to the client's connection", "remove it"
    if not value.isascii():
        return "contains a character that is not ASCII", "remove it"
    if not value.isprintable():
        return "contains a line break or control character", "remove it"
    return ("begins or ends with a blank", "remove the blank") if value != value.strip() else None


def _plain(name: str) -> str:
    return name.strip().lower().replace("_", "-")
