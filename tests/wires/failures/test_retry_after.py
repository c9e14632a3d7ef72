"""When to come back, in every form in which an upstream says it."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.wires.failures.retry_after import MOST_WAIT, wait_in_words, wait_of

DATE = "Fri, 21 Nov 2025 00:00:00 GMT"
EPOCH = 1763683200


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.9, "Please try again in 900ms."),
        (360.0, "Try again in 6m0s"),
        (363.5, "Please try again in 6m3.5s."),
        (21.4, "Please retry in 21.4s."),
        (20.0, "retry after 20 seconds"),
        (3900.0, "try again in 1 hour and 5 minutes"),
        (12000.0, "Your limit resets in 3h 20m"),
        (2520.0, "已达到请求次数限制 (100 次)，将在 42 分钟后重置"),
        (30.0, "请求过于频繁，请在 30 秒后重试"),
        (7200.0, "请 2 个小时后再试"),
        (5400.0, "1小时30分钟后恢复"),
        (300.0, "请等待 5 分钟"),
        (180.0, "您已达到请求数限制：3分钟内最多请求10次"),
        (172800.0, "2 天后恢复"),
        (None, "请稍后再试"),
        (None, "waited 30 s for 3 minutes of talk"),
        (None, "最大 30 秒的音频"),
    ],
)
def test_in_words(seconds: float | None, text: str) -> None:
    assert wait_in_words(text) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("seconds", "resets_at", "headers", "fields"),
    [
        (2520.0, None, {"retry-after": "1"}, {"remainingMinutes": 42}),
        (2520.0, EPOCH + 2520, {"date": DATE}, {"resetAt": "2025-11-21T00:42:00.000Z"}),
        (None, EPOCH + 60, {}, {"resets_at": (EPOCH + 60) * 1000}),
        (60.0, EPOCH + 60, {"date": DATE}, {"resets_at": str(EPOCH + 60)}),
        (None, None, {"date": DATE}, {"resets_at": EPOCH - 60}),
        (9.0, EPOCH + 60, {"date": DATE}, {"resets_at": EPOCH + 60, "resets_in_seconds": 9}),
        (21.4, None, {}, {"details": [{"@type": "…RetryInfo", "retryDelay": "21.4s"}]}),
        (30.0, None, {}, {"retryAfter": 30}),
        (30.0, None, {}, {"metadata": {"retry_after_seconds": "30"}}),
        (60.0, EPOCH + 60, {"date": DATE}, {"retryAfter": "2025-11-21T08:01:00+08:00"}),
        (1.5, None, {"retry-after-ms": "1500"}, {"retryAfter": -1}),
        (None, None, {}, {"retryAfter": True, "resets_at": 5, "retry_delay": "soon"}),
    ],
)
def test_in_fields_and_headers(
    seconds: float | None, resets_at: float | None, headers: dict[str, str], fields: dict[str, Any]
) -> None:
    wait = wait_of([fields], headers, "")
    assert wait.seconds == (None if seconds is None else pytest.approx(seconds))
    assert wait.resets_at == resets_at


@pytest.mark.parametrize(
    ("seconds", "headers", "text"),
    [
        (57600.0, {"date": DATE}, "今日额度已用完，请次日再试"),
        (None, {}, "今日额度已用完，请明日再试"),
        (27000.0, {"date": DATE}, "您的限额将在 2025-11-21 15:30:00 重置"),
        (None, {}, "您的限额将在 2025-11-21 15:30:00 重置"),
    ],
)
def test_a_day_ends_at_midnight_in_china(seconds: float | None, headers: dict[str, str], text: str) -> None:
    assert wait_of([], headers, text).seconds == seconds


HUGE = 99_999_999_999_999


@pytest.mark.parametrize(
    ("headers", "fields", "text"),
    [
        ({"retry-after": str(HUGE)}, {}, ""),
        ({"retry-after": "1e300"}, {}, ""),
        ({"retry-after": "86401"}, {}, ""),
        ({"retry-after-ms": str(HUGE)}, {}, ""),
        ({"retry-after": "Fri, 21 Nov 2098 00:00:00 GMT", "date": DATE}, {}, ""),
        ({}, {"retry_after": HUGE}, ""),
        ({}, {"resets_in_seconds": 1e300}, ""),
        ({}, {"remainingHours": HUGE}, ""),
        ({}, {"retryDelay": "999999999999h"}, ""),
        ({"date": DATE}, {"resets_at": HUGE}, ""),
        ({"date": DATE}, {"resets_at": 1e300}, ""),
        ({"date": DATE}, {"resetAt": "9999-12-31T23:59:59Z"}, ""),
        ({}, {}, "Please try again in 99999999h"),
        ({}, {}, "将在 99999999 天后重置"),
        ({"date": DATE}, {}, "您的限额将在 2099-11-21 15:30:00 重置"),
    ],
)
def test_nobody_waits_longer_than_a_day(headers: dict[str, str], fields: dict[str, Any], text: str) -> None:
    """Wherever the number stands, however long it is: 24 hours at most."""
    assert wait_of([fields], headers, text).seconds == MOST_WAIT == 86_400


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "-inf", "1e400", "9" * 400, "soon", "", "0x10", "-1e300"])
def test_what_is_no_wait_is_none(value: str) -> None:
    """Neither a header nor a field with it gives a wait, and the moment of a field like that is none either."""
    for headers, fields in (({"retry-after": value}, {}), ({"retry-after-ms": value}, {}), ({}, {"retryAfter": value})):
        assert wait_of([fields], headers, "") == (None, None)
    assert wait_of([{"resets_at": value}], {}, "") == (None, None)


@pytest.mark.parametrize("moment", [1e300, 4_102_444_801_000, "9999-12-31T23:59:59Z"])
def test_a_moment_that_nobody_lives_to_see_is_none(moment: object) -> None:
    assert wait_of([{"resets_at": moment}], {}, "") == (None, None)


def test_a_hostile_text_takes_no_time() -> None:
    """Nothing here may take time that grows with the square of the length."""
    for text in ("1" * 200_000, "1 " * 100_000, "retry in " + " " * 200_000, "等待" + "x" * 200_000):
        assert wait_in_words(text[:2000]) is None
