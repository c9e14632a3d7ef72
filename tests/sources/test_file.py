"""Each save is published exactly once, whatever program makes it and however slowly."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import watchfiles
from loguru import logger

from daemon.sources.lease import Lease
from daemon.sources.settle import Timing
from tests.sources.observed import observed
from tests.sources.saves import WAYS, rename_over, write

OLD = "port: 8317\nname: old\n"
NEW = "port: 8317\nname: new\n"
MARK = "port: 8317\nname: end\n"

IMPATIENT = Timing(poll=0.1, settle=0.02, lease_retry=0.01, blind=0.1, vanished=0.2, shrunk=0.4, patience=0.5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "etc" / "config.yaml"


@pytest.mark.asyncio
@pytest.mark.parametrize("name", WAYS)
async def test_each_way_of_saving_is_published_once(path: Path, name: str) -> None:
    """… and the source is not deaf afterwards: the same way works a second time."""
    way = WAYS[name]
    if way.missing:
        pytest.skip(f"{way.missing} is not installed")
    way.prepare(path, OLD)
    async with observed(path) as seen:
        await asyncio.to_thread(way.save, path, NEW)
        await seen.until(NEW)
        if name == "directory_moved_away":
            (path.parent.parent / "old-directory").rename(path.parent.parent / "older-directory")
        await asyncio.to_thread(way.save, path, MARK)
        await seen.until(MARK)
    assert seen.contents == [NEW, MARK]


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["write", "rename_over", "in_two_writes", "truncate_close_write", "target_renamed"])
async def test_without_events_the_poll_finds_every_save(path: Path, name: str) -> None:
    way = WAYS[name]
    way.prepare(path, OLD)
    async with observed(path, timing=Timing(poll=0.25), hints=False) as seen:
        await asyncio.to_thread(way.save, path, NEW)
        await seen.until(NEW)
    assert seen.contents == [NEW]


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["write", "in_two_writes", "truncate_then_write", "vim_rename", "memory_map"])
async def test_without_leases_a_longer_silence_stands_in(
    path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.sources.file.probe", lambda path: Lease.UNAVAILABLE)
    way = WAYS[name]
    if way.missing:
        pytest.skip(f"{way.missing} is not installed")
    way.prepare(path, OLD)
    async with observed(path) as seen:
        await asyncio.to_thread(way.save, path, NEW)
        await seen.until(NEW)
    assert seen.contents == [NEW]
    assert not seen.updates[0].settled


def touch(path: Path) -> None:
    os.utime(path)


def change_mode(path: Path) -> None:
    path.chmod(0o600)


def same_bytes(path: Path) -> None:
    write(path, OLD)


def same_bytes_renamed(path: Path) -> None:
    rename_over(path, OLD)


def neighbour(path: Path) -> None:
    write(path.with_name("other.yaml"), "not ours")


@pytest.mark.asyncio
@pytest.mark.parametrize("act", [touch, change_mode, same_bytes, same_bytes_renamed, neighbour])
async def test_what_changes_no_byte_publishes_nothing(path: Path, act: object) -> None:
    assert callable(act)
    WAYS["write"].prepare(path, OLD)
    async with observed(path, timing=IMPATIENT) as seen:
        act(path)
        await asyncio.sleep(3 * IMPATIENT.poll)  # long enough to be seen by itself, not together with the mark
        write(path, MARK)
        await seen.until(MARK)
    assert seen.contents == [MARK]


@pytest.mark.asyncio
async def test_five_parts_that_are_each_valid_are_one_save(path: Path) -> None:
    WAYS["write"].prepare(path, OLD)
    text = "".join(f"key{n}: {n}\n" for n in range(5))

    def save() -> None:
        with path.open("w") as file:
            for line in text.splitlines(keepends=True):
                file.write(line)
                file.flush()
                time.sleep(0.15)

    async with observed(path) as seen:
        await asyncio.to_thread(save)
        await seen.until(text)
    assert seen.contents == [text]


@pytest.mark.asyncio
async def test_a_writer_that_never_closes_is_read_after_its_last_change_with_a_warning(path: Path) -> None:
    WAYS["write"].prepare(path, OLD)
    lines: list[str] = []
    sink = logger.add(lines.append, format="{message}")
    async with observed(path, timing=IMPATIENT) as seen:
        with path.open("r+") as file:
            file.write(NEW)
            file.flush()
            await seen.until(NEW)
            file.seek(0)
            file.write(MARK)
            file.flush()
            await seen.until(MARK)
    logger.remove(sink)
    assert seen.contents == [NEW, MARK]
    assert sum("still open for writing" in line for line in lines) == 2


@pytest.mark.asyncio
@pytest.mark.parametrize("repeats", [1, 20_000], ids=["short", "long"])
async def test_a_burst_of_saves_ends_with_the_last_content_and_few_readings(path: Path, repeats: int) -> None:
    """… each of them whole, also where one write takes long enough to be read in the middle of it."""
    WAYS["write"].prepare(path, OLD)
    texts = [f"name: save {n:03}\n" * repeats for n in range(100)]

    def burst() -> None:
        for text in texts:
            write(path, text)
            time.sleep(0.005)

    async with observed(path) as seen:
        await asyncio.to_thread(burst)
        await seen.until(texts[-1])
    assert len(seen.contents) < 30
    assert seen.contents == [text for text in texts if text in seen.contents]


@pytest.mark.asyncio
async def test_a_file_that_is_gone_is_told_once_and_its_return_is_published(path: Path) -> None:
    WAYS["write"].prepare(path, OLD)
    async with observed(path, timing=IMPATIENT) as seen:
        path.unlink()
        await seen.until("config-missing")
        await asyncio.sleep(3 * IMPATIENT.poll)  # polls that must not tell again
        write(path, OLD)
        await seen.until(OLD)
    assert seen.contents == ["config-missing", OLD]


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def huge(path: Path) -> None:
    os.truncate(path, 1 << 30)


def empty(path: Path) -> None:
    os.truncate(path, 0)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("act", "code"),
    [
        (fifo, "config-not-regular"),
        (directory, "config-not-regular"),
        (device, "config-not-regular"),
        (loop, "config-unreadable"),
        (huge, "config-too-large"),
        (empty, "config-empty"),
    ],
)
async def test_what_is_no_readable_file_is_a_problem_and_heals(path: Path, act: object, code: str) -> None:
    assert callable(act)
    WAYS["write"].prepare(path, OLD)
    async with observed(path, timing=IMPATIENT) as seen:
        act(path)
        await seen.until(code)
        assert seen.updates[-1].raw == b""
        path.rmdir() if path.is_dir() else path.unlink()
        write(path, NEW)
        await seen.until(NEW)
    assert seen.contents == [code, NEW]


@pytest.mark.asyncio
async def test_named_files_belong_to_the_digest(path: Path, tmp_path: Path) -> None:
    WAYS["write"].prepare(path, OLD)
    key = tmp_path / "secrets" / "key"
    WAYS["write"].prepare(key, "first\n")
    async with observed(path) as seen:
        seen.source.watch(frozenset({str(key)}))
        await seen.until_true(lambda: len(seen.updates) == 1)  # read once more, now with the key
        rename_over(key, "second\n")
        await seen.until_true(lambda: len(seen.updates) == 2)
        key.unlink()
        await seen.until_true(lambda: len(seen.updates) == 3)
    assert seen.contents == [OLD] * 3
    assert len({update.digest for update in seen.updates}) == 3


@pytest.mark.asyncio
async def test_what_was_read_on_request_is_not_published_again(path: Path) -> None:
    WAYS["write"].prepare(path, OLD)
    async with observed(path, hints=False) as seen:
        write(path, NEW)
        asked = await seen.source.read_now()
        write(path, MARK)
        await seen.until(MARK)
    assert (asked.raw.decode(), seen.contents) == (NEW, [MARK])
    assert asked.order < seen.updates[0].order


@pytest.mark.asyncio
@pytest.mark.parametrize("error", [RuntimeError("no instance left"), OSError("no watch left"), FileNotFoundError("x")])
async def test_without_watchfiles_the_poll_goes_on_with_one_warning(
    path: Path, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*paths: str, **options: object) -> None:
        raise error

    monkeypatch.setattr(watchfiles, "watch", fail)  # the kernel's limits cannot be had otherwise without root
    monkeypatch.setattr("daemon.sources.file.RETRY_S", 0.01)
    WAYS["write"].prepare(path, OLD)
    lines: list[str] = []
    sink = logger.add(lines.append, format="{message}")
    async with observed(path, timing=IMPATIENT, wait=False) as seen:
        for text in (NEW, MARK):
            write(path, text)
            await seen.until(text)
    logger.remove(sink)
    assert seen.contents == [NEW, MARK]
    assert sum("no file events" in line for line in lines) == 1


@pytest.mark.asyncio
async def test_a_full_thread_pool_does_not_delay_a_save(path: Path) -> None:
    WAYS["write"].prepare(path, OLD)
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(2))
    blocked = threading.Event()
    waiting = [loop.run_in_executor(None, blocked.wait, 30) for _ in range(4)]
    async with observed(path) as seen:
        write(path, NEW)
        await seen.until(NEW)
        assert not any(thread.done() for thread in waiting)
        blocked.set()
        await asyncio.gather(*waiting)


@pytest.mark.asyncio
async def test_a_replaced_directory_is_listened_to_anew(path: Path) -> None:
    """After ``mv`` of the directory the watch follows the new one, so further saves are heard, not only polled."""
    WAYS["write"].prepare(path, OLD)
    async with observed(path, timing=Timing(poll=3600)) as seen:
        WAYS["directory_moved_away"].save(path, NEW)
        await seen.until(NEW)
        await asyncio.to_thread(keep_saving_until, path, lambda: len(seen.contents) > 1)
    assert seen.contents[-1].startswith("name: ")


def keep_saving_until(path: Path, done: object) -> None:
    """With no poll at all, only a living watch can end this."""
    assert callable(done)
    for n in range(200):
        if done():
            return
        write(path, f"name: {n}\n")
        time.sleep(0.1)
    raise AssertionError("the watch is deaf")
