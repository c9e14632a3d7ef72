"""Who may use the entries: client keys, and what holds when none are configured.

With ``api-keys``, every client presents one of them. Without, only clients of this host are served,
and no page of another origin may use their browser to get in. The peer is the socket's own, never
a header's word.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from hmac import compare_digest
from typing import Any

from daemon.errors import ErrorKind, LocalError
from daemon.secret import Secret
from daemon.snapshot.snapshot import Snapshot

Scope = Mapping[str, Any]
"""The ASGI connection scope, whose shape the ASGI specification gives."""

NO_KEYS_HINT = "no api-keys are configured, so only clients on this host are served; add api-keys to config.yaml"


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


def bearer(authorization: str) -> str:
    """The credential of an ``Authorization`` header; a bare value counts as one, as in the seed system."""
    scheme, _, rest = authorization.partition(" ")
    return rest.strip() if scheme.lower() == "bearer" else authorization.strip()


class ClientAccess:
    """Checks each request to an entry against the snapshot it will be served with. Keeps no state."""

    __slots__ = ()

    def check(self, scope: Scope, headers: Mapping[str, str], snapshot: Snapshot) -> None:
        """Return, or raise a ``LocalError`` that says why: 401 for a key, 403 for a foreign origin.

        ``headers`` are lower-case. Either of ``authorization`` and ``x-api-key`` may hold the key.
        """
        keys = snapshot.config.api_keys
        if keys:
            check_key(headers, keys)
        else:
            check_local(scope, headers, snapshot.config.host)


def check_key(headers: Mapping[str, str], keys: tuple[Secret, ...]) -> None:
    """401 unless a presented key is one of ``keys``."""
    offered = [bearer(headers["authorization"])] if "authorization" in headers else []
    if "x-api-key" in headers:
        offered.append(headers["x-api-key"].strip())
    if not any(offered):
        raise LocalError(
            ErrorKind.AUTHENTICATION, "missing API key: send one of api-keys as Authorization: Bearer or x-api-key"
        )
    if not any(known(key, keys) for key in offered if key):
        raise LocalError(ErrorKind.AUTHENTICATION, "invalid API key: it is not one of api-keys in config.yaml")


def known(offered: str, keys: tuple[Secret, ...]) -> bool:
    """Whether ``offered`` is one of ``keys``; the time depends on how many there are, not on which."""
    digest = sha256(offered.encode("utf-8", "surrogatepass")).digest()
    match = False
    for key in keys:
        match |= compare_digest(digest, key.digest) and bool(key)
    return match


def check_local(scope: Scope, headers: Mapping[str, str], host: str) -> None:
    """401 for another host's client, 403 for a page that is not this host's (DNS rebinding, CSRF)."""
    if not is_local(scope):
        raise LocalError(ErrorKind.AUTHENTICATION, f"{NO_KEYS_HINT} (your address is {peer(scope) or 'unknown'})")
    origin = headers.get("origin")
    if origin is not None and not is_own_origin(origin, host):
        raise LocalError(
            ErrorKind.PERMISSION,
            "requests from pages of another origin are refused while no api-keys are configured",
        )


def is_own_origin(origin: str, host: str) -> bool:
    """Whether a browser's ``Origin`` names this host: a loopback name or the configured address."""
    scheme, _, authority = origin.partition("://")
    name = host_name(authority)
    return scheme in ("http", "https") and (name == "localhost" or is_loopback_name(name) or name == host.lower())


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
