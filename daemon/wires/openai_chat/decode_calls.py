"""The tool calls of a streaming answer, put together from fragments.

Invariants:
1. A call is known by its ``index``; where a server sends none, by its id, else it is the last one.
   A new id that comes with a name opens a new call, also under an index that is taken.
2. Its block starts with its first arguments, or when something else begins: until then the name may
   still come in pieces and the id may still be missing. A name that is repeated is one name.
3. A call whose arguments are whole ends when something else begins, so that what follows need not
   wait for the end of the answer; fragments that interleave keep it open.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from daemon.inference.events import OBJECT, BlockKind
from daemon.wires.json import encode, is_json, json_text
from daemon.wires.openai_chat.carried_state import CarriedState, state_of_call, write_carrier
from daemon.wires.openai_chat.schema import CalledFunction, CallPart
from daemon.wires.sse_decoder import MOST_BLOCKS, BlockWriter, too_many
from daemon.wires.tools import InputReader, called_tool

LONGEST_NAME: Final = 4096
"""Characters of a tool's name: what comes in pieces must not grow without end."""


class StreamedCall:
    """One call. ``whole`` says whether its arguments are complete by themselves."""

    __slots__ = (
        "_arguments",
        "_block",
        "_fallback_id",
        "_names",
        "_reader",
        "_state",
        "_writer",
        "custom",
        "ended",
        "id",
        "name",
    )

    def __init__(self, writer: BlockWriter, names: Mapping[str, str], fallback_id: str | None) -> None:
        self._writer = writer
        self._names = names
        self._fallback_id = fallback_id
        # All arguments so far. Until the block starts they wait here; afterwards they say whether the call is whole.
        self._arguments = bytearray()
        self._block: int | None = None
        self._reader: InputReader | None = None  # of a custom tool that travelled as a function: its text is unwrapped
        self._state: Mapping[str, Any] = {}
        self.id: str | None = None
        self.name = ""
        self.custom = False
        self.ended = False

    @property
    def begun(self) -> bool:
        """Whether any of its arguments came, or its block is open."""
        return bool(self._arguments) or self._block is not None

    @property
    def whole(self) -> bool:
        """Whether the arguments are one JSON value by now; of a custom call nobody knows."""
        return not self.custom and is_json(bytes(self._arguments))

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

    def delta(self, text: str) -> None:
        """More arguments; they open the block, once the name is known."""
        if not text or self.ended:
            return
        written = text.encode()
        self._arguments += written
        self._writer.kept += len(written)
        if self._block is not None:
            self._write(self._block, text)
        else:
            self.start()

    def start(self) -> None:
        """Opens the block, if the name is known; what came before it follows."""
        if self._block is not None or not self.name:
            return
        if self._state:
            write_carrier(self._writer, CarriedState(call=self._state).signature())
        tool = called_tool(self._names, self.name)
        if tool.custom and not self.custom:
            self._reader = InputReader()
        kind: BlockKind = "custom_tool_call" if self.custom or tool.custom else "tool_call"
        id_ = self.id or self._fallback_id
        self._block = block = self._writer.start(kind, id=id_, name=tool.name, namespace=tool.namespace)
        if self._arguments:
            self._write(block, self._arguments.decode())

    def end(self) -> None:
        """Closes the block; a call without a name has none and vanishes."""
        if self.ended:
            return
        self.ended = True
        if self._block is None:
            return
        if self._reader is not None and (rest := self._reader.close()):
            self._writer.delta(self._block, rest)
        self._writer.end(self._block)

    def _write(self, block: int, text: str) -> None:
        if self._reader is not None:
            text = self._reader.feed(text)
        if text:
            self._writer.delta(block, text)


class CallTable:
    """The calls of one answer, in the order in which they began."""

    __slots__ = ("_by_index", "_calls", "_names", "_owners", "_writer", "answer_id")

    def __init__(self, writer: BlockWriter, names: Mapping[str, str]) -> None:
        self._writer = writer
        self._names = names
        self._calls: list[StreamedCall] = []
        # Fragments name their call by index or, at servers that send none, by id. An index may be given to a second
        # call (invariant 1), and an id only to one: a second call under a known id gets an id of ours.
        self._by_index: dict[int, StreamedCall] = {}
        self._owners: dict[str, StreamedCall] = {}
        self.answer_id = ""
        """The upstream's, which makes the ids of calls without one unlike those of other answers. Without it such a
        call has no id here: whoever writes to the client makes one (``call_ids``)."""

    @property
    def named(self) -> bool:
        """Whether a call came that a client can make."""
        return any(call.name for call in self._calls)

    @property
    def whole(self) -> bool:
        """Whether no call was cut in its arguments."""
        return all(call.custom or call.whole or not call.begun for call in self._calls)

    def take(self, part: CallPart) -> None:
        """A fragment, or a whole call."""
        function, custom = part.function, part.custom
        name, text = None, ""
        if function is not None:
            name, text = function.name, json_text(function.arguments) or ""
        elif custom is not None:
            name, text = custom.name, custom.input or ""
        call = self._find(part, name)
        id_ = part.id if part.id and self._owner(part.id, call) is call else None
        call.describe(id_, name, custom=custom is not None or part.type == "custom")
        if state := state_of_call(part):
            call.carry(state)
        call.delta(text)

    def _owner(self, id_: str, call: StreamedCall) -> StreamedCall:
        """Whose id it is: ``call``'s, if nobody has it."""
        owner = self._owners.get(id_)
        if owner is None:
            owner = self._owners[id_] = call
            self._writer.kept += len(id_) + OBJECT
        return owner

    def take_legacy(self, function: CalledFunction) -> None:
        """``function_call``, which had one call per answer and no ids."""
        self.take(CallPart(index=0, function=function))

    def settle(self) -> None:
        """Something else begins: every call that has a name by now starts, and a whole one ends."""
        for call in self._calls:
            call.start()
            if call.name and not call.ended and call.whole:
                call.end()

    def finish(self) -> None:
        """The answer is over: every call starts and ends."""
        for call in self._calls:
            call.start()
            call.end()

    def _find(self, part: CallPart, name: str | None) -> StreamedCall:
        index = part.index if part.index is not None and part.index >= 0 else None
        known = self._known(index, part.id, name)
        if known is not None and not (part.id and name and known.id and known.id != part.id):
            return known
        if self._calls:
            self.settle()
        fallback_id = f"call_{self.answer_id}_{len(self._calls)}" if self.answer_id else None
        if len(self._calls) >= MOST_BLOCKS:
            raise too_many()
        call = StreamedCall(self._writer, self._names, fallback_id)
        self._writer.kept += 4 * OBJECT
        self._calls.append(call)
        if index is not None:
            self._by_index[index] = call
        return call

    def _known(self, index: int | None, id_: str | None, name: str | None) -> StreamedCall | None:
        if index is not None:
            return self._by_index.get(index)
        if id_:
            return self._owners.get(id_)
        last = self._calls[-1] if self._calls else None
        return None if last is not None and name and last.begun else last
