"""Changing the configuration of a daemon that is serving: in force when the call returns, and nobody notices."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from daemon.config.document import parse
from tests.dialects import CHAT, MESSAGES, RESPONSES, Dialect, events, script, streamed_text
from tests.harness import Daemon, Simulator, daemon, tppcd, wait_for
from tests.managing import KEY, ask, generation, text

WORDS = "word " * 150
LONG = script({"text": WORDS})
CODEX = """\
model_provider = "wolf"
model = "gpt-5"

[model_providers.wolf]
name = "wolf"
base_url = "{url}/v1"
wire_api = "responses"
"""


def two_providers(fox: Simulator, wolf: Simulator) -> str:
    """fox is asked first."""
    return f"""\
# the gateway
remote-management: {{secret-key: {KEY}}}
tppc:
  providers:
    # the fast one
    - name: fox
      enabled: true   # since May
      base-url: {fox.url}/v1
      api-key: key-of-fox
      priority: 1
      models: [gpt-5, fox-large]
    - name: wolf
      enabled: true
      base-url: {wolf.url}/v1
      api-key: key-of-wolf
"""


def listed(gateway: Daemon) -> set[str]:
    return {row["id"] for row in gateway.get("/v1/models").json()["data"]}


def served_by(gateway: Daemon) -> str:
    answer = gateway.post(MESSAGES.path, MESSAGES.request("x"))
    return answer.headers["x-tppcd-provider"] if answer.status_code == 200 else answer.text


def test_a_provider_is_disabled_while_its_streams_run(upstream: Simulator, other_upstream: Simulator) -> None:
    """At once for whoever asks from now on; who is being answered keeps the answer."""
    upstream.control(delay_ms=10)
    before = two_providers(upstream, other_upstream)
    streams = (MESSAGES, RESPONSES, CHAT) * 2
    with daemon(before) as gateway:
        assert "fox-large" in listed(gateway)
        begun = threading.Semaphore(0)
        with ThreadPoolExecutor(len(streams)) as pool:
            running = [pool.submit(streamed, gateway, dialect, begun) for dialect in streams]
            for _ in streams:
                begun.acquire()
            patch = ask(gateway, "PATCH", "/tppc", {"providers": [{"name": "fox", "enabled": False}]})
            assert patch.status_code == 200
            assert "fox-large" not in listed(gateway)
            assert [served_by(gateway) for _ in range(5)] == ["wolf"] * 5
            assert gateway.post(MESSAGES.path, MESSAGES.request("x", model="fox-large")).status_code == 404
            assert upstream.open_requests() == len(streams), "the streams ended before the change was made"
        assert [each.result() for each in running] == ["fox"] * len(streams)
        assert text(gateway) == before.replace("enabled: true   # since May", "enabled: false   # since May")
        ask(gateway, "PATCH", "/tppc", {"providers": [{"name": "fox", "enabled": True}]}).raise_for_status()
        assert ("fox-large" in listed(gateway), served_by(gateway), text(gateway)) == (True, "fox", before)


def streamed(gateway: Daemon, dialect: Dialect, begun: threading.Semaphore) -> str:
    """Reads a stream to its end; who answered it."""
    with (
        httpx.Client(trust_env=False, timeout=60) as client,
        client.stream("POST", gateway.url + dialect.path, json=dialect.request(LONG, stream=True)) as response,
    ):
        flow = events(response)
        seen = [next(flow) for _ in range(6)]
        begun.release()
        seen += flow
        assert streamed_text(dialect, seen) == WORDS
        assert any(dialect.terminal(event) for event in seen)
        return response.headers["x-tppcd-provider"]


def test_import_and_migration_are_written_under_load(upstream: Simulator, other_upstream: Simulator) -> None:
    before = f"""\
# the gateway
packycode:
  enabled: true   # until the move
  base-url: {upstream.url}/v1
  credentials: {{openai-api-key: key-of-packycode}}   # rotate in autumn
routing: {{strategy: fill-first}}   # one after the other
"""
    with daemon(before) as gateway:
        codex_home = gateway.home / "codex"
        codex_home.mkdir()
        (codex_home / "config.toml").write_text(CODEX.format(url=other_upstream.url))
        (codex_home / "auth.json").write_text(json.dumps({"OPENAI_API_KEY": "key-of-wolf"}))
        with under_load(gateway) as served:
            wait_for(lambda: len(served) > 20, "requests before the change")
            written(gateway, "import", "codex-cli", codex_home=codex_home)
            so_far = len(served)
            wait_for(lambda: len(served) > so_far + 20, "requests after the import")
            written(gateway, "migrate", "packycode", codex_home=codex_home)
            wait_for(lambda: served[-1] == "wolf", "wolf, which comes first now")
        after = parse(gateway.config.read_bytes())
        assert after.diagnostics == ()
        assert providers(after.data) == ["wolf", "packycode"]
        for line in before.splitlines():
            assert line.replace("enabled: true", "enabled: false") in text(gateway)
    assert set(served) == {"packycode", "wolf"}


def providers(data: Any) -> list[str]:
    return [each["name"] for each in data["tppc"]["providers"]]


def written(gateway: Daemon, *command: str, codex_home: Path) -> None:
    """Runs a command that writes, and waits until that is in force."""
    before = generation(gateway)
    environment = {"CODEX_HOME": str(codex_home)}
    done = tppcd(*command, "--write", "--config", str(gateway.config), home=gateway.home, env=environment)
    assert done.returncode == 0, done.stderr
    wait_for(lambda: generation(gateway) > before, f"{command} to be in force")


@contextmanager
def under_load(gateway: Daemon, callers: int = 4) -> Iterator[list[str]]:
    """Who answered each request, or what was said instead; every caller asks without a pause."""
    served: list[str] = []
    done = threading.Event()

    def call() -> None:
        while not done.is_set():
            served.append(served_by(gateway))

    threads = [threading.Thread(target=call) for _ in range(callers)]
    for each in threads:
        each.start()
    try:
        yield served
    finally:
        done.set()
        for each in threads:
            each.join()


def test_a_reload_that_is_asked_for_tells_what_came_of_it(upstream: Simulator, other_upstream: Simulator) -> None:
    before = two_providers(upstream, other_upstream)
    with daemon(before) as gateway:
        assert (told := ask(gateway, "POST", "/reload")).status_code == 200
        assert (told.json()["ok"], told.json()["changes"], told.json()["generation"]) == (True, [], 1)

        gateway.save(before.replace("fox-large", "fox-small"))
        told = ask(gateway, "POST", "/reload")
        assert (told.status_code, told.json()["ok"], told.json()["generation"]) == (200, True, 2)
        assert "fox-small" in listed(gateway)

        gateway.save(before.replace("priority: 1", "priority: high"))
        told = ask(gateway, "POST", "/reload")
        assert (told.status_code, told.json()["error"]) == (422, "invalid_config")
        (detail,) = [each for each in told.json()["details"] if each["severity"] == "error"]
        assert (detail["line"], detail["column"]) == (10, 17)
        assert (generation(gateway), "fox-small" in listed(gateway)) == (2, True)

        gateway.save(before)
        told = ask(gateway, "POST", "/reload")
        assert (told.status_code, told.json()["generation"], "fox-large" in listed(gateway)) == (200, 3, True)


@pytest.mark.parametrize("edited_while_down", [False, True])
def test_the_history_outlives_the_daemon(
    upstream: Simulator, other_upstream: Simulator, edited_while_down: bool
) -> None:
    """A generation that was listed before a restart means the same after it."""
    first = two_providers(upstream, other_upstream)
    with daemon(first) as gateway:
        ask(gateway, "PATCH", "/tppc", {"providers": [{"name": "wolf", "priority": 2}]}).raise_for_status()
        second = text(gateway)
        gateway.stop()
        if edited_while_down:
            gateway.config.write_text(first.replace("since May", "since June").replace("fox-large", "fox-small"))
        with daemon(None, home=gateway.home) as again:
            rows = ask(again, "GET", "/history").json()["history"]
            assert [row["generation"] for row in rows] == ([3, 2, 1] if edited_while_down else [2, 1])
            assert [row["in-force"] for row in rows] == [True] + [False] * (len(rows) - 1)
            for number, expected in ((1, first), (2, second), (1, first)):
                assert ask(again, "POST", "/rollback", {"generation": number}).status_code == 200
                assert text(again) == expected


def test_the_first_settings_come_through_the_admin_socket(upstream: Simulator) -> None:
    """A file of comments and ``{}``: nothing is set, so there is no management key yet."""
    block = {"enabled": True, "base-url": f"{upstream.url}/v1", "credentials": {"openai-api-key": "key-of-packycode"}}
    with daemon("# mine\n{}\n# yours\n") as gateway:
        transport = httpx.HTTPTransport(uds=str(gateway.home / "run" / "admin.sock"))
        with httpx.Client(transport=transport, base_url="http://localhost", timeout=30) as client:
            assert client.patch("/v0/management/packycode", json=block).status_code == 200
            assert served_by(gateway) == "packycode"
            assert text(gateway).startswith("# mine\n\n# yours\n\npackycode:\n  enabled: true\n  base-url: ")
            gateway.save("# mine\n")
            refused = client.patch("/v0/management/packycode", json={"enabled": False})
            assert (refused.status_code, refused.json()["error"]) == (409, "not_editable")
            assert (text(gateway), served_by(gateway)) == ("# mine\n", "packycode")
