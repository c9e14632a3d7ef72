"""The metrics that the conventions have for requests to models: how long attempts take, and the tokens of answers.

Plain numbers, added on the event loop; ``metric_data`` reads them when they are exported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from daemon.telemetry.distribution import Distribution
from daemon.telemetry.otel.facts import Attempt
from daemon.telemetry.otel.names import BUCKETS, CHAT, OVERFLOW, USAGE_NAMES, Name
from daemon.telemetry.usage import TokenCounts

MOST_SERIES: Final = 2000
"""Of each metric; what is beyond is counted together, under ``otel.metric.overflow``."""

Attributes = tuple[tuple[str, str | int | bool], ...]
ModelLabel = Callable[[str, str, bool], str]
"""(provider, model, whether it has answered) -> how metrics call the model."""

_REST: Final[Attributes] = ((OVERFLOW, True),)


class InferenceNumbers:
    """Of one daemon."""

    def __init__(self, label: ModelLabel) -> None:
        self._label = label
        self.durations: dict[Attributes, Distribution] = {}
        self.first_chunks: dict[Attributes, Distribution] = {}
        self.tokens: tuple[dict[Attributes, int], ...] = tuple({} for _ in USAGE_NAMES)

    def answered(self, attempt: Attempt, seconds: float, first: float | None, usage: TokenCounts | None) -> None:
        """An attempt has got its whole answer. ``first``: seconds until a stream began."""
        attributes = self._attributes(attempt, answered=True)
        _observe(self.durations, attributes, seconds)
        if first is not None:
            _observe(self.first_chunks, attributes, first)
        for counts, count in zip(self.tokens, counts_of(usage), strict=True):
            if count:
                key = _room(counts, attributes)
                counts[key] = counts.get(key, 0) + count

    def failed(self, attempt: Attempt, seconds: float, error: str) -> None:
        """An attempt has failed, for the reason ``error``."""
        _observe(self.durations, (*self._attributes(attempt, answered=False), (Name.ERROR, error)), seconds)

    def _attributes(self, attempt: Attempt, *, answered: bool) -> Attributes:
        return (
            (Name.OPERATION, CHAT),
            (Name.SYSTEM, attempt.system),
            (Name.MODEL, self._label(attempt.provider, attempt.model, answered)),
            (Name.HOST, attempt.host),
            (Name.PORT, attempt.port),
            (Name.PROVIDER, attempt.provider),
        )


def counts_of(usage: TokenCounts | None) -> tuple[int | None, ...]:
    """In the order of ``names.USAGE_NAMES``."""
    if usage is None:
        return (None,) * len(USAGE_NAMES)
    return (
        usage.input_tokens,
        usage.output_tokens,
        usage.cached_tokens,
        usage.cache_write_tokens,
        usage.reasoning_tokens,
    )


def _observe(series: dict[Attributes, Distribution], attributes: Attributes, value: float) -> None:
    key = _room(series, attributes)
    if key not in series:
        series[key] = Distribution(BUCKETS)
    series[key].observe(value)


def _room(series: Mapping[Attributes, object], attributes: Attributes) -> Attributes:
    return attributes if attributes in series or len(series) < MOST_SERIES - 1 else _REST
