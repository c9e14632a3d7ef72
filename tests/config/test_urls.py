"""How URLs are shown: never more than scheme, host and port."""

from __future__ import annotations

import pytest

from daemon.config.urls import proxy_fault, shown


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://user:secret@host.example/path?key=secret#x", "https://host.example"),
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000"),
        ("https://[::1]:8443", "https://[::1]:8443"),
        ("http://[::1", "<redacted>"),
        ("", "<none>"),
        ("host:1234/path", "host:1234"),
        ("/just/path", "<redacted>"),
        ("sk-planted", "<redacted>"),
        ("sqlite:////var/lib/tppcd/providers.db", "sqlite://"),
        ("postgresql://user:secret@db.example:5432/x", "postgresql://db.example:5432"),
        ("direct", "direct"),
    ],
)
def test_shown(url: str, expected: str) -> None:
    assert expected == shown(url)


@pytest.mark.parametrize("url", ["", "direct", "http://p.example:3128", "socks5://u:p@p.example:1080"])
def test_proxies_that_are_taken(url: str) -> None:
    assert proxy_fault(url) == ""


@pytest.mark.parametrize("url", ["p.example:3128", "ftp://p.example", "http://:1", "http://p.example:x"])
def test_proxies_that_are_not(url: str) -> None:
    assert proxy_fault(url)
