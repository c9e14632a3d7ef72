"""``host``: what is taken is listened on, and what cannot be is refused with what to write."""

from __future__ import annotations

import json

import pytest

from daemon.config.hosts import listen_fault, listen_host
from daemon.service.sockets import bind
from tests.config.world import config_of, loaded


@pytest.mark.parametrize(
    ("written", "host"),
    [("127.0.0.1", "127.0.0.1"), ("  127.0.0.1 ", "127.0.0.1"), ("[::1]", "::1"), (" [::1] ", "::1"), ("::1", "::1"),
     ("0:0:0:0:0:0:0:1", "::1"), ("::ffff:127.0.0.1", "127.0.0.1"), ("[::ffff:7f00:1]", "127.0.0.1"),
     ("127.1", "127.0.0.1"),
     ("localhost", "localhost"), ("localhost.", "localhost"), ("LOCALHOST", "LOCALHOST")],
)  # fmt: skip
def test_what_is_taken_is_listened_on(written: str, host: str) -> None:
    assert (listen_fault(written), listen_host(written)) == (("", ""), host)
    config = config_of(json.dumps({"host": written}))
    assert config.host == host
    for sock in bind(config.host, 0):
        sock.close()


@pytest.mark.parametrize(
    ("written", "host"),
    [("*", "*"), ("0", "0.0.0.0"), ("0.0.0.0", "0.0.0.0"), ("::", "::"), ("[::]", "::"), ("", "127.0.0.1"),
     ("b\u00fccher.example", "xn--bcher-kva.example"), ("fe80::1%eth0", "fe80::1%eth0")],
)  # fmt: skip
def test_other_places(written: str, host: str) -> None:
    assert config_of(json.dumps({"host": written})).host == host


@pytest.mark.parametrize(
    "written",
    ["http://127.0.0.1", "https://[::1]:1/", "0.0.0.0:8317", "[::1]:8317", "localhost:8317", ":8317", "*:1", "a:"],
)
def test_a_url_and_a_port_name_the_key_port(written: str) -> None:
    (found,) = loaded(json.dumps({"host": written})).diagnostics
    assert (found.severity, found.path, "the key port" in found.hint) == ("error", ("host",), True)


@pytest.mark.parametrize(
    "written",
    ["10.0.0.0/8", "/run/tppcd.sock", "a b", "127.0.0.1, ::1", "a..b", "*.example", "[::1", "::1]", "[127.0.0.1]", "[]",
     "256.1.1.1", "1.2.3.4.5", "8317", "010.0.0.1", "::1%", "stra\u00dfe.example", "a" * 64],
)  # fmt: skip
def test_what_is_no_address(written: str) -> None:
    (found,) = loaded(json.dumps({"host": written})).diagnostics
    assert (found.severity, found.path) == ("error", ("host",))
