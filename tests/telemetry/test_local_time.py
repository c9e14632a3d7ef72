"""One form of a moment, in the local time of the machine, for text and for JSON."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from daemon.telemetry.local_time import as_line_time, iso_time, line_time

AT = 1_795_226_400.1234  # 2026-11-21T02:00:00Z


@pytest.fixture(params=["UTC", "Asia/Shanghai", "America/St_Johns"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


def test_text_and_json_show_the_clock_on_the_wall(zone: str) -> None:
    clock, offset = {
        "UTC": ("02:00:00", "Z"),
        "Asia/Shanghai": ("10:00:00", "+08:00"),
        "America/St_Johns": ("22:30:00", "-03:30"),
    }[zone]
    day = "2026-11-20" if zone == "America/St_Johns" else "2026-11-21"
    assert line_time(AT) == f"{day} {clock}.123"
    assert iso_time(AT) == f"{day}T{clock}.123400{offset}"
    assert as_line_time(iso_time(AT)) == as_line_time("2026-11-21T02:00:00.123Z") == line_time(AT)


@pytest.mark.parametrize("text", ["?", "", "soon"])
def test_what_is_no_moment_stays_as_it_is(text: str) -> None:
    assert as_line_time(text) == text
