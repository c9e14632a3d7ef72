"""Stop sequences for upstreams whose wire has none: the text is watched here.

Invariants:
1. What has been passed on never holds a stop sequence nor a part of the one that ended the answer.
2. Text is held back only as long as it may still become a stop sequence, and only that much of it.
3. The sequence that is complete first ends the answer, as it would have ended the model's writing.
4. Each text block is watched by itself; thinking and tool calls are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from daemon.gateway.counting import BYTES_PER_TOKEN
from daemon.inference.events import (
    BlockDelta,
    BlockEnd,
    BlockStart,
    Cited,
    Event,
    Finish,
    MessageStart,
    PartBreak,
    StreamError,
)
from daemon.inference.response import FinishReason


class StopScanner:
    """One answer's watch. ``match`` is the sequence that ended it, ``ended`` whether the upstream had
    ended by itself by then, ``output_tokens`` an estimate of what was passed on."""

    __slots__ = ("_bytes", "_held", "_open", "_sequences", "ended", "match")

    def __init__(self, sequences: Sequence[str]) -> None:
        self._sequences = tuple(sequence for sequence in sequences if sequence)
        self._open: dict[int, bool] = {}  # block index -> whether it is text
        self._held: dict[int, str] = {}
        self._bytes = 0
        self.match: str | None = None
        self.ended = False

    @property
    def output_tokens(self) -> int:
        return self._bytes // BYTES_PER_TOKEN

    def scan(self, events: Sequence[Event]) -> list[Event]:
        """What may be passed on of ``events``; after a stop sequence, with the end of the answer."""
        out: list[Event] = []
        if self.match is not None:
            return out
        for position, event in enumerate(events):
            if self._take(event, out):
                self._end(events[position:], out)
                break
        return out

    def _take(self, event: Event, out: list[Event]) -> bool:
        """Whether a stop sequence was found."""
        match event:
            case BlockStart(index=index, kind=kind):
                self._open[index] = kind == "text"
                out.append(event)
            case BlockDelta(index=index, text=text) if self._open.get(index):
                return self._text(index, self._held.pop(index, "") + text, out)
            case BlockDelta():
                self._bytes += len(event.text)
                out.append(event)
            case BlockEnd(index=index):
                self._release(index, out)
                self._open.pop(index, None)
                out.append(event)
            case Finish() | StreamError():
                for index in tuple(self._held):
                    self._release(index, out)
                out.append(event)
            case MessageStart() | PartBreak() | Cited():
                out.append(event)
            case _:
                assert_never(event)
        return False

    def _text(self, index: int, text: str, out: list[Event]) -> bool:
        if (first := self._first(text)) is not None:
            start, self.match = first
            self._pass(index, text[:start], out)
            return True
        overlap = max((_overlap(text, sequence) for sequence in self._sequences), default=0)
        if overlap:
            self._held[index] = text[-overlap:]
        self._pass(index, text[: len(text) - overlap], out)
        return False

    def _first(self, text: str) -> tuple[int, str] | None:
        """(start, sequence) of the sequence that is complete first; of two at once the longer."""
        starts = ((text.find(sequence), sequence) for sequence in self._sequences)
        complete = [(start + len(sequence), start, sequence) for start, sequence in starts if start >= 0]
        if not complete:
            return None
        _, start, sequence = min(complete)
        return start, sequence

    def _pass(self, index: int, text: str, out: list[Event]) -> None:
        if text:
            self._bytes += len(text.encode("utf-8", "surrogatepass"))
            out.append(BlockDelta(index, text))

    def _release(self, index: int, out: list[Event]) -> None:
        self._pass(index, self._held.pop(index, ""), out)

    def _end(self, rest: Sequence[Event], out: list[Event]) -> None:
        """Close what is open and finish. Where the upstream's own end came along, its usage is known."""
        finish = next((event for event in rest if isinstance(event, Finish)), None)
        self.ended = finish is not None
        out += (BlockEnd(index) for index in self._open)
        out.append(
            Finish(
                FinishReason.STOP_SEQUENCE,
                finish.usage if finish else None,
                self.match,
                finish.service_tier if finish else None,
            )
        )


def _overlap(text: str, sequence: str) -> int:
    """Length of the longest end of ``text`` that is a proper beginning of ``sequence``."""
    at = text.find(sequence[0], max(0, len(text) - len(sequence) + 1))
    while at >= 0:
        if sequence.startswith(text[at:]):
            return len(text) - at
        at = text.find(sequence[0], at + 1)
    return 0
