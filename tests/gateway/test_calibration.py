"""Estimates learn from what prompts really were, model by model."""

from __future__ import annotations

import pytest

from daemon.gateway.counting import MOST_MODELS, Calibration


def test_nothing_is_known_at_first() -> None:
    assert Calibration().corrected("gpt-5", 100) is None


@pytest.mark.parametrize("ratio", [0.5, 1.0, 1.3, 2.0])
def test_a_few_requests_bring_estimates_within_five_percent(ratio: float) -> None:
    calibration = Calibration()
    for estimate in (800, 1200, 1000, 20_000):
        calibration.observe("gpt-5", estimate, round(estimate * ratio))
    assert calibration.corrected("gpt-5", 10_000) == pytest.approx(10_000 * ratio, rel=0.05)
    assert calibration.corrected("other", 10_000) is None


def test_a_tiny_request_moves_little() -> None:
    calibration = Calibration()
    calibration.observe("gpt-5", 8, 24)
    assert calibration.corrected("gpt-5", 1000) == pytest.approx(1000, rel=0.25)


def test_a_new_tokenizer_is_followed() -> None:
    calibration = Calibration()
    for actual in [1000] * 20 + [1500] * 20:
        calibration.observe("gpt-5", 1000, actual)
    assert calibration.corrected("gpt-5", 1000) == pytest.approx(1500, rel=0.06)


@pytest.mark.parametrize(("estimate", "actual"), [(0, 5), (100, 0), (100, 100_000)])
def test_what_cannot_be_believed_is_not_learned(estimate: int, actual: int) -> None:
    calibration = Calibration()
    calibration.observe("gpt-5", estimate, actual)
    assert calibration.corrected("gpt-5", 100) is None


def test_memory_is_bounded() -> None:
    calibration = Calibration()
    for number in range(MOST_MODELS + 1):
        calibration.observe(f"m{number}", 100, 100)
    assert calibration.corrected("m0", 100) is None
    assert calibration.corrected("m1", 100) == 100
