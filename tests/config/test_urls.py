"""How URLs are shown: never more than scheme, host and port; which are taken, and how they are sent."""

from __future__ import annotations

import pytest

from daemon.config.urls import ascii_url, http_fault, proxy_as_dialed, proxy_fault, shown


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
        ("http://u:p@planted#1@127.0.0.1:7890", "<redacted>"),
        ("http://u:p/planted@127.0.0.1:7890", "<redacted>"),
        ("http://u:8/planted@127.0.0.1:7890", "<redacted>"),
        ("http://u:p@planted?1@127.0.0.1:7890", "<redacted>"),
        ("https://\u72d0\u72f8.example/v1", "https://\u72d0\u72f8.example"),
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


SENT = [
    ("https://\u72d0\u72f8.example/v1", "https://xn--e5x6c.example/v1"),
    ("https://b\u00fccher.example", "https://xn--bcher-kva.example"),
    ("https://B\u00dcCHER.example:8443/", "https://xn--bcher-kva.example:8443/"),
    ("http://127.0.0.1:1/\u6d4b\u8bd5/v1", "http://127.0.0.1:1/%E6%B5%8B%E8%AF%95/v1"),
    ("https://a.example/v1?name=\u00e9", "https://a.example/v1?name=%C3%A9"),
    ("https://a.example./v1", "https://a.example/v1"),
    ("https://a.example/a%2Fb/v1", "https://a.example/a%2Fb/v1"),
    ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
    ("http://\uff11\uff12\uff17.0.0.1/v1", "http://127.0.0.1/v1"),
]


@pytest.mark.parametrize(("url", "sent"), SENT)
def test_a_url_in_any_script_is_taken_and_sent_in_ascii(url: str, sent: str) -> None:
    assert (http_fault(url), ascii_url(f" {url} ")) == ("", sent)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://stra\u00dfe.example", "xn--"),
        ("https://a.example/v1#x", "#fragment"),
        ("https://a.example:0/v1", "port is 0"),
        ("https://a.example:65536", "above 65535"),
        ("https://a.example:x", "not a number"),
        ("https://a.example:", "not a number"),
        ("https://a.example:-1", "not a number"),
        ("https://a.example:\uff18\uff10", "not a number"),
        ("https:///v1", "no host"),
        ("https://:443/v1", "no host"),
        ("https://.", "not valid"),
        ("https://a..example", "not valid"),
        ("https://.example", "not valid"),
        ("https://a.example../v1", "not valid"),
        ("https://::1/v1", "not valid"),
        ("https://[fe80::1%25eth0]/v1", "not valid"),
        ("https://" + "a" * 64 + ".example", "not valid"),
        ("https://" + "a.b" * 100, "not valid"),
        ("https://a\u3002example", "not valid"),
        ("https://\u2100.example", "not valid"),
        ("https://a.example/v 1", "a space"),
        ("https://a.example\\v1", "a space"),
        ("https://a.example/v1\u200b", "a space"),
        ("https://a.example/v1\u00a0/x", "a space"),
        ("https://a\u00adb.example", "a space"),
        ("https://a.example/100%/v1", "write %25"),
        ("ftp://a.example", "must begin"),
        ("a.example/v1", "must begin"),
        ("https:a.example", "must begin"),
    ],
)
def test_a_base_url_that_would_fail_later_is_refused(url: str, why: str) -> None:
    assert why in http_fault(url)


@pytest.mark.parametrize("mark", ["#", "/", "?", " ", "\\", "^", "{", "\u5bc6"])
@pytest.mark.parametrize("place", ["http://u:planted{}1@127.0.0.1:7890", "socks5://u:pl@nted{}1@127.0.0.1:7890"])
def test_a_proxy_password_that_has_to_be_encoded_is_refused_without_it(mark: str, place: str) -> None:
    url = place.replace("{}", mark)
    assert "percent-encode" in proxy_fault(url) or "not ASCII" in proxy_fault(url)
    assert "nted" not in proxy_fault(url) + shown(url)


@pytest.mark.parametrize(
    ("url", "dialed"),
    [
        ("http://u:p@ss@h.example:1", "http://u:p@ss@h.example:1"),
        ("http://u:a:b@h.example:1", "http://u:a:b@h.example:1"),
        ("http://u:100%@h.example:1", "http://u:100%@h.example:1"),
        ("http://u:p%23@h.example:1/", "http://u:p%23@h.example:1"),
        ("http://token@h.example:1", "http://token:@h.example:1"),
        ("http://h.example", "http://h.example:80"),
        ("https://h.example", "https://h.example:443"),
        ("socks5h://[::1]", "socks5h://[::1]:1080"),
        ("http://\u72d0\u72f8.example:3128", "http://xn--e5x6c.example:3128"),
        (" direct ", "direct"),
        ("", ""),
    ],
)
def test_a_proxy_is_dialed_with_all_that_it_needs(url: str, dialed: str) -> None:
    assert (proxy_fault(url), proxy_as_dialed(url)) == ("", dialed)
