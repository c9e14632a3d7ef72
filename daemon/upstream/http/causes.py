"""Why there is no answer, in words: one table for what clients get, the log, the provider test and ``doctor``.

    engine's error + endpoint ─▶ upstream_cause ─▶ UpstreamCause(reason, explanation, hint)

Of the upstream and the proxy no more is named than host and port: anybody may read this. The errors' own texts may
hold more, so they are not quoted. Pure.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from typing import Final, Literal
from urllib.parse import urlsplit

from msgspec import Struct, structs

from daemon.errors import ErrorKind, RemoteError, Scope
from daemon.telemetry.failure_cause import Reason
from daemon.upstream.http.connection import Cut, ExpectsTls, NotHttp
from daemon.upstream.http.dialing import DialFailed, DialStep, Endpoint, ForbiddenAddress, PlainHttp
from daemon.upstream.http.trust import BadCaFile
from daemon.upstream.http.tunnel import ProxyFailed, ProxyFault


class UpstreamCause(Struct, frozen=True):
    """``explanation`` is what is the case, a sentence without its full stop; ``hint`` what to do about it. ``step`` of
    opening the connection is the one that failed, '' for none of them. ``tried`` false: the configuration forbids it,
    or cannot be used, so nothing has begun."""

    reason: Reason
    explanation: str
    hint: str
    step: DialStep | Literal[""] = ""
    tried: bool = True

    def __str__(self) -> str:
        return f"{self.explanation}; {self.hint}"


class Unanswered(RemoteError):
    """The upstream has given no answer, or not all of one. ``cause`` says why."""

    def __init__(self, cause: UpstreamCause) -> None:
        kind = ErrorKind.TIMEOUT if cause.reason is Reason.TIMEOUT else ErrorKind.API
        super().__init__(kind, str(cause), scope=Scope.PROVIDER, reason=cause.reason.value)
        self.cause = cause


def upstream_cause(error: Exception, endpoint: Endpoint) -> UpstreamCause:
    """Why a request to ``endpoint`` has no answer. ``error`` is the engine's."""
    match error:
        case DialFailed(step="proxy", __cause__=why):
            return _no_tunnel(why, endpoint)
        case DialFailed(step="dns", __cause__=why):
            return _unresolved(why, endpoint)
        case DialFailed(step="connect", __cause__=why):
            return _unconnected(why, endpoint)
        case DialFailed(__cause__=why):
            cause = _no_tls(why, endpoint)
            return structs.replace(cause, step="") if endpoint.is_proxied else cause
        case BadCaFile():
            what = "the file that upstream-ca names cannot be used"
            return UpstreamCause(Reason.TLS, what, "it must be a PEM file", tried=False)
        case TimeoutError():
            return UpstreamCause(
                Reason.TIMEOUT, "the CA certificates could not be read in time", "check the file system"
            )
        case ExpectsTls():
            return UpstreamCause(Reason.TLS, f"plain HTTP was sent to an HTTPS port, {_at(endpoint)}", WRITE_HTTPS)
        case NotHttp(why=""):
            what = f"what answers at {_at(endpoint)} is not an HTTP server"
            return UpstreamCause(Reason.NOT_HTTP, what, "check the port, and http or https, in base-url")
        case NotHttp(why=why):
            what = f"the upstream {endpoint.host} sent an answer that cannot be read: {why}"
            return UpstreamCause(Reason.NOT_HTTP, what, "check base-url, or ask the provider")
        case Cut(unanswered=True):
            what = f"the upstream {_at(endpoint)} closed the connection without an answer"
            return UpstreamCause(
                Reason.CUT, what, "try again; if that does not help, check the port, and http or https, in base-url"
            )
        case _:
            what = f"the upstream {endpoint.host} cut its answer before the end"
            return UpstreamCause(Reason.CUT, what, "try again, or ask the provider")


WRITE_HTTPS: Final = "write https:// in base-url"
WRITE_HTTP: Final = "write http:// in base-url"


def _at(endpoint: Endpoint) -> str:
    return f"{endpoint.host} port {endpoint.port}"


def _unresolved(error: BaseException | None, endpoint: Endpoint) -> UpstreamCause:
    match error:
        case ForbiddenAddress():
            return _forbidden(error, "dns")
        case TimeoutError():
            what = f"the name {endpoint.host} was not resolved in time"
            return UpstreamCause(Reason.TIMEOUT, what, "check this machine's DNS", "dns")
    hint = "check the spelling of base-url; if it is right, this machine's DNS"
    return UpstreamCause(Reason.DNS, f"the name {endpoint.host} does not resolve", hint, "dns")


def _forbidden(error: ForbiddenAddress, step: DialStep | Literal[""] = "") -> UpstreamCause:
    what = f"{error.host} leads to {error}, and was set through the API from another host"
    hint = "write it into config.yaml yourself, or see remote-management.allow-private-upstreams"
    return UpstreamCause(Reason.FORBIDDEN_ADDRESS, what, hint, step, tried=bool(step))


def _unconnected(error: BaseException | None, endpoint: Endpoint) -> UpstreamCause:
    match error:
        case ConnectionRefusedError():
            hint = "the connection is refused: is the server running, and is the port right?"
            return UpstreamCause(Reason.REFUSED, f"nothing listens on {_at(endpoint)}", hint, "connect")
        case TimeoutError():
            hint = "a firewall may drop the packets; where a proxy is needed, set proxy-url; see timeouts.connect"
            return UpstreamCause(Reason.TIMEOUT, f"{_at(endpoint)} does not answer in time", hint, "connect")
    what = f"{_at(endpoint)} cannot be reached: {_in_words(error)}"
    return UpstreamCause(Reason.UNREACHABLE, what, "check this machine's network", "connect")


def _in_words(error: BaseException | None) -> str:
    """Only what the number of the error says: the loops' own words may hold more."""
    number = error.errno if isinstance(error, OSError) else None
    return os.strerror(number).lower() if number and not isinstance(error, ssl.SSLError) else "no route"


# --- TLS ---

NOT_TRUSTED: Final = frozenset({2, 20, 21, 27})
SELF_SIGNED: Final = frozenset({18, 19})
EXPIRED: Final = 10
NOT_YET: Final = 9
WRONG_NAME: Final = frozenset({62, 64})
"""X509_V_ERR_…, OpenSSL 3."""


def _no_tls(error: BaseException | None, endpoint: Endpoint) -> UpstreamCause:
    match error:
        case ssl.SSLCertVerificationError():
            what, hint = _bad_certificate(error, endpoint.host)
        case PlainHttp():
            what, hint = f"{_at(endpoint)} uses plain HTTP, not HTTPS", WRITE_HTTP
        case TimeoutError():
            what = f"{_at(endpoint)} does not finish the TLS handshake in time"
            return UpstreamCause(Reason.TIMEOUT, what, "is this an HTTPS port? see timeouts.connect", "tls")
        case ssl.SSLError() if not isinstance(error, ssl.SSLEOFError):
            reason = getattr(error, "reason", "") or ""  # OpenSSL's, of errors that are its own
            why = f": {reason.lower().replace('_', ' ')}" if reason else ""
            what, hint = f"the TLS handshake with {_at(endpoint)} fails{why}", "is this an HTTPS port?"
        case _:
            what, hint = f"{_at(endpoint)} hangs up in the TLS handshake", "is this an HTTPS port?"
    return UpstreamCause(Reason.TLS, what, hint, "tls")


def _bad_certificate(error: ssl.SSLCertVerificationError, host: str) -> tuple[str, str]:
    certificate = f"the certificate of {host}"
    match error.verify_code:
        case code if code in WRONG_NAME:
            return f"{certificate} is for another name", "check the host in base-url, or ask who runs it"
        case code if code == EXPIRED:
            return f"{certificate} has expired", "ask who runs it to renew it; check this machine's clock"
        case code if code == NOT_YET:
            return f"{certificate} is not valid yet", "check this machine's clock"
        case code if code in SELF_SIGNED:
            hint = "if it is yours, set upstream-ca to a file with it"
            return f"{certificate} is not trusted: it is self-signed, or its CA is not known here", hint
        case code if code in NOT_TRUSTED:
            hint = "if it is of a CA of your own, set upstream-ca to the CA's file"
            return f"{certificate} is not trusted: its CA is not known here, or it is sent without one in between", hint
    return f"{certificate} is not accepted: {error.verify_message.rstrip('.')}", "ask who runs it; check upstream-ca"


# --- proxies ---

PROXY_FAULTS: Final[Mapping[ProxyFault, tuple[str, str]]] = {
    "url": ("proxy-url cannot be used", "check its address, user and password"),
    "name": ("the name of the proxy {proxy} does not resolve", "check the host in proxy-url"),
    "connect": ("the proxy {proxy} cannot be reached: {detail}", "is it running, and is the port in proxy-url right?"),
    "tls": ("the TLS handshake with the proxy {proxy} fails{detail}", "check http or https in proxy-url"),
    "login": ("the proxy {proxy} requires a login{detail}", "put the right user and password into proxy-url"),
    "forbidden": ("the proxy {proxy} does not allow {target}{detail}", "ask who runs the proxy"),
    "upstream": (
        "the proxy {proxy} cannot reach {target}{detail}",
        "check the spelling of base-url, or ask who runs it",
    ),
    "refused": ("nothing listens on {target}, says the proxy {proxy}", "is the port in base-url right?"),
    "silent": ("the proxy {proxy} hangs up", "check http, https or socks5, and the port, in proxy-url"),
    "none": ("what answers at {proxy} is not such a proxy{detail}", "check http or socks5, and the port, in proxy-url"),
}
"""Explanation and hint."""


def _no_tunnel(error: BaseException | None, endpoint: Endpoint) -> UpstreamCause:
    proxy = _shown_proxy(endpoint.proxy)
    match error:
        case ForbiddenAddress():
            return _forbidden(error)
        case ProxyFailed():
            what, hint = PROXY_FAULTS[error.fault]
            words = what.format(proxy=proxy, target=_at(endpoint), detail=_detail(error))
            return UpstreamCause(Reason.PROXY, words, hint)
        case TimeoutError():
            what = f"the proxy {proxy} does not connect to {_at(endpoint)} in time"
            return UpstreamCause(Reason.TIMEOUT, what, "check that the proxy works; see timeouts.connect")
    return UpstreamCause(
        Reason.PROXY, f"the proxy {proxy} cannot be used", "check proxy-url: address, user and password"
    )


def _detail(error: ProxyFailed) -> str:
    match error.__cause__:
        case ConnectionRefusedError() if error.fault == "connect":
            return "connection refused"
        case cause if error.fault == "connect":
            return _in_words(cause)
        case ssl.SSLCertVerificationError() as cause:
            return f": {_bad_certificate(cause, 'the proxy')[0]}"
    return f" (HTTP {error.status})" if error.status else ""


def _shown_proxy(url: str) -> str:
    """``host:port``, without user and password."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    host = parts.hostname or ""
    return f"[{host}]{port}" if ":" in host else f"{host}{port}"
