"""What ``tppcd client NAME`` prints: lines for a shell, or a block for a file that the first line names.

No key is in it: the text says which variable to set.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from msgspec import Struct, structs

from daemon.cli.clients.gateway import ANY_KEY, Gateway
from daemon.cli.clients.targets import ClientFile, claude_windows, opencode
from daemon.cli.clients.targets import codex as codex_target
from daemon.cli.clients.toml_text import TomlText

KEY_VARIABLE: Final = "TPPCD_API_KEY"


class Shown(Struct, frozen=True):
    """How a client's settings are printed; ``for_shell``: ``eval`` takes them."""

    lines: Callable[[Gateway], Iterator[str]]
    for_shell: bool


def _key(gateway: Gateway) -> str:
    """A shell word."""
    if not gateway.key:
        return ANY_KEY
    return f'"${gateway.key_variable or KEY_VARIABLE}"'


def _about_key(gateway: Gateway) -> str:
    if not gateway.key:
        return "no api-keys are configured: any text will do, on this host only"
    if gateway.key_variable:
        return f"use the first of api-keys, the value of {gateway.key_variable}"
    return f"put one of api-keys of config.yaml into {KEY_VARIABLE}"


def _without_key(gateway: Gateway) -> Gateway:
    """With the name of a variable in place of the key."""
    return structs.replace(gateway, key_variable=gateway.key_variable or KEY_VARIABLE) if gateway.key else gateway


def claude(gateway: Gateway) -> Iterator[str]:
    yield f"# Claude Code, for a shell; {_about_key(gateway)}"
    yield f"export ANTHROPIC_BASE_URL={gateway.url}"
    yield f"export ANTHROPIC_AUTH_TOKEN={_key(gateway)}"
    yield "export CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1"
    if windows := claude_windows(gateway):
        yield "# the model's window, so that Claude Code compacts in time"
        for name, tokens in windows.items():
            yield f"export {name}={tokens}"


def codex(gateway: Gateway) -> Iterator[str]:
    yield "# Codex CLI. TOML for ~/.codex/config.toml, not for a shell; `tppcd client codex --write` puts it there"
    target, last = codex_target(_without_key(gateway), {}), ""
    for path, value in target.values.items():
        if value is None:
            continue
        if len(path) > 1 and not last:
            last = ".".join(path[:-1])
            yield ""
            yield f"[{last}]"
        yield f"{path[-1]} = {TomlText().encode(value)}"
    if gateway.key:
        yield ""
        yield f"# and in the shell; {_about_key(gateway)}:"
        yield f"# export {gateway.key_variable or KEY_VARIABLE}=…"


def opencode_block(gateway: Gateway) -> Iterator[str]:
    yield "// opencode. JSON for ~/.config/opencode/opencode.json, not for a shell;"
    yield "// `tppcd client opencode --write` puts it there"
    if gateway.key:
        yield f"// the key is taken from the environment; {_about_key(gateway)}"
    yield json.dumps(nested(opencode(_without_key(gateway), {})), ensure_ascii=False, indent=2)


def aider(gateway: Gateway) -> Iterator[str]:
    yield f"# aider, for a shell; {_about_key(gateway)}"
    yield f"export AIDER_MODEL=openai/{gateway.model}"
    yield f"export OPENAI_API_BASE={gateway.url}/v1"
    yield f"export OPENAI_API_KEY={_key(gateway)}"


def openai(gateway: Gateway) -> Iterator[str]:
    yield f"# OpenAI SDKs, for a shell; {_about_key(gateway)}"
    yield f"export OPENAI_BASE_URL={gateway.url}/v1"
    yield f"export OPENAI_API_KEY={_key(gateway)}"


def anthropic(gateway: Gateway) -> Iterator[str]:
    yield f"# Anthropic SDKs, for a shell; {_about_key(gateway)}"
    yield f"export ANTHROPIC_BASE_URL={gateway.url}"
    yield f"export ANTHROPIC_API_KEY={_key(gateway)}"


CLIENTS: Final[Mapping[str, Shown]] = {
    "claude": Shown(claude, for_shell=True),
    "codex": Shown(codex, for_shell=False),
    "opencode": Shown(opencode_block, for_shell=False),
    "aider": Shown(aider, for_shell=True),
    "openai": Shown(openai, for_shell=True),
    "anthropic": Shown(anthropic, for_shell=True),
}


def nested(target: ClientFile) -> dict[str, object]:
    """The values of a target as one value."""
    data: dict[str, object] = {}
    for path, value in target.values.items():
        place = data
        for key in path[:-1]:
            inner = place.setdefault(key, {})
            assert isinstance(inner, dict)
            place = inner
        if value is not None:
            place[path[-1]] = value
    return data
