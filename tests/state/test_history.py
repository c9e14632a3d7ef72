"""The way back: the last versions that were in force, each with its bytes, and no key to be found."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from daemon.config.document import parse
from daemon.state.copies import KEPT, History, Version
from tests.reload.world import COMMENTED, GOOD, KEY, OTHER, ScriptedSource, World

SAME = "0" * 64


def said(history: History) -> list[tuple[int, bytes | None]]:
    return [(each.generation, history.load(each)) for each in history.versions()]


def test_nothing_is_kept_at_first(tmp_path: Path) -> None:
    assert History(tmp_path / "state", tmp_path / "config.yaml").versions() == ()


def test_the_newest_comes_first_and_the_oldest_goes(tmp_path: Path) -> None:
    history = History(tmp_path, tmp_path / "config.yaml")
    for number in range(1, KEPT + 4):
        history.keep(b"%d" % number, generation=number, revision=SAME, at=1000.0 + number)
    assert said(history) == [(number, b"%d" % number) for number in range(KEPT + 3, 3, -1)]


@pytest.mark.parametrize(
    "saves, expected",
    [
        ([(b"a", 1), (b"b", 2), (b"a", 3)], [(3, b"a"), (2, b"b"), (1, b"a")]),
        ([(b"a", 1), (b"# a", 1)], [(1, b"# a")]),
        ([(b"a", 1), (b"b", 2), (b"b", 3)], [(3, b"b"), (1, b"a")]),
    ],
    ids=["there and back", "a comment", "a rotated key"],
)
def test_one_entry_for_each_generation(tmp_path: Path, saves: list, expected: list) -> None:
    history = History(tmp_path, tmp_path / "config.yaml")
    for at, (raw, generation) in enumerate(saves):
        history.keep(raw, generation=generation, revision=SAME, at=1.001 * at)
    assert said(history) == expected


def test_changes_of_the_store_are_listed_and_take_no_way_back_from_the_file(tmp_path: Path) -> None:
    history = History(tmp_path, tmp_path / "config.yaml")
    history.keep(b"a", generation=1, revision="1" * 64, at=1.0)
    for generation in range(2, KEPT + 9):
        history.keep(b"a", generation=generation, revision=SAME, at=float(generation), source="store")
    last = generation
    history.keep(b"# a", generation=last, revision=SAME, at=90.0)  # a comment, or the next start
    assert history.generation(SAME) == last
    listed = [(each.generation, each.source, history.load(each)) for each in history.versions()]
    assert listed == [
        *((number, "store", None) for number in range(last, last - KEPT, -1)),
        (1, "config.yaml", b"# a"),
    ]
    history.keep(b"b", generation=last + 1, revision=SAME, at=91.0)
    assert [each.generation for each in history.versions() if each.source == "config.yaml"] == [last + 1, 1]


@pytest.mark.parametrize("revision, expected", [("b" * 64, 7), ("c" * 64, 8)], ids=["the same", "another"])
def test_generations_go_on_over_a_restart(tmp_path: Path, revision: str, expected: int) -> None:
    assert History(tmp_path, tmp_path / "config.yaml").generation(revision) == 1
    for generation, kept in ((7, "b"), (6, "c")):
        before = History(tmp_path, tmp_path / "config.yaml")
        before.keep(kept.encode(), generation=generation, revision=kept * 64, at=100.0 - generation)
    assert History(tmp_path, tmp_path / "config.yaml").generation(revision) == expected


def test_a_damaged_entry_is_none(tmp_path: Path) -> None:
    history = History(tmp_path, tmp_path / "config.yaml")
    history.keep(b"a", generation=1, revision=SAME, at=1.0)
    (version,) = history.versions()
    (path,) = tmp_path.rglob(version.file_name)
    path.write_bytes(path.read_bytes()[:-1])
    assert history.load(version) is None
    assert history.load(Version(generation=9, revision=SAME, at=1.0, digest=SAME)) is None


def test_only_the_owner_reads_it_and_it_shows_no_key(tmp_path: Path) -> None:
    History(tmp_path, tmp_path / "config.yaml").keep(GOOD.encode(), generation=1, revision=SAME, at=1.0)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert not [path for path in files if KEY.encode() in path.read_bytes()]


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_state_directory_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    History(tmp_path, tmp_path / "config.yaml").keep(b"a", generation=1, revision=SAME, at=1.0)


@pytest.mark.asyncio
async def test_every_generation_of_a_reloader_is_kept(tmp_path: Path) -> None:
    history = History(tmp_path, tmp_path / "config.yaml")
    source = ScriptedSource(GOOD)
    world = World(source, tmp_path, history=history)
    async with world.running() as reloader:
        for text in (COMMENTED, "packycode: [", OTHER):
            source.text = text
            await reloader.reload("test")
    assert said(history) == [(2, OTHER.encode()), (1, COMMENTED.encode())]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "second, expected",
    [
        (OTHER, [(2, OTHER.encode()), (1, GOOD.encode())]),
        (GOOD, [(3, GOOD.encode()), (2, OTHER.encode()), (1, GOOD.encode())]),
        ("packycode: [", [(2, OTHER.encode()), (1, GOOD.encode())]),
    ],
    ids=["as it was", "edited while down", "broken while down"],
)
async def test_no_generation_means_something_else_after_a_restart(
    tmp_path: Path, second: str, expected: list[tuple[int, bytes]]
) -> None:
    source = ScriptedSource(GOOD)
    async with World(source, tmp_path, history=History(tmp_path, tmp_path / "config.yaml")).running() as reloader:
        source.text = OTHER
        await reloader.reload("test")
    history = History(tmp_path, tmp_path / "config.yaml")
    world = World(ScriptedSource(second), tmp_path, history=history)
    async with world.running():
        assert said(history) == expected
        assert world.current.get().generation == expected[0][0]
        (heading,) = [line for line in world.lines if "INFO config loaded" in line]
        assert f"generation {expected[0][0]} " in heading


@pytest.mark.asyncio
async def test_a_check_applies_nothing(tmp_path: Path) -> None:
    world = World(ScriptedSource(GOOD), tmp_path)
    async with world.running() as reloader:
        before = (world.current.get(), reloader.digest)
        found = await reloader.check(parse(OTHER.encode()))
        assert found.snapshot is not None
        assert found.snapshot.generation == 2
        assert len(found.changes.changes) == 1
        assert (await reloader.check(parse(b"packycode: ["))).snapshot is None
        assert (world.current.get(), reloader.digest) == before
