"""How makes number their calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from daemon.simulate.answer import Answer

CallId = Callable[[Answer, str, int], Any]
"""(the answer, the tool's name, the call's number in the answer) -> its id, of any type."""


def spelled(pattern: str) -> CallId:
    """``{hex}``, ``{name}``, ``{number}`` are replaced; with none of the first it repeats from turn to turn."""
    return lambda answer, name, number: pattern.format(hex=answer.identity[:12], name=name, number=number)


def nine(answer: Answer, name: str, number: int) -> str:
    """Mistral: nine letters and digits."""
    return f"{answer.identity[:8]}{number}"


def numeric(answer: Answer, name: str, number: int) -> int:
    """NIM (opencode#19947): a number, and the same in each turn."""
    return number


def by_model(prefix: str, of_these: CallId, of_others: CallId) -> CallId:
    """Models whose name begins with ``prefix`` have their own way."""
    return lambda answer, name, number: (of_these if answer.model.startswith(prefix) else of_others)(
        answer, name, number
    )


OPENAI = spelled("call_{hex}{number:02d}")
