"""What is written for each client: its own file, and the values in it.

Claude Code    ``$CLAUDE_CONFIG_DIR`` or ``~/.claude``, ``settings.json``: the ``env`` block
Codex CLI      ``$CODEX_HOME`` or ``~/.codex``, ``config.toml``: the model, the provider and its table
opencode       ``$OPENCODE_CONFIG``, or ``opencode.jsonc``, ``opencode.json`` in ``$XDG_CONFIG_HOME/opencode``
aider          ``~/.aider.conf.yml``
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path as FilePath
from typing import Final

from msgspec import Struct, structs

from daemon.cli.clients.file_text import Path, TextFormat
from daemon.cli.clients.gateway import ANY_KEY, Gateway
from daemon.cli.clients.json_text import JsonText
from daemon.cli.clients.toml_text import TomlText
from daemon.cli.clients.windows import window_of
from daemon.cli.clients.yaml_text import YamlText

PROVIDER: Final = "tppcd"
CODEX_WINDOW: Final = 272_000
"""What Codex CLI 0.171 assumes for a model that it does not know."""
_OUTPUT: Final = 32_000
"""Tokens of an answer that opencode asks for at most: it wants a number beside that of the window."""

Environ = Mapping[str, str]
Values = Mapping[Path, object]
"""None: what must not be there, since it would win over the others."""


class ClientFile(Struct, frozen=True, kw_only=True):
    """``rivals`` are settings of the user's that may win over what is written, each with what to do about it."""

    client: str
    file: FilePath
    format: TextFormat
    values: Values
    rivals: Mapping[Path, str] = {}


def claude(gateway: Gateway, environ: Environ) -> ClientFile:
    env: dict[str, object] = {
        "ANTHROPIC_BASE_URL": gateway.url,
        "ANTHROPIC_AUTH_TOKEN": gateway.key or ANY_KEY,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        **claude_windows(gateway),
    }
    rivals = ("ANTHROPIC_API_KEY", "CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY")
    return ClientFile(
        client="claude",
        file=FilePath(environ.get("CLAUDE_CONFIG_DIR") or FilePath.home() / ".claude", "settings.json"),
        format=JsonText(),
        values={("env", name): value for name, value in env.items()},
        rivals={
            **{("env", name): "remove it, or Claude Code may use it in place of the daemon" for name in rivals},
            ("apiKeyHelper",): "remove it, or its key may be sent to the daemon",
        },
    )


def claude_windows(gateway: Gateway) -> dict[str, str]:
    """The variables of Claude Code for a smaller model: when it compacts behind a name of its own, and how much fits
    behind a name that it does not know."""
    if gateway.claude_window is None:
        return {}
    tokens = str(gateway.claude_window)
    return {"CLAUDE_CODE_AUTO_COMPACT_WINDOW": tokens, "CLAUDE_CODE_MAX_CONTEXT_TOKENS": tokens}


def codex(gateway: Gateway, environ: Environ) -> ClientFile:
    table = ("model_providers", PROVIDER)
    window = window_of(gateway.model)
    return ClientFile(
        client="codex",
        file=FilePath(environ.get("CODEX_HOME") or FilePath.home() / ".codex", "config.toml"),
        format=TomlText(),
        values={
            ("model",): gateway.model,
            ("model_provider",): PROVIDER,
            **({("model_context_window",): window} if window not in (None, CODEX_WINDOW) else {}),
            (*table, "name"): PROVIDER,
            (*table, "base_url"): f"{gateway.url}/v1",
            (*table, "env_key"): gateway.key_variable or None,
            (*table, "experimental_bearer_token"): None if gateway.key_variable else gateway.key or None,
            (*table, "wire_api"): "responses",
        },
        rivals={("profile",): "remove it, or its model and provider are used"},
    )


def opencode(gateway: Gateway, environ: Environ) -> ClientFile:
    provider = ("provider", PROVIDER)
    key = f"{{env:{gateway.key_variable}}}" if gateway.key_variable else gateway.key or ANY_KEY
    return ClientFile(
        client="opencode",
        file=_opencode_file(environ),
        format=JsonText(),
        values={
            ("model",): f"{PROVIDER}/{gateway.model}",
            (*provider, "npm"): "@ai-sdk/openai-compatible",
            (*provider, "name"): PROVIDER,
            (*provider, "options", "baseURL"): f"{gateway.url}/v1",
            (*provider, "options", "apiKey"): key,
            (*provider, "models"): {name: _opencode_model(name) for name in gateway.models or (gateway.model,)},
        },
        rivals={
            ("enabled_providers",): f"{PROVIDER} must be in it",
            ("disabled_providers",): f"{PROVIDER} must not be in it",
        },
    )


def _opencode_file(environ: Environ) -> FilePath:
    if chosen := environ.get("OPENCODE_CONFIG"):
        return FilePath(chosen)
    folder = FilePath(environ.get("XDG_CONFIG_HOME") or FilePath.home() / ".config", "opencode")
    names = ("opencode.jsonc", "opencode.json")
    return next((folder / name for name in names if (folder / name).exists()), folder / names[-1])


def _opencode_model(name: str) -> dict[str, object]:
    window = window_of(name)
    return {"name": name} | ({"limit": {"context": window, "output": _OUTPUT}} if window else {})


def aider(gateway: Gateway, environ: Environ) -> ClientFile:
    return ClientFile(
        client="aider",
        file=FilePath.home() / ".aider.conf.yml",
        format=YamlText(),
        values={
            ("model",): f"openai/{gateway.model}",
            ("openai-api-base",): f"{gateway.url}/v1",
            ("openai-api-key",): gateway.key or ANY_KEY,
        },
    )


TARGETS: Final[Mapping[str, Callable[[Gateway, Environ], ClientFile]]] = {
    "claude": claude,
    "codex": codex,
    "opencode": opencode,
    "aider": aider,
}


def target_of(client: str, gateway: Gateway, environ: Environ, file: str = "") -> ClientFile:
    """``file``: another one than the client's usual one."""
    target = TARGETS[client](gateway, environ)
    return structs.replace(target, file=FilePath(file)) if file else target
