"""When an upstream says to come back, in whatever form it says it. No other module reads waits.

However far away they say it is, ``MOST_WAIT`` is the longest wait: a number that is wrong keeps nobody from an
upstream for years. Relative times win over absolute ones. These are compared with the upstream's own ``date``
header: no clock is read here, and theirs is the one that counts. Without that header the absolute time is kept as
such, for whoever has a clock.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

MOST_WAIT: Final = 86_400.0
"""Seconds. Also where a limit really lasts longer: asking once a day costs nobody anything."""
_LAST_MOMENT: Final = 4_102_444_800.0
"""Epoch seconds of the year 2100: what is later is no moment."""

_UNITS: Mapping[str, float] = {"ms": 0.001, "毫秒": 0.001, "s": 1.0, "秒": 1.0, "m": 60.0, "分": 60.0} | {
    "h": 3600.0,
    "小": 3600.0,
    "个": 3600.0,
    "d": 86400.0,
    "天": 86400.0,
}
"""By the beginning of the unit's name; the longer beginning first."""

_UNIT = r"(?:milliseconds?|ms|seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|h|m|s|d)\b|毫秒|秒钟?|分钟?|个?小时|天"
_NUMBER, _NAME = r"\d{1,12}(?:\.\d{1,12})?", rf"(?:{_UNIT}|(?:h|m|s|d)(?=\d))"
_DURATION = re.compile(rf"({_NUMBER})\s{{0,4}}({_NAME})", re.I)
_LENGTH = rf"{_NUMBER}\s{{0,4}}{_NAME}"
_SPAN = rf"({_LENGTH}(?:\s{{0,4}}(?:,|and)?\s{{0,4}}{_LENGTH}){{0,4}}\s{{0,4}})"
_IN_WORDS = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        rf"(?:try(?:ing)? again|retry(?:ing)?|resets?|available|back|wait|cool(?:ing)? ?down)"
        rf"(?: again)?(?: in| after| for|:)?\s{{1,4}}(?:about |approximately |another )?{_SPAN}",
        rf"{_SPAN}(?:后|之后|以后|内最多)",
        rf"(?:等待|还需|剩余|冷却)\D{{0,6}}?{_SPAN}",
    )
)
_NEXT_DAY = re.compile(r"次日|明日|明天|隔日|第二天|零点|今晚\s*(?:24|12)\s*点")
_CLOCK_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d)?)\D{0,8}(?:重置|恢复|刷新|解除)"
    r"|(?:重置|恢复|刷新)时间\D{0,4}(\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d)?)"
)
"""Zhipu: "您的限额将在 2025-10-20 15:30:00 重置". Such a time is China's."""

CHINA = timezone(timedelta(hours=8))

_RELATIVE: Mapping[str, float] = {
    "resetsinseconds": 1.0,
    "resetinseconds": 1.0,
    "retrydelay": 1.0,
    "retryafterseconds": 1.0,
    "retryafter": 1.0,
    "retryafterms": 0.001,
    "remainingseconds": 1.0,
    "remainingminutes": 60.0,
    "remaininghours": 3600.0,
}
"""Field, less ``_`` and ``-``, in lower case, to the seconds that its number counts; the most exact first."""
_ABSOLUTE = ("resetsat", "resetat", "resettime", "retryafter", "retryat")


class Wait(NamedTuple):
    """``seconds`` from the answer on; ``resets_at`` in epoch seconds, where the upstream named a moment."""

    seconds: float | None = None
    resets_at: float | None = None


def wait_of(objects: Sequence[Mapping[str, object]], headers: Mapping[str, str], message: str) -> Wait:
    """What the error objects say, else the headers, else the words. ``objects``: the innermost first."""
    fields = _fields(objects)
    absolute = _first(_moment(fields.get(name)) for name in _ABSOLUTE)
    seconds = _first(_seconds(fields.get(name), unit) for name, unit in _RELATIVE.items())
    if seconds is None:
        seconds = _until(absolute, headers)
    if seconds is None:
        seconds = _from_headers(headers)
    if seconds is None and absolute is None and "date" not in headers:
        absolute = _date(headers.get("retry-after", ""))
    if seconds is None and absolute is None:
        seconds = wait_in_words(message)
        absolute = _clock_time(message) if seconds is None else None
        seconds = _until(absolute, headers) if seconds is None else seconds
    if seconds is None and absolute is None and _NEXT_DAY.search(message):
        seconds = _until_midnight(headers)
    if absolute is not None and seconds is None and "date" in headers and _until(absolute, headers) is None:
        absolute = None  # over already
    if absolute is not None and absolute > _LAST_MOMENT:
        absolute = None
    return Wait(None if seconds is None else bounded(seconds), absolute)


def bounded(seconds: float) -> float | None:
    """A wait that may be passed on; None for none at all (negative, not a number)."""
    return min(seconds, MOST_WAIT) if seconds >= 0 else None


def reset_of(text: str) -> Wait:
    """When a limit starts anew, as a header says it: a length (``1s``, ``6m0s``, ``120ms``, ``30``) or a moment (RFC
    3339, epoch seconds or milliseconds). Not bounded: windows of a week are real."""
    seconds = _seconds(text, 1.0)  # the quicker question, and more often the right one
    return Wait(seconds) if seconds is not None and seconds <= 1e9 else Wait(None, _moment(text))


def wait_in_words(message: str) -> float | None:
    """Seconds of "Please try again in 1.5s", "retry in 6m0s", "将在 42 分钟后重置", "3分钟内最多请求10次"."""
    first = next((match for pattern in _IN_WORDS if (match := pattern.search(message))), None)
    return None if first is None else _duration(first[1])


def _duration(text: str) -> float | None:
    pieces = _DURATION.findall(text)
    return sum(float(count) * _unit(name.lower()) for count, name in pieces) if pieces else None


def _unit(name: str) -> float:
    if name.startswith("milli"):
        return _UNITS["ms"]
    return _UNITS.get(name[:2]) or _UNITS[name[:1]]


def _fields(objects: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """All plain fields of the objects, and of what lies one level down in them (Google's ``details``)."""
    fields: dict[str, object] = {}
    for each in objects:
        inner = [each, *(value for value in each.values() if isinstance(value, dict))]
        for value in each.values():
            if isinstance(value, list):
                inner += [item for item in value[:8] if isinstance(item, dict)]
        for one in inner:
            for name, value in one.items():
                if isinstance(value, str | int | float):
                    fields.setdefault(str(name).lower().replace("_", "").replace("-", ""), value)
    return fields


def _from_headers(headers: Mapping[str, str]) -> float | None:
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None and milliseconds >= 0:
        return milliseconds / 1000
    value = headers.get("retry-after", "")
    seconds = _number(value)
    return seconds if seconds is not None else _until(_date(value), headers)


def _seconds(value: object, unit: float) -> float | None:
    """12, "12", "21.4s", "6m0s"; None for what is no length of time."""
    number = _number(value)
    if number is not None:
        return number * unit if number >= 0 else None
    text = value.strip() if isinstance(value, str) else ""
    return _duration(text) if text and not _DURATION.sub("", text).strip() else None


def _moment(value: object) -> float | None:
    """Epoch seconds, or milliseconds; ISO, or as in HTTP headers. A number too small to be a moment is none."""
    number = _number(value)
    if number is not None:
        number = number / 1000 if number > 1e11 else number
        return number if number > 1e9 else None
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return _date(value)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _clock_time(message: str) -> float | None:
    match = _CLOCK_TIME.search(message)
    if match is None:
        return None
    try:
        return datetime.fromisoformat(match[1] or match[2]).replace(tzinfo=CHINA).timestamp()
    except ValueError:
        return None


def _until(moment: float | None, headers: Mapping[str, str]) -> float | None:
    now = _date(headers.get("date", ""))
    return moment - now if moment is not None and now is not None and moment > now else None


def _until_midnight(headers: Mapping[str, str]) -> float | None:
    """Relays count days in China's time."""
    now = _date(headers.get("date", ""))
    return None if now is None else 86400 - (now + 8 * 3600) % 86400


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


def _first(values: Iterable[float | None]) -> float | None:
    return next((value for value in values if value is not None), None)
