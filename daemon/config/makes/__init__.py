"""The makes of upstream that are known, as data: one row each.

    services ─┐
    servers ──┴─ TABLE ─▶ config.profiles (recognition), docs/reference/profiles.md (generated), ``tppcd init``

Every fact has its source in the comment above its row: a page of the make's documentation, or the public report or
code that shows it. All were read in November 2026. What is not known is left open, and learned from refusals
(docs/decisions/0012). A new make is a row; no code asks for a name.
"""

from __future__ import annotations

from typing import Final

from daemon.config.makes import servers, services
from daemon.config.profile import Profile

TABLE: Final[tuple[Profile, ...]] = (*services.ROWS, *servers.ROWS)
