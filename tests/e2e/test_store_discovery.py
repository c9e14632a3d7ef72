"""A row without ``models`` serves what its upstream lists: at the start, after a change, without a restart."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from daemon.config.schema import DEFAULT_MODELS
from tests.e2e.test_store_pipeline import PLANTED, Hand, ask, hand, models, settings
from tests.harness import Daemon, Simulator, daemon, provider, wait_for

SEED = {entry.name for entry in DEFAULT_MODELS}


class Lister:
    """An upstream whose list of models can be changed. ``asked`` are the requests for it, ``served`` the models of the
    requests for answers; while ``open`` is not set the list does not come."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.status = 200
        self.asked: list[str] = []
        self.served: list[str] = []
        self.open = threading.Event()
        self.open.set()
        self.url = ""


@contextmanager
def lister(*names: str) -> Iterator[Lister]:
    state = Lister()
    state.names = list(names)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.headers["authorization"])
            state.open.wait()
            self._send(state.status, {"object": "list", "data": [{"id": name} for name in state.names]})

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            state.served.append(request["model"])
            message = {"role": "assistant", "content": "hello"}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            self._send(200, {"id": "x", "object": "chat.completion", "model": request["model"], "choices": [choice]})

        def _send(self, status: int, body: Any) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing: what goes wrong is seen in the answer."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield state
    finally:
        state.open.set()
        server.shutdown()
        thread.join()
        server.server_close()


def create(store: Hand, name: str, upstream: Lister, **changes: object) -> None:
    """A row without a list of its own."""
    store.create(name, upstream, models=None, **changes)  # type: ignore[arg-type]  # only its url is looked at


def until_listed(gateway: Daemon, *names: str, seed: bool = False) -> None:
    expected = {*names, *(SEED if seed else ())}
    wait_for(lambda: models(gateway) == expected, f"/v1/models to be {sorted(expected)}")


def test_models_appear_change_and_go_without_a_restart(upstream: Simulator) -> None:
    text = settings("", provider("file", upstream))
    with lister("kimi-k2", "vendor/glm-4.6") as fox, daemon(text) as gateway, hand("", gateway) as store:
        create(store, "fox", fox)
        until_listed(gateway, "kimi-k2", "vendor/glm-4.6", seed=True)
        before = gateway.health()
        assert ask(gateway, "kimi-k2") == (200, "fox")
        assert ask(gateway, "vendor/glm-4.6") == (200, "fox")
        assert ask(gateway, "fox/not-listed") == (200, "fox")
        assert fox.served == ["kimi-k2", "vendor/glm-4.6", "not-listed"]
        assert ask(gateway, "gpt-5") == (200, "file")
        gateway.wait_log(r"models of fox: \+2 -0")

        fox.names = ["vendor/glm-4.6", "kimi-k3", "kimi-k3-mini"]
        gateway.process.send_signal(signal.SIGHUP)
        until_listed(gateway, *fox.names, seed=True)
        gateway.wait_log(r"models of fox: \+2 -1")
        assert ask(gateway, "kimi-k3") == (200, "fox")
        assert ask(gateway, "kimi-k2")[0] == 404
        now = gateway.health()
        assert (now["generation"], now["revision"]) == (before["generation"], before["revision"])

        fox.status = 503
        gateway.process.send_signal(signal.SIGHUP)
        gateway.wait_log(r"models of fox are not known: .*\(503\).*; the last list stays")
        assert ask(gateway, "kimi-k3") == (200, "fox")

        store.update("fox", enabled=False)
        until_listed(gateway, seed=True)
        assert set(fox.asked) == {f"Bearer {PLANTED}", None}  # None: once without, to see whether the key matters
        assert PLANTED not in gateway.log


def test_a_start_does_not_wait_for_a_list(upstream: Simulator) -> None:
    """The daemon is ready, and serves, while the upstream's list hangs; it is there once it comes."""
    text = settings("", provider("file", upstream))
    with lister("kimi-k2") as fox, daemon(text) as gateway, hand("", gateway) as store:
        create(store, "fox", fox)
        until_listed(gateway, "kimi-k2", seed=True)
        asked = len(fox.asked)
        fox.open.clear()
        gateway.stop()
        with daemon(None, home=gateway.home) as again:
            wait_for(lambda: len(fox.asked) > asked, "the list to be asked for")
            assert again.health()["status"] == "ok"
            assert models(again) == SEED
            assert ask(again, "gpt-5") == (200, "file")
            assert ask(again, "fox/kimi-k2") == (200, "fox")
            fox.open.set()
            until_listed(again, "kimi-k2", seed=True)


def test_a_codex_row_has_the_seeds_ids_until_its_upstream_lists_some() -> None:
    with lister("gpt-5.5", "gpt-5.5-codex") as relay, daemon(settings("")) as gateway, hand("", gateway) as store:
        relay.status = 404
        create(store, "relay", relay, type="codex")
        until_listed(gateway, seed=True)
        gateway.wait_log(r"INFO +models of relay are not known: .*; until it lists some it has 10 of the seed's")
        relay.status = 200
        gateway.process.send_signal(signal.SIGHUP)
        until_listed(gateway, "gpt-5.5", "gpt-5.5-codex")
        gateway.wait_log(r"models of relay: \+2 -10")


def test_a_row_whose_models_are_not_known_is_named_as_a_way_out() -> None:
    with lister() as fox, daemon(settings("")) as gateway, hand("", gateway) as store:
        create(store, "fox", fox)
        gateway.wait_log(r"registered 0 models for store:models:")
        answer = gateway.post("/v1/chat/completions", {"model": "x", "messages": [{"role": "user", "content": "x"}]})
        assert answer.status_code == 404
        assert "'fox/x' asks fox for it all the same" in answer.json()["error"]["message"]
