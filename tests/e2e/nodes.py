"""Several daemons on one provider store, each with a home of its own, and callers that keep asking them."""

from __future__ import annotations

import base64
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import Any

import httpx

from tests.dialects import CHAT
from tests.harness import Daemon, Simulator, config, daemon, wait_for

MANAGEMENT_KEY = "management-key-1"
ENCRYPTION_KEY = base64.b64encode(secrets.token_bytes(32)).decode()
Answer = tuple[int, str]
"""Status, and the provider that answered; empty where none did."""


def settings(url: str, *providers: dict[str, object]) -> str:
    """config.yaml of a node: ``url`` empty for SQLite in its state directory."""
    store: dict[str, Any] = {"provider-store": {"url": url, "encryption-key": ENCRYPTION_KEY}} if url else {}
    # nginx is on this host, as its callers are.
    management = {"remote-management": {"secret-key": MANAGEMENT_KEY, "trusted-proxies": ["127.0.0.1"]}}
    return config(*providers, disable_cooling=True, request_retry=0, **management, **store)


class Node:
    """One daemon that may be stopped, killed and started again in the same home; ``args`` as of ``tppcd run``."""

    def __init__(self, text: str, *args: str) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="tppcd-"))  # short: the admin socket's path has 107 bytes at most
        self._text: str | None = text
        self._args = args
        self._running = ExitStack()
        self.gateway: Daemon

    def start(self, *, fresh: bool = False) -> None:
        """Returns once it is ready. ``fresh``: with its imports, as a user starts it."""
        self.gateway = self._running.enter_context(daemon(self._text, *self._args, home=self.home, fresh=fresh))
        self._text = None

    def stop(self, number: int = SIGTERM) -> None:
        self.gateway.stop(number)
        self._running.close()

    def kill(self) -> None:
        self.stop(SIGKILL)

    def close(self) -> None:
        self._running.close()
        shutil.rmtree(self.home, ignore_errors=True)

    def api(self, method: str, path: str, body: object = None) -> httpx.Response:
        """One request to ``/api/v1``, with the key."""
        return api(self.gateway.http, self.gateway.url, method, path, body)

    def ask(self, model: str) -> Answer:
        return ask(self.gateway.http, self.gateway.url, model)

    @property
    def is_healthy(self) -> bool:
        return bool(self.gateway.health()["status"] == "ok")


def api(client: httpx.Client, url: str, method: str, path: str, body: object = None) -> httpx.Response:
    headers = {"x-management-key": MANAGEMENT_KEY}
    content: dict[str, Any] = {} if body is None else {"json": body}
    return client.request(method, f"{url}/api/v1{path}", headers=headers, **content)


def ask(client: httpx.Client, url: str, model: str) -> Answer:
    answer = client.post(url + CHAT.path, json=CHAT.request("x", model=model))
    return answer.status_code, answer.headers.get("x-tppcd-provider", "")


def row(name: str, upstream: Simulator | str, **changes: object) -> dict[str, object]:
    """The body that makes a provider; its one model is ``model-of-<name>``, its key ``key-of-<name>``."""
    url = upstream if isinstance(upstream, str) else f"{upstream.url}/v1"
    given = {"name": name, "type": "openai", "base_url": url, "api_key": f"key-of-{name}"}
    return given | {"models": [f"model-of-{name}"]} | changes


@contextmanager
def running(nodes: Sequence[Node]) -> Iterator[Sequence[Node]]:
    """Started, and removed at the end."""
    try:
        for each in nodes:
            each.start()
        yield nodes
    finally:
        for each in nodes:
            each.close()


def agree(nodes: Iterable[Node], model: str, answer: Answer, what: str) -> None:
    """Waits until all of them answer so, and prints how long the last one took: a number to read, not to assert."""
    began = time.monotonic()
    for each in nodes:
        wait_for(lambda each=each: each.ask(model) == answer, f"{what} on {each.gateway.url}")  # type: ignore[misc]
    print(f"{what}: in force on all after {(time.monotonic() - began) * 1000:.0f} ms")


class Traffic:
    """One caller per URL that asks for ``model`` every ``pause`` seconds, until the block ends.

    ``failed`` has what was not a 200; ``answered`` counts the others. A daemon that stops answers a request that has
    just arrived with 503 and ``retry-after``; it is repeated then, as the SDKs, Claude Code and Codex do.
    """

    def __init__(self, urls: Iterable[str], model: str, *, pause: float = 0.02) -> None:
        self._urls = tuple(urls)
        self._model = model
        self._pause = pause
        self._done = threading.Event()
        self.answered = 0
        self.failed: list[str] = []

    def __enter__(self) -> Traffic:
        self._threads = [threading.Thread(target=self._run, args=(url,)) for url in self._urls]
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for each in self._threads:
            each.join()

    def goes_on(self, count: int = 10) -> None:
        """Waits until so many more were answered."""
        until = self.answered + count
        wait_for(lambda: self.answered >= until or self.failed, "requests to be answered")

    def _ask(self, client: httpx.Client, url: str) -> Answer:
        for _ in range(3):
            response = client.post(url + CHAT.path, json=CHAT.request("x", model=self._model))
            if response.status_code != 503 or "retry-after" not in response.headers:
                break
            self._done.wait(float(response.headers["retry-after"]))
        return response.status_code, response.headers.get("x-tppcd-provider", "")

    def _run(self, url: str) -> None:
        with httpx.Client(trust_env=False, timeout=30) as client:
            while not self._done.wait(self._pause):
                try:
                    answer = self._ask(client, url)
                except httpx.TransportError as error:
                    self.failed.append(f"{url}: {error!r}")
                    continue
                if answer[0] == 200:
                    self.answered += 1
                else:
                    self.failed.append(f"{url}: {answer}")
