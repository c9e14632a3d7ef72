"""Run in a mount namespace of its own: a single file bind-mounted, then saved and replaced on the host.

``unshare --mount --propagation private python -m tests.sources.bind_mount DIRECTORY``
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from daemon.sources.lasting import LastingProblems
from daemon.sources.settle import Timing
from tests.sources.observed import PATIENCE, observed
from tests.sources.saves import lay_plain, over_the_same_bytes

IMPATIENT = Timing(poll=0.05)
OLD, NEW = "name: old\n", "name: new\n"


def renamed_over(file: Path) -> None:
    new = file.with_suffix(".new")
    shutil.copy(file, new)
    new.replace(file)


def kept_under_another_name(file: Path) -> None:
    """As editors with a backup do: the old file still has a name."""
    file.rename(file.with_suffix(".old"))
    shutil.copy(file.with_suffix(".old"), file)


def removed_and_made_again(file: Path) -> None:
    text = file.read_text()
    file.unlink()
    file.write_text(text)


def linked_elsewhere(file: Path) -> None:
    file.with_suffix(".twin").hardlink_to(file)
    renamed_over(file)


def moved_to_another_directory(file: Path) -> None:
    (file.parent / "old").mkdir()
    shutil.move(file, file.parent / "old" / file.name)
    shutil.copy(file.parent / "old" / file.name, file)


WAYS = (
    renamed_over,
    kept_under_another_name,
    removed_and_made_again,
    linked_elsewhere,
    moved_to_another_directory,
)


async def main(directory: Path) -> None:
    ways = (replaced(way, directory / way.__name__) for way in WAYS)
    await asyncio.gather(*ways, not_replaced(directory / "not replaced\t\\ at all"))


def mount(directory: Path) -> tuple[Path, Path]:
    host, inside = directory / "host" / "config.yaml", directory / "inside" / "config.yaml"
    lay_plain(host, OLD)
    lay_plain(inside, "")
    subprocess.run(["mount", "--bind", str(host), str(inside)], check=True)
    return host, inside


async def replaced(way: Callable[[Path], None], directory: Path) -> None:
    """It lasts until it is mounted again."""
    host, inside = mount(directory)
    lasting = LastingProblems()
    async with observed(inside, timing=IMPATIENT, wait=False, lasting=lasting) as seen:
        over_the_same_bytes(host, NEW)
        await seen.until(NEW)
        assert lasting.now == (), way
        way(host)
        await until(lambda: [each.about for each in lasting.now] == [str(inside)])
        subprocess.run(["umount", str(inside)], check=True)
        subprocess.run(["mount", "--bind", str(host), str(inside)], check=True)
        await until(lambda: lasting.now == ())
    assert seen.contents == [NEW], seen.contents


async def not_replaced(directory: Path) -> None:
    """Whatever happens beside the file, or to it as it is."""
    host, inside = mount(directory)
    lasting = LastingProblems()
    async with observed(inside, timing=IMPATIENT, wait=False, lasting=lasting) as seen:
        host.with_name("twin").hardlink_to(host)
        host.with_name("twin").unlink()
        host.chmod(0o640)
        over_the_same_bytes(host, NEW)
        await seen.until(NEW)
    assert lasting.now == ()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
