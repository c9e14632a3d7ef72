"""The rule of the profiles alone: how a make of Chat server is asked to think, or not to."""

from __future__ import annotations

from typing import Final

from daemon.upstream.amendments.rule import AmendmentRule
from daemon.wires.openai_chat import WIRE
from daemon.wires.openai_chat.thinking_forms import EFFORT, in_form

THINKING_FORM: Final = "thinking in the form"

RULES: Final[tuple[AmendmentRule, ...]] = (
    AmendmentRule(name=THINKING_FORM, wires=frozenset({WIRE.name}), change=in_form, needs=f'"{EFFORT}"'.encode()),
)
