"""Names of losses that ``translation.strict`` does not refuse.

The upstream's API has a place for them, and gets less of them, or nothing, for another's sake: reasoning that only its
maker can read, ids that say to a third party who the user is, an effort above what the model takes. Each request of a
usual client may have one of them, Claude Code's and Codex' among them, so to refuse it would refuse the client.
"""

from __future__ import annotations

import re
from typing import Final

from daemon.wires.effort import BUDGET_FIELDS, FIELDS

EARLIER_REASONING: Final = "earlier_reasoning"
"""Reasoning of an earlier answer that stays behind, since this upstream could not read it."""
_KEPT_BACK: Final = frozenset(
    {EARLIER_REASONING, "user", "metadata.user_id", *FIELDS.values(), *BUDGET_FIELDS.values()}
)
_OF_MESSAGE: Final = re.compile(r"messages\[\d+\]\.reasoning")


def reasoning_of(message: int) -> str:
    """Where reasoning stays behind."""
    return f"messages[{message}].reasoning"


def is_refused(name: str) -> bool:
    """Whether ``translation.strict`` refuses a request that loses this."""
    return name not in _KEPT_BACK and _OF_MESSAGE.fullmatch(name) is None
