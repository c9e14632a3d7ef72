"""All rules by their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from daemon.upstream.amendments import (
    chat,
    compaction,
    fields,
    media,
    messages,
    parameters,
    responses,
    thinking,
    tools,
    values,
)
from daemon.upstream.amendments.rule import Amendment, AmendmentRule

RULES: Final[tuple[AmendmentRule, ...]] = (
    *responses.RULES,
    *messages.RULES,
    *chat.RULES,
    *tools.RULES,
    *media.RULES,
    *values.RULES,
    *fields.RULES,
    *parameters.RULES,
    *thinking.RULES,
    *compaction.RULES,
)
"""In the order in which a refusal is compared with them."""

RULE: Final[Mapping[str, AmendmentRule]] = {rule.name: rule for rule in RULES}


def loses_content(amendment: Amendment) -> bool:
    return RULE[amendment.name].loses_content


def profile_of(amendment: Amendment) -> str:
    """The profile that an upstream which wants this belongs to; '' where that is not known by it."""
    return RULE[amendment.name].profile
