"""The word for each cause, beside the sentences of ``tests/e2e/test_causes.py``."""

from __future__ import annotations

import errno
import socket
import ssl

import pytest

from daemon.errors import ErrorKind, Scope
from daemon.upstream.http.causes import PROXY_FAULTS, Unanswered, upstream_cause
from daemon.upstream.http.connection import Cut, ExpectsTls, NotHttp
from daemon.upstream.http.dialing import DialFailed, Endpoint, ForbiddenAddress, PlainHttp
from daemon.upstream.http.trust import BadCaFile
from daemon.upstream.http.tunnel import ProxyFailed

DIRECT = Endpoint("https", "fox.example", 8443, "", "")
PROXIED = Endpoint("https", "fox.example", 443, "socks5://user:planted@[::1]:1080", "")


def dialing(step: str, error: Exception) -> DialFailed:
    failed = DialFailed(step)  # type: ignore[arg-type]  # a row of the table below
    failed.__cause__ = error
    return failed


@pytest.mark.parametrize(
    ("reason", "words", "step", "error"),
    [
        ("dns", "does not resolve", "dns", dialing("dns", socket.gaierror(socket.EAI_NONAME, "planted"))),
        ("dns", "does not resolve", "dns", dialing("dns", UnicodeError("label too long"))),
        ("timeout", "was not resolved in time", "dns", dialing("dns", TimeoutError())),
        (
            "forbidden_address",
            "10.0.0.5 (private)",
            "dns",
            dialing("dns", ForbiddenAddress("fox", "10.0.0.5 (private)")),
        ),
        (
            "refused",
            "nothing listens on fox.example port 8443",
            "connect",
            dialing("connect", ConnectionRefusedError(111, "planted")),
        ),
        ("timeout", "does not answer in time", "connect", dialing("connect", TimeoutError())),
        ("timeout", "does not answer in time", "connect", dialing("connect", OSError(errno.ETIMEDOUT, "planted"))),
        ("unreachable", "network is unreachable", "connect", dialing("connect", OSError(errno.ENETUNREACH, "planted"))),
        ("unreachable", "no route to host", "connect", dialing("connect", OSError(errno.EHOSTUNREACH, "planted"))),
        ("tls", "uses plain HTTP", "tls", dialing("tls", PlainHttp())),
        ("tls", "hangs up in the TLS handshake", "tls", dialing("tls", ConnectionResetError(104, "planted"))),
        ("tls", "the TLS handshake with", "tls", dialing("tls", ssl.SSLError(1, "planted"))),
        ("timeout", "does not finish the TLS handshake in time", "tls", dialing("tls", TimeoutError())),
        ("tls", "upstream-ca", "", BadCaFile("planted")),
        ("tls", "an HTTPS port", "", ExpectsTls()),
        ("not_http", "is not an HTTP server", "", NotHttp()),
        ("not_http", "its status is 999", "", NotHttp("its status is 999")),
        ("cut", "without an answer", "", Cut(unanswered=True)),
        ("cut", "before the end", "", Cut(unanswered=False)),
        ("cut", "before the end", "", ConnectionResetError(104, "planted")),
    ],
)
def test_each_cause_has_a_word(reason: str, words: str, step: str, error: Exception) -> None:
    """And the step that failed; nothing of the errors' own texts, which may hold anything."""
    cause = upstream_cause(error, DIRECT)
    raised = Unanswered(cause)
    assert (cause.reason, cause.step, raised.reason) == (reason, step, reason)
    assert words in cause.explanation
    assert (raised.kind is ErrorKind.TIMEOUT, raised.scope) == (reason == "timeout", Scope.PROVIDER)
    assert "planted" not in raised.message
    assert cause.hint and str(cause) == raised.message


@pytest.mark.parametrize("fault", PROXY_FAULTS)
def test_each_fault_of_a_proxy_is_the_proxys(fault: str) -> None:
    """It is named by host and port, without its user and password."""
    failed = ProxyFailed(fault)  # type: ignore[arg-type]  # a key of the table
    failed.__cause__ = ConnectionRefusedError(111, "planted")
    cause = upstream_cause(dialing("proxy", failed), PROXIED)
    assert (cause.reason, cause.step) == ("proxy", "")
    assert "{" not in str(cause) and "planted" not in str(cause) and "user:" not in str(cause)
    assert fault == "url" or "[::1]:1080" in cause.explanation


def test_behind_a_proxy_no_step_is_named() -> None:
    assert upstream_cause(dialing("proxy", TimeoutError()), PROXIED).reason == "timeout"
    assert upstream_cause(dialing("tls", TimeoutError()), PROXIED).step == ""
    assert not upstream_cause(dialing("proxy", ForbiddenAddress("fox", "a proxy at ::1 (loopback)")), PROXIED).tried
