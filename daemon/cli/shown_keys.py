"""Keys in what a command prints: whole where it goes into a file or a pipe, masked on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from daemon.config.references import is_reference
from daemon.config.urls import has_user

MASK = "********"
KEYS = ("api-key", "openai-api-key")


def shown(entry: Mapping[str, object]) -> dict[str, object]:
    """``entry`` for stdout; says on stderr that a key was left out, and how to get it."""
    if not sys.stdout.isatty():
        return dict(entry)
    hidden = masked(entry)
    if hidden != dict(entry):
        print("# the key is not shown on a terminal: use --write, or send the output into a file", file=sys.stderr)
    return hidden


def masked(entry: Mapping[str, object]) -> dict[str, object]:
    """``entry`` with ``MASK`` in place of every key that is no reference; a header's value and the user of a
    proxy may be one."""
    return {key: _masked(key, value) for key, value in entry.items()}


def _masked(key: str, value: object) -> object:
    if key == "headers" and isinstance(value, Mapping):
        return {name: _header(item) for name, item in value.items()}
    if isinstance(value, Mapping):
        return masked(value)
    if isinstance(value, list):
        return [masked(each) if isinstance(each, Mapping) else each for each in value]
    if not isinstance(value, str) or is_reference(value):
        return value
    return MASK if key in KEYS or (key == "proxy-url" and has_user(value)) else value


def _header(value: object) -> object:
    """``$Name`` and a reference only say where the value comes from."""
    return value if isinstance(value, str) and (is_reference(value) or value.startswith("$")) else MASK
