"""What clients need to know of the daemon: where it is, with which key, and what it serves."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from daemon.cli.clients.windows import window_of
from daemon.config.references import is_reference
from daemon.config.schema import Config
from daemon.snapshot.effort import split_dash
from daemon.snapshot.listings import NO_CHAT
from daemon.snapshot.models import CLAUDE_NAMES, ModelRegistry, ModelUnknown
from daemon.snapshot.snapshot import Snapshot

FAVOURITE: Final = "gpt-5"
ANY_KEY: Final = "anything"
_ALL_INTERFACES: Final = {"0.0.0.0": "127.0.0.1", "*": "127.0.0.1", "::": "::1"}
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Gateway(Struct, frozen=True, kw_only=True):
    """``url`` without ``/v1``. ``key`` is a client key, '' where none is configured; ``key_variable`` the environment
    variable that config.yaml takes it from, else ''. ``model`` is one of ``models``, the names that are served, without
    those that only add an effort. ``claude_window``: tokens that fit behind the names of Claude Code; None: unknown."""

    url: str
    model: str
    models: tuple[str, ...]
    key: str = ""
    key_variable: str = ""
    claude_window: int | None = None


def gateway_of(snapshot: Snapshot, *, url: str = "", model: str = "") -> Gateway:
    """``url`` and ``model``: what takes the place of config.yaml's."""
    config, names = snapshot.config, snapshot.models.names()
    models = tuple(name for name in names if not _adds_effort(name, names) and not NO_CHAT.search(name))
    key = config.api_keys[0].reveal().strip() if config.api_keys else ""
    return Gateway(
        url=url.rstrip("/").removesuffix("/v1") or listening_url(config),
        model=model or _chosen(snapshot.models, models),
        models=models,
        key=key,
        key_variable=_variable(snapshot.written.get("api-keys")) if key else "",
        claude_window=_claude_window(snapshot.models, model),
    )


def listening_url(config: Config) -> str:
    """Where a client on this host reaches the daemon."""
    host = _ALL_INTERFACES.get(config.host, config.host)
    scheme = "https" if config.tls.cert and config.tls.key else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{config.port}"


def _chosen(registry: ModelRegistry, models: Sequence[str]) -> str:
    if FAVOURITE in models or not models:
        return FAVOURITE
    defaults = [each.model for each in registry.defaults if each.model in models]
    return (*defaults, *models)[0]


def _adds_effort(name: str, names: Sequence[str]) -> bool:
    parts = split_dash(name)
    return parts is not None and parts[0] in names


def _variable(keys: object) -> str:
    first = str(keys[0]) if isinstance(keys, list) and keys else ""
    name = first.removeprefix("env:") if is_reference(first) and first.startswith("env:") else ""
    return name if _VARIABLE.fullmatch(name) else ""


def _claude_window(registry: ModelRegistry, model: str) -> int | None:
    """The smallest that is known of the models behind the names; None where one is not known."""
    windows: list[int | None] = []
    for name in (model,) if model else CLAUDE_NAMES:
        try:
            windows += [window_of(each.model) for each in registry.resolve(name).candidates]
        except ModelUnknown:
            continue
    known = [each for each in windows if each is not None]
    return min(known) if known and len(known) == len(windows) else None
