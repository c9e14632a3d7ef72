"""One tool call of a streaming answer, as its fragments come.

1. Its block starts with its first arguments, or when something else begins: until then the name may still come in
   pieces and the id may still be missing. A name that is repeated is one name.
2. Arguments go on as they come, but for those that say nothing (``call_arguments``), and for what came before: a
   fragment that begins with all of them, and is no accident by its length, is cumulative (CCR#1431), and the same
   arguments once more are none.
3. A custom call has text, of which nobody knows whether it is whole, or said again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from daemon.inference.events import BlockDelta, BlockKind
from daemon.wires.call_arguments import NO_ARGUMENTS, continued, says_nothing
from daemon.wires.json import NOT_JSON, encode, is_json
from daemon.wires.openai_chat.carried_state import CarriedState, write_carrier
from daemon.wires.sse_decoder import BlockWriter
from daemon.wires.tools import InputReader, called_tool

LONGEST_NAME: Final = 4096
"""Characters of a tool's name: what comes in pieces must not grow without end."""

CUMULATIVE: Final = 16
"""Bytes of arguments that no fragment repeats by accident."""
READ_AGAIN: Final = 32
"""How many times the length of its arguments a call may be read to see whether they are whole, beside the first
``_READ_FREELY`` bytes: who sends a name with every fragment must not make it a matter of squares."""
_READ_FREELY: Final = 1024 * 1024


class StreamedCall:
    """One call, the ``number``th of its answer. ``flowing``: arguments have gone on to the client."""

    __slots__ = (
        "_arguments",
        "_block",
        "_fallback_id",
        "_names",
        "_read",
        "_reader",
        "_state",
        "_writer",
        "custom",
        "ended",
        "flowing",
        "id",
        "id_varies",
        "index",
        "name",
        "named_again",
        "number",
    )

    def __init__(
        self, writer: BlockWriter, names: Mapping[str, str], number: int, index: int | None, fallback_id: str | None
    ) -> None:
        self._writer = writer
        self._names = names
        self._fallback_id = fallback_id
        # All arguments so far. Until they flow they wait here; afterwards they say whether the call is whole.
        self._arguments = bytearray()
        self._block: int | None = None
        self._reader: InputReader | None = None  # of a custom tool that travelled as a function: its text is unwrapped
        self._read = 0
        self._state: Mapping[str, Any] = {}
        self.number = number
        self.index = index
        self.id: str | None = None
        self.id_varies = False  # whether fragments of it came under other ids: then these tell nothing
        self.name = ""
        self.named_again = ""  # its name, if that came once more behind whole arguments: another call may begin
        self.custom = False
        self.ended = False
        self.flowing = False

    @property
    def begun(self) -> bool:
        """Whether any of its arguments came, or its block is open."""
        return bool(self._arguments) or self._block is not None

    @property
    def whole(self) -> bool:
        """Whether the arguments are one JSON value by now; of a custom call nobody knows."""
        return not self.custom and ((self.begun and self.says_nothing) or is_json(bytes(self._arguments)))

    @property
    def says_nothing(self) -> bool:
        """Whether real arguments may still take the place of those that came."""
        return not self.flowing and says_nothing(self._arguments)

    @property
    def sent_id(self) -> str | None:
        """Its id, or one that is made of the answer's."""
        return self.id or self._fallback_id

    def seems_whole(self) -> bool:
        """As ``whole``, for one that may be asked at each fragment."""
        if self.says_nothing:
            return bool(self._arguments)
        if not self._arguments[-CUMULATIVE:].rstrip().endswith(b"}"):
            return False
        self._read += len(self._arguments)
        return self._read <= _READ_FREELY + READ_AGAIN * len(self._arguments) and self.whole

    def repeats(self, text: str) -> bool:
        """Whether ``text`` is its arguments, all of them, once more."""
        written = text.encode()
        if written == self._arguments:
            return True
        return len(written) < 2 * len(self._arguments) + CUMULATIVE and _is_same(written, bytes(self._arguments))

    def describe(self, id_: str | None, name: str | None, *, custom: bool) -> None:
        """What a fragment says of the call itself."""
        self.id = self.id or id_
        self.custom = self.custom or custom
        if name and name != self.name and not (self.name and self.begun):
            whole = name if name.startswith(self.name) else self.name + name
            if len(whole) <= LONGEST_NAME:
                self.name = whole

    def carry(self, state: Mapping[str, Any]) -> None:
        """What goes back with the call (``carried_state``): in a block before it, or where it comes late behind it."""
        if state == self._state:
            return
        if self._block is not None:
            write_carrier(self._writer, CarriedState(last_call=state).signature())
        else:
            self._writer.kept += len(encode(state))
        self._state = state

    def delta(self, text: str) -> str:
        """More arguments; they open the block, once the name is known. Returns what goes on to the client."""
        if not text or self.ended:
            return ""
        written = text.encode()
        arguments = self._arguments
        if not self.flowing:
            return self._begin(written)
        if len(written) >= len(arguments) and not self.custom:
            text = self._news(written)
            written = text.encode()
        arguments += written
        self._writer.kept += len(written)
        self._write(text)
        return text

    def start(self) -> str:
        """Opens the block, if the name is known; what came before it follows, and is returned."""
        if self._block is None:
            if not self.name:
                return ""
            if self._state:
                write_carrier(self._writer, CarriedState(call=self._state).signature())
            tool = called_tool(self._names, self.name)
            if tool.custom and not self.custom:
                self._reader = InputReader()
            kind: BlockKind = "custom_tool_call" if self.custom or tool.custom else "tool_call"
            self._block = self._writer.start(kind, id=self.sent_id, name=tool.name, namespace=tool.namespace)
        if self.flowing or (says_nothing(self._arguments) if not self.custom else not self._arguments):
            return ""
        self.flowing = True
        text = self._arguments.decode()
        self._write(text)
        return text

    def end(self) -> None:
        """Closes the block; a call without a name has none and vanishes."""
        if self.ended:
            return
        self.ended = True
        if self._block is None:
            return
        if self._arguments and not self.flowing and self._reader is None:
            self._writer.delta(self._block, NO_ARGUMENTS)
        if self._reader is not None and (rest := self._reader.close()):
            self._writer.delta(self._block, rest)
        self._writer.end(self._block)

    def _begin(self, written: bytes) -> str:
        """Arguments while none have gone on."""
        before = len(self._arguments)
        if not self.custom and before:
            if says_nothing(self._arguments):
                written = continued(self._arguments, written)
                self._arguments.clear()
            else:
                written = self._news(written).encode()
        self._arguments += written
        self._writer.kept += len(self._arguments) - before
        return self.start()

    def _news(self, written: bytes) -> str:
        """What a fragment says that has not been said: all of it, unless it begins with what was."""
        said = self._arguments
        again = written.startswith(said) and (
            len(said) >= CUMULATIVE or (len(written) == len(said) and said.startswith(b"{") and is_json(written))
        )
        return (written[len(said) :] if again else written).decode()

    def _write(self, text: str) -> None:
        if self._reader is not None:
            text = self._reader.feed(text)
        if text and self._block is not None:
            self._writer.events.append(BlockDelta(self._block, text))


_in_order = msgspec.json.Encoder(order="sorted").encode


def _is_same(one: bytes, other: bytes) -> bool:
    """Whether two texts are one JSON value, however they are spaced."""
    try:
        return _in_order(msgspec.json.decode(one)) == _in_order(msgspec.json.decode(other))
    except NOT_JSON:
        return False
