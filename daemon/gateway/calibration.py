"""How far the cheap estimate of a prompt is off, learned per upstream model from finished requests.

The estimate (``counting.estimate``) knows bytes, not the vendor's tokenizer, nor what it adds around
roles and tools. Upstreams say what a prompt really was; the ratio of the two, over recent requests and
weighted by their size, corrects later estimates. A first request of a few tokens moves it little:
``PRIOR`` tokens of an exact estimate stand at the beginning.
"""

from __future__ import annotations

from typing import Final

MOST_MODELS: Final = 1024
DECAY: Final = 0.9
"""What an observation weighs after the next one: the last ten or so decide."""
PRIOR: Final = 64.0
LEAST, MOST = 0.2, 5.0
"""Bounds of a believable ratio; beyond them an upstream counts something else."""


class Calibration:
    """Live state of one daemon, keyed by the upstream's model name; the oldest is forgotten first."""

    __slots__ = ("_sums",)

    def __init__(self) -> None:
        self._sums: dict[str, tuple[float, float]] = {}

    def observe(self, model: str, estimate: int, actual: int) -> None:
        """A prompt that was estimated at ``estimate`` tokens had ``actual`` ones."""
        if estimate <= 0 or not LEAST <= actual / estimate <= MOST:
            return
        said, meant = self._sums.pop(model, (PRIOR, PRIOR))
        self._sums[model] = (said * DECAY + estimate, meant * DECAY + actual)
        if len(self._sums) > MOST_MODELS:
            del self._sums[next(iter(self._sums))]

    def corrected(self, model: str, estimate: int) -> int | None:
        """The estimate as experience corrects it; None while nothing is known of ``model``."""
        sums = self._sums.get(model)
        return None if sums is None else max(1, round(estimate * sums[1] / sums[0]))
