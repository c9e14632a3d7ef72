"""Calls and their results as every upstream takes them: each call once, under an id of its own, answered once, and the
answers straight behind the assistant's turn.

What the APIs say to anything else: OpenAI "An assistant message with 'tool_calls' must be followed by tool messages",
"No tool output found for function call", "No tool call found for function call output"; Anthropic "`tool_use` ids were
found without `tool_result` blocks immediately after", "unexpected `tool_use_id` found in `tool_result` blocks", "each
tool_use must have a single result", "`tool_use` ids must be unique" (all 2026).

The rules:
1. A result belongs to the oldest call of its id that has none yet, of the newest turn before it that has such a call;
   where there is none before it, to the first behind it.
2. A result for which no call is left, since there is none or it has been answered, is left out and reported as lost.
3. A call that has no result gets one that says so.
4. A call that is repeated in the same turn, and is answered once, is one call.
5. An id that an earlier call has is replaced, with that of its result (``call_ids`` says how and why).
6. Turns of the assistant in a row are one where a call of the first is answered behind the last. Results that come
   later still, or earlier, move up to the end of their turn.

Nothing here knows a wire: it orders ``TurnPart``s, which the hub's blocks, and each wire's raw JSON, are put into.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Generic, TypeVar

from msgspec import Struct

from daemon.wires.call_ids import next_number, unlike

T = TypeVar("T")

NO_RESULT: Final = "no result of this call is in the conversation"
"""What a call is answered with that nobody has answered."""


_STRAY: Final = "tool_result"

STRAY_MARK: Final = "[result of a tool call that is not in this conversation]"
"""Stands before results without calls where the user says nothing else: then the model reads them as text, since an
upstream refuses an empty conversation."""


class TurnPart(Struct, Generic[T]):
    """A part of a turn. ``calls`` is the id of the call that it makes, ``answers`` of the call that it answers.
    ``content`` is None in a result that was missing. ``same``: two calls with one id and this in common are one.
    ``call``: the call that a result belongs to."""

    content: T | None
    calls: str | None = None
    answers: str | None = None
    name: str = ""
    same: object = None
    call: TurnPart[T] | None = None


class Turn(Struct, Generic[T]):
    """``place``: its number in the client's request."""

    place: int
    assistant: bool
    parts: list[TurnPart[T]]


class Paired(Struct, Generic[T]):
    """``strays``: results without a call, and their places."""

    turns: list[Turn[T]]
    strays: list[tuple[int, TurnPart[T]]]

    @property
    def lost(self) -> list[str]:
        """The names of the results that are left out."""
        return [f"messages[{place}].{_STRAY}" for place, _ in self.strays]

    def written(self, sent: Iterable[object], as_text: Callable[[T], object]) -> tuple[list[object], Sequence[str]]:
        """(what goes up, what is lost) of what a wire has made of the turns. Results without a call are text where
        nobody else says anything."""
        if not (self.strays and _says_nothing(self.turns)):
            return [*sent], self.lost
        return [*sent, *(as_text(part.content) for _, part in self.strays if part.content is not None)], ()


class _Call(Struct, Generic[T]):
    part: TurnPart[T]
    run: int
    turn: Turn[T]
    result: TurnPart[T] | None = None
    home: Turn[T] | None = None
    """Where the result stands."""


def is_regular(turns: Iterable[tuple[bool, Iterable[tuple[str | None, str | None]]]]) -> bool:
    """Whether nothing is to change: (whether it is the assistant's, (call id, id answered) of each part) by turn."""
    used: set[str] = set()
    waiting: set[str] = set()
    for assistant, ids in turns:
        if assistant and waiting:
            return False
        for calls, answers in ids:
            if calls is not None:
                if calls in used:
                    return False
                used.add(calls)
                waiting.add(calls)
            elif answers is not None:
                if assistant or answers not in waiting:
                    return False
                waiting.remove(answers)
    return not waiting


def paired(turns: Sequence[Turn[T]], *, spelled: Callable[[TurnPart[T]], str], limit: int, whole: bool) -> Paired[T]:
    """``spelled`` writes a call's id as the upstream's wire takes it, in ``limit`` characters. ``whole`` false: ids are
    separated, and all stays where it is."""
    calls, strays = _match(turns)
    if whole:
        calls = _once(calls)
    _separate(calls, spelled, limit)
    if not whole:
        return Paired(list(turns), [])
    return Paired(_in_order(turns, calls, [part for _, part in strays]), strays)


def _says_nothing(turns: Iterable[Turn[T]]) -> bool:
    """Whether nobody but the assistant says anything in these turns."""
    return all(turn.assistant or not turn.parts for turn in turns)


# --- which result belongs to which call ----------------------------------------------------------


def _match(turns: Sequence[Turn[T]]) -> tuple[list[_Call[T]], list[tuple[int, TurnPart[T]]]]:
    calls: list[_Call[T]] = []
    open_: dict[str, list[_Call[T]]] = {}
    unmatched: list[tuple[Turn[T], TurnPart[T]]] = []
    run, before = 0, False
    for turn in turns:
        run += turn.assistant and not before
        before = turn.assistant
        for part in turn.parts:
            if part.calls is not None:
                calls.append(call := _Call(part, run, turn))
                open_.setdefault(part.calls, []).append(call)
            elif part.answers is not None:
                if waiting := open_.get(part.answers):
                    newest = waiting[-1].run
                    call = next(each for each in waiting if each.run == newest)
                    waiting.remove(call)
                    call.result, call.home = part, turn
                else:
                    unmatched.append((turn, part))
    strays: list[tuple[int, TurnPart[T]]] = []
    for turn, part in unmatched:
        later = next((call for call in open_.get(part.answers or "", ()) if call.turn.place > turn.place), None)
        if later is None:
            strays.append((turn.place, part))
        else:
            open_[part.answers or ""].remove(later)
            later.result, later.home = part, turn
    return calls, strays


def _once(calls: list[_Call[T]]) -> list[_Call[T]]:
    """Less the calls that only repeat another of their turn; these are taken out of it."""
    known: dict[tuple[int, str | None], list[_Call[T]]] = {}
    kept: list[_Call[T]] = []
    for call in sorted(calls, key=lambda call: call.result is None):  # the one that has been answered stays
        alike = known.setdefault((call.run, call.part.calls), [])
        if call.result is None and any(other.part.same == call.part.same for other in alike):
            call.turn.parts = [part for part in call.turn.parts if part is not call.part]
        else:
            alike.append(call)
            kept.append(call)
    staying = set(map(id, kept))
    return [call for call in calls if id(call) in staying]


def _separate(calls: Iterable[_Call[T]], spelled: Callable[[TurnPart[T]], str], limit: int) -> None:
    used: set[str] = set()
    for call in calls:
        sent = spelled(call.part)
        if sent in used:
            sent = next_number(sent, call.part.name, used, at_least=len(used)) or unlike(sent, used, limit)
        used.add(sent)
        call.part.calls = sent
        if call.result is not None:
            call.result.answers, call.result.call = sent, call.part


# --- where they stand ----------------------------------------------------------------------------


def _in_order(turns: Sequence[Turn[T]], calls: Iterable[_Call[T]], strays: Iterable[TurnPart[T]]) -> list[Turn[T]]:
    of_turn: dict[int, list[_Call[T]]] = {}
    for call in calls:
        of_turn.setdefault(id(call.turn), []).append(call)
    gone = set(map(id, strays))
    rounds: list[tuple[list[Turn[T]], list[TurnPart[T]], list[Turn[T]]]] = []
    for run, answers in _rounds(turns):
        at_home = set(map(id, _next_to(answers)))
        late: list[TurnPart[T]] = []
        for call in (call for turn in run for call in of_turn.get(id(turn), ())):
            if call.result is None:
                late.append(TurnPart(None, answers=call.part.calls, call=call.part))
            elif id(call.home) not in at_home:
                gone.add(id(call.result))
                late.append(call.result)
        rounds.append((run, late, answers))
    for turn in turns:
        turn.parts = [part for part in turn.parts if id(part) not in gone]
    out: list[Turn[T]] = []
    for run, late, answers in rounds:
        out += _merged(run)
        out += [Turn(run[-1].place, assistant=False, parts=late)] if late else []
        out += answers
    return out


def _rounds(turns: Sequence[Turn[T]]) -> Iterable[tuple[list[Turn[T]], list[Turn[T]]]]:
    """Turns of the assistant in a row, and what comes before the next such row. The first row may be empty."""
    run: list[Turn[T]] = []
    answers: list[Turn[T]] = []
    for turn in turns:
        if turn.assistant and answers:
            yield run, answers
            run, answers = [], []
        (run if turn.assistant else answers).append(turn)
    if run or answers:
        yield run, answers


def _next_to(answers: list[Turn[T]]) -> list[Turn[T]]:
    """The turns of which the results stand straight behind the call: up to the first that says something else."""
    other = (number for number, turn in enumerate(answers) if any(part.answers is None for part in turn.parts))
    return answers[: next(other, len(answers)) + 1]


def _merged(run: list[Turn[T]]) -> list[Turn[T]]:
    first = next((number for number, turn in enumerate(run[:-1]) if any(part.calls for part in turn.parts)), None)
    if first is None:
        return run
    parts = [part for turn in run[first:] for part in turn.parts]
    return [*run[:first], Turn(run[first].place, assistant=True, parts=parts)]
