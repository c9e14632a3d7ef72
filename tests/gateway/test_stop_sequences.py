"""A stop sequence ends the answer wherever the text is cut, and nothing of it is shown."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.errors import ErrorKind, RemoteError
from daemon.gateway.stop_sequences import StopScanner
from daemon.inference.events import BlockDelta, BlockEnd, BlockStart, Event, Finish, MessageStart, StreamError
from daemon.inference.response import FinishReason, Usage

END = Finish(FinishReason.STOP, Usage(input_tokens=3, output_tokens=9))


def scanned(sequences: Sequence[str], pieces: Sequence[str]) -> tuple[str, str | None, list[Event]]:
    """(text shown, sequence found, all events) of one text block that comes in these pieces, each in its own read."""
    scanner = StopScanner(sequences)
    out = scanner.scan([MessageStart("", ""), BlockStart(0, "text")])
    for piece in pieces:
        if scanner.match is None:
            out += scanner.scan([BlockDelta(0, piece)])
    out += scanner.scan([BlockEnd(0), END])
    return "".join(event.text for event in out if isinstance(event, BlockDelta)), scanner.match, out


def expected(sequences: Sequence[str], text: str) -> tuple[str, str | None]:
    """By reading letter by letter, as a model would have written."""
    for length in range(1, len(text) + 1):
        ended = [sequence for sequence in sequences if text[:length].endswith(sequence)]
        if ended:
            longest = max(ended, key=len)
            return text[: length - len(longest)], longest
    return text, None


@pytest.mark.parametrize(
    ("shown", "match", "sequences", "text"),
    [
        ("hello", None, ["END"], "hello"),
        ("hello ", "END", ["END"], "hello END and more"),
        ("", "END", ["END"], "END"),
        ("abEN", None, ["END"], "abEN"),
        ("aaa", "aab", ["aab"], "aaaaab"),
        ("x", "bc", ["abcd", "bc"], "xbcd"),
        ("xa", "bc", ["abcd", "bc"], "xabcd"),
        ("é", "🚀", ["🚀"], "é🚀é"),
        ("text", "\n\n", ["\n\n", "\n\n\n"], "text\n\n\n"),
    ],
)
def test_at_every_cut(shown: str, match: str | None, sequences: list[str], text: str) -> None:
    assert expected(sequences, text) == (shown, match)
    for size in range(1, len(text) + 1):
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        assert scanned(sequences, pieces)[:2] == (shown, match)


@given(
    st.lists(st.text("abc", min_size=1, max_size=4), min_size=1, max_size=3),
    st.lists(st.text("abc", min_size=1, max_size=5), max_size=8),
)
def test_any_text_in_any_pieces(sequences: list[str], pieces: list[str]) -> None:
    assert scanned(sequences, pieces)[:2] == expected(sequences, "".join(pieces))


def test_the_end_closes_what_is_open_and_names_the_sequence() -> None:
    *_, block_end, finish = scanned(["END"], ["one END two"])[2]
    assert block_end == BlockEnd(0)
    assert finish == Finish(FinishReason.STOP_SEQUENCE, None, "END")


def test_usage_is_the_upstreams_where_its_end_came_along() -> None:
    scanner = StopScanner(["END"])
    events = scanner.scan([BlockStart(0, "text"), BlockDelta(0, "one END"), BlockEnd(0), END])
    assert events[-1] == Finish(FinishReason.STOP_SEQUENCE, END.usage, "END")
    assert scanner.ended
    assert scanner.scan([BlockDelta(0, "more")]) == []


def test_only_text_is_watched_each_block_by_itself() -> None:
    scanner = StopScanner(["END"])
    events: list[Event] = [
        BlockStart(0, "reasoning"),
        BlockDelta(0, "END"),
        BlockEnd(0),
        BlockStart(1, "tool_call", "c", "f"),
        BlockDelta(1, '{"a":"END"}'),
        BlockEnd(1),
        BlockStart(2, "text"),
        BlockDelta(2, "EN"),
        BlockEnd(2),
        BlockStart(3, "text"),
        BlockDelta(3, "D"),
        BlockEnd(3),
        END,
    ]
    assert scanner.scan(events) == events
    assert scanner.match is None


def test_what_is_held_back_is_shown_before_a_failure() -> None:
    scanner = StopScanner(["END"])
    failure = StreamError(RemoteError(ErrorKind.API, "cut"))
    events = scanner.scan([BlockStart(0, "text"), BlockDelta(0, "xEN"), failure])
    assert events[1:] == [BlockDelta(0, "x"), BlockDelta(0, "EN"), failure]


def test_text_is_passed_on_as_it_comes() -> None:
    scanner = StopScanner(["END"])
    scanner.scan([BlockStart(0, "text")])
    assert scanner.scan([BlockDelta(0, "a whole sentence. E")]) == [BlockDelta(0, "a whole sentence. ")]
    assert scanner.output_tokens == 4
