"""An exception as log lines that show code, not data.

Frames are ``file:line in function`` without source text or values. The exception's own words are
shown only for the types whose messages name code or the operating system's error; those of the
others (``ValueError``, ``KeyError``, a wire's decode error) may quote what a user or a model
said, and no request or response content belongs in a log.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path

_SPEAKING = (OSError, AttributeError, NameError, ImportError, TypeError, RuntimeError, AssertionError, IndexError)
"""Types whose messages are about code or the system. ``UnicodeError`` and ``KeyError`` are not."""

_MAX_FRAMES = 30
_MAX_CHAIN = 8
_ROOT = str(Path(__file__).resolve().parents[2]) + "/"


def lines(error: BaseException) -> list[str]:
    """The exception, its frames (outermost first, indented) and what caused it."""
    return list(_chain(error, depth=0))


def _chain(error: BaseException, *, depth: int) -> Iterator[str]:
    yield _title(error)
    yield from _frames(error)
    if depth >= _MAX_CHAIN:
        return
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions[:_MAX_CHAIN]:
            yield from _prefixed("of the group: ", member, depth=depth + 1)
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _prefixed("caused by " if error.__cause__ else "while handling ", cause, depth=depth + 1)


def _prefixed(prefix: str, error: BaseException, *, depth: int) -> Iterator[str]:
    first, *rest = _chain(error, depth=depth)
    yield prefix + first
    yield from rest


def _title(error: BaseException) -> str:
    name = type(error).__qualname__
    if not isinstance(error, _SPEAKING):
        return name
    return f"{name}: {error}" if str(error) else name


def _frames(error: BaseException) -> Iterator[str]:
    found = [
        f"  {frame.f_code.co_filename.removeprefix(_ROOT)}:{number} in {frame.f_code.co_name}"
        for frame, number in traceback.walk_tb(error.__traceback__)
    ]
    if len(found) > _MAX_FRAMES:
        half = _MAX_FRAMES // 2
        found[half:-half] = [f"  … {len(found) - 2 * half} frames left out"]
    yield from found
