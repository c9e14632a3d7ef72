"""What an update would put in force, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.reload.check import check
from daemon.sources.base import Update

LITERAL = (
    b"packycode:\n  enabled: true\n  base-url: https://a.example\n  credentials:\n    openai-api-key: sk-literal\n"
)
REFERENCE = LITERAL.replace(b"sk-literal", b"env:KEY")


@pytest.mark.parametrize(
    ("raw", "mode", "warned"),
    [
        (LITERAL, 0o100644, True),
        (LITERAL, 0o100640, True),
        (LITERAL, 0o100600, False),
        (REFERENCE, 0o100644, False),
        (LITERAL, 0, False),
    ],
)
def test_a_literal_key_in_a_file_that_others_can_read_is_warned_of(raw: bytes, mode: int, warned: bool) -> None:
    update = Update(source="config.yaml", raw=raw, digest="", mode=mode)
    found = check(update, environ={"KEY": "sk-from-environment"}, base=Path())
    assert found.snapshot is not None
    assert [each.code for each in found.diagnostics] == (["exposed"] if warned else [])
    assert "sk-" not in "".join(map(str, found.diagnostics))
