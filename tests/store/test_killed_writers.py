"""A daemon that is killed while it writes: what it has answered is there, what it has not is whole or absent."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

from daemon.store.encryption import encryption_keys
from daemon.store.provider_row import StoredProvider
from tests.store.world import PLANTED, World

ROUNDS = 6
WRITER = """
import sys
from pathlib import Path
from daemon.secret import Secret
from daemon.store.encryption import encryption_keys
from daemon.store.database import Database
from daemon.store.provider_fields import fields_of
from daemon.store.repository import ProviderRepository
from daemon.store.place import database_place

url, state, key, planted, begin = sys.argv[1:]
repository = ProviderRepository(Database(database_place(url, Path(state))), lambda make: encryption_keys(key))
for number in range(int(begin), 1_000_000):
    body = {"name": f"p{number}", "type": "openai", "base_url": "https://a.example", "api_key": planted}
    repository.create(fields_of(body))
    print("created", number, flush=True)
    repository.update(f"p{number}", fields_of({"base_url": "https://b.example", "timeout": 7}))
    print("updated", number, flush=True)
"""


def test_every_answered_write_is_there_after_a_kill(world: World) -> None:
    key = os.urandom(32).hex()
    dice = random.Random(10)
    answered: list[list[str]] = []
    for turn in range(ROUNDS):
        arguments = [world.url, str(world.directory), key, PLANTED, str(turn * 10_000)]
        writer = subprocess.Popen([sys.executable, "-c", WRITER, *arguments], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        answered.append(writer.stdout.readline().split())
        time.sleep(dice.uniform(0, 0.15))
        writer.send_signal(signal.SIGKILL)
        answered += [line.split() for line in writer.stdout if line.endswith("\n")]
        writer.stdout.close()
        writer.wait(10)
    rows = {each.name: each for each in world.another(keys=lambda make: encryption_keys(key)).load().rows}
    assert len(answered) >= ROUNDS
    for verb, number in answered:
        row = rows[f"p{number}"]
        assert isinstance(row, StoredProvider)
        assert verb == "created" or row.base_url == "https://b.example"
    for row in rows.values():
        assert isinstance(row, StoredProvider)
        assert (row.base_url, row.timeout) in [("https://a.example", 300.0), ("https://b.example", 7.0)]
        assert encryption_keys(key).open(str(row.api_key)) == PLANTED
