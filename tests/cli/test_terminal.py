"""Colour, width and columns of what commands print."""

from __future__ import annotations

import io

import pytest

from daemon.cli.terminal import STATES, Terminal, columns, padded, table, terminal


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environ", "on_a_terminal", "into_a_pipe"),
    [
        ({}, True, False),
        ({"TERM": "xterm-256color"}, True, False),
        ({"TERM": "dumb"}, False, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": ""}, True, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": "0"}, True, False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, True, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False),
    ],
)
def test_who_gets_colours(environ: dict[str, str], on_a_terminal: bool, into_a_pipe: bool) -> None:
    assert terminal(Screen(), environ).colour is on_a_terminal
    assert terminal(io.StringIO(), environ).colour is into_a_pipe


def test_lines_are_broken_for_readers_and_whole_for_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert terminal(io.StringIO(), {}).width == 0
    assert terminal(io.StringIO(), {"COLUMNS": "x"}).width == terminal(io.StringIO(), {"COLUMNS": "0"}).width == 0
    assert terminal(Screen(), {}).width >= 1
    monkeypatch.setenv("COLUMNS", "55")
    assert terminal(io.StringIO(), {"COLUMNS": "55"}).width == 55


def test_a_line_is_broken_between_words_and_keeps_its_indent() -> None:
    lines = Terminal(width=44).wrapped("until the end of the day: https://a.example/" + "x" * 60, "    ")
    assert lines[0] == "    until the end of the day:"
    assert lines[1] == "    https://a.example/" + "x" * 60
    assert Terminal(width=10).wrapped("a " * 30, "") == ["a" + " a" * 19, "a" + " a" * 9], "40 columns at least"
    assert Terminal().wrapped("a " * 100, "  ") == ["  " + "a " * 100]


def test_columns_are_counted_as_they_are_seen() -> None:
    assert (columns("fox"), columns("狐狸"), padded("狐", 4)) == (3, 4, "狐  ")
    rows = [("狐狸", "1"), ("fox", "22", "end"), ("a",)]
    assert ["".join(row) for row in table(rows)] == ["狐狸  1", "fox   22  end", "a"]
    assert list(table([])) == []


@pytest.mark.parametrize("state", [*STATES, "unheard-of"])
def test_colours_change_no_text(state: str) -> None:
    assert Terminal().state(state) == state
    painted = Terminal(colour=True).state(state, "x")
    assert painted == "x" or (painted.startswith("\x1b[") and painted.endswith("mx\x1b[0m"))
