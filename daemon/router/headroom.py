"""How much of its limits each core auth has left, as its answers say it, good ones and refusals alike.

    head of an answer ─ heard ─▶ core auth ID -> window -> what is left, and until when that counts
                                      └ left ─▶ the least of its windows, 0 to 1

1. A window whose reset has passed is full again. One without a reset counts for ``KEPT`` seconds.
2. What is no number, or none that can be (negative, above ``MOST_NUMBER``), is not heard; nor is a reset more than
   ``FARTHEST`` away.
3. An answer without such headers changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final

from msgspec import Struct

from daemon.wires.failures.retry_after import Wait, reset_of

KEPT: Final = 600.0
FARTHEST: Final = 32 * 86_400.0
MOST_NUMBER: Final = 1e15
LONGEST_RESET: Final = 64
"""Characters of a reset; longer texts are no time."""
_NUMBER: Final = re.compile(r"\d{1,16}(?:\.\d{1,16})?", re.ASCII)


class LimitHeaders(Struct, frozen=True):
    """The headers of one window. ``used``: how much is used up, of ``whole``; or ``remaining`` of ``limit``. Of
    ``resets`` the first that is there counts."""

    name: str
    resets: tuple[str, ...]
    used: str = ""
    whole: float = 100.0
    remaining: str = ""
    limit: str = ""


def _codex(window: str) -> LimitHeaders:
    """Codex' own windows (openai/codex, codex-api ``rate_limits.rs``, 2026-11)."""
    start = f"x-codex-{window}"
    return LimitHeaders(window, (f"{start}-reset-after-seconds", f"{start}-reset-at"), used=f"{start}-used-percent")


def _ratelimit(what: str) -> LimitHeaders:
    """OpenAI's (API reference, "Rate limits"); Groq's are the same, Cerebras' have a time at the end."""
    start = "x-ratelimit"
    resets, remaining = (f"{start}-reset-{what}",), f"{start}-remaining-{what}"
    return LimitHeaders(what, resets, remaining=remaining, limit=f"{start}-limit-{what}")


def _anthropic(what: str) -> LimitHeaders:
    """Anthropic's (API reference, "Rate limits", response headers)."""
    start = f"anthropic-ratelimit-{what}"
    return LimitHeaders(what, (f"{start}-reset",), remaining=f"{start}-remaining", limit=f"{start}-limit")


def _unified(window: str) -> LimitHeaders:
    """Anthropic's subscriptions: a share from 0 to 1, and epoch seconds (claude-code 2.x, 2026)."""
    start = f"anthropic-ratelimit-unified-{window}"
    return LimitHeaders(window, (f"{start}-reset",), used=f"{start}-utilization", whole=1.0)


WINDOWS: Final = (
    *map(_codex, ("primary", "secondary")),
    *map(_ratelimit, ("requests", "tokens", "requests-day", "tokens-minute")),
    *map(_anthropic, ("requests", "tokens", "input-tokens", "output-tokens")),
    *map(_unified, ("5h", "7d")),
)
_SIGNS: Final = tuple((headers.used or headers.remaining, headers) for headers in WINDOWS)


class LimitWindow(Struct, frozen=True):
    """``left`` from 0 to 1, None where the limit is not known; ``remaining`` of ``limit`` in the upstream's unit.
    ``until`` on the clock that is passed in: from then on it is full, or, without ``resets``, not known."""

    left: float | None
    remaining: float | None
    limit: float | None
    until: float
    resets: bool


class _Heard(Struct, frozen=True):
    """A window as it was heard at ``now`` and ``wall``. Its ``reset`` is not read before somebody looks: that takes
    longer than all the rest of an answer's head, and most windows are replaced first."""

    left: float | None
    remaining: float | None
    limit: float | None
    reset: str
    now: float
    wall: float

    def window(self) -> LimitWindow:
        seconds = _seconds(reset_of(self.reset), self.wall)
        until = self.now + (KEPT if seconds is None else seconds)
        return LimitWindow(self.left, self.remaining, self.limit, until, seconds is not None)


class Headroom:
    """The core auths of the snapshot, and no other; of each at most one entry per row of ``WINDOWS``. ``now`` is
    seconds on a clock that only rises, ``wall`` Unix time."""

    __slots__ = ("_heard", "_windows")

    def __init__(self) -> None:
        self._heard: dict[str, dict[str, _Heard]] = {}  # since somebody has looked
        self._windows: dict[str, dict[str, LimitWindow]] = {}

    def __len__(self) -> int:
        return len(self._heard.keys() | self._windows.keys())

    def heard(self, auth_id: str, headers: Mapping[str, str], *, now: float, wall: float) -> None:
        """The head of an answer has come; names in lower case."""
        for sign, window in _SIGNS:
            if sign in headers and (heard := _heard(window, headers, now, wall)) is not None:
                self._heard.setdefault(auth_id, {})[window.name] = heard

    def left(self, auth_id: str, *, now: float) -> float | None:
        """The least of what is left of its windows, None where it does not say."""
        least = None
        for window in self._of(auth_id).values():
            share = window.left if now < window.until else 1.0 if window.resets else None
            if share is not None and (least is None or share < least):
                least = share
        return least

    def windows(self, auth_id: str, *, now: float) -> list[tuple[str, LimitWindow]]:
        """Those that count now, the tightest first."""
        current = [each for each in self._of(auth_id).items() if now < each[1].until]
        return sorted(current, key=lambda each: 1.0 if each[1].left is None else each[1].left)

    def keep_only(self, auth_ids: Collection[str]) -> None:
        staying = set(auth_ids)
        for table in (self._heard, self._windows):
            for auth_id in table.keys() - staying:
                del table[auth_id]

    def _of(self, auth_id: str) -> Mapping[str, LimitWindow]:
        if heard := self._heard.pop(auth_id, None):
            self._windows.setdefault(auth_id, {}).update((name, each.window()) for name, each in heard.items())
        return self._windows.get(auth_id, {})


def _heard(headers: LimitHeaders, values: Mapping[str, str], now: float, wall: float) -> _Heard | None:
    """What an answer says of one window; None where that is nothing that can be."""
    reset = next((values[name] for name in headers.resets if name in values), "")[:LONGEST_RESET]
    if headers.used:
        used = _number(values[headers.used])
        if used is None or used > 10 * headers.whole:
            return None
        return _Heard(max(0.0, 1.0 - used / headers.whole), None, None, reset, now, wall)
    remaining, limit = _number(values[headers.remaining]), _number(values.get(headers.limit, ""))
    if remaining is None:
        return None
    left = min(1.0, remaining / limit) if limit else None if remaining else 0.0
    return _Heard(left, remaining, limit, reset, now, wall)


def _seconds(reset: Wait, wall: float) -> float | None:
    """From now on; None for what is no time, or too far away. A moment that has passed is now."""
    seconds = reset.seconds
    if seconds is None and reset.resets_at is not None:
        seconds = max(0.0, reset.resets_at - wall)
    return seconds if seconds is not None and 0 <= seconds <= FARTHEST else None


def _number(text: str) -> float | None:
    if not (text.isdigit() and text.isascii() and len(text) <= 16) and not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    return number if number <= MOST_NUMBER else None
