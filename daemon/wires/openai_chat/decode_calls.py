"""The tool calls of a streaming answer, put together from fragments.

Invariants:
1. A call is known by its ``index``; where a server sends none, by its id, else it is the last one.
2. Where these say nothing (parallel calls all at index 0, with or without ids: gcli2api#406, hermes-agent#57939), its
   wholeness decides: a name that comes to arguments which are whole begins another call, unless it says a whole call
   again. A new id that comes with the same name while arguments are unfinished is the same call (camel#3662).
3. A call whose arguments are whole ends when something else begins, so that what follows need not
   wait for the end of the answer; fragments that interleave keep it open. Arguments that say nothing may still be
   replaced, and end when other content or a later call has something to say.
"""

from __future__ import annotations

from collections.abc import Mapping

from daemon.inference.events import OBJECT
from daemon.wires.call_arguments import NO_ARGUMENTS, says_nothing
from daemon.wires.json import json_text
from daemon.wires.openai_chat.carried_state import state_of_call
from daemon.wires.openai_chat.schema import CalledFunction, CallPart
from daemon.wires.openai_chat.streamed_call import StreamedCall
from daemon.wires.sse_decoder import MOST_BLOCKS, BlockWriter, too_many

TakenPart = tuple[StreamedCall, bool, str]
"""What a fragment meant: of which call it is, whether it is the first of it, and the arguments that go on by it."""


class CallTable:
    """The calls of one answer, in the order in which they began. ``taken`` are the fragments of the last event;
    ``odd``: not all of them were what a client would take them for."""

    __slots__ = ("_by_index", "_calls", "_names", "_owners", "_writer", "answer_id", "odd", "taken")

    def __init__(self, writer: BlockWriter, names: Mapping[str, str]) -> None:
        self._writer = writer
        self._names = names
        self._calls: list[StreamedCall] = []
        # Fragments name their call by index or, at servers that send none, by id. An index may be given to a second
        # call (invariant 2), and an id only to one: a second call under a known id gets an id of ours.
        self._by_index: dict[int, StreamedCall] = {}
        self._owners: dict[str, StreamedCall] = {}
        self.answer_id = ""
        """The upstream's, which makes the ids of calls without one unlike those of other answers. Without it such a
        call has no id here: whoever writes to the client makes one (``call_ids``)."""
        self.odd = False
        self.taken: list[TakenPart] = []

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
            arguments = function.arguments
            name, text = function.name, arguments if isinstance(arguments, str) else json_text(arguments) or ""
        elif custom is not None:
            name, text = custom.name, custom.input or ""
        index = part.index if part.index is not None and part.index >= 0 else None
        call = self._known(index, part.id, name)
        first = False
        if call is not None and not name:
            name = call.named_again
        if call is None or name:
            repeated = self._repeated(index, part.id, name, text) if name and text.lstrip().startswith("{") else None
            if repeated is not None:
                self.odd = True
                self.taken.append((repeated, False, ""))
                return
            if call is None or (name and self._is_another(call, index, part.id, name, text)):
                call, first = self._new(call, index), True
        if text and not call.flowing and len(self._calls) > 1 and not says_nothing(text.encode()):
            self._end_before(call)
        if name or part.id or custom is not None:
            self._describe(call, part, name, custom=custom is not None or part.type == "custom", first=first)
        if state := state_of_call(part):
            call.carry(state)
        sent = call.delta(text)
        self.taken.append((call, first, sent))
        if sent != text or index != call.number or (first and not part.id):
            self.odd = True

    def _describe(self, call: StreamedCall, part: CallPart, name: str | None, *, custom: bool, first: bool) -> None:
        id_ = part.id if part.id and self._owner(part.id, call) is call else None
        if id_ and id_ != call.id and not first:
            call.id_varies = call.id is not None
            self.odd = True
        call.describe(id_, name, custom=custom)

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
        """Other content begins: every call that has a name by now starts, and a whole one ends."""
        for call in self._calls:
            call.start()
            if call.name and not call.ended and call.whole:
                call.end()

    def finish(self) -> None:
        """The answer is over: every call starts and ends."""
        for call in self._calls:
            call.start()
            call.end()

    def unsaid(self) -> list[TakenPart]:
        """What is due of them at the end, for who sends fragments on as they come: arguments that waited, and ``{}``
        for calls that had none. It is said by that."""
        parts: list[TakenPart] = []
        for call in self._calls:
            if call.name and not call.flowing and not call.custom:
                parts.append((call, False, call.start() or NO_ARGUMENTS))
                call.flowing = True
        return parts

    # --- which call a fragment is of ---

    def _known(self, index: int | None, id_: str | None, name: str | None) -> StreamedCall | None:
        if index is not None:
            return self._by_index.get(index)
        last = self._calls[-1] if self._calls else None
        if not id_:
            return last
        return self._owners.get(id_) or (last if last is not None and name == last.name else None)

    def _is_another(self, known: StreamedCall, index: int | None, id_: str | None, name: str, text: str) -> bool:
        """Whether a fragment with a name, which might be of ``known``, begins another call."""
        new_id = bool(id_ and known.id and id_ != known.id)
        if known.custom:
            return new_id or (index is None and not id_ and known.begun)
        if name != known.name:
            if new_id or not known.name or not known.begun:
                return new_id
            return known.seems_whole() or (index is None and not id_)
        if not known.begun:
            return new_id and index is None and not text
        if new_id and not known.id_varies:
            return known.seems_whole()
        if not text:
            known.named_again = known.name if known.flowing and known.seems_whole() else ""
        return text.lstrip().startswith("{") and not known.says_nothing and known.seems_whole()

    def _repeated(self, index: int | None, id_: str | None, name: str, text: str) -> StreamedCall | None:
        """The call that a fragment says once more, as some servers do with all calls of an answer in their last
        chunk. What has an id or an index of its own is a call of its own, whatever it says."""
        for call in self._calls:
            same_place = index is None or call.index == index
            same_id = not id_ or id_ == call.id or call.id_varies
            if call.name == name and same_place and same_id and not call.custom and call.repeats(text):
                return call
        return None

    def _new(self, known: StreamedCall | None, index: int | None) -> StreamedCall:
        """A call that begins. ``known`` gives its index to it, and gets no more."""
        for call in self._calls:
            call.start()
            if call.name and not call.ended and call.whole and (call is known or not call.says_nothing):
                call.end()
        number = len(self._calls)
        if number >= MOST_BLOCKS:
            raise too_many()
        fallback_id = f"call_{self.answer_id}_{number}" if self.answer_id else None
        call = StreamedCall(self._writer, self._names, number, index, fallback_id)
        self._writer.kept += 4 * OBJECT
        self._calls.append(call)
        if index is not None:
            self._by_index[index] = call
        return call

    def _end_before(self, later: StreamedCall) -> None:
        """A later call has something to say: those before it whose arguments say nothing have none."""
        for call in self._calls[: later.number]:
            if call.name and not call.ended and call.says_nothing and call.begun:
                call.end()
