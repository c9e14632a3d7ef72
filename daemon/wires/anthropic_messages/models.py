"""What Claude models take of a request, by their names: a table for what the API refuses whole when it is wrong.

From platform.claude.com, 2026-11: "Thinking" with its table of models, "Effort", the pages of the models (their most
tokens, "what's new") and the migration guides of Opus 4.7, Opus 5, Opus 5.5 and Sonnet 5.5. All other names are
``UNKNOWN``: third-party servers, which know the older form of thinking (a budget) better than the newer one.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace


class ClaudeModel(Struct, frozen=True, kw_only=True):
    """``thinking``: how it is switched on, '' for models that cannot. ``off``: the type that switches it off, '' where
    nothing does. ``efforts``: what ``output_config.effort`` may be. ``most_tokens`` of one answer, ``usual_tokens``
    where the client has set no limit: half the most, and less where the context is small (200,000 tokens) and a
    prompt must fit beside them. ``sampling``: whether ``temperature``, ``top_p`` and ``top_k`` are taken at all.
    ``omits``: shows no text of its thinking unless asked to."""

    thinking: Literal["adaptive", "budget", ""]
    most_tokens: int
    usual_tokens: int
    off: Literal["disabled", "between_tools", ""] = "disabled"
    efforts: tuple[str, ...] = ()
    sampling: bool = True
    omits: bool = False


_EFFORTS: Final = ("low", "medium", "high", "xhigh", "max")

_NEWEST: Final = ClaudeModel(
    thinking="adaptive",
    most_tokens=128_000,
    usual_tokens=64_000,
    off="",
    efforts=_EFFORTS,
    sampling=False,
    omits=True,
)
"""Of Opus 5.5, Fable and Mythos, and of what comes after them: it always thinks."""

_SWITCHABLE: Final = ClaudeModel(
    thinking="adaptive", most_tokens=128_000, usual_tokens=64_000, efforts=_EFFORTS, sampling=False, omits=True
)
_BUDGETED: Final = ClaudeModel(thinking="budget", most_tokens=64_000, usual_tokens=32_000)

UNKNOWN: Final = ClaudeModel(thinking="budget", most_tokens=2**53, usual_tokens=32_000)
"""32,000 is what Claude Code asks of models it does not know."""

_MODELS: Final[tuple[tuple[re.Pattern[str], ClaudeModel], ...]] = (
    (re.compile(r"sonnet-5\.5"), replace(_SWITCHABLE, off="between_tools")),
    (re.compile(r"(opus|sonnet)-5\.0|haiku-5\.[0-5]|[a-z]+-4\.[78]"), _SWITCHABLE),
    (re.compile(r"mythos-0\.0"), replace(_NEWEST, efforts=("low", "medium", "high", "max"))),  # mythos-preview
    (
        re.compile(r"[a-z]+-4\.6"),
        replace(_SWITCHABLE, efforts=("low", "medium", "high", "max"), sampling=True, omits=False),
    ),
    (re.compile(r"opus-4\.[0-4]"), replace(_BUDGETED, most_tokens=32_000)),
    (re.compile(r"[a-z]+-4\.|[a-z]+-3\.7"), _BUDGETED),
    (re.compile(r"[a-z]+-3\.[5-6]"), replace(_BUDGETED, thinking="", most_tokens=8_192, usual_tokens=8_192)),
    (re.compile(r"[a-z]+-[1-3]\."), replace(_BUDGETED, thinking="", most_tokens=4_096, usual_tokens=4_096)),
)
"""By family and version, first match; what no row names is newer, or an alias for the newest."""

_NAME: Final = re.compile(
    r"claude[-_]?(?:(?P<before>\d(?:[-._]\d{1,2})?)[-_])?(?P<family>opus|sonnet|haiku|fable|mythos)"
    r"(?:[-_](?P<behind>\d(?:[-._]\d{1,2})?)(?!\d))?"
)
"""``claude-opus-5-5``, ``anthropic/claude-opus-4.6``, ``claude-3-7-sonnet-20250219``, ``claude-opus-4-5@20251101``,
``us.anthropic.claude-sonnet-4-20250514-v1:0``: the version stands on either side, a date is none."""


@lru_cache(maxsize=512)
def claude_model(name: str) -> ClaudeModel:
    """What is known of the model that an upstream calls ``name``."""
    match = _NAME.search(name.lower())
    if match is None:
        return UNKNOWN
    major, _, minor = re.sub(r"[-_]", ".", match["before"] or match["behind"] or "0").partition(".")
    known = f"{match['family']}-{major}.{minor or 0}"
    return next((model for pattern, model in _MODELS if pattern.match(known)), _NEWEST)
