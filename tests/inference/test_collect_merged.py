"""Events put together make the same answer as the events themselves."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from daemon.inference.blocks import Citation
from daemon.inference.collect import collect, merged
from daemon.inference.events import BlockDelta, BlockEnd, BlockStart, Cited, Event, Finish, MessageStart, PartBreak
from daemon.inference.response import FinishReason

STEPS = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["delta", "delta", "delta", "break", "cite"])), max_size=40
)


@given(STEPS, st.sets(st.integers(1, 40)))
def test_the_answer_stays_the_same(steps: list[tuple[int, str]], cuts: set[int]) -> None:
    """Also where they are put together again and again as more arrive."""
    events: list[Event] = [MessageStart("r", "m"), *(BlockStart(index, "reasoning") for index in range(3))]
    for number, (index, kind) in enumerate(steps):
        match kind:
            case "delta":
                events.append(BlockDelta(index, f"{number} "))
            case "break":
                events.append(PartBreak(index))
            case _:
                events.append(Cited(index, Citation(url=str(number))))
    events += [*(BlockEnd(index) for index in range(3)), Finish(FinishReason.STOP)]
    so_far: list[Event] = []
    for number, event in enumerate(events):
        so_far.append(event)
        if number in cuts:
            so_far = merged(so_far)
    assert collect(so_far) == collect(merged(events)) == collect(events)


def test_what_was_said_of_a_block_in_many_pieces_is_one_piece() -> None:
    pieces = [BlockDelta(number % 2, str(number)) for number in range(1000)]
    starts: list[Event] = [MessageStart("r", "m"), BlockStart(0, "tool_call", name="f"), BlockStart(1, "text")]
    kept = merged([*starts, *pieces])
    assert kept[:3] == starts
    assert kept[3:] == [BlockDelta(index, "".join(str(n) for n in range(index, 1000, 2))) for index in (0, 1)]
