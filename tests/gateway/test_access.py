"""Client access: keys, and what holds without any."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.config.schema import Config
from daemon.config.sections import RemoteManagement
from daemon.errors import LocalError
from daemon.gateway.access import ClientAccess
from daemon.secret import Secret
from daemon.snapshot.models import ModelRegistry
from daemon.snapshot.snapshot import Snapshot

TCP = ("127.0.0.1", 8317)
LOOPBACK = {"client": ("127.0.0.1", 5000), "server": TCP}
REMOTE = {"client": ("10.0.0.5", 5000), "server": ("10.0.0.1", 8317)}
UNIX = {"client": None, "server": ("/run/tppcd/admin.sock", None)}
GONE = {"client": None, "server": TCP}


def snapshot(*keys: str, host: str = "127.0.0.1", trusted: tuple[str, ...] = ()) -> Snapshot:
    remote = RemoteManagement(trusted_proxies=trusted)
    config = Config(api_keys=tuple(map(Secret, keys)), host=host, remote_management=remote)
    return Snapshot(generation=1, revision="0" * 64, config=config, core_auths=(), models=ModelRegistry(by_name={}))


def outcome(scope: dict[str, Any], headers: dict[str, str], *keys: str, **settings: Any) -> tuple[int, str]:
    try:
        ClientAccess().check(scope, {"host": "localhost", **headers}, snapshot(*keys, **settings))
    except LocalError as error:
        return error.status, error.message
    return 200, ""


@pytest.mark.parametrize(
    "headers, status",
    [
        ({"authorization": "Bearer key-two"}, 200),
        ({"authorization": "bearer key-one"}, 200),
        ({"authorization": "key-one"}, 200),
        ({"x-api-key": "key-two"}, 200),
        ({"authorization": "Bearer wrong", "x-api-key": "key-one"}, 200),
        ({"authorization": "Bearer key-one", "x-api-key": "wrong"}, 200),
        ({"authorization": "Bearer key-one", "origin": "https://app.example"}, 200),
        ({}, 401),
        ({"authorization": "Bearer "}, 401),
        ({"authorization": "Basic key-one"}, 401),
        ({"x-api-key": "key-on"}, 401),
        ({"x-api-key": "key-onee"}, 401),
        ({"x-api-key": "clé-\udcff"}, 401),
    ],
)
def test_with_keys_every_client_presents_one(headers: dict[str, str], status: int) -> None:
    for scope in (LOOPBACK, REMOTE, UNIX):
        assert outcome(scope, headers, "key-one", "key-two")[0] == status


def test_the_refusal_of_a_key_shows_no_key() -> None:
    assert "planted" not in outcome(REMOTE, {"x-api-key": "planted"}, "key-one")[1]


def test_an_empty_configured_key_lets_nobody_in() -> None:
    assert outcome(REMOTE, {"x-api-key": ""}, "")[0] == 401
    assert outcome(REMOTE, {}, "")[0] == 401


@pytest.mark.parametrize(
    "scope, status", [(LOOPBACK, 200), (UNIX, 200), (REMOTE, 401), (GONE, 401), ({"client": None, "server": None}, 401)]
)
def test_without_keys_only_this_host_is_served(scope: dict[str, Any], status: int) -> None:
    got, message = outcome(scope, {"x-api-key": "anything"})
    assert got == status
    assert status == 200 or "api-keys" in message


@pytest.mark.parametrize(
    "origin, status",
    [
        ("http://localhost:3000", 200),
        ("http://127.0.0.1:8317", 200),
        ("https://[::1]:8317", 200),
        ("https://evil.example", 403),
        ("http://127.0.0.1.evil.com", 403),
        ("http://localhost.evil.com", 403),
        ("null", 403),
        ("", 403),
        ("file://", 403),
        ("chrome-extension://abcdef", 403),
    ],
)
def test_without_keys_a_foreign_origin_is_refused(origin: str, status: int) -> None:
    assert outcome(LOOPBACK, {"origin": origin})[0] == status


@pytest.mark.parametrize(
    "host, status",
    [
        ("127.0.0.1:8317", 200),
        ("10.0.0.9", 200),
        ("[::1]:8317", 200),
        ("localhost", 200),
        ("Gateway.lan:8317", 200),  # the configured one
        ("evil.example", 403),
        ("127.0.0.1.nip.io", 403),
        ("", 403),
    ],
)
def test_without_keys_a_foreign_host_is_refused(host: str, status: int) -> None:
    """DNS rebinding: a page of evil.example whose name now leads to this host. With keys it has none of them."""
    got, message = outcome(LOOPBACK, {"host": host}, host="gateway.lan")
    assert got == status
    assert status == 200 or ("api-keys" in message and host in message)
    assert outcome(LOOPBACK, {"host": host, "x-api-key": "key-one"}, "key-one")[0] == 200
    assert outcome(UNIX, {"host": host})[0] == 200


def test_without_keys_what_a_proxy_forwards_is_refused() -> None:
    forwarded = {**LOOPBACK, "headers": [(b"x-forwarded-for", b"8.8.8.8")]}
    old = {**LOOPBACK, "http_version": "1.0"}
    for scope in (forwarded, old):
        status, message = outcome(scope, {})
        assert status == 401 and "api-keys" in message
        assert outcome(scope, {"x-api-key": "key-one"}, "key-one")[0] == 200
    trusted = ("127.0.0.1",)
    assert outcome(forwarded, {}, trusted=trusted)[0] == 401
    assert outcome({**LOOPBACK, "headers": [(b"x-forwarded-for", b"127.0.0.1")]}, {}, trusted=trusted)[0] == 200
