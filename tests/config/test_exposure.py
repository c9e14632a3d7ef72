"""A config that others can read and that holds a literal key is warned of."""

from __future__ import annotations

import pytest

from daemon.config.document import parse
from daemon.config.exposure import exposure

KEY = b"tppc: {providers: [{name: fox, api-key: sk-planted}]}"


@pytest.mark.parametrize("mode", [0o100644, 0o100640, 0o100604, 0o100666])
def test_a_literal_key_that_others_can_read(mode: int) -> None:
    warning = exposure(parse(KEY), mode)
    assert warning is not None
    assert (warning.dotted, warning.line, warning.column) == ("tppc.providers[0].api-key", 1, 41)
    assert "planted" not in str(warning)


@pytest.mark.parametrize(
    ("raw", "mode"),
    [
        (KEY, 0o100600),
        (KEY.replace(b"sk-planted", b"env:FOX_API_KEY"), 0o100644),
        (KEY.replace(b"sk-planted", b"''"), 0o100644),
        (b"remote-management: {secret-key: $2b$12$abc}", 0o100644),
        (b"remote-management: {secret-key: $argon2id$v=19$abc}", 0o100644),
        (b"tppc: 3\napi-keys: x\n", 0o100644),
    ],
)
def test_nothing_is_exposed(raw: bytes, mode: int) -> None:
    assert exposure(parse(raw), mode) is None
