"""Thinking in an answer whose client did not ask for any: never its first block, and never its last word.

``message.content[0].text`` is in every tutorial, so such an answer must not begin with thinking, and Claude Code
(2.1.332) takes the last block for the result, so it must not end with thinking behind its text. Still the
upstream needs its reasoning back with the results of its calls, and before the call it led to (OpenAI). So:

1. Thinking is held back until another block follows, and left out where none does: nobody will ask for it.
2. Thinking that came before the first text or call stands behind that block, with a mark at the front of its
   signature: behind a call at once, behind text as soon as another block follows. On the way up it is put back.
3. Without a signature no upstream could use it, and it is left out.
4. What has nothing to show, but has to go back with its call (Gemini's signatures), is kept also where the client
   switched thinking off, and may be the last block of an answer that calls a tool. Behind text it waits as in 1,
   whoever asked for thinking.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from daemon.inference.blocks import Block, Reasoning, Text
from daemon.inference.events import BlockEnd, room_of
from daemon.inference.request import ReasoningOptions

MARK: Final = "moved."
"""Stands before the signature, or the redacted data, of a block that was moved."""


class HeldThinking:
    """The thinking of one answer that waits for its place. ``spoken``: whether there was text or a call. ``kept``:
    bytes of it."""

    __slots__ = ("_asked", "_text", "_waiting", "kept", "spoken")

    def __init__(self, asked: ReasoningOptions) -> None:
        self._asked = asked
        self._text = bytearray()
        self.kept = 0
        self._waiting: list[Reasoning] = []
        self.spoken = False

    @property
    def growing(self) -> bool:
        """Whether the block that grows has text so far."""
        return bool(self._text)

    def say(self, text: str) -> None:
        """More text of the block that grows."""
        written = text.encode()
        self._text += written
        self.kept += len(written)

    def end(self, end: BlockEnd) -> None:
        """The block that grew is whole."""
        parts = (self._text.decode(),) if self._text else ()
        self.kept -= len(self._text)
        self._text.clear()
        self.add(Reasoning(parts=parts, signature=end.signature, redacted=end.redacted))

    def add(self, thought: Reasoning) -> None:
        """A whole block. Left out without a signature, and where that is all and thinking was switched off."""
        if not thought.signature or (self._asked.enabled is False and not thought.text and not thought.redacted):
            return
        self.kept += room_of(thought.text) + len(thought.signature)
        self._waiting.append(thought if self.spoken else replace(thought, signature=MARK + thought.signature))

    def take(self) -> list[Reasoning]:
        """What is to be written here, between two blocks; nothing before the first text or call."""
        if not self.spoken:
            return []
        thoughts, self._waiting = self._waiting, []
        self.kept = len(self._text)
        return thoughts

    def take_last(self) -> list[Reasoning]:
        """What is to be written behind the last block, a call."""
        return [thought for thought in self.take() if thought.redacted]


def put_back(blocks: Sequence[Block]) -> tuple[Block, ...]:
    """A message's blocks as the upstream made them: moved thinking before the block it stands behind, unmarked.
    Empty text is a keep-alive's, and no block of the upstream's."""
    out: list[Block] = []
    for block in blocks:
        if isinstance(block, Reasoning) and block.signature and block.signature.startswith(MARK):
            place = len(out)
            while place and _is_empty(out[place - 1]):
                place -= 1
            out.insert(max(0, place - 1), replace(block, signature=block.signature.removeprefix(MARK)))
        else:
            out.append(block)
    return tuple(out)


def _is_empty(block: Block) -> bool:
    return isinstance(block, Text) and not block.text
