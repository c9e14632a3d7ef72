"""What is remembered of upstreams that do not compact conversations by themselves. ``gateway.compaction`` makes the
changes: of the answers too, which no rule could."""

from __future__ import annotations

from typing import Final

from daemon.upstream.amendments.rule import AmendmentRule
from daemon.wires.openai_responses import WIRE

TRIGGER: Final = "compaction by a trigger"
"""It has no endpoint of its own for compactions."""
SUMMARY: Final = "summary in place of a compaction"
"""It does not know the trigger either."""

RULES: Final[tuple[AmendmentRule, ...]] = tuple(
    AmendmentRule(name=name, wires=frozenset({WIRE.name})) for name in (TRIGGER, SUMMARY)
)
