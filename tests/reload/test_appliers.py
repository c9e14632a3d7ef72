"""All prepare, then one swap, then all retire; before the swap a failure undoes, after it nothing does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from daemon.config.document import parse
from daemon.config.load import load
from daemon.reload.appliers import Applier, swap
from daemon.snapshot.snapshot import Current, Snapshot, build


def snapshot(generation: int) -> Snapshot:
    return build(load(parse(b"{}"), resolve=str), generation=generation)


class Story:
    """What happened, in order, with the generation in force at that moment."""

    def __init__(self) -> None:
        self.current = Current(snapshot(1))
        self.steps: list[tuple[str, int]] = []

    def note(self, step: str) -> None:
        self.steps.append((step, self.current.get().generation))

    def applier(
        self, name: str, *, prepare: BaseException | None = None, retire: BaseException | None = None
    ) -> Applier:
        @asynccontextmanager
        async def applier(old: Snapshot | None, new: Snapshot) -> AsyncIterator[None]:
            if prepare:
                raise prepare
            self.note(f"prepare {name}")
            try:
                yield
            except BaseException:
                self.note(f"discard {name}")
                raise
            self.note(f"retire {name}")
            if retire:
                raise retire

        return applier


@pytest.mark.asyncio
async def test_prepare_swap_retire() -> None:
    story = Story()
    await swap(story.current, snapshot(2), [story.applier("a"), story.applier("b")])
    assert story.steps == [("prepare a", 1), ("prepare b", 1), ("retire b", 2), ("retire a", 2)]


@pytest.mark.asyncio
@pytest.mark.parametrize("error", [ValueError("x"), asyncio.CancelledError()])
async def test_a_failing_prepare_discards_what_was_prepared(error: BaseException) -> None:
    story = Story()
    appliers = [story.applier("a"), story.applier("b"), story.applier("c", prepare=error), story.applier("d")]
    with pytest.raises(type(error)):
        await swap(story.current, snapshot(2), appliers)
    assert story.steps == [("prepare a", 1), ("prepare b", 1), ("discard b", 1), ("discard a", 1)]


@pytest.mark.asyncio
async def test_a_failing_retire_is_no_business_of_the_others() -> None:
    story = Story()
    await swap(story.current, snapshot(2), [story.applier("a"), story.applier("b", retire=ValueError("x"))])
    assert story.steps[2:] == [("retire b", 2), ("retire a", 2)]


@pytest.mark.asyncio
async def test_a_cancelled_retire_is_passed_on_and_the_others_still_retire() -> None:
    story = Story()
    with pytest.raises(asyncio.CancelledError):
        await swap(
            story.current, snapshot(2), [story.applier("a"), story.applier("b", retire=asyncio.CancelledError())]
        )
    assert story.steps[2:] == [("retire b", 2), ("retire a", 2)]


@pytest.mark.asyncio
async def test_the_first_snapshot_has_no_old_one() -> None:
    seen = []

    @asynccontextmanager
    async def applier(old: Snapshot | None, new: Snapshot) -> AsyncIterator[None]:
        seen.append(old)
        yield

    await swap(Current(), snapshot(1), [applier])
    assert seen == [None]
