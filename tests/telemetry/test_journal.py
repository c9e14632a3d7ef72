"""The journal's own protocol: which fields an entry has, that no value forges one, and that a journal that is away or
stuck costs the log and nothing else."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TextIO

import pytest
from loguru import logger

from daemon.secret import Secret
from daemon.telemetry import journal, log_sink, logs
from daemon.telemetry.log_lines import LogFormat
from daemon.telemetry.log_outputs import PartlyWritten, StreamOutput
from daemon.telemetry.log_sink import LogSink
from daemon.telemetry.logs import Levels
from tests.telemetry.test_logs import PLANTED


class Journal:
    """Both sockets of a journal in a directory of its own, and a stderr that leads to it."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / journal.SOCKET_NAME
        self._entries = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._entries.bind(str(self.path))
        self._entries.settimeout(10)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(str(directory / journal.STREAM_NAME))
            listener.listen()
            client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            client.connect(str(directory / journal.STREAM_NAME))
            self._lines, _ = listener.accept()
        self.stderr: TextIO = client.makefile("w")
        client.close()

    def configure(self, format: LogFormat = "text") -> LogSink:
        status = os.fstat(self.stderr.fileno())
        environ = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        return logs.configure(Levels("debug"), format, stream=self.stderr, environ=environ)

    def datagram(self) -> str:
        return self._entries.recv(1 << 20).decode()

    def entries(self) -> list[dict[str, str]]:
        """Those of the next datagram, as journald takes it apart."""
        *entries, last = self.datagram().split("\n\n")
        assert last == ""
        return [dict(line.split("=", 1) for line in entry.split("\n")) for entry in entries]

    def lines(self) -> str:
        """What came over stderr."""
        return self._lines.recv(1 << 20, socket.MSG_DONTWAIT).decode()

    def close_stderr(self) -> None:
        self._lines.close()

    def disappear(self) -> None:
        self._entries.close()
        self.path.unlink()

    def close(self) -> None:
        for each in (self._entries, self._lines, self.stderr):
            each.close()


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Journal]:
    there = Journal(tmp_path)
    yield there
    there.close()


def test_an_entry_has_the_line_the_priority_and_each_field(there: Journal) -> None:
    sink = there.configure()
    fields: dict[str, object] = {"request_id": "abc", "entry": "chat", "model": "gpt-5", "served": "gpt-5"}
    logs.log_request({**fields, "provider": "fox", "status": 502, "total_ms": 39.0, "lost": None}, "WARNING")
    sink.close()
    (entry,) = there.entries()
    assert entry.pop("MESSAGE").startswith("WARNING 502 gpt-5 → gpt-5 fox 39 ms ")
    assert entry == {
        "PRIORITY": "4",
        "SYSLOG_IDENTIFIER": "tppcd",
        "SYSLOG_FACILITY": "3",
        "TPPCD_LOGGER": "request",
        "TPPCD_REQUEST_ID": "abc",
        "TPPCD_ENTRY": "chat",
        "TPPCD_MODEL": "gpt-5",
        "TPPCD_SERVED": "gpt-5",
        "TPPCD_PROVIDER": "fox",
        "TPPCD_STATUS": "502",
        "TPPCD_TOTAL_MS": "39",
    }


def test_json_is_the_message_where_json_is_asked(there: Journal) -> None:
    sink = there.configure("json")
    logger.bind(provider="fox").info("hello")
    sink.close()
    (entry,) = there.entries()
    assert entry["MESSAGE"].startswith('{"time":') and entry["TPPCD_PROVIDER"] == "fox"


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("auth", "TPPCD_AUTH"),
        ("first-ms", "TPPCD_FIRST_MS"),
        ("größe", "TPPCD_GR_SSE"),  # "ß" in capitals is two letters
        ("a=b\nMESSAGE", "TPPCD_A_B_MESSAGE"),
        ("x" * 100, "TPPCD_" + "X" * 58),
    ],
)
def test_the_name_of_a_field(there: Journal, name: str, field: str) -> None:
    sink = there.configure()
    logger.bind(**{name: "value"}).info("hello")
    sink.close()
    (entry,) = there.entries()
    assert entry[field] == "value"


@pytest.mark.parametrize("value", ["a\nPRIORITY=0", "a\n\nMESSAGE=forged\n\n", "\r\n\x00\u2028\x85", "", "=", "ü😀"])
def test_no_value_makes_a_field_or_an_entry_of_its_own(there: Journal, value: str) -> None:
    sink = there.configure()
    logger.bind(value=value).info("{}", value)
    sink.close()
    (entry,) = there.entries()
    assert entry["PRIORITY"] == "6" and "TPPCD_VALUE" in entry and not any("\x00" in each for each in entry.values())
    assert not value.isprintable() or entry["TPPCD_VALUE"] == value


def test_a_secret_is_masked_in_the_message_and_in_the_fields(there: Journal) -> None:
    logs.register_secrets([Secret(PLANTED)])
    sink = there.configure()
    try:
        raise OSError(5, f"no {PLANTED}")
    except OSError:
        logger.bind(error=f"bad key {PLANTED}").exception("refused {}", PLANTED)
    sink.close()
    (entry,) = there.entries()
    assert entry["TPPCD_ERROR"] == "bad key ***" and entry["TPPCD_EXCEPTION"].startswith("OSError: [Errno 5] no ***")
    assert PLANTED not in str(entry)


def test_a_burst_comes_whole_and_in_order(there: Journal) -> None:
    sink = there.configure()
    for number in range(2000):
        logger.bind(number=number).info("burst")
    seen: list[str] = []
    while len(seen) < 2000:
        seen += [entry["TPPCD_NUMBER"] for entry in there.entries()]
    sink.close()
    assert seen == [str(number) for number in range(2000)] and sink.dropped == 0


def test_an_entry_too_long_for_a_datagram_is_shortened(there: Journal) -> None:
    sink = there.configure()
    logger.bind(provider="fox", **{f"f{number}": "ü" * 2000 for number in range(60)}).error("long")
    logger.info("short")
    sink.close()
    (first,), (second,) = there.entries(), there.entries()
    assert first["MESSAGE"].startswith("ERROR   long provider=fox f0=") and first["MESSAGE"].endswith("…")
    assert (first["TPPCD_PROVIDER"], second["TPPCD_LOGGER"], sink.dropped) == ("fox", __name__, 0)


def test_a_journal_that_is_away_leaves_lines_with_a_priority(there: Journal) -> None:
    sink = there.configure()
    there.disappear()
    logger.bind(provider="fox").warning("one")
    logger.error("two")
    sink.close()
    assert there.lines() == "<4>WARNING one provider=fox\n<3>ERROR   two\n" and sink.dropped == 0


def test_what_nobody_took_is_counted_exactly(there: Journal) -> None:
    """The first entries went to the journal before it, and what it has of stderr, were gone."""
    output = journal.JournalOutput(str(there.path), StreamOutput(there.stderr))
    entry = "MESSAGE=hello\nPRIORITY=6\n" + "TPPCD_FILLER=" + "x" * 20_000 + "\n\n"
    send, sent = output._socket.sendto, 0

    def once(data: bytes, address: str) -> int:
        nonlocal sent
        sent += 1
        if sent > 1:
            raise ConnectionRefusedError
        return send(data, address)

    there.close_stderr()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(output, "_socket", SimpleNamespace(sendto=once, close=output._socket.close))
        with pytest.raises(PartlyWritten) as caught:
            output.write(entry * 8)
        assert caught.value.lines == len(there.entries()) == 3
        output.close()


def test_a_stuck_journal_drops_and_counts_and_reports_it_afterwards(
    there: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_sink.Writer.__init__, "__kwdefaults__", {"capacity": 300})
    sink = there.configure()
    for _ in range(1500):
        logger.bind(filler="x" * 2000).info("burst")
    assert sink.dropped > 0
    while not any("the output did not keep up" in entry["MESSAGE"] for entry in there.entries()):
        pass
    sink.close()


def test_a_stream_that_is_not_the_journal_gets_no_entries(tmp_path: Path) -> None:
    """``JOURNAL_STREAM`` names a pipe here: a service manager of another kind, or a test."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream, os.fdopen(reading) as lines:
        status = os.fstat(stream.fileno())
        sink = logs.configure(stream=stream, environ={"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
        logger.info("hello")
        sink.close()
        assert lines.readline() == "<6>INFO    hello\n"
