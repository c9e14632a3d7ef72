"""Whether the words that are found in an upstream's text are its own, or quoted from the request.

Upstreams quote what they refuse, and the sentences that are searched for are ordinary ones. A text that the client
wrote must neither decide what a failure means nor what is changed in a request (``judge``, ``amendments``). Words are
not the upstream's own where

1. the request has just them;
2. they stand in quotation marks, with a text that the request has (cut short, perhaps; a single word does not count,
   since it may be the name of a parameter):     cannot read 'please fix: unknown parameter foo'
3. they are a part of ``RUN`` words or more in a row that the request has, quoted or not.

The request is searched, never read, and only for words that would count: a few times for a refusal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

RUN: Final = 8
"""Words in a row that nobody has in common with another text by chance."""

_STEP, _PROBE = 5, 4
"""Of ``RUN`` words or more, ``_PROBE`` begin at a multiple of ``_STEP``."""

_NEAR: Final = 400
"""Characters before the words in which their quotation may begin."""

_CLOSING: Final = {"'": "'", '"': '"', "`": "`", "“": "”", "‘": "’", "「": "」", "«": "»"}
_OPEN: Final = re.compile(r"(?<!\w)['\"`]|[“‘「«]")
_ONE_WORD: Final = re.compile(r"[\w.\[\]$:/@*+-]{0,80}")
_CUT_SHORT: Final = re.compile(r"\.{3,}|…")
_WORD: Final = re.compile(r"\w+")

InRequest = Callable[[str], bool]
"""Whether a text is also in the request: then an upstream that repeats it has not said it."""


def is_own(match: re.Match[str], in_request: InRequest) -> bool:
    """Whether the upstream has said what ``match`` has found in its text."""
    return not in_request(match[0]) and not is_repeated(match, in_request)


def is_repeated(match: re.Match[str], in_request: InRequest) -> bool:
    """Whether it is a part of a longer text of the request: for words that the request has anyhow, such as names."""
    return is_quoted(match, in_request) or _in_a_run(match, in_request)


def is_quoted(match: re.Match[str], in_request: InRequest) -> bool:
    """Whether it stands, at least in part, in quotation marks with a text of the request."""
    text, (start, end) = match.string, match.span()
    at = 0
    for mark in _OPEN.finditer(text, max(0, start - _NEAR), end):
        if mark.start() < at:
            continue
        at = _end_of_quote(text, mark.end(), _CLOSING[mark[0]], in_request) or at
        if at > start:
            return True
    return False


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


def _in_a_run(match: re.Match[str], in_request: InRequest) -> bool:
    text = match.string
    words = [word.span() for word in _WORD.finditer(text)]
    touched = [number for number, (start, end) in enumerate(words) if end > match.start() and start < match.end()]
    if not touched:
        return False
    for first in range(max(0, touched[0] - _PROBE + 1), touched[-1] + 1):
        if first % _STEP == 0 and first + _PROBE <= len(words):
            begin, end = _extended(text, words, first, in_request)
            if end - begin >= RUN:
                return True
    return False


def _extended(text: str, words: list[tuple[int, int]], first: int, in_request: InRequest) -> tuple[int, int]:
    """The words around the ``_PROBE`` that begin at ``first``, as far as the request has them in a row; as soon as
    they are ``RUN``, they are enough."""
    begin, end = first, first + _PROBE
    if not in_request(text[words[begin][0] : words[end - 1][1]]):
        return first, first
    while begin > 0 and end - begin < RUN and in_request(text[words[begin - 1][0] : words[end - 1][1]]):
        begin -= 1
    while end < len(words) and end - begin < RUN and in_request(text[words[begin][0] : words[end][1]]):
        end += 1
    return begin, end
