"""Text that no client has written, and that a request needs: the mark of system text in the middle of a conversation,
for upstreams that know it at the start alone, and placeholders where an upstream insists that something is said.

Claude Code marks such text so itself, and models know the mark. It stays where it stands: moved to the front, it
would change the beginning of every later request, and with it what the upstream has in its prompt cache. What stands
for a call's missing result is in ``call_pairs``, what stands for media in ``media_text``.
"""

from __future__ import annotations

import re
from typing import Final

CONTINUE: Final = "Continue."
"""What a user says who says nothing."""
UNDERSTOOD: Final = "OK."
"""What the model says between a tool's result and the next word of the user."""
NOT_KEPT: Final = "(not kept)"
"""Stands for thinking that the upstream wants back and nobody has."""
NOTHING: Final = "-"
"""The content of a turn that has lost all it had: it cannot be sent empty, nor be left out."""

_MARKED: Final = re.compile(r"<system-reminder>.*?</system-reminder>", re.DOTALL)


def reminder(text: str) -> str:
    """``text`` as a user may say it."""
    return f"<system-reminder>\n{text}\n</system-reminder>"


def is_reminder(text: str) -> bool:
    """Whether no user has written it: all of it is marked so."""
    return bool(text.strip()) and not _MARKED.sub("", text).strip()
