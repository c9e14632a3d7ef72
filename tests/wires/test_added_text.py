"""System text in the middle of a conversation is marked, and known by its mark."""

from __future__ import annotations

import pytest

from daemon.wires.added_text import is_reminder, reminder


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        (reminder("a"), True),
        (f"{reminder('a')}\n\n{reminder('b')}\n", True),
        (f"{reminder('a')}\n\nhello\n\n{reminder('b')}", False),
        (f"hello {reminder('a')}", False),
        ("<system-reminder>hello", False),
        (" ", False),
        ("", False),
    ],
)
def test_what_no_user_has_written(text: str, marked: bool) -> None:
    assert is_reminder(text) is marked
