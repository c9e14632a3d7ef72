"""When an upstream says to come back, in whatever form it says it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

_TRY_AGAIN = re.compile(r"try again in\s+((?:\d+(?:\.\d+)?(?:ms|h|m|s)\s*)+)", re.I)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)", re.I)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def retry_after(error: Mapping[str, object], headers: Mapping[str, str], message: str) -> float | None:
    """Seconds, from the most exact source. Absolute times are compared with the upstream's own
    ``date`` header: no clock is read here, and theirs is the one that counts."""
    seconds = _number(error.get("resets_in_seconds"))
    if seconds is None:
        seconds = _until(_number(error.get("resets_at")), headers)
    if seconds is None:
        seconds = _from_headers(headers)
    if seconds is None:
        seconds = wait_in_words(message)
    return seconds if seconds is not None and 0 <= seconds < math.inf else None


def _from_headers(headers: Mapping[str, str]) -> float | None:
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after", "")
    seconds = _number(value)
    return seconds if seconds is not None else _until(_date(value), headers)


def wait_in_words(message: str) -> float | None:
    """Seconds of "Please try again in 1.5s", "… in 6m0s"; Codex reads them the same way."""
    told = _TRY_AGAIN.search(message)
    if told is None:
        return None
    return sum(float(count) * _SECONDS[unit.lower()] for count, unit in _DURATION.findall(told[1]))


def _until(epoch: float | None, headers: Mapping[str, str]) -> float | None:
    now = _date(headers.get("date", ""))
    return epoch - now if epoch is not None and now is not None and epoch > now else None


def _date(value: str) -> float | None:
    try:
        return parsedate_to_datetime(value).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
