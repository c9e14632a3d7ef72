"""What it takes to read a refusal: upstreams write it, so its length must not count more than once."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import pytest

from daemon.upstream import amendments
from daemon.upstream.amendments.rule import Sentences

MODULES = [
    importlib.import_module(each.name) for each in pkgutil.iter_modules(amendments.__path__, f"{amendments.__name__}.")
]
SENTENCES = [
    pytest.param(pattern, id=f"{module.__name__.rpartition('.')[2]}.{name}[{number}]")
    for module in MODULES
    for name, value in vars(module).items()
    if isinstance(value, Sentences)
    for number, pattern in enumerate(value)
]


def beginnings(tree: Any) -> Iterator[int]:
    """How often that may be repeated which a match may begin with, or have behind its first character. Nothing where
    it begins at a word's beginning: there are fewer of these than letters."""
    for kind, value in tree:
        if kind in (op.AT, op.ASSERT_NOT):
            return
        if kind is op.SUBPATTERN:
            yield from beginnings(value[3])
            return
        if kind is op.BRANCH:
            for branch in value[1]:
                yield from beginnings(branch)
            return
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT):
            least, most, _ = value
            yield most
            if least > 0:
                return
        elif kind not in (op.ASSERT, op.IN):
            return


@pytest.mark.parametrize("pattern", SENTENCES)
def test_no_sentence_begins_with_an_endless_repeat(pattern: re.Pattern[str]) -> None:
    """It would be tried at each letter of a long word, to the word's end each time: 60 ms for 2,000 letters, with forty
    such sentences 2.4 s in which the daemon does nothing else (2026-11)."""
    assert op.MAXREPEAT not in list(beginnings(parser.parse(pattern.pattern)))
