"""Names of losses that ``translation.strict`` does not refuse.

They are no fault of what the client asked: a conversation that has changed its provider loses what only the earlier one
can read, in each of its requests, and a level of thinking that a model has not is moved to the nearest that it has.
To refuse them would end such conversations, Claude Code's and Codex' usual ones among them.
"""

from __future__ import annotations

import re
from typing import Final

EARLIER_REASONING: Final = "earlier_reasoning"
"""Reasoning of an earlier answer that stays behind, since this upstream could not read it."""
LOWERED_EFFORT: Final = "lowered_effort"
"""The model thinks less than the client asked: it has no such level."""

_OF_MESSAGE: Final = re.compile(r"messages\[\d+\]\.reasoning")


def reasoning_of(message: int) -> str:
    """Where reasoning stays behind."""
    return f"messages[{message}].reasoning"


def is_refused(name: str) -> bool:
    """Whether ``translation.strict`` refuses a request that loses this."""
    return name not in (EARLIER_REASONING, LOWERED_EFFORT) and _OF_MESSAGE.fullmatch(name) is None
