"""Keys in what a command prints: whole where it goes into a file or a pipe, masked on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from daemon.config.references import is_reference

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
    """``entry`` with ``MASK`` in place of every key that is no reference."""
    return {key: _masked(key, value) for key, value in entry.items()}


def _masked(key: str, value: object) -> object:
    if isinstance(value, Mapping):
        return masked(value)
    if isinstance(value, list):
        return [masked(each) if isinstance(each, Mapping) else each for each in value]
    return MASK if key in KEYS and isinstance(value, str) and not is_reference(value) else value
