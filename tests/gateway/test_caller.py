"""Who a caller is: the socket's word, and a trusted proxy's."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.gateway.caller import Caller, caller, is_loopback, on_unix_socket

SERVER = ("127.0.0.1", 8317)
ADMIN = {"client": None, "server": ("/run/tppcd/admin.sock", None)}
UNIX = {"client": None, "server": ("/run/tppcd/gateway.sock", None)}
PROXIES = ("10.0.0.1", "192.168.0.0/16", "fd00::/8", "not an address")


def of(client: str, *forwarded: str, trusted: tuple[str, ...] = PROXIES) -> Caller:
    headers = [(b"x-forwarded-for", line.encode("latin-1")) for line in forwarded]
    scope: dict[str, Any] = {"client": (client, 5), "server": SERVER, "headers": headers}
    return caller(scope, trusted)


@pytest.mark.parametrize(
    "client, forwarded, address",
    [
        ("8.8.8.8", ["1.2.3.4"], "8.8.8.8"),
        ("127.0.0.1", ["1.2.3.4"], "127.0.0.1"),
        ("10.0.0.1", ["1.2.3.4"], "1.2.3.4"),
        ("::ffff:10.0.0.1", ["1.2.3.4"], "1.2.3.4"),
        ("10.0.0.1", ["6.6.6.6, 1.2.3.4, 192.168.3.3"], "1.2.3.4"),
        ("10.0.0.1", ["6.6.6.6", "1.2.3.4"], "1.2.3.4"),
        ("10.0.0.1", ["192.168.1.1, 10.0.0.1"], "192.168.1.1"),
        ("fd00::1", ["2001:DB8::0:1"], "2001:db8::1"),
        ("10.0.0.1", ["[2001:db8::1]"], "2001:db8::1"),
        ("10.0.0.1", ["1.2.3.4:5000"], "unknown"),
        ("10.0.0.1", ["planted sentence"], "unknown"),
        ("10.0.0.1", [""], "unknown"),
    ],
)
def test_the_address_behind_a_proxy(client: str, forwarded: list[str], address: str) -> None:
    assert of(client, *forwarded).address == address


@pytest.mark.parametrize(
    "client, forwarded, trusted, local",
    [
        ("127.0.0.1", [], (), True),
        ("::1", [], (), True),
        ("::ffff:127.0.0.1", [], (), True),
        ("10.0.0.1", [], (), False),
        ("127.0.0.1", ["127.0.0.1"], (), False),
        ("127.0.0.1", ["127.0.0.1"], ("127.0.0.1",), True),
        ("127.0.0.1", ["127.0.0.1, 8.8.8.8"], ("127.0.0.1",), False),
        ("127.0.0.1", ["8.8.8.8", "127.0.0.1"], ("127.0.0.1",), False),
        ("127.0.0.1", ["::1"], ("127.0.0.1",), True),
        ("127.0.0.1", [], ("127.0.0.1",), True),
        ("10.0.0.1", ["127.0.0.1"], PROXIES, False),
    ],
)
def test_who_is_on_this_host(client: str, forwarded: list[str], trusted: tuple[str, ...], local: bool) -> None:
    """By the socket, unless the request was forwarded; a trusted proxy on this host may say that it was from here."""
    assert of(client, *forwarded, trusted=trusted).local is local


@pytest.mark.parametrize("trusted", [(), ("127.0.0.1",)])
@pytest.mark.parametrize("scope", [{"client": ("127.0.0.1", 5), "server": SERVER}, UNIX], ids=["loopback", "unix"])
@pytest.mark.parametrize(
    ("header", "local"),
    [
        ("forwarded", False),
        ("x-forwarded-host", False),
        ("x-forwarded-proto", False),
        ("x-forwarded-prefix", False),
        ("x-real-ip", False),
        ("true-client-ip", False),
        ("cf-connecting-ip", False),
        ("x-request-id", True),
        ("via", True),
        ("x-forward", True),
    ],
)
def test_a_forwarded_request_is_not_from_this_host(
    header: str, local: bool, scope: dict[str, Any], trusted: tuple[str, ...]
) -> None:
    assert caller({**scope, "headers": [(header.encode(), b"127.0.0.1")]}, trusted).local is local


def test_the_admin_socket_is_known_by_our_own_end() -> None:
    assert caller(ADMIN) == Caller("admin socket", local=True, admin=True)
    assert not caller({"client": None, "server": ("/run/tppcd/gateway.sock", None)}).admin
    assert not caller({"client": None, "server": SERVER}).local


@pytest.mark.parametrize(
    "address, loopback",
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("::2", False),
        ("128.0.0.1", False),
    ],
)
def test_loopback_addresses(address: str, loopback: bool) -> None:
    assert is_loopback(address) is loopback


def test_a_tcp_peer_that_has_gone_is_not_taken_for_the_unix_socket() -> None:
    gone = {"client": None, "server": SERVER}
    assert on_unix_socket(UNIX) and caller(UNIX).local
    assert not on_unix_socket(gone) and not caller(gone).local
