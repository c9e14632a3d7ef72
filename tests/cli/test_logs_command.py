"""``logs``: the running daemon's newest lines over its admin socket."""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qs

import pytest

from daemon.cli import exit_codes, logs, main
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


class Scripted:
    """An ``AdminClient`` whose answers are given; Ctrl+C after the last one."""

    def __init__(self, *answers: tuple[int, list[str]]) -> None:
        self.answers = list(answers)
        self.queries: list[dict[str, list[str]]] = []

    def request(self, method: str, path: str) -> tuple[int, dict[str, object]]:
        if not self.answers:
            raise KeyboardInterrupt
        self.queries.append(parse_qs(path.partition("?")[2]))
        last, messages = self.answers.pop(0)
        lines = [{"time": "2026-11-21T10:00:00Z", "level": "info", "message": each} for each in messages]
        return 200, {"last": last, "lines": lines}


def follow(monkeypatch: pytest.MonkeyPatch, client: Scripted, *options: str) -> int:
    monkeypatch.setattr(logs, "AdminClient", lambda _path: client)
    monkeypatch.setattr(logs, "POLL_SECONDS", 0)
    return main(["logs", "--follow", *options])


def test_following_goes_on_where_it_was_and_from_the_start_of_another_daemon(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client = Scripted((7, ["old"]), (9, ["new"]), (2, []), (2, ["of the next daemon"]), (2, []))
    assert follow(monkeypatch, client, "-n", "1") == exit_codes.OK
    assert [line.split(" INFO    ")[1] for line in capsys.readouterr().out.splitlines()] == [
        "old",
        "new",
        "of the next daemon",
    ]
    assert [query.get("after") for query in client.queries] == [None, ["7"], ["9"], None, ["2"]]


@pytest.mark.parametrize("options", [["--status", "4xx", "--status", "503"], ["--status", "4xx,503"]])
def test_all_conditions_are_sent_with_each_question(options: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    client = Scripted((7, []), (7, []))
    assert follow(monkeypatch, client, "--provider", "fox", "--level", "warning", *options) == exit_codes.OK
    for query in client.queries:
        assert (query["status"], query["provider"], query["level"]) == (["4xx", "503"], ["fox"], ["warning"])


@pytest.mark.parametrize("status", ["4", "600", "4xx,", "ok"])
def test_what_is_no_status_is_wrong_usage(status: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["logs", "--status", status])
    assert ended.value.code == 2 and "is not an HTTP status" in capsys.readouterr().err
