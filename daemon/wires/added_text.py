"""Text that no client has written, and that a request needs: the mark of system text in the middle of a conversation,
for upstreams that know it at the start alone, placeholders where an upstream insists that something is said, and what
asks for a summary and brings one back where a conversation is compacted.

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

SUMMARY_REQUEST: Final = """\
Stop the work here. This conversation is too long to go on, and a summary that you write now will take its place. \
Whoever goes on with the work reads that summary instead of the conversation: no message, no call and no result of it \
will be there.

Write down what is needed to go on without asking again:
- The task: what the user wants, in the user's own words where they matter, and each limit, preference and correction.
- What was decided and why, and what was tried and did not work.
- What is done: the files that were read, made or changed, with their paths and what matters in them; the commands \
and results that count.
- The state now: what works and what does not, with the exact text of errors.
- What is left, in order. Begin with the very next step.

Copy names, paths, numbers, identifiers and short pieces of code exactly. If there is an earlier summary above, keep \
of it what still holds. Do not call tools and do not go on with the task. Answer with the summary alone, in the \
language of the conversation."""
"""The last thing that the user says to a model that is to write a summary."""

_MARKED: Final = re.compile(r"<system-reminder>.*?</system-reminder>", re.DOTALL)


def reminder(text: str) -> str:
    """``text`` as a user may say it."""
    return f"<system-reminder>\n{text}\n</system-reminder>"


def earlier_summary(summary: str) -> str:
    """``summary`` as the user says it in place of the conversation that it stands for. The same words each time: the
    upstream has them in its prompt cache."""
    return (
        "The conversation was compacted here. This summary stands for all that was said and done before; go on from "
        f"where it ends.\n\n<summary>\n{summary}\n</summary>"
    )


def is_reminder(text: str) -> bool:
    """Whether no user has written it: all of it is marked so."""
    return bool(text.strip()) and not _MARKED.sub("", text).strip()
