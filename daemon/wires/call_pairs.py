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

Nothing here knows a wire: it orders ``Piece``s, which the hub's blocks, and each wire's raw JSON, are put into.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Generic, TypeVar

from msgspec import Struct

from daemon.wires.call_ids import next_number, unlike

T = TypeVar("T")

NO_RESULT: Final = "no result of this call is in the conversation"
"""What a call is answered with that nobody has answered."""


class Piece(Struct, Generic[T]):
    """A part of a turn. ``calls`` is the id of the call that it makes, ``answers`` of the call that it answers.
    ``content`` is None in a result that was missing. ``same``: two calls with one id and this in common are one."""

    content: T | None
    calls: str | None = None
    answers: str | None = None
    name: str = ""
    same: object = None


class Turn(Struct, Generic[T]):
    """``place``: its number in the client's request."""

    place: int
    assistant: bool
    pieces: list[Piece[T]]


class Paired(Struct, Generic[T]):
    """``strays``: results without a call, and their places."""

    turns: list[Turn[T]]
    strays: list[tuple[int, Piece[T]]]


class _Call(Struct, Generic[T]):
    piece: Piece[T]
    run: int
    turn: Turn[T]
    result: Piece[T] | None = None
    home: Turn[T] | None = None
    """Where the result stands."""


def is_regular(turns: Iterable[tuple[bool, Iterable[tuple[str | None, str | None]]]]) -> bool:
    """Whether nothing is to change: (whether it is the assistant's, (call id, id answered) of each piece) by turn."""
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


def paired(turns: Sequence[Turn[T]], *, spelled: Callable[[Piece[T]], str], limit: int, whole: bool) -> Paired[T]:
    """``spelled`` writes a call's id as the upstream's wire takes it, in ``limit`` characters. ``whole`` false: ids are
    separated, and all stays where it is."""
    calls, strays = _match(turns)
    if whole:
        calls = _once(calls)
    _separate(calls, spelled, limit)
    if not whole:
        return Paired(list(turns), [])
    return Paired(_in_order(turns, calls, [piece for _, piece in strays]), strays)


# --- which result belongs to which call ----------------------------------------------------------


def _match(turns: Sequence[Turn[T]]) -> tuple[list[_Call[T]], list[tuple[int, Piece[T]]]]:
    calls: list[_Call[T]] = []
    open_: dict[str, list[_Call[T]]] = {}
    unmatched: list[tuple[Turn[T], Piece[T]]] = []
    run, before = 0, False
    for turn in turns:
        run += turn.assistant and not before
        before = turn.assistant
        for piece in turn.pieces:
            if piece.calls is not None:
                calls.append(call := _Call(piece, run, turn))
                open_.setdefault(piece.calls, []).append(call)
            elif piece.answers is not None:
                if waiting := open_.get(piece.answers):
                    newest = waiting[-1].run
                    call = next(each for each in waiting if each.run == newest)
                    waiting.remove(call)
                    call.result, call.home = piece, turn
                else:
                    unmatched.append((turn, piece))
    strays: list[tuple[int, Piece[T]]] = []
    for turn, piece in unmatched:
        later = next((call for call in open_.get(piece.answers or "", ()) if call.turn.place > turn.place), None)
        if later is None:
            strays.append((turn.place, piece))
        else:
            open_[piece.answers or ""].remove(later)
            later.result, later.home = piece, turn
    return calls, strays


def _once(calls: list[_Call[T]]) -> list[_Call[T]]:
    """Less the calls that only repeat another of their turn; these are taken out of it."""
    known: dict[tuple[int, str | None], list[_Call[T]]] = {}
    kept: list[_Call[T]] = []
    for call in sorted(calls, key=lambda call: call.result is None):  # the one that has been answered stays
        alike = known.setdefault((call.run, call.piece.calls), [])
        if call.result is None and any(other.piece.same == call.piece.same for other in alike):
            call.turn.pieces = [piece for piece in call.turn.pieces if piece is not call.piece]
        else:
            alike.append(call)
            kept.append(call)
    staying = set(map(id, kept))
    return [call for call in calls if id(call) in staying]


def _separate(calls: Iterable[_Call[T]], spelled: Callable[[Piece[T]], str], limit: int) -> None:
    used: set[str] = set()
    for call in calls:
        sent = spelled(call.piece)
        if sent in used:
            sent = next_number(sent, call.piece.name, used, at_least=len(used)) or unlike(sent, used, limit)
        used.add(sent)
        call.piece.calls = sent
        if call.result is not None:
            call.result.answers = sent


# --- where they stand ----------------------------------------------------------------------------


def _in_order(turns: Sequence[Turn[T]], calls: Iterable[_Call[T]], strays: Iterable[Piece[T]]) -> list[Turn[T]]:
    of_turn: dict[int, list[_Call[T]]] = {}
    for call in calls:
        of_turn.setdefault(id(call.turn), []).append(call)
    gone = set(map(id, strays))
    rounds: list[tuple[list[Turn[T]], list[Piece[T]], list[Turn[T]]]] = []
    for run, answers in _rounds(turns):
        at_home = set(map(id, answers))
        late: list[Piece[T]] = []
        for call in (call for turn in run for call in of_turn.get(id(turn), ())):
            if call.result is None:
                late.append(Piece(None, answers=call.piece.calls))
            elif id(call.home) not in at_home:
                gone.add(id(call.result))
                late.append(call.result)
        rounds.append((run, late, answers))
    for turn in turns:
        turn.pieces = [piece for piece in turn.pieces if id(piece) not in gone]
    out: list[Turn[T]] = []
    for run, late, answers in rounds:
        out += _merged(run)
        out += [Turn(run[-1].place, assistant=False, pieces=late)] if late else []
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


def _merged(run: list[Turn[T]]) -> list[Turn[T]]:
    first = next((number for number, turn in enumerate(run[:-1]) if any(piece.calls for piece in turn.pieces)), None)
    if first is None:
        return run
    pieces = [piece for turn in run[first:] for piece in turn.pieces]
    return [*run[:first], Turn(run[first].place, assistant=True, pieces=pieces)]
