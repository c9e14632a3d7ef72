"""Who may use the entries: client keys, and what holds when none are configured.

With ``api-keys``, every client presents one of them. Without, only clients on this host are served (``caller``), and
no page of another origin may use their browser to get in (``own_names``).
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from hmac import compare_digest

from daemon.config.schema import Config
from daemon.errors import ErrorKind, LocalError
from daemon.gateway.caller import Scope, caller, on_unix_socket
from daemon.gateway.own_names import OWN_NAMES, host_name, is_own_name, is_own_origin, shown
from daemon.secret import Secret
from daemon.snapshot.snapshot import Snapshot

NO_KEYS_HINT = "no api-keys are configured, so only clients on this host are served; add api-keys to config.yaml"


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
            check_local(scope, headers, snapshot.config)


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


def check_local(scope: Scope, headers: Mapping[str, str], config: Config) -> None:
    """401 for a client that is not known to be on this host, 403 as ``check_names``.

    nginx's default ``proxy_pass`` forwards the internet's requests without a header that says so. It is known by
    HTTP/1.0 alone.
    """
    who = caller(scope, config.remote_management.trusted_proxies)
    if not who.local:
        raise LocalError(ErrorKind.AUTHENTICATION, f"{NO_KEYS_HINT} (your address is {who.address or 'unknown'})")
    if scope.get("http_version") == "1.0":
        raise LocalError(ErrorKind.AUTHENTICATION, f"{NO_KEYS_HINT} (HTTP/1.0 may come from a proxy on this host)")
    check_names(scope, headers, config.host)


def check_names(scope: Scope, headers: Mapping[str, str], host: str) -> None:
    """403 for a page that is not this host's (CSRF), and for a Host that is no name of ours (DNS rebinding).

    ``host`` is the configured one.
    """
    origin = headers.get("origin")
    if origin is not None and not is_own_origin(origin, host):
        raise LocalError(
            ErrorKind.PERMISSION,
            "requests from pages of another origin are refused while no api-keys are configured",
            reason="forbidden_origin",
        )
    name = host_name(headers.get("host", ""))
    if not on_unix_socket(scope) and not is_own_name(name, host):
        raise LocalError(
            ErrorKind.PERMISSION,
            f"the Host {shown(name)} is none of {OWN_NAMES}: while no api-keys are configured, no other is served "
            "(add api-keys to config.yaml)",
            reason="forbidden_host",
        )
