"""When text is coloured: NO_COLOR, FORCE_COLOR, TERM=dumb, in this order, else on a terminal."""

from __future__ import annotations

import io

import pytest

from daemon.telemetry.colour import is_coloured


class Stream(io.StringIO):
    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@pytest.mark.parametrize(
    "coloured, terminal, environ",
    [
        (True, True, {}),
        (False, False, {}),
        (False, True, {"NO_COLOR": "1"}),
        (True, True, {"NO_COLOR": ""}),
        (True, False, {"FORCE_COLOR": "1"}),
        (False, False, {"FORCE_COLOR": "0"}),
        (False, False, {"FORCE_COLOR": ""}),
        (False, True, {"NO_COLOR": "1", "FORCE_COLOR": "1"}),
        (False, True, {"TERM": "dumb"}),
        (True, False, {"TERM": "dumb", "FORCE_COLOR": "3"}),
    ],
)
def test_who_decides(coloured: bool, terminal: bool, environ: dict[str, str]) -> None:
    assert is_coloured(Stream(terminal=terminal), environ) is coloured
