"""What is kept unread is JSON all the same."""

from __future__ import annotations

import pytest
from msgspec import UNSET, Raw, UnsetType

from daemon.wires.json import check_utf8, copy_of, is_json, type_of


@pytest.mark.parametrize(
    ("expected", "text"),
    [(True, '{"a":[1]}'), (True, b" 5 "), (False, ""), (False, '{"a'), (False, "{} x"), (False, "[" * 100_000)],
)
def test_one_whole_value_is_json(expected: bool, text: bytes | str) -> None:
    assert is_json(text) is expected


@pytest.mark.parametrize(
    ("expected", "raw"), [(None, UNSET), (None, Raw(b"null")), (Raw(b"0"), Raw(b"0")), (Raw(b"{}"), Raw(b"{}"))]
)
def test_absent_and_null_are_not_kept(expected: Raw | None, raw: Raw | UnsetType) -> None:
    assert copy_of(raw) == expected


@pytest.mark.parametrize(
    ("expected", "raw"),
    [("a", b'{"b":1,"type":"a"}'), ("", b"{}"), ("", b'{"type":null}'), ("", b'{"type":5}'), ("", b"[]"), ("", b"{")],
)
def test_a_missing_type_is_empty(expected: str, raw: bytes) -> None:
    assert type_of(Raw(raw)) == expected


def test_what_is_no_utf8_is_refused() -> None:
    check_utf8("é".encode())
    with pytest.raises(UnicodeDecodeError):
        check_utf8(b"\xe9")
