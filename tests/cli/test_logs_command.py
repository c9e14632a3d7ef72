"""``logs``: the running daemon's newest lines over its admin socket."""

from __future__ import annotations

import json
import re

import pytest

from daemon.cli import exit_codes, main
from tests.harness import config, daemon, provider, simulator


def test_the_line_of_a_request_is_found_by_its_id(capsys: pytest.CaptureFixture[str]) -> None:
    body = {"model": "gpt-5", "max_tokens": 100, "messages": [{"role": "user", "content": "hello"}]}
    with simulator() as upstream, daemon(config(provider("fox", upstream))) as gateway:
        request_id = gateway.post("/v1/messages", body).headers["request-id"]
        gateway.post("/v1/messages", body)
        gateway.wait_log(rf"request_id={request_id}.*\n.* request_id=")
        socket = ["--socket", str(gateway.home / "run" / "admin.sock")]
        assert main(["logs", "--request-id", request_id, "--format", "json", *socket]) == exit_codes.OK
        (line,) = map(json.loads, capsys.readouterr().out.splitlines())
        assert (line["request_id"], line["provider"], line["message"]) == (request_id, "fox", "request")
        assert main(["logs", "--provider", "fox", "-n", "1", *socket]) == exit_codes.OK
        (text,) = capsys.readouterr().out.splitlines()
        assert re.search(r" INFO    200 gpt-5 → gpt-5 fox \d+ ms \(first \d+ ms\) \d+ → \d+ tok request_id=", text)
        assert main(["logs", "--level", "error", *socket]) == exit_codes.OK
        assert capsys.readouterr().out == ""


def test_no_daemon_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["logs", "--socket", "/nowhere/admin.sock"]) == exit_codes.FAILURE
    assert "no daemon answers" in capsys.readouterr().err
