"""The real Codex with its own provider (``openai_base_url``) over a Responses upstream that has no compactions.

Codex compacts in the middle of its task, as soon as an answer says that it has used many tokens, and takes nothing but
one compaction item for an answer. The upstream refuses the item that asks for one, or answers as if it was not there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest

from tests.clients import ended_client
from tests.e2e.served import QuietHandler, served
from tests.harness import config, daemon

LIMIT: Final = "-c model_auto_compact_token_limit=50000"
SUMMARY: Final = "The file is made; what is left is to say so."
TASK: Final = re.compile(r"Create a file (\S+) containing (\S+?)[\"\\]")
Json = dict[str, Any]


class LaggingUpstream:
    """``asked``: how each request ended: ``turn``, ``trigger``, ``summary`` or ``summarised``."""

    def __init__(self, *, refuses: bool) -> None:
        self.refuses = refuses
        self.asked: list[str] = []
        self.url = ""

    def answer(self, body: Json) -> Json | None:
        """The item of the answer; None for a refusal."""
        said = json.dumps(body["input"], ensure_ascii=False)
        file, content = TASK.findall(said)[-1]
        last = body["input"][-1]
        if last.get("type") == "compaction_trigger":
            self.asked.append("trigger")
            return None if self.refuses else message("I go on.")
        if "Answer with the summary alone" in json.dumps(last):
            self.asked.append("summary")
            return message(SUMMARY)
        if SUMMARY in said:
            self.asked.append("summarised")
            return message(f"TOOL-OUTPUT<<{content}>> café, 漢字. DONE-42")
        self.asked.append("turn")
        command = json.dumps({"cmd": f"printf %s {content} > {file} && cat {file}"})
        return {
            "type": "function_call",
            "id": "fc_1",
            "call_id": "call_1",
            "name": "exec_command",
            "arguments": command,
        }


def message(text: str) -> Json:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}


def stream(item: Json) -> bytes:
    """A call says that it has used many tokens."""
    used = 90_000 if item["type"] == "function_call" else 900
    usage = {"input_tokens": used, "output_tokens": 9, "total_tokens": used + 9}
    response = {"id": "resp_1", "object": "response", "created_at": 1, "model": "gpt-5"}
    done = {"type": "response.output_item.done", "output_index": 0, "item": item}
    end = response | {"status": "completed", "output": [item], "usage": usage}
    events = (
        {"type": "response.created", "response": response | {"status": "in_progress", "output": []}},
        done,
        {"type": "response.completed", "response": end},
    )
    return "".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in events).encode()


@contextmanager
def lagging(*, refuses: bool) -> Iterator[LaggingUpstream]:
    upstream = LaggingUpstream(refuses=refuses)

    class Handler(QuietHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.answer(404, b"{}")

        def do_POST(self) -> None:
            item = upstream.answer(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            if item is not None:
                self.answer(200, stream(item), "text/event-stream")
                return
            words = "Invalid value: 'compaction_trigger'. Supported values are: 'message' and 'reasoning'."
            error = {"message": words, "type": "invalid_request_error", "param": "input[7].type"}
            self.answer(400, json.dumps({"error": error}).encode())

        def answer(self, status: int, body: bytes, kind: str = "application/json") -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with served(Handler) as url:
        upstream.url = url
        yield upstream


@pytest.mark.parametrize("refuses", [False, pytest.param(True, marks=pytest.mark.soak)], ids=["answers", "refuses"])
def test_codex_compacts_and_ends_its_task(refuses: bool) -> None:
    with lagging(refuses=refuses) as upstream:
        entry = {"name": "fox", "enabled": True, "base-url": f"{upstream.url}/v1", "api-key": "sk-1"}
        with daemon(config(entry, request_retry=0)) as gateway:
            done = ended_client("run-codex.sh", gateway.url, "gpt-5", "builtin", env={"CODEX_EXTRA": LIMIT})
    assert "PASS" in done.stdout, done.stdout + done.stderr
    assert upstream.asked == ["turn", "trigger", "summary", "summarised"]
