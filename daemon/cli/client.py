"""``tppcd client NAME``: the exact environment or configuration with which a client uses this daemon.

The output can be evaluated by a shell, or appended to the file that its first line names. No key
is ever printed: the text says which variable to set.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct

from daemon.cli import COMMANDS, exit_codes
from daemon.cli.arguments import Subparsers, add_config
from daemon.cli.config_file import default_path, print_diagnostics, read
from daemon.config.schema import Config

KEY_VARIABLE = "TPPCD_API_KEY"
FAVOURITE = "gpt-5"


class ClientSettings(Struct, frozen=True, kw_only=True):
    """How a client reaches the daemon. ``key`` is a shell word, ``about_key`` explains it;
    ``model`` is a name that is served."""

    url: str
    model: str
    key: str
    about_key: str


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "client",
        help=COMMANDS["client"],
        description="Eval the output in a shell; for codex, append it to ~/.codex/config.toml.",
    )
    parser.add_argument("name", choices=tuple(CLIENTS), help="which client")
    add_config(parser)


def run(arguments: argparse.Namespace) -> int:
    checked = read(arguments.config or default_path(os.environ))
    if checked.snapshot is None:
        print_diagnostics(checked)
        return exit_codes.CONFIG
    snapshot = checked.snapshot
    names = snapshot.models.names()
    model = FAVOURITE if FAVOURITE in names or not names else names[0]
    print("\n".join(CLIENTS[arguments.name](client_settings(snapshot.config, snapshot.written, model))))
    return exit_codes.OK


def client_settings(config: Config, written: Mapping[str, object], model: str) -> ClientSettings:
    """``written`` says whether the first client key is a reference."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.host, config.host)
    url = f"http://{f'[{host}]' if ':' in host else host}:{config.port}"
    key, about_key = client_key(written.get("api-keys") if config.api_keys else None)
    return ClientSettings(url=url, model=model, key=key, about_key=about_key)


def client_key(keys: object) -> tuple[str, str]:
    """A shell word for the first client key, and what to do about it. The key itself is never in it."""
    if not isinstance(keys, list):
        return "anything", "no api-keys are configured: any text will do, on this host only"
    if str(keys[0]).startswith("env:"):
        name = str(keys[0]).removeprefix("env:")
        return f'"${name}"', f"use the first of api-keys, the value of {name}"
    return f'"${KEY_VARIABLE}"', f"put one of api-keys of config.yaml into {KEY_VARIABLE}"


def claude(settings: ClientSettings) -> Iterator[str]:
    """Claude Code: for a shell."""
    yield f"# Claude Code; {settings.about_key}"
    yield f"export ANTHROPIC_BASE_URL={settings.url}"
    yield f"export ANTHROPIC_AUTH_TOKEN={settings.key}"
    yield "export CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1"


def codex(settings: ClientSettings) -> Iterator[str]:
    """Codex CLI: for ``~/.codex/config.toml``; the key stays in the shell."""
    yield "# Codex CLI: ~/.codex/config.toml"
    yield f'model = "{settings.model}"'
    yield 'model_provider = "tppcd"'
    yield ""
    yield "[model_providers.tppcd]"
    yield 'name = "tppcd"'
    yield f'base_url = "{settings.url}/v1"'
    yield f'env_key = "{KEY_VARIABLE}"'
    yield 'wire_api = "responses"'
    yield ""
    yield f"# and in the shell; {settings.about_key}:"
    yield f"# export {KEY_VARIABLE}={'…' if KEY_VARIABLE in settings.key else settings.key}"


def openai(settings: ClientSettings) -> Iterator[str]:
    """OpenAI's SDKs: for a shell."""
    yield f"# OpenAI SDKs; {settings.about_key}"
    yield f"export OPENAI_BASE_URL={settings.url}/v1"
    yield f"export OPENAI_API_KEY={settings.key}"


def anthropic(settings: ClientSettings) -> Iterator[str]:
    """Anthropic's SDKs: for a shell."""
    yield f"# Anthropic SDKs; {settings.about_key}"
    yield f"export ANTHROPIC_BASE_URL={settings.url}"
    yield f"export ANTHROPIC_API_KEY={settings.key}"


CLIENTS: dict[str, Callable[[ClientSettings], Iterator[str]]] = {
    "claude": claude,
    "codex": codex,
    "openai": openai,
    "anthropic": anthropic,
}
