"""Compaction over real sockets: what one wire has summed up goes on over any other, and the SDK reads the route."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients import BINARIES, CLIENTS
from tests.dialects import RESPONSES, events
from tests.harness import Daemon, Simulator, config, daemon, provider
from tests.harness import simulator as running_simulator

WIRES = ("chat", "messages", "responses")
SECRET = "the password is xyzzy-4711"
CONVERSATION = [
    {"role": "developer", "content": "You are a careful engineer."},
    {"role": "user", "content": f"Create a file one.txt containing a. {SECRET}"},
    {"type": "function_call", "call_id": "call_1", "name": "exec_command", "arguments": '{"cmd":"printf a > one.txt"}'},
    {"type": "function_call_output", "call_id": "call_1", "output": "ok"},
]
TOOLS = [{"type": "function", "name": "exec_command", "parameters": {"type": "object", "properties": {}}}]
SUMMARY = "SUMMARY-BY-SIMULATOR"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with running_simulator() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(simulator: Simulator) -> Iterator[Daemon]:
    """A provider per wire, asked by name."""
    entries = [provider(wire, simulator, wire_api=wire, models=[{"name": "gpt-5"}]) for wire in WIRES]
    with daemon(config(*entries, request_retry=0, translation={"strict": True})) as running:
        yield running


def compaction_of(gateway: Daemon, wire: str, *items: object) -> dict[str, Any]:
    """The one item that a stream brings, as Codex takes it."""
    body = {"model": f"{wire}/gpt-5", "input": [*items, {"type": "compaction_trigger"}], "tools": TOOLS, "stream": True}
    with gateway.stream(RESPONSES.path, body) as response:
        assert response.status_code == 200, response.read()
        seen = list(events(response))
    done = [event["item"] for event in seen if event["type"] == "response.output_item.done"]
    assert [item["type"] for item in done] == ["compaction"]
    end = seen[-1]
    assert (end["type"], end["response"]["output"]) == ("response.completed", done)
    assert end["response"]["usage"]["input_tokens"] > 0
    item: dict[str, Any] = done[0]
    return item


@pytest.mark.parametrize("wire", ["chat", "messages"])
def test_what_one_wire_has_summed_up_goes_on_over_each(simulator: Simulator, gateway: Daemon, wire: str) -> None:
    """Also under ``translation.strict``: nothing is lost by it. And it can be compacted once more."""
    item = compaction_of(gateway, wire, *CONVERSATION)
    for other in WIRES:
        simulator.reset()
        go_on = {"role": "user", "content": "go on"}
        body = {"model": f"{other}/gpt-5", "input": [CONVERSATION[0], item, go_on], "tools": TOOLS}
        answer = gateway.post(RESPONSES.path, body)
        assert (answer.status_code, answer.headers.get("x-tppcd-lost")) == (200, None)
        [asked] = simulator.requests
        sent = json.dumps(asked["body"])
        assert (SUMMARY in sent, item["encrypted_content"] in sent, "compaction" in sent) == (True, False, False)
    again = compaction_of(gateway, wire, CONVERSATION[0], item)
    assert again["encrypted_content"].startswith("tppcd-summary.1.")
    assert SECRET not in gateway.log and SUMMARY not in gateway.log


def test_what_only_its_upstream_can_read_is_not_left_out(gateway: Daemon) -> None:
    item = compaction_of(gateway, "responses", *CONVERSATION)
    body = {"model": "chat/gpt-5", "input": [item, {"role": "user", "content": "go on"}]}
    answer = gateway.post(RESPONSES.path, body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "compaction")
    assert gateway.post(RESPONSES.path, body | {"model": "responses/gpt-5"}).status_code == 200


SDK = """
import sys, json
from openai import OpenAI
client = OpenAI(api_key="k", base_url=sys.argv[1], max_retries=0)
for wire in ("chat", "messages", "responses"):
    model = f"{wire}/gpt-5"
    compacted = client.responses.compact(model=model, input=json.loads(sys.argv[2]), instructions="be brief")
    assert [item.type for item in compacted.output] == ["message", "compaction"], compacted
    assert (compacted.object, compacted.output[0].role) == ("response.compaction", "user")
    assert compacted.usage.total_tokens > 0
    items = [item.model_dump(exclude_none=True) for item in compacted.output]
    answer = client.responses.create(model=model, input=[*items, {"role": "user", "content": "go on"}], store=False)
    assert answer.output_text, answer
print("done")
"""


def test_the_sdk_compacts_and_goes_on(gateway: Daemon) -> None:
    """openai 3.57.0: ``client.responses.compact``, whose output is the beginning of the next input."""
    python = CLIENTS / BINARIES["run-sdk.py"]
    if not python.exists():
        pytest.skip(f"{python} is missing: run `make clients`")
    command = [str(python), "-c", SDK, f"{gateway.url}/v1", json.dumps(CONVERSATION)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "done\n", done.stderr
