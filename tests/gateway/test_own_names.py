"""The names by which this daemon may be called from a browser."""

from __future__ import annotations

import socket

import pytest

from daemon.gateway.own_names import host_name, is_own_name, is_own_origin

MACHINE = socket.gethostname().lower()


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("127.0.0.1", True),
        ("10.0.0.9", True),
        ("::1", True),
        ("fe80::1", True),
        ("localhost", True),
        ("gateway.lan", True),
        (MACHINE, True),
        (MACHINE.partition(".")[0], True),
        (f"{MACHINE}.evil.example", False),
        ("localhost.evil.com", False),
        ("127.0.0.1.nip.io", False),
        ("127.1", False),
        ("", False),
    ],
)
def test_own_names(name: str, own: bool) -> None:
    assert is_own_name(name, "Gateway.lan") is own


def test_no_name_is_own_because_no_host_is_configured() -> None:
    assert not is_own_name("", "")
    assert not is_own_origin("http://", "")


def test_the_configured_host_is_an_own_origin() -> None:
    assert is_own_origin("http://gateway.lan:8317", "Gateway.lan")
    assert is_own_origin(f"https://{MACHINE}", "")
    assert not is_own_origin("http://other.lan:8317", "gateway.lan")
    assert not is_own_origin("http://10.0.0.9", "gateway.lan")  # a page of another machine


@pytest.mark.parametrize(
    "authority, name",
    [
        ("localhost", "localhost"),
        ("LocalHost:8317", "localhost"),
        ("[::1]:8317", "::1"),
        ("[::1]", "::1"),
        ("[::1]x", ""),
        ("[::1", ""),
        ("host:port", ""),
        ("host:80:90", ""),
        ("user@host", "user@host"),
        ("", ""),
    ],
)
def test_the_host_of_an_authority(authority: str, name: str) -> None:
    assert host_name(authority) == name
