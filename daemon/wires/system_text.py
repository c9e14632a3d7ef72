"""System text in the middle of a conversation, for upstreams that know it at the start alone.

Claude Code marks such text so itself, and models know the mark. It stays where it stands: moved to the front, it
would change the beginning of every later request, and with it what the upstream has in its prompt cache.
"""

from __future__ import annotations

from typing import Final

_OPENING: Final = "<system-reminder>"
_CLOSING: Final = "</system-reminder>"


def reminder(text: str) -> str:
    """``text`` as a user may say it."""
    return f"{_OPENING}\n{text}\n{_CLOSING}"


def is_reminder(text: str) -> bool:
    """Whether no user has written it: all of it is marked so."""
    text = text.strip()
    return text.startswith(_OPENING) and text.endswith(_CLOSING)
