"""The facts about one model by which a make refuses a request, or answers in another way."""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

Template = Literal["", "system first", "alternating", "single calls"]
"""What the template of a model demands of the turns."""


class Model(Struct, frozen=True, kw_only=True):
    """``name`` is in the make's list of models. ``pattern`` (a regular expression for the whole name) is for all that
    are like it, ``.*`` for any name; empty: the name alone.

    ``context`` and ``output`` are the most tokens of prompt and answer together, and of an answer (0 = no limit).
    ``efforts`` are the levels that it takes, empty where it refuses any; None = it does not look. ``thinking`` are the
    values of ``thinking.type`` that the Messages API takes. ``plain``: temperature and the like are free.
    ``thinks``: it shows its thoughts unless it is asked not to. ``images``: it can see. ``template``: what its turns
    are put through. ``seals``: its thoughts have a sealed form, which must come back as it was.
    """

    name: str
    pattern: str = ""
    context: int = 0
    output: int = 0
    efforts: tuple[str, ...] | None = None
    thinking: tuple[str, ...] = ("enabled", "adaptive", "disabled")
    plain: bool = True
    thinks: bool = True
    images: bool = True
    template: Template = ""
    seals: bool = False

    def is_named(self, name: str) -> bool:
        """Whether ``name`` means this model."""
        return re.fullmatch(self.pattern or re.escape(self.name), name) is not None
