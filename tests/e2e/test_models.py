"""Providers of config.yaml serve what their upstreams list, beside the seed's ids, and no request waits for that."""

from __future__ import annotations

import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from daemon.config.schema import DEFAULT_MODELS
from tests.clients import run_client
from tests.e2e.test_store_discovery import lister
from tests.harness import Daemon, config, daemon, provider, simulator, tppcd, wait_for

SEED = sorted(entry.name for entry in DEFAULT_MODELS)
PACKYCODE = {"enabled": True, "credentials": {"openai-api-key": "key-of-packycode"}}
CLAUDE_CODE = {"user-agent": "claude-cli/2.1.332 (external, cli)"}
KEY = {"authorization": "Bearer management"}


def names(gateway: Daemon, **headers: str) -> list[str]:
    return [row["id"] for row in gateway.get("/v1/models?limit=1000", headers=headers).json()["data"]]


def ask(gateway: Daemon, model: str) -> tuple[int, str]:
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    response = gateway.post("/v1/chat/completions", body)
    return response.status_code, response.text


def known(gateway: Daemon, *models: str) -> list[str]:
    """The list, once these are in it."""
    wait_for(lambda: set(models) <= set(names(gateway)), f"{models} in the list")
    return names(gateway)


@pytest.mark.parametrize("model", ["gpt-5.5", "gpt-5.5-codex"])
def test_codex_works_with_a_model_that_packycodes_upstream_lists(model: str) -> None:
    with simulator() as upstream:
        upstream.control(models=["gpt-5.5", "gpt-5.5-codex", "gpt-5"])
        with daemon(config(packycode={**PACKYCODE, "base-url": f"{upstream.url}/v1"})) as gateway:
            known(gateway, model)
            assert "PASS" in run_client("run-codex.sh", gateway.url, model, "basic")
            assert {request["body"]["model"] for request in upstream.requests} == {model}
            gateway.wait_log(r"models of packycode: \+2 -0")
            assert gateway.log.count("models of packycode: ") == 1


def test_lists_show_the_seeds_ids_and_aliases_first() -> None:
    with (
        lister("a-first", "zz", "claude-opus-4-8") as upstream,
        daemon(config(provider("fox", upstream.url))) as gateway,
    ):
        found = ["a-first", "claude-opus-4-8", "zz"]
        assert known(gateway, "zz") == [*SEED, *found]
        aliases = ["claude-haiku-4-5-20251001", "claude-sonnet-5"]
        assert names(gateway, **CLAUDE_CODE) == [*sorted((*SEED, *aliases)), *found]
        page = gateway.get("/v1/models?limit=3&after_id=a-first", headers=CLAUDE_CODE).json()
        assert ([row["id"] for row in page["data"]], page["has_more"]) == (found[1:], False)
        catalogue = gateway.get("/v1/models?client_version=0.169.0").json()["models"]
        assert [row["slug"] for row in catalogue] == [*SEED, *found]
        assert [row["priority"] for row in catalogue] == list(range(len(catalogue)))


def test_each_model_is_asked_of_the_provider_that_lists_it() -> None:
    with lister("glm-4.6") as one, lister("kimi-k2", "claude-sonnet-5") as two:
        providers = (provider("fox", one.url, wire_api="chat"), provider("owl", two.url, wire_api="chat"))
        with daemon(config(*providers)) as gateway:
            known(gateway, "glm-4.6", "kimi-k2")
            for model in ("glm-4.6", "kimi-k2", "glm-4.6[1m]", "kimi-k2-high", "owl/glm-4.6", "fox/anything"):
                assert ask(gateway, model)[0] == 200, model
            assert (one.served, two.served) == (["glm-4.6", "glm-4.6", "anything"], ["kimi-k2", "kimi-k2", "glm-4.6"])
            status, text = ask(gateway, "kimi-k3")
            assert status == 404 and "did you mean 'kimi-k2'?" in text and "'fox/kimi-k3' asks fox" in text


def test_explain_asks_the_running_daemon_for_what_upstreams_list() -> None:
    with lister("glm-4.6") as upstream, daemon(config(provider("fox", upstream.url, wire_api="chat"))) as gateway:
        known(gateway, "glm-4.6")
        said = tppcd("explain", "--model", "glm-4.6-low", home=gateway.home)
        assert (said.returncode, said.stdout.splitlines()[1:]) == (
            0,
            [
                "rule      upstreams list glm-4.6, effort low",
                "strategy  round-robin, among the highest priority that is ready",
                "asked, in this order:",
                "  1.  fox  glm-4.6  translated to chat  priority 0",
                "not asked:",
                "  packycode: disabled",
            ],
        )  # fmt: skip
        unknown = tppcd("explain", "--model", "glm-9", home=gateway.home)
        assert unknown.returncode == 1 and "'fox/glm-9' asks fox" in unknown.stderr


def test_the_words_of_models_and_what_is_excluded() -> None:
    with lister("new-1", "new-mini", "gpt-5") as upstream:
        providers = (
            provider("seed", upstream.url, models="seed"),
            provider("own", upstream.url, models=["mine"]),
            provider("both", upstream.url, models="discover", exclude_models=["*-MINI", "gpt-5-codex*"]),
        )
        with daemon(config(*providers)) as gateway:
            assert known(gateway, "new-1") == [*sorted((*SEED, "mine")), "new-1"]
            of_seed, of_own = (upstream.asked.count(f"Bearer key-of-{name}") for name in ("seed", "own"))
            assert max(of_seed, of_own) <= 1  # neither a list nor the word seed asks; the keys are checked once
            rows = gateway.get("/v1/models").json()["data"]
            assert next(row["owned_by"] for row in rows if row["id"] == "gpt-5-codex") == "seed"
            status, text = ask(gateway, "both/new-mini")
            assert status == 404 and "exclude-models of both excludes it" in text


@pytest.mark.parametrize("by", ["request", "signal", "save"])
def test_after_a_reload_a_change_is_one_line_and_one_event_and_no_generation(by: str) -> None:
    with lister("a", "b") as upstream:
        text = config(provider("fox", upstream.url), remote_management={"secret-key": "management"})
        with daemon(text) as gateway:
            known(gateway, "a")
            before = gateway.health()["generation"]
            upstream.names = ["b", "c", "d"]
            if by == "request":
                assert gateway.http.post(f"{gateway.url}/v0/management/reload", headers=KEY).status_code == 200
            elif by == "signal":
                gateway.process.send_signal(signal.SIGHUP)
            else:
                gateway.reload(text.replace("{", '{"debug": true, ', 1))
            known(gateway, "c", "d")
            gateway.wait_log(r"models of fox: \+2 -1")
            assert gateway.health()["generation"] == before + (by == "save")
            lines = [line for line in gateway.log.splitlines() if "models of fox" in line]
            assert [re.search(r"models of fox: \S+ \S+", line)[0] for line in lines] == [  # type: ignore[index]
                "models of fox: +2 -0", "models of fox: +2 -1",
            ]  # fmt: skip


@contextmanager
def one_at_a_time(answer: bytes) -> Iterator[tuple[str, list[str]]]:
    """A server with one thread that keeps its connections: it serves one to its end before it looks at the next."""
    listener = socket.create_server(("127.0.0.1", 0))
    lines: list[str] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as stream:
                while line := stream.readline():
                    length = 0
                    close = False
                    while header := stream.readline().strip().lower():
                        name, _, value = header.partition(b":")
                        length = int(value) if name == b"content-length" else length
                        close = close or (name == b"connection" and b"close" in value)
                    stream.read(length)
                    lines.append(line.decode().strip())
                    if line.startswith(b"GET"):
                        time.sleep(0.3)
                        connection.sendall(b"HTTP/1.1 404 No\r\ncontent-length: 2\r\n\r\n{}")
                    else:
                        connection.sendall(answer)
                    if close:
                        break

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1", lines
    finally:
        listener.close()


CHAT = b'{"id":"x","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant",'
CHAT += b'"content":"hello"},"finish_reason":"stop"}]}'
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(CHAT) + CHAT


def test_a_server_with_one_thread_answers_requests_although_it_was_asked_for_its_models() -> None:
    with one_at_a_time(ANSWER) as (url, lines), daemon(config(provider("fox", url, wire_api="chat"))) as gateway:
        wait_for(lambda: any(line.startswith("GET") for line in lines), "the question")
        assert [ask(gateway, "gpt-5")[0] for _ in range(2)] == [200, 200]
        assert [word for line in lines if (word := line.split(" ")[0]) != "GET"] == ["POST", "POST"]


@pytest.mark.parametrize("case", ["hangs", "401", "404", "500"])
def test_a_list_that_does_not_come_changes_nothing_and_is_shown(case: str) -> None:
    with lister("never") as upstream:
        upstream.status = int(case) if case.isdigit() else 200
        if case == "hangs":
            upstream.open.clear()
        # A list that refuses the key puts its core auth in cooldown (test_verified.py), unless that is switched off.
        fox = provider("fox", upstream.url, wire_api="chat", disable_cooling=case == "401")
        with daemon(config(fox, remote_management={"secret-key": "management"})) as gateway:
            assert ask(gateway, "gpt-5")[0] == 200
            assert names(gateway) == SEED
            if case == "hangs":
                return
            said = gateway.wait_log(r"models of fox are not known: (.*); its 10 built-in models are served")[1]
            row: dict[str, Any] = gateway.get("/v0/management/auths", headers=KEY).json()["auths"][0]
            assert (row["models"], row["state"]) == ([entry.name for entry in DEFAULT_MODELS], "ready")
            assert row["models-problem"] and row["models-problem"] in said
            assert gateway.log.count("are not known") == 1


def test_nothing_in_service_is_503_with_the_reasons() -> None:
    off = {**provider("owl", "https://owl.example"), "enabled": False}
    with daemon(config(off, provider("fox", "https://fox.example", api_key="env:MISSING_KEY"))) as gateway:
        body = {"model": "gpt-5", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
        response = gateway.post("/v1/messages", body)
        assert (response.status_code, response.headers["retry-after"]) == (503, "30")
        message = response.json()["error"]["message"]
        assert "owl is disabled" in message and "fox failed" in message and "MISSING_KEY" in message
