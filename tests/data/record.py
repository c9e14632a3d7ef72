"""Makes ``tests/data/9fa25da``: run in a worktree of that commit, with the directory to write to.

    git worktree add /tmp/old 9fa25da
    cd /tmp/old && PYTHONPATH=. python …/tests/data/record.py …/tests/data/9fa25da

Everything is written by the daemon and the classes of that commit. The base URL is ``env:UPSTREAM_URL``, so
that the sealed configurations serve from wherever a test's upstream listens.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests import harness
from tests.dialects import MESSAGES, RESPONSES, WRITE_SCHEMA, messages_tool

KEY = "management-key-1"
UPSTREAM = "http://127.0.0.1:9/v1"
PROMPT = "Create a file a.txt containing hi-1"
VERSIONS = [
    f"""\
# the gateway, version {number}
remote-management: {{secret-key: {KEY}}}
tppc:
  providers:
    - name: fox
      enabled: true
      base-url: env:UPSTREAM_URL
      api-key: key-of-fox
      priority: {number}   # counts the versions
      models: [gpt-5, only-in-{number}]
    - {{name: wolf, base-url: http://near-{number}.example/v1}}
"""
    for number in (1, 2, 3)
]
KILLED = """
import os, signal, sys
from pathlib import Path
from daemon.reload.unfinished import Unfinished
state, config, after = sys.argv[1:]
before, after = Path(config).read_bytes(), Path(after).read_bytes()
with Unfinished(Path(state), Path(config)).kept(before, after):
    file = os.open(config, os.O_RDWR)
    os.pwrite(file, after[: before.index(b"counts")], 0)
    os.kill(os.getpid(), signal.SIGKILL)
"""
"""Writes in place as far as the changed digit, and is killed."""


def state(target: Path) -> None:
    """Three generations, a host set through the API, an audit log, and a write that was killed."""
    env = {"UPSTREAM_URL": UPSTREAM}
    with harness.daemon(VERSIONS[0], env=env) as running:
        headers = {"x-management-key": KEY, "content-type": "text/yaml"}
        put = running.http.put(running.url + "/v0/management/config.yaml", content=VERSIONS[1], headers=headers)
        assert put.status_code == 200, put.text
        running.reload(VERSIONS[2])
        assert running.health()["generation"] == 3
        running.stop()
        note = "from pathlib import Path; from daemon.upstream.reaches import *; import sys; " + (
            "Reaches(Path(sys.argv[1])).note(['public.example'], Reach.PUBLIC)"
        )
        subprocess.run([sys.executable, "-c", note, str(running.state_directory / "upstream-hosts.json")], check=True)
        target.mkdir(parents=True)
        for number, text in enumerate(VERSIONS, 1):
            (target / f"generation-{number}.yaml").write_text(text)
        after = running.home / "after.yaml"
        after.write_text(VERSIONS[2].replace("priority: 3", "priority: 7").replace("near-3", "near-7"))
        killed = [sys.executable, "-c", KILLED, *map(str, (running.state_directory, running.config, after))]
        assert subprocess.run(killed, check=False).returncode == -signal.SIGKILL
        shutil.copy(running.config, target / "halfway.yaml")
        shutil.copytree(running.state_directory, target / "state", ignore=shutil.ignore_patterns("*.lock", "*.sock"))


def conversations(target: Path) -> None:
    """The first turn of a conversation with signed reasoning, for each client's wire and each upstream's."""
    made: list[dict[str, Any]] = []
    with harness.simulator() as upstream:
        for wire in ("responses", "chat", "messages"):
            text = harness.config(harness.provider("fox", upstream, wire_api=wire))
            with harness.daemon(text) as running:
                for client, dialect, body in (
                    ("messages", MESSAGES, asked_by_messages()),
                    ("responses", RESPONSES, asked_by_responses()),
                ):
                    answer = running.post(dialect.path, body).raise_for_status().json()
                    made.append(
                        {
                            "client": client,
                            "upstream": wire,
                            "base-url": f"{upstream.url}/v1",
                            "request": body,
                            "answer": answer,
                        }
                    )
    (target / "conversations.json").write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n")


def asked_by_messages() -> dict[str, Any]:
    thinking = {"type": "enabled", "budget_tokens": 2048}
    return MESSAGES.request(PROMPT, tools=[messages_tool()], thinking=thinking)


def asked_by_responses() -> dict[str, Any]:
    tool = {"type": "function", "name": "Write", "parameters": WRITE_SCHEMA, "strict": False}
    reasoning = {"effort": "high", "summary": "auto"}
    fields = {"include": ["reasoning.encrypted_content"], "reasoning": reasoning}
    return RESPONSES.request(PROMPT, tools=[tool], **fields)


if __name__ == "__main__":
    directory = Path(os.path.abspath(sys.argv[1]))
    shutil.rmtree(directory, ignore_errors=True)
    state(directory)
    conversations(directory)
