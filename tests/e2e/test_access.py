"""No way in: guessed keys, rebound names, foreign pages, addresses that lead inside. All over HTTP."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from pathlib import Path
from threading import Thread
from typing import Any

import argon2
import bcrypt
import httpx
import pytest
import yaml

from tests.dialects import MESSAGES
from tests.harness import Daemon, Simulator, config, daemon, provider, wait_for
from tests.managing import KEY, text

WRONG = "planted-wrong-key"
AUTHS = "/v0/management/auths"
FOX = provider("fox", "http://127.0.0.1:9/v1")
CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
STORED = {
    "literal": KEY,
    "bcrypt": bcrypt.hashpw(KEY.encode(), bcrypt.gensalt(4)).decode(),
    "argon2id": CHEAP.hash(KEY),
    "reference": "env:MANAGEMENT_KEY",
    "hash behind a reference": "env:HASH",
}
AWAY = {"x-forwarded-for": "203.0.113.9"}
BEHIND_A_PROXY: dict[str, Any] = {"allow-remote": True, "trusted-proxies": ["127.0.0.1"]}


def managed(*providers: dict[str, object], key: str = KEY, **remote: object) -> str:
    return config(*(providers or (FOX,)), remote_management={"secret-key": key, **remote})


def ask(
    running: Daemon,
    key: str | None = KEY,
    *,
    address: str = "127.0.0.1",
    method: str = "GET",
    path: str = AUTHS,
    body: Any = None,
    **headers: str,
) -> httpx.Response:
    """One request, on a connection of its own, from one of this host's loopback addresses."""
    shown = {} if key is None else {"x-management-key": key}
    transport = httpx.HTTPTransport(local_address=address, verify=False)  # a context of CAs costs more than the request
    with httpx.Client(transport=transport, trust_env=False, timeout=30) as client:
        return client.request(method, running.url + path, headers={**shown, **headers}, json=body)


def audited(running: Daemon) -> list[dict[str, Any]]:
    path = running.state_directory / "audit.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


@pytest.fixture(scope="module")
def gateway() -> Iterator[Daemon]:
    with daemon(managed()) as running:
        yield running


@pytest.fixture(scope="module")
def proxied(_first: Simulator) -> Iterator[Daemon]:
    """Told by a proxy on this host who calls; ``fox`` is on this host, too, written by hand."""
    with daemon(managed(provider("fox", _first), **BEHIND_A_PROXY)) as running:
        yield running


# --- the key ---


def test_each_form_of_the_key_opens_to_the_key_alone() -> None:
    env = {"MANAGEMENT_KEY": KEY, "HASH": STORED["bcrypt"]}
    with daemon(managed(key="another"), "--log-level", "debug", env=env) as running:
        for stored in STORED.values():
            running.reload(managed(key=stored))
            tried = (WRONG, None, *({"another", *STORED.values()} - {KEY}))
            for key in tried:
                assert (stored, key, ask(running, key).status_code) == (stored, key, 401)
                assert ask(running).status_code == 200  # forgives the one before
        assert KEY not in running.log


def test_five_failures_lock_out_for_the_right_key_too_and_are_recorded_without_a_key() -> None:
    with daemon(managed()) as running:
        assert [ask(running, WRONG).status_code for _ in range(5)] == [401] * 5
        refused = ask(running)
        assert (refused.status_code, "IP banned" in refused.text) == (403, True)
        assert int(refused.headers["retry-after"]) > 1700
        assert ask(running, address="127.0.0.2").status_code == 200
        assert ask(running, **{"x-forwarded-for": "127.0.0.3"}).status_code == 403
        wait_for(lambda: "lock-out" in [event["kind"] for event in audited(running)], "the lock-out in the audit file")
        assert running.get("/healthz").status_code == 200
        assert "planted" not in json.dumps(audited(running)) + running.log


@pytest.mark.parametrize("form", ["literal", "argon2id"])
def test_right_and_wrong_keys_at_once_from_one_peer_get_five_tries(form: str) -> None:
    """What comes after the fifth is not looked at, or not told of: a right key does not stand out."""
    keys = [WRONG] * 10 + [KEY] + [WRONG] * 29
    with daemon(managed(key=STORED[form])) as running:
        with ThreadPoolExecutor(20) as pool:
            statuses = list(pool.map(lambda key: ask(running, key).status_code, keys))
        told = Counter(statuses)
        assert told[200] <= 1
        assert told[401] <= 5 * (1 + told[200])
        assert set(told) <= {200, 401, 403, 429}
        assert ask(running).status_code == 403


def test_a_forged_header_neither_frees_nor_binds_anybody() -> None:
    with daemon(managed(**BEHIND_A_PROXY | {"trusted-proxies": []})) as running:
        for number in range(5):
            assert ask(running, WRONG, **{"x-forwarded-for": f"203.0.113.{number}"}).status_code == 401
        assert ask(running, **{"x-forwarded-for": "203.0.113.99"}).status_code == 403
        assert ask(running, address="127.0.0.2", **{"x-forwarded-for": "203.0.113.1"}).status_code == 200


def test_behind_a_configured_proxy_each_caller_is_counted_alone() -> None:
    with daemon(managed(**BEHIND_A_PROXY)) as running:
        for number in range(5):
            forged = {"x-forwarded-for": f"198.51.100.{number}, 203.0.113.1"}
            assert ask(running, WRONG, **forged).status_code == 401
        assert ask(running, **{"x-forwarded-for": "198.51.100.77, 203.0.113.1"}).status_code == 403
        assert ask(running, **{"x-forwarded-for": "203.0.113.2"}).status_code == 200
        assert ask(running, address="127.0.0.2", **{"x-forwarded-for": "203.0.113.1"}).status_code == 200


def test_other_hosts_are_let_in_where_the_file_says_so() -> None:
    with daemon(managed(**BEHIND_A_PROXY | {"allow-remote": False})) as running:
        for status in (403, 200):
            for forwarded in ("203.0.113.5", "127.0.0.1, 203.0.113.5", "no address"):
                assert ask(running, **{"x-forwarded-for": forwarded}).status_code == status
            assert ask(running, **{"x-forwarded-for": "127.0.0.1"}).status_code == 200
            assert ask(running).status_code == 200
            if status == 403:
                running.reload(managed(**BEHIND_A_PROXY))


def test_a_rotated_key_counts_from_the_reload_on_and_without_one_the_group_is_gone() -> None:
    with daemon(managed(key=STORED["bcrypt"])) as running:
        assert ask(running).status_code == 200
        running.reload(managed(key="the-next-one"))
        assert [ask(running, key).status_code for key in (KEY, "the-next-one")] == [401, 200]
        running.reload(managed(key=""))
        for path in ("/auths", "/config.yaml", "/openapi.json", "/events", "/nothing", "/tppc/providers", ""):
            for key in (KEY, "the-next-one", "", None):
                assert ask(running, key, path=f"/v0/management{path}").status_code == 404
        assert ask(running, method="PUT", path="/v0/management/packycode", body={"enabled": False}).status_code == 404


def test_every_route_is_behind_the_key(gateway: Daemon) -> None:
    document = ask(gateway, path="/v0/management/openapi.json").json()
    for path, operations in document["paths"].items():
        for method in operations:
            answer = ask(gateway, None, method=method.upper(), path=path.replace("{name}", "fox"), body={})
            assert (path, method, answer.status_code) == (path, method, 401)
            assert ask(gateway).status_code == 200  # forgives the one before


# --- pages and names ---

HOSTS = {
    "127.0.0.1": 200,
    "localhost": 200,
    "LOCALHOST:1": 200,
    "[::1]:8317": 200,
    "127.0.0.1.evil.com": 403,
    "evil.com": 403,
    "localhost.evil.com": 403,
    "localhost.": 403,
    "0.0.0.0": 200,
    "[::]": 200,
    "10.0.0.1": 200,
    "2130706433": 403,
    "0x7f.1": 403,
    "127.1": 403,
    "evil.com@127.0.0.1": 403,
    "127.0.0.1:evil.com": 403,
    "127.0.0.1#.evil.com": 403,
    "": 403,
}
PAGES: dict[str, dict[str, str]] = {
    "another site": {"origin": "http://evil.com"},
    "another port": {"origin": "http://127.0.0.1"},
    "a name that begins like ours": {"origin": "http://127.0.0.1.evil.com"},
    "a sandbox": {"origin": "null"},
    "an empty origin": {"origin": ""},
    "an extension": {"origin": "chrome-extension://abcdefgh"},
    "a file": {"origin": "file://"},
    "cross-site": {"sec-fetch-site": "cross-site"},
    "cross-site navigation": {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
    "no-cors": {"sec-fetch-mode": "no-cors", "sec-fetch-site": "same-site"},
    "an image": {"sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"},
}


@pytest.mark.parametrize("host", HOSTS)
def test_a_rebound_name_does_not_get_in_with_the_right_key(gateway: Daemon, host: str) -> None:
    assert ask(gateway, host=host).status_code == HOSTS[host]


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("page", PAGES)
def test_a_foreign_page_does_not_get_in_with_the_right_key(gateway: Daemon, page: str, method: str) -> None:
    path = AUTHS if method == "GET" else "/v0/management/packycode"
    answer = ask(gateway, method=method, path=path, body={"enabled": False}, **PAGES[page])
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_our_own_page_and_tools_get_in(gateway: Daemon) -> None:
    own = {"origin": gateway.url, "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}
    assert ask(gateway, **own).status_code == 200
    assert ask(gateway, **{"sec-fetch-site": "none", "sec-fetch-mode": "navigate"}).status_code == 200


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=a", "text/plain"])
def test_a_form_changes_nothing(gateway: Daemon, kind: str) -> None:
    before = text(gateway)
    for path in ("/reload", "/tppc/providers", "/rollback", "/explain"):
        sent = {"x-management-key": KEY, "content-type": kind}
        answer = gateway.http.post(f"{gateway.url}/v0/management{path}", content=b'{"name":"x"}', headers=sent)
        assert answer.status_code == 415
    assert text(gateway) == before


# --- where upstreams may be ---

INSIDE = [
    "http://127.0.0.1:1",
    "http://127.1",
    "http://2130706433/v1",
    "http://0177.0.0.1",
    "http://0x7f000001",
    "http://0x7f.0.0.1",
    "http://017700000001",
    "http://0",
    "http://0.0.0.0:1",
    "http://10.0.0.5/v1",
    "http://172.16.0.1",
    "http://192.168.1.1",
    "http://100.64.0.1",
    "http://198.18.0.1",
    "http://[::1]:1",
    "http://[::]",
    "http://[::ffff:127.0.0.1]",
    "http://[::ffff:7f00:1]",
    "http://[::ffff:10.0.0.5]",
    "http://[::127.0.0.1]",
    "http://[64:ff9b::7f00:1]",
    "http://[2002:7f00:1::]",
    "http://[fd00::1]",
    "http://localhost",
    "http://LOCALHOST.",
    "http://localhost.:8080/v1",
    "http://ⓛocalhost",
    "http://127.0.0.1.",
    "http://8.8.8.8@127.0.0.1",
    "http://8.8.8.8:80@127.0.0.1",
    "http://user:pass@127.0.0.1",
    "http://8.8.8.8%2f@127.0.0.1",
]
LINK_LOCAL = [
    "http://169.254.169.254/latest/meta-data",
    "http://2852039166/",
    "http://0xa9fea9fe",
    "http://0251.0376.0251.0376",
    "http://[::ffff:169.254.169.254]",
    "http://[::ffff:a9fe:a9fe]",
    "http://[fe80::1]",
    "http://[fd00:ec2::254]",
    "http://168.63.129.16",
    "http://100.100.100.200",
    "http://8.8.8.8@169.254.169.254",
]


WAYS = 6


def refused(running: Daemon, url: str, field: str, way: int | None = None, **headers: str) -> bool:
    """Whether a provider at ``url`` is refused, by one way to write it or by all, with the file as it was."""
    before = text(running)
    lynx = {"name": "lynx", "enabled": True, "base-url": "https://8.8.8.8/v1", "api-key": "k", field: url}
    whole = json.loads(before)
    whole["tppc"]["providers"].append(lynx)
    tries = [
        ("POST", "/tppc/providers", lynx),
        ("PATCH", "/tppc", {"providers": [lynx]}),
        ("PUT", "/tppc", {"tppc": {"providers": [lynx]}}),
        ("PUT", "/config.yaml", whole),
        ("PATCH", "/tppc", {"providers": [{"name": "fox", field: url}]}),
        ("PATCH", "/packycode", {"base-url": url}),
    ]
    tries = tries if way is None else tries[way % WAYS : way % WAYS + 1]
    path = "/v0/management"
    answers = [ask(running, method=method, path=path + where, body=body, **headers) for method, where, body in tries]
    unchanged = text(running) == before
    if not unchanged:
        running.save(before)
    return unchanged and [answer.status_code for answer in answers] == [422] * len(answers)


@pytest.mark.parametrize(("way", "url"), list(enumerate(INSIDE + LINK_LOCAL)))
def test_another_host_sets_no_address_that_leads_inside(proxied: Daemon, way: int, url: str) -> None:
    assert refused(proxied, url, "base-url", way, **AWAY)


def test_no_way_to_write_is_forgotten(proxied: Daemon) -> None:
    assert refused(proxied, INSIDE[0], "base-url", None, **AWAY)


@pytest.mark.parametrize(
    ("way", "url"), list(enumerate(["http://127.0.0.1:3128", "socks5://localhost:1080", "http://10.0.0.1:3128"]))
)
def test_another_host_sets_no_proxy_that_leads_inside(proxied: Daemon, way: int, url: str) -> None:
    assert refused(proxied, url, "proxy-url", way, **AWAY)


@pytest.mark.parametrize(("way", "url"), list(enumerate(LINK_LOCAL)))
def test_nobody_sets_a_link_local_address_through_the_api(gateway: Daemon, way: int, url: str) -> None:
    assert refused(gateway, url, "base-url", way)


@pytest.mark.parametrize(("host", "proxy"), [("localhost", ""), ("fox.invalid", "http://localhost")])
def test_a_name_that_leads_inside_by_now_is_not_connected_to(upstream: Simulator, host: str, proxy: str) -> None:
    """The second look, at each connection: what another host had set was public then."""
    port = upstream.url.rpartition(":")[2]
    way = {"proxy-url": f"{proxy}:{port}"} if proxy else {}
    fox = provider("fox", f"http://{host}:{port}/v1") | way
    with daemon(managed(fox, **BEHIND_A_PROXY)) as running:
        running.stop()
        set_from_afar = {"localhost": "PUBLIC", "fox.invalid": "PUBLIC"}
        (running.state_directory / "upstream-hosts.json").write_text(json.dumps(set_from_afar))
        with daemon(None, home=running.home) as again:
            assert again.post(MESSAGES.path, MESSAGES.request("x")).status_code >= 500
            tested = ask(again, method="POST", path="/v0/management/providers/fox/test").json()
            assert (tested["ok"], "(loopback)" in tested["explanation"]) == (False, True)
    assert upstream.requests == []


@contextmanager
def redirecting() -> Iterator[tuple[str, list[str]]]:
    """An upstream that sends everybody to ``/inside`` on itself, in all ways by turns, and what it was asked."""
    asked: list[str] = []
    statuses = cycle((301, 302, 303, 307, 308))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(next(statuses))
            self.send_header("location", "/inside")
            self.send_header("content-length", "0")
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1", asked
        finally:
            server.shutdown()


def test_redirects_are_not_followed() -> None:
    with redirecting() as (url, asked), daemon(managed(provider("fox", url, disable_cooling=True))) as running:
        for _ in range(5):
            assert running.post(MESSAGES.path, MESSAGES.request("x")).status_code >= 500
        for _ in range(5):
            assert not ask(running, method="POST", path="/v0/management/providers/fox/test").json()["ok"]
        assert len(asked) >= 10
        assert "/inside" not in asked


LOCAL_ONLY = [
    ("logging", {"file": "/tmp/tppcd-elsewhere.log"}, "logging.file"),
    ("upstream-ca", "/etc/ssl/certs/ca-certificates.crt", "upstream-ca"),
    ("tls", {"cert": "/etc/hostname", "key": "/etc/hostname"}, "tls"),
    ("provider-store", {"url": "sqlite:///elsewhere.db"}, "provider-store"),
    ("provider-store", {"encryption-key": "file:/etc/hostname"}, "provider-store"),
    ("api-keys", ["file:/etc/hostname"], "api-keys[0]"),
    ("tppc", {"providers": [FOX | {"api-key": "file:/etc/passwd"}]}, "tppc.providers[0].api-key"),
    ("tppc", {"providers": [FOX | {"api-key": "file:/no/such/file"}]}, "tppc.providers[0].api-key"),
    ("tppc", {"providers": [FOX | {"headers": {"X-Team": "env:HOME"}}]}, "tppc.providers[0].headers.X-Team"),
]


def behind_a_proxy(running: Daemon, method: str, path: str, body: object) -> httpx.Response:
    return ask(running, method=method, path=f"/v0/management{path}", body=body, **AWAY)


def written(running: Daemon, text: str, **headers: str) -> httpx.Response:
    """``PUT`` of the whole file."""
    url = f"{running.url}/v0/management/config.yaml?skip-check=1"
    return running.http.put(url, content=text, headers={"x-management-key": KEY, **headers})


@pytest.mark.parametrize("key, value, path", LOCAL_ONLY)
def test_another_host_must_not_set_what_names_places_on_this_one(key: str, value: object, path: str) -> None:
    """By no way of writing, a rollback included; where the value stays it is nobody's business."""
    base: dict[str, Any] = yaml.safe_load(managed(**BEHIND_A_PROXY))
    before = yaml.safe_dump(base)
    changed = yaml.safe_dump({**base, key: value})
    with daemon(before) as running:
        for sent in ("PUT", "dry run"):
            suffix = "?dry-run=1" if sent == "dry run" else ""
            url = f"{running.url}/v0/management/config.yaml{suffix}"
            refused = running.http.put(url, content=changed, headers={"x-management-key": KEY, **AWAY})
            assert (refused.status_code, refused.json()["error"]) == (403, "not_settable_remotely")
            assert [each["path"] for each in refused.json()["details"]] == [path]
        assert (running.home / "config.yaml").read_text("utf-8") == before
        comment = written(running, f"# by another host\n{before}", **AWAY)
        assert comment.status_code == 200, comment.text


def test_another_host_changes_blocks_within_the_same_bounds() -> None:
    reference = {"api-key": "env:FOX_KEY"}
    env = {"FOX_KEY": "key-of-fox", "WOLF_KEY": "key-of-wolf"}
    with tempfile.TemporaryDirectory() as allowed:
        (Path(allowed) / "key").write_text("key-of-a-file", "utf-8")
        remote = {**BEHIND_A_PROXY, "reference-directories": [allowed]}
        with daemon(managed(FOX | reference, **remote), env=env) as running:
            for path, method, body in (
                ("/tppc?skip-check=1", "PATCH", {"providers": [{"name": "fox", "api-key": "env:WOLF_KEY"}]}),
                ("/packycode", "PATCH", {"credentials": {"openai-api-key": "file:/etc/hostname"}}),
                ("/tppc/providers?skip-check=1", "POST", {**FOX, "name": "wolf", "api-key": "credential:wolf"}),
                ("/tppc?skip-check=1", "PATCH", {"providers": [{"name": "fox", "api-key": f"file:{allowed}/../x"}]}),
            ):
                refused = behind_a_proxy(running, method, path, body)
                assert (refused.status_code, refused.json()["error"]) == (403, "not_settable_remotely"), refused.text
            for key in ("env:FOX_KEY", f"file:{allowed}/key", "sk-literal-of-fox"):
                body = {"providers": [{"name": "fox", "api-key": key}]}
                assert behind_a_proxy(running, "PATCH", "/tppc?skip-check=1", body).status_code == 200
            here = {"providers": [{"name": "fox", "api-key": "env:WOLF_KEY"}]}
            assert ask(running, method="PATCH", path="/v0/management/tppc?skip-check=1", body=here).status_code == 200
            assert ask(running, path="/v0/management/history").status_code == 200
            literal = running.get("/v0/management/history", headers={"x-management-key": KEY}).json()["history"]
            first = behind_a_proxy(running, "POST", "/rollback?skip-check=1", {"digest": literal[-1]["digest"]})
            assert first.json()["details"][0]["path"] == "tppc.providers[0].api-key"


def test_another_host_brings_no_reference_into_the_store_either() -> None:
    with daemon(managed(**BEHIND_A_PROXY)) as running:
        row = {"name": "elk", "type": "openai", "base_url": "http://1.1.1.1/v1", "api_key": "file:/etc/hostname"}
        path = "/api/v1/providers?skip-check=1"
        refused = ask(running, method="POST", path=path, body=row, **AWAY)
        assert (refused.status_code, refused.json()["error"]) == (403, "not_settable_remotely")
        assert refused.json()["details"][0]["path"] == "api_key"
        assert (
            ask(running, method="POST", path=path, body=row | {"api_key": "sk-elk-literal"}, **AWAY).status_code == 201
        )
        assert ask(running, method="POST", path=path, body=row | {"name": "owl"}).status_code == 201
