"""What the daemon of commit 9fa25da left behind is still good: its state directory, and what it has signed.

``tests/data/9fa25da`` was made by that version (``tests/data/record.py``). Files of the state directory are
named by the SHA-256 of the configuration's real path, so a test puts them under the name of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.dialects import MESSAGES
from tests.harness import Daemon, Simulator, config, daemon, provider, simulator

MADE = Path(__file__).resolve().parents[1] / "data" / "9fa25da"
VERSIONS = [(MADE / f"generation-{number}.yaml").read_text("utf-8") for number in (1, 2, 3)]
HALFWAY = (MADE / "halfway.yaml").read_text("utf-8")
BROKEN = "tppc:\n  providers: [\n"
KEY = {"x-management-key": "management-key-1"}
UNUSED = "http://127.0.0.1:9/v1"
"""Where ``env:UPSTREAM_URL`` led when the files were made."""
CONVERSATIONS: list[dict[str, Any]] = json.loads((MADE / "conversations.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def upstream() -> Iterator[Simulator]:
    with simulator() as running:
        yield running


@pytest.fixture
def home() -> Iterator[Path]:
    """The stored state directory under the names and modes that it has for a configuration in this place."""
    with tempfile.TemporaryDirectory(prefix="tppcd-") as directory:
        home = Path(directory)
        shutil.copytree(MADE / "state", home / "state")
        ours = hashlib.sha256(os.fsencode(os.path.realpath(home / "config.yaml"))).hexdigest()
        for path in (*home.glob("state/*/*"),):
            if len(path.name) == len(ours):
                path.rename(path.with_name(ours))
        for path in home.rglob("*"):
            path.chmod(0o700 if path.is_dir() else 0o600)
        yield home


def started(home: Path, text: str, url: str) -> Any:
    return daemon(text, env={"UPSTREAM_URL": url}, home=home)


def serves(running: Daemon, model: str) -> bool:
    body = {**MESSAGES.request("hello"), "model": model}
    return running.post(MESSAGES.path, body).status_code == 200


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def history(running: Daemon) -> list[dict[str, Any]]:
    answer: dict[str, Any] = running.get("/v0/management/history", headers=KEY).raise_for_status().json()
    versions: list[dict[str, Any]] = answer["history"]
    return versions


def test_the_same_configuration_is_the_same_generation_or_the_next(home: Path) -> None:
    """A revision leaves out defaults: a new key with its default would change it otherwise."""
    with started(home, VERSIONS[2], UNUSED) as running:
        assert running.health()["generation"] in (3, 4)
        assert [digest(text) for text in reversed(VERSIONS)] == [each["digest"] for each in history(running)]


@pytest.mark.parametrize(
    "text", [VERSIONS[2], BROKEN, HALFWAY], ids=["the same file", "a broken file", "a write that was killed"]
)
def test_it_is_served_and_every_version_can_be_gone_back_to(home: Path, upstream: Simulator, text: str) -> None:
    with started(home, text, f"{upstream.url}/v1") as running:
        assert running.health()["status"] == ("degraded" if text == BROKEN else "ok")
        assert running.health()["generation"] in (3, 4)
        assert serves(running, "only-in-3") and not serves(running, "only-in-2")
        if text == HALFWAY:
            assert running.config.read_text("utf-8") == VERSIONS[2]
        assert list((home / "state" / "unfinished").glob("?" * 64)) == []
        for generation, version in enumerate(VERSIONS, 1):
            # the third may have become the fourth; its digest names it either way
            body = {"digest": digest(version)} if generation == 3 else {"generation": generation}
            answer = running.post("/v0/management/rollback", body, headers=KEY)
            assert answer.status_code == 200, answer.text
            assert running.config.read_text("utf-8") == version
            assert running.health()["status"] == "ok"
            assert serves(running, f"only-in-{generation}")


def test_the_audit_log_and_the_upstream_hosts_go_on(home: Path) -> None:
    before = (MADE / "state" / "audit.jsonl").read_text("utf-8")
    known: dict[str, str] = json.loads((MADE / "state" / "upstream-hosts.json").read_text("utf-8"))
    with started(home, VERSIONS[2], UNUSED) as running:
        body = {"providers": [{"name": "wolf", "base-url": "http://new.example/v1"}]}
        running.http.patch(running.url + "/v0/management/tppc", json=body, headers=KEY).raise_for_status()
        running.stop()
    after = (home / "state" / "audit.jsonl").read_text("utf-8")
    assert after.startswith(before) and len(after) > len(before)
    events = [json.loads(line) for line in after.splitlines()]
    assert [each["id"] for each in events] == sorted({each["id"] for each in events})
    hosts = json.loads((home / "state" / "upstream-hosts.json").read_text("utf-8"))
    assert hosts == {**known, "new.example": known["near-2.example"]}


@pytest.mark.parametrize(
    "made", CONVERSATIONS, ids=lambda made: f"{made['client']} client, {made['upstream']} upstream"
)
def test_signed_reasoning_goes_back_to_the_upstream_that_signed_it(made: dict[str, Any], upstream: Simulator) -> None:
    ours, url = tag(made["base-url"]), f"{upstream.url}/v1"
    signature = signed(made["answer"])
    translated = made["client"] != made["upstream"]
    assert signature.startswith(ours) is translated
    body = json.loads(json.dumps(next_turn(made)).replace(ours, tag(url)))
    with daemon(config(provider("fox", url, wire_api=made["upstream"]))) as running:
        upstream.reset()
        path = {"messages": "/v1/messages", "responses": "/v1/responses"}[made["client"]]
        answer = running.post(path, body)
    assert answer.status_code == 200, answer.text
    sent = json.dumps(upstream.requests[-1]["body"])
    assert "tppcd1." not in sent
    # toward Chat Completions the signature is the name of the field that the reasoning came in
    assert f'"{signature.removeprefix(ours)}"' in sent


def tag(base_url: str) -> str:
    """What stands before a signature: the hash of the provider's name, key and base URL."""
    text = "\0".join(("tppc:fox", "key-of-fox", base_url))
    return f"tppcd1.{hashlib.sha256(text.encode()).hexdigest()[:12]}."


def signed(answer: dict[str, Any]) -> str:
    """The signature of an answer's reasoning."""
    if "content" in answer:
        return str(next(block["signature"] for block in answer["content"] if block["type"] == "thinking"))
    return str(next(item["encrypted_content"] for item in answer["output"] if item["type"] == "reasoning"))


def next_turn(made: dict[str, Any]) -> dict[str, Any]:
    """The client's next request: the answer as it was, and the result of its call."""
    request, answer = made["request"], made["answer"]
    if made["client"] == "messages":
        use = answer["content"][-1]
        result = {"type": "tool_result", "tool_use_id": use["id"], "content": "ok"}
        turns = [{"role": "assistant", "content": answer["content"]}, {"role": "user", "content": [result]}]
        return {**request, "messages": [*request["messages"], *turns]}
    call = answer["output"][-1]
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "ok"}
    return {**request, "input": [*request["input"], *answer["output"], result]}
