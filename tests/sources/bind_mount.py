"""Run in a mount namespace of its own: a single file bind-mounted, then saved and replaced on the host.

``unshare --mount --propagation private python -m tests.sources.bind_mount DIRECTORY``
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

from loguru import logger

from tests.sources.observed import PATIENCE, observed
from tests.sources.saves import lay_plain, over_the_same_bytes, rename_over

OLD, NEW, HIDDEN = "name: old\n", "name: new\n", "name: hidden\n"


async def main(directory: Path) -> None:
    host, inside = directory / "host" / "config.yaml", directory / "inside" / "config.yaml"
    lay_plain(host, OLD)
    lay_plain(inside, "")
    subprocess.run(["mount", "--bind", str(host), str(inside)], check=True)
    warned = asyncio.Event()
    logger.add(lambda line: warned.set() if "was replaced on the host" in line else None, format="{message}")
    async with observed(inside) as seen:
        over_the_same_bytes(host, NEW)
        await seen.until(NEW)
        rename_over(host, HIDDEN)
        async with asyncio.timeout(PATIENCE):
            await warned.wait()
    assert seen.contents == [NEW], seen.contents


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
