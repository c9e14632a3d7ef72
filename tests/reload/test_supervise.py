"""What fails is started again, ever more slowly; cancellation ends it."""

from __future__ import annotations

import asyncio

import pytest

from daemon.reload.supervise import supervised


@pytest.mark.asyncio
async def test_pauses_double_up_to_half_a_minute_and_cancellation_passes() -> None:
    pauses: list[float] = []
    runs = 0

    async def run() -> None:
        nonlocal runs
        runs += 1
        if runs == 12:
            raise asyncio.CancelledError
        if runs % 2:
            raise OSError("broken")  # every other run ends by itself

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    with pytest.raises(asyncio.CancelledError):
        await supervised("it", run, pause=pause)
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30]
