"""What stands in a turn of the user's and no user has written: above all system text in the middle of a
conversation, for upstreams that know it at the start alone.

Claude Code marks such text so itself, and models know the mark. It stays where it stands: moved to the front, it
would change the beginning of every later request, and with it what the upstream has in its prompt cache.
"""

from __future__ import annotations

import re
from typing import Final

_MARKED: Final = re.compile(r"<system-reminder>.*?</system-reminder>", re.DOTALL)


CONTINUE: Final = "Continue."
"""What a user says who says nothing, where an upstream insists that one speaks."""


def reminder(text: str) -> str:
    """``text`` as a user may say it."""
    return f"<system-reminder>\n{text}\n</system-reminder>"


def is_reminder(text: str) -> bool:
    """Whether no user has written it: all of it is marked so."""
    return bool(text.strip()) and not _MARKED.sub("", text).strip()
