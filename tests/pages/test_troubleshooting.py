"""Every row of docs/how-to/troubleshooting.md is provoked, and shows what the page says.

The relays' sentences: ``test_relay_sentences``. Why an upstream cannot be reached: ``tests/e2e/test_causes``.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import httpx
import pytest

from tests.dialects import CHAT, MESSAGES
from tests.e2e.raw_upstream import raw_upstream
from tests.harness import ROOT, Daemon, Simulator, config, daemon, provider, simulator, tppcd, wait_for
from tests.managing import KEY, ask, generation, text
from tests.pages.tables import rows

PAGE: Final = "docs/how-to/troubleshooting.md"
HTML: Final = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 21\r\n\r\n<!doctype html><html>"
FAR: Final = {"x-forwarded-for": "192.0.2.7"}
FOX: Final = provider("fox", "http://127.0.0.1:9/v1")


class World(NamedTuple):
    """``gateway`` has fox, whom ``upstream`` serves, mean, who refuses its key, and page, who is a website."""

    upstream: Simulator
    gateway: Daemon
    home: Path


@pytest.fixture(scope="module")
def shared(_first: Simulator) -> Iterator[Daemon]:
    with simulator("--key", "right") as strict, raw_upstream(lambda call: HTML) as website:
        website.lists = HTML
        providers = [provider("fox", _first), provider("mean", strict), provider("page", website.url, wire_api="chat")]
        remote = {"secret-key": KEY, "trusted-proxies": ["127.0.0.1"], "allow-remote": True}
        off = provider("off", "http://127.0.0.1:9/v1") | {"enabled": False}
        with daemon(config(*providers, off, remote_management=remote, request_retry=0)) as running:
            yield running


@pytest.fixture
def world(shared: Daemon, upstream: Simulator, tmp_path: Path) -> World:
    return World(upstream, shared, tmp_path)


def started(world: World, yaml: str, *args: str) -> tuple[int, str]:
    """A start that fails: its exit code and what it says."""
    (world.home / "config.yaml").write_text(yaml)
    done = tppcd("run", "--config", str(world.home / "config.yaml"), "--port", "0", *args, home=world.home)
    return done.returncode, done.stdout + done.stderr


# --- starting and saving ---------------------------------------------------------------------------


def wrong_at_start(world: World) -> None:
    code, said = started(world, "port: many\nhosts: x\n")
    assert (code, bool(re.search(r"config\.yaml:1:7: error: port", said))) == (78, True)
    assert re.search(r"config\.yaml:2:1: warning: hosts", said)
    check = tppcd("check", str(world.home / "config.yaml"), home=world.home)
    assert (check.returncode, "config.yaml:1:7: error: port" in check.stdout) == (78, True)


def nothing_enabled(world: World) -> None:
    with daemon("{}") as running:
        running.wait_log("no provider is enabled")
        running.save(config(provider("fox", world.upstream)))
        running.wait_log(r"tppc\.providers\[fox\]: added \(enabled\)")


def unset_variable(world: World) -> None:
    with daemon(config(provider("fox", world.upstream, api_key="env:NAME_OF_NOTHING"))) as running:
        running.wait_log(r"config\.yaml:\d+:\d+: error: .*environment variable NAME_OF_NOTHING is not set")


def taken_address(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, said = started(world, "{}", "--port", str(taken.getsockname()[1]))
    assert (code, "address already in use" in said, "--port" in said) == (1, True, True)


def last_good(world: World) -> None:
    with daemon(config(FOX), home=world.home):
        pass
    with daemon("port: many\n", home=world.home) as running:
        running.wait_log("serving the last good copy")
        running.save(config(FOX, provider("wolf", world.upstream)))
        running.wait_log(r"tppc\.providers\[wolf\]: added")


def reloaded(world: World) -> None:
    env = {"STATE_DIRECTORY": str(world.gateway.home / "state"), "RUNTIME_DIRECTORY": str(world.gateway.home / "run")}
    done = tppcd("reload", home=world.home, env=env)
    assert (done.returncode, bool(done.stdout.strip())) == (0, True)
    doctor = tppcd("doctor", "--config", str(world.gateway.config), home=world.home, env=env)
    assert re.search(r"ok\s+watch", doctor.stdout)


def refused_save(world: World) -> None:
    before, good = generation(world.gateway), text(world.gateway)
    world.gateway.save("port: many\n")
    world.gateway.wait_log("config refused")
    world.gateway.wait_log(r"config\.yaml:1:7: error: port")
    assert world.gateway.health()["status"] == "degraded"
    assert (generation(world.gateway), served(world).status_code) == (before, 200)
    world.gateway.save(good)
    wait_for(lambda: world.gateway.health()["status"] == "ok", "the file to be good again")


def needs_a_restart(world: World) -> None:
    good = text(world.gateway)
    world.gateway.reload(json.dumps(json.loads(good) | {"host": "127.0.0.9"}))
    world.gateway.wait_log(r"host: .*\(restart needed\)")
    world.gateway.reload(good)


# --- requests --------------------------------------------------------------------------------------


def served(world: World, model: str = "fox/gpt-5", **options: Mapping[str, str]) -> httpx.Response:
    return world.gateway.post(CHAT.path, CHAT.request("hello", model=model), **options)


def without_client_key(world: World) -> None:
    with daemon(config(provider("fox", world.upstream), api_keys=["client-key-1"])) as running:
        answer = running.post(CHAT.path, CHAT.request("hello"))
        assert (answer.status_code, "api-keys" in answer.text) == (401, True)
    assert served(world, headers=FAR).status_code == 401


def unknown_model(world: World) -> None:
    answer = served(world, "gpt-55")
    assert (answer.status_code, "gpt-5" in answer.text, "models" in answer.text) == (404, True, True)


def nobody_in_service(world: World) -> None:
    with daemon(config(FOX | {"enabled": False}, provider("wolf", world.upstream, api_key="env:NO_SUCH"))) as running:
        answer = running.post(CHAT.path, CHAT.request("hello"))
    assert (answer.status_code, "no provider is enabled and in service" in answer.text) == (503, True)
    assert re.search("fox.*disabled", answer.text) and re.search("wolf.*NO_SUCH", answer.text)


def refused_key(world: World) -> None:
    with daemon(config(provider("fox", world.upstream), request_retry=0)) as running:
        world.upstream.fail("unauthorized")
        assert running.post(CHAT.path, CHAT.request("hello")).status_code == 401
        running.wait_log("attempt failed: key refused")
    tested = ask(world.gateway, "POST", "/providers/mean/test", {}).json()
    assert not tested["ok"] and "key" in tested["explanation"]


def checked_key(world: World) -> None:
    world.gateway.wait_log("refuses the key")
    env = {"RUNTIME_DIRECTORY": str(world.gateway.home / "run")}
    status = wait_for(lambda: tppcd("status", home=world.home, env=env).stdout, "the status")
    assert "key verified: no" in status


def web_page(world: World) -> None:
    answer = served(world, "page/gpt-5")
    assert (answer.status_code, "sent an HTML page" in answer.text) == (502, True), answer.text
    assert "answers with a web page" in ask(world.gateway, "POST", "/providers/page/test", {}).json()["explanation"]


def overloaded(world: World) -> None:
    with daemon(config(provider("fox", world.upstream), request_retry=0, disable_cooling=True)) as running:
        world.upstream.fail("overloaded", "overloaded")
        statuses = [running.post(each.path, each.request("hello")).status_code for each in (MESSAGES, CHAT)]
    assert statuses == [529, 503]


def lost(world: World) -> None:
    body = MESSAGES.request("hello", metadata={"user_id": "device-1"}, model="fox/gpt-5")
    assert world.gateway.post(MESSAGES.path, body).headers["x-tppcd-lost"] == "metadata.user_id"


# --- management ------------------------------------------------------------------------------------


def unmanaged(world: World) -> None:
    with daemon("{}") as running:
        assert ask(running, "GET", "/tppc").status_code == 404


def wrong_management_key(world: World) -> None:
    with daemon(config(remote_management={"secret-key": KEY})) as running:
        wrong = {"x-management-key": "wrong"}
        answers = [running.get("/v0/management/tppc", headers=wrong) for _ in range(5)]
        assert {answer.status_code for answer in answers} == {401}
        locked = ask(running, "GET", "/tppc")
        assert (locked.status_code, int(locked.headers["retry-after"]) > 1700) == (403, True)
        env = {"RUNTIME_DIRECTORY": str(running.home / "run")}
        assert tppcd("status", home=world.home, env=env).returncode == 0


def foreign_caller(world: World) -> None:
    remote = {"secret-key": KEY, "trusted-proxies": ["127.0.0.1"]}
    with daemon(config(remote_management=remote)) as running:
        for headers in (FAR, {"origin": "http://evil.example"}, {"host": "evil.example"}):
            answer = ask(running, "GET", "/tppc", **headers)
            assert (answer.status_code, "retry-after" in answer.headers) == (403, False)


def stale(world: World) -> None:
    answer = ask(world.gateway, "PATCH", "/tppc", {"providers": []}, **{"if-match": '"old"'})
    assert answer.status_code == 412


def form(world: World) -> None:
    answer = ask(world.gateway, "POST", "/reload", {}, **{"content-type": "text/plain"})
    assert (answer.status_code, "application/json" in answer.text) == (415, True)


def invalid(world: World) -> None:
    before = text(world.gateway)
    answer = ask(world.gateway, "PATCH", "/tppc", {"providers": [{"name": "fox", "wire-api": "chats"}]})
    assert answer.status_code == 422
    assert {"path", "line", "column", "message", "hint"} <= answer.json()["details"][0].keys()
    assert text(world.gateway) == before


def private(world: World) -> None:
    change = {"providers": [{"name": "fox", "base-url": "http://10.1.2.3/v1"}]}
    answer = ask(world.gateway, "PATCH", "/tppc", change, **FAR)
    assert (answer.status_code, "allow-private-upstreams" in answer.text) == (422, True)


Provoke = Callable[[World], None]
PROVOKED: Final[Mapping[str, Mapping[str, Provoke | str]]] = {
    "Starting": {
        "`config.yaml:12:7: error: …`": wrong_at_start,
        "`no provider is enabled`": nothing_enabled,
        "`environment variable NAME is not set`": unset_variable,
        "`address already in use`": taken_address,
        "`serving the last good copy`": last_good,
    },
    "Saving": {
        "`was replaced on the host`": "tests/e2e/test_replaced_on_host.py",
        "nothing in the log": reloaded,
        "`config refused`": refused_save,
        "`(restart needed)`": needs_a_restart,
    },
    "Requests": {
        "401": without_client_key,
        "404": unknown_model,
        "503": nobody_in_service,
        "`attempt failed: key refused`": refused_key,
        "`refuses the key`": checked_key,
        '"sent an HTML page", "answers with a web page"': web_page,
        "529, 503": overloaded,
        "`x-tppcd-lost`": lost,
    },
    "Management": {
        "404": unmanaged,
        "401": wrong_management_key,
        "403 with `retry-after`": wrong_management_key,
        "403 without": foreign_caller,
        "409": "tests/e2e/test_places_hard_to_write.py",
        "412": stale,
        "415": form,
        "422": invalid,
        "422 naming `allow-private-upstreams`": private,
        "429": "tests/api/management/test_access.py",
        "507": "tests/e2e/test_places_hard_to_write.py",
    },
}
"""A table of the page -> how a row of it begins -> what provokes it: here, or in a module that says so of itself."""
HERE: Final = {
    provoke: name for those in PROVOKED.values() for name, provoke in those.items() if not isinstance(provoke, str)
}


@pytest.mark.parametrize("provoke", HERE, ids=HERE.values())
def test_what_the_page_shows_is_what_one_sees(world: World, provoke: Provoke) -> None:
    provoke(world)


@pytest.mark.parametrize("table", PROVOKED)
def test_no_row_of_the_page_is_left_out(table: str) -> None:
    firsts = [row[0] for row in rows(PAGE, table)]
    assert len(firsts) == len(PROVOKED[table])
    assert [
        (first, name) for first, name in zip(firsts, PROVOKED[table], strict=True) if not first.startswith(name)
    ] == []


def test_the_modules_that_provoke_the_others_are_there() -> None:
    elsewhere = {each for those in PROVOKED.values() for each in those.values() if isinstance(each, str)}
    assert {each for each in elsewhere if not Path(ROOT, each).exists()} == set()
