"""A store of 2,000 providers, measured: the start, one change, and what the loop keeps others waiting meanwhile.

    python -m bench.store [COUNT]

The daemon is started as a user starts it, on a SQLite database that is filled before. A change is a commit by another
process; it is in force when ``/healthz`` shows the next generation. Lag is the time that ``/healthz`` takes, asked
every 5 ms by a process of its own: its answer is the loop's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from daemon.store.database import Database
from daemon.store.encryption import generated_keys
from daemon.store.place import database_place
from daemon.store.provider_fields import fields_of
from daemon.store.repository import ProviderRepository
from tests.harness import ROOT, Daemon, config, daemon, provider, wait_for

COUNT = 2000
STARTS = 3
CHANGES = 20


def main(count: int) -> None:
    with tempfile.TemporaryDirectory(prefix="tppcd-bench-") as directory:
        home = Path(directory)
        (home / "state").mkdir()
        (home / "config.yaml").write_text(config(provider("file", "http://127.0.0.1:1/v1")), "utf-8")
        for _ in range(STARTS):
            print("start without a row:", started(home))
        database = Database(database_place("", home / "state"))
        repository = ProviderRepository(database, lambda make: generated_keys(home / "state", make=make))
        fill(database, repository, count)
        for _ in range(STARTS):
            print(f"start with {count} rows:", started(home))
        with daemon(None, home=home, fresh=True) as running, lag(running) as process:
            print(f"resident: {resident(running) / 1024:.0f} MiB")
            times = sorted(changed(running, repository, number) for number in range(CHANGES))
            assert process.stdin is not None and process.stdout is not None
            process.stdin.close()
            seen = json.loads(process.stdout.read())
            print(f"one change in force: median {times[len(times) // 2]:.0f} ms, slowest {times[-1]:.0f} ms")
            print(f"healthz meanwhile, ms: {seen}")
        database.close()


def fill(database: Database, repository: ProviderRepository, count: int) -> None:
    database.prepare()
    for number in range(count):
        repository.create(
            fields_of(
                {
                    "name": f"p{number}",
                    "type": "openai",
                    "base_url": f"https://p{number}.example/v1",
                    "api_key": f"sk-bench-{number:08}",
                    "models": [f"model-{number}", "shared"],
                }
            )
        )


def started(home: Path) -> str:
    """From the command to the first answer: what a busy machine makes of it, and what the daemon itself has used."""
    began = time.perf_counter()
    with daemon(None, home=home, fresh=True) as running:
        milliseconds = (time.perf_counter() - began) * 1000
        fields = Path(f"/proc/{running.process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        used = (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")
        return f"{milliseconds:.0f} ms, of the processor {used:.0f} ms, resident {resident(running) / 1024:.1f} MiB"


def changed(running: Daemon, repository: ProviderRepository, number: int) -> float:
    """Milliseconds from the commit of one change to the next generation."""
    before = running.health()["generation"]
    repository.update(f"p{number}", fields_of({"base_url": f"https://moved{number}.example/v1"}))
    began = time.perf_counter()
    wait_for(lambda: running.health()["generation"] > before, "the change to be in force")
    return (time.perf_counter() - began) * 1000


def lag(running: Daemon) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.e2e.lag", running.url]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def resident(running: Daemon) -> int:
    """KiB."""
    status = Path(f"/proc/{running.process.pid}/status").read_text("ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT)
