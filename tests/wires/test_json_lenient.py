"""Objects whose fields have other types than the API says are read all the same; what is no object is refused."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec import UNSET, Raw, Struct, UnsetType

from daemon.wires.json import NOT_JSON, LenientDecoder


class Inner(Struct):
    name: str | None = None
    parts: str | list[Inner] | None = None


class Outer(Struct):
    text: str | None = None
    word: str = "unsaid"
    count: int | None = None
    place: int = -1
    inner: Inner | None = None
    inners: list[Inner] | None = None
    raws: list[Raw] | None = None
    either: str | list[Inner] | None = None
    fields: dict[str, Raw] | None = None
    kept: Raw | UnsetType = UNSET
    open: Any = None


class Strict(Struct):
    type: str


READ = LenientDecoder(Outer).decode

ROWS: list[tuple[bytes, Outer]] = [
    (b'{"text":5}', Outer(text="5")),
    (b'{"text":12345678901234567890}', Outer(text="12345678901234567890")),
    (b'{"text":false,"word":{}}', Outer()),
    (b'{"text":["a"],"word":null}', Outer()),
    (b'{"count":"10","place":" 2 "}', Outer(count=10, place=2)),
    (b'{"count":5.0,"place":"-1"}', Outer(count=5)),
    (b'{"count":5.5,"place":"x"}', Outer()),
    (b'{"count":true,"place":null}', Outer()),
    (b'{"count":1e30,"place":"99999999999999999999"}', Outer()),
    (b'{"inner":"x","inners":5}', Outer()),
    (b'{"inner":{"name":1}}', Outer(inner=Inner("1"))),
    (b'{"inners":[1,{"name":2},null]}', Outer(inners=[Inner("2")])),
    (b'{"inners":{"name":"one"}}', Outer(inners=[Inner("one")])),
    (b'{"raws":{},"text":1}', Outer(text="1")),
    (b'{"either":3}', Outer(either="3")),
    (b'{"either":[{"name":3,"parts":[{"name":4}]}]}', Outer(either=[Inner("3", [Inner("4")])])),
    (b'{"text":"\\ud83d\\ude00","count":"1"}', Outer(text="😀", count=1)),
    (b'{"open":[1],"count":"1","unknown":{}}', Outer(open=[1], count=1)),
]


@pytest.mark.parametrize(("sent", "expected"), ROWS, ids=[row[0].decode() for row in ROWS])
def test_each_field_is_read_by_itself(sent: bytes, expected: Outer) -> None:
    assert READ(sent) == expected


def test_what_stays_raw_stays_as_it_came() -> None:
    read = READ(b'{"kept":{"a": 1},"fields":{"b":[ ]},"raws":[{"c" :2}],"place":null}')
    assert isinstance(read.kept, Raw) and bytes(read.kept) == b'{"a": 1}'
    assert {name: bytes(raw) for name, raw in (read.fields or {}).items()} == {"b": b"[ ]"}
    assert [bytes(raw) for raw in read.raws or ()] == [b'{"c" :2}']


@pytest.mark.parametrize(
    "sent", [b"", b"ping", b"null", b"[]", b"5", b'"x"', b'{"text":5', b"\xff", b'{"inner":' + b"[" * 100_000]
)
def test_what_is_no_object_is_refused(sent: bytes) -> None:
    with pytest.raises(NOT_JSON):
        READ(sent)


def test_a_field_that_has_no_default_must_be_readable() -> None:
    assert LenientDecoder(Strict).decode(b'{"type":5}').type == "5"
    with pytest.raises(msgspec.ValidationError):
        LenientDecoder(Strict).decode(b'{"type":{}}')
