"""Management of a running daemon, as tests ask for it."""

from __future__ import annotations

from typing import Any

import httpx

from tests.harness import Daemon

KEY = "management-key-1"


def ask(gateway: Daemon, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
    """One request with the key; ``body`` is JSON, or YAML where it is a text."""
    content: dict[str, Any] = {} if body is None else {"json": body}
    if isinstance(body, str):
        content, headers = {"content": body}, {"content-type": "text/yaml", **headers}
    headers = {"x-management-key": KEY, **headers}
    return gateway.http.request(method, f"{gateway.url}/v0/management{path}", headers=headers, **content)


def text(gateway: Daemon) -> str:
    """config.yaml as it is."""
    return gateway.config.read_bytes().decode()


def generation(gateway: Daemon) -> int:
    return int(gateway.health()["generation"])


def models(gateway: Daemon, provider: str) -> list[str]:
    """What a provider has registered."""
    return [row["id"] for row in ask(gateway, "GET", f"/models?provider={provider}").json()["data"]]
