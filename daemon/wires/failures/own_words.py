"""An upstream's own words: its text with everything cut out that it quotes from the request.

Upstreams quote what they refuse, and the sentences that are searched for are ordinary ones. A text that the client
wrote must neither decide what a failure means nor what is changed in a request (``judge``, ``amendments``).

    cannot read 'please fix: unknown parameter foo'     ->     cannot read ''

1. A quoted text is cut out where the request has it. A single word stays: it may be the name of a parameter.
2. So is a run of ``RUN`` words or more that the request has, quoted or not.
3. What is shorter is for the caller to check: a match that the request has as well does not count.

The request is searched, never read: a few dozen times for a text of usual length.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

RUN: Final = 8
"""Words in a row that nobody has in common with another text by chance."""

_STEP, _PROBE = 5, 4
"""Of ``RUN`` words or more, ``_PROBE`` begin at a multiple of ``_STEP``."""

_CLOSING: Final = {"'": "'", '"': '"', "`": "`", "“": "”", "‘": "’", "「": "」", "«": "»"}
_OPEN: Final = re.compile(r"(?<!\w)['\"`]|[“‘「«]")
_ONE_WORD: Final = re.compile(r"[\w.\[\]$:/@*+-]{0,80}")
_CUT_SHORT: Final = re.compile(r"\.{3,}|…")
_WORD: Final = re.compile(r"\w+")

InRequest = Callable[[str], bool]
"""Whether a text is also in the request: then an upstream that repeats it has not said it."""


def own_words(text: str, in_request: InRequest) -> str:
    """``text`` without what is quoted from the request."""
    return _without_runs(without_quotes(text, in_request), in_request)


def without_quotes(text: str, in_request: InRequest) -> str:
    """``text`` with the quotation marks alone where they hold a text of the request."""
    kept: list[str] = []
    at = 0
    for mark in _OPEN.finditer(text):
        if mark.start() < at:
            continue
        end = _end_of_quote(text, mark.end(), _CLOSING[mark[0]], in_request)
        if end is not None:
            kept.append(text[at : mark.end()])
            at = end
    return "".join((*kept, text[at:]))


def _end_of_quote(text: str, start: int, closing: str, in_request: InRequest) -> int | None:
    """Where the longest quoted text ends that begins at ``start`` and is the request's; None for none."""
    end = None
    for place in _places(text, closing, start):
        content = text[start:place]
        if end is None and _ONE_WORD.fullmatch(content):
            return None
        pieces = [piece for piece in _CUT_SHORT.split(content) if piece.strip()]
        if not pieces or not all(map(in_request, pieces)):
            return end
        end = place
    return end


def _places(text: str, closing: str, start: int) -> Iterator[int]:
    """Where a quotation may end: not inside a word, as in "don't"."""
    place = text.find(closing, start)
    while place >= 0:
        if not text[place + 1 : place + 2].isalnum():
            yield place
        place = text.find(closing, place + 1)


def _without_runs(text: str, in_request: InRequest) -> str:
    words = [word.span() for word in _WORD.finditer(text)]
    kept: list[str] = []
    at = first = 0
    while first + _PROBE <= len(words):
        begin, end = first, first + _PROBE
        if not in_request(text[words[begin][0] : words[end - 1][1]]):
            first += _STEP
            continue
        while begin > 0 and words[begin - 1][0] >= at and in_request(text[words[begin - 1][0] : words[end - 1][1]]):
            begin -= 1
        while end < len(words) and in_request(text[words[begin][0] : words[end][1]]):
            end += 1
        if end - begin >= RUN:
            kept.append(text[at : words[begin][0]])
            at = words[end - 1][1]
        first += _STEP * -(-(end - first) // _STEP)
    return "".join((*kept, text[at:]))
