"""What a start is asked for on the command line, and how it is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from msgspec import Struct


class RunOptions(Struct, frozen=True, kw_only=True):
    """The command line of ``tppcd run``; None = the file decides. ``require`` names the blocks
    (``packycode``, ``tppc``) that must be configured, enabled and valid."""

    config: Path
    host: str | None = None
    port: int | None = None
    log_level: str | None = None
    log_format: Literal["text", "json"] | None = None
    require: frozenset[str] = frozenset()


class StartRefused(Exception):
    """The daemon cannot start, for another reason than its configuration; one line says why."""
