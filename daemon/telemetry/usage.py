"""What finished requests have used, since the start and lately: for ``GET /usage`` and ``GET /tps``.

Labels are those of the metrics, so they are as bounded. What a provider, or a model, has used that is removed is
counted under ``other`` from then on, so that the rows go on adding up. ``seconds`` and ``now`` are on a clock that only
rises.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from typing import Final, NamedTuple, Protocol

from msgspec import Struct

from daemon.telemetry.model_labels import OTHER

MOST_SAMPLES: Final = 20_000
"""Finished requests that a window can look back on; with more in it, it is shorter."""


class TokenCounts(Protocol):
    """What a finished request used; None = the upstream did not say (``inference.response.Usage``)."""

    @property
    def input_tokens(self) -> int | None: ...
    @property
    def output_tokens(self) -> int | None: ...
    @property
    def cached_tokens(self) -> int | None: ...
    @property
    def cache_write_tokens(self) -> int | None: ...
    @property
    def reasoning_tokens(self) -> int | None: ...


class UsageRow(NamedTuple):
    """Who used it. ``provider`` '': none was asked; ``model`` as the upstream calls it."""

    provider: str
    model: str
    entry: str


class Counts(Struct):
    """``failures``: those that ended with another status than 200. ``seconds``: what the answers took, in all, of
    the requests whose tokens are known."""

    requests: int = 0
    failures: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    seconds: float = 0.0

    def add(self, other: Counts) -> None:
        for field in self.__struct_fields__:
            setattr(self, field, getattr(self, field) + getattr(other, field))


class Sample(NamedTuple):
    """A finished request."""

    at: float
    row: UsageRow
    failed: bool
    input_tokens: int
    output_tokens: int
    seconds: float


class Spent(Struct, frozen=True):
    """What was used in ``seconds``."""

    seconds: float
    counts: Counts


Chosen = Callable[[UsageRow], bool]


class UsageCounts:
    """One daemon's, on one thread."""

    __slots__ = ("_clock", "_rows", "_samples", "_started")

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._started = clock()
        self._rows: dict[UsageRow, Counts] = {}
        self._samples: deque[Sample] = deque(maxlen=MOST_SAMPLES)

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, row: UsageRow, status: int, seconds: float, usage: TokenCounts | None) -> None:
        """A request has ended."""
        counts = self._rows.get(row)
        if counts is None:
            counts = self._rows[row] = Counts()
        failed = status != 200
        counts.requests += 1
        counts.failures += failed
        took, sent, received = 0.0, 0, 0
        if usage is not None:
            sent, received = usage.input_tokens or 0, usage.output_tokens or 0
            took = seconds if received else 0.0
            counts.input_tokens += sent
            counts.output_tokens += received
            counts.cached_tokens += usage.cached_tokens or 0
            counts.cache_write_tokens += usage.cache_write_tokens or 0
            counts.reasoning_tokens += usage.reasoning_tokens or 0
            counts.seconds += took
        self._samples.append(Sample(self._clock(), row, failed, sent, received, took))

    def end(self, gone: Callable[[str, str], bool]) -> None:
        """The rows of a (provider, model) that is gone go into ``other``."""
        for row in [each for each in self._rows if gone(each.provider, each.model)]:
            other = self._rows.setdefault(UsageRow(OTHER, OTHER, row.entry), Counts())
            other.add(self._rows.pop(row))

    def rows(self) -> list[tuple[UsageRow, Counts]]:
        return sorted(self._rows.items())

    def known(self) -> Collection[UsageRow]:
        return self._rows.keys()

    def since_start(self, chosen: Chosen) -> Spent:
        total = Counts()
        for row, counts in self._rows.items():
            if chosen(row):
                total.add(counts)
        return Spent(self._clock() - self._started, total)

    def lately(self, window: float, chosen: Chosen) -> Spent:
        """The requests that ended in the last ``window`` seconds, or as many as are known, with the seconds that this
        covers. Of the kinds of tokens only input and output."""
        now = self._clock()
        covered = min(window, now - self._started)
        if len(self._samples) == MOST_SAMPLES:
            covered = min(covered, now - self._samples[0].at)
        counts = Counts()
        for sample in reversed(self._samples):
            if now - sample.at > window:
                break
            if chosen(sample.row):
                counts.requests += 1
                counts.failures += sample.failed
                counts.input_tokens += sample.input_tokens
                counts.output_tokens += sample.output_tokens
                counts.seconds += sample.seconds
        return Spent(covered, counts)
