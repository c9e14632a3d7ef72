"""Logging as a whole: what comes out for what was logged, and that the caller never waits."""

from __future__ import annotations

import io
import json
import logging
import os
import threading
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from loguru import logger

from daemon.secret import Secret
from daemon.telemetry import log_sink, logs
from daemon.telemetry.log_lines import LogFormat
from daemon.telemetry.log_ring import LogFilter
from daemon.telemetry.logs import Levels

PLANTED = "sk-planted-0123456789"


def output(act: Callable[[], object], format: LogFormat = "text", level: str = "info") -> str:
    stream = io.StringIO()
    sink = logs.configure(Levels(level), format, stream=stream, environ={})
    act()
    sink.close()
    return stream.getvalue()


def json_lines(act: Callable[[], object], level: str = "info") -> list[dict[str, object]]:
    return [json.loads(line) for line in output(act, "json", level).splitlines()]


def fail() -> None:
    try:
        try:
            int("the user said this")
        except ValueError as error:
            raise OSError(5, "input/output error") from error
    except OSError:
        logger.exception("broke")


def test_text_reads_time_level_message_fields() -> None:
    text = output(
        lambda: logger.bind(entry="messages", first_ms=12.34567, note="two words", gone=None).info("finished")
    )
    assert text[24:] == 'INFO    finished entry=messages first_ms=12.346 note="two words"\n'


def test_json_is_flat_with_fixed_names() -> None:
    (line,) = json_lines(lambda: logger.bind(status=200, level="mine", gone=None).warning("finished"))
    assert line.pop("time")
    assert line == {
        "level": "warning",
        "message": "finished",
        "logger": __name__,
        "status": 200,
        "level_": "mine",
        "gone": None,
    }


HOSTILE = [
    "a\nERROR forged",
    "a\r\nb",
    "\x1b[31mred",
    "nul\x00",
    "\x85next line",
    "sep\u2028\u2029",
    "\u202eturned",
    "lone \ud800",
]


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
@pytest.mark.parametrize("format", ["text", "json"])
def test_no_value_forges_a_line_or_steers_a_terminal(text: str, format: LogFormat) -> None:
    """One record is one line, in the message as in a field."""
    out = output(lambda: logger.bind(field=text).info(text), format)
    assert len(out.splitlines()) == 1
    assert not set("\x00\x1b\x85\r\u2028\u2029\u202e\ud800") & set(out)
    if format == "json":
        assert json.loads(out)["message"].startswith(text[0])


@pytest.mark.parametrize("format", ["text", "json"])
def test_an_exception_shows_code_and_not_what_a_user_said(format: LogFormat) -> None:
    out = output(fail, format)
    assert len(out.splitlines()) == 1
    assert "OSError: [Errno 5] input/output error" in out
    assert "caused by ValueError" in out and "test_logs.py" in out
    assert "the user said" not in out


def test_braces_in_a_message_are_no_format() -> None:
    assert "{0.__class__} finished" in output(lambda: logger.info("{0.__class__} finished"))


def test_registered_secrets_are_masked_in_text_and_in_json() -> None:
    logs.register_secrets([Secret(PLANTED), Secret('quo"ted-secret'), Secret("short")])
    logs.register_secrets([Secret("another-secret")])
    for format in ("text", "json"):
        text = output(lambda: logger.bind(a='quo"ted-secret').info(f"{PLANTED} another-secret short"), format)
        assert PLANTED not in text and "quo" not in text and "another-secret" not in text
        assert "*** *** short" in text


def test_a_secret_prints_as_stars() -> None:
    assert json_lines(lambda: logger.bind(key=Secret(PLANTED)).info("x"))[0]["key"] == "***"


@pytest.mark.parametrize("value", [10**30, {1: 2}, b"bytes", object, float("inf"), ["a\ud800"]])
def test_any_value_can_be_bound(value: object) -> None:
    for format in ("text", "json"):
        assert len(output(lambda: logger.bind(value=value).info("x"), format).splitlines()) == 1


def test_a_value_that_cannot_be_shown_costs_its_line_only() -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("no")

    text = output(lambda: (logger.bind(value=Broken()).info("first"), logger.info("second")))
    assert "a log record could not be shown (RuntimeError)" in text and "second" in text


def test_standard_logging_arrives_from_warning_up_under_its_own_name() -> None:
    def act() -> None:
        logging.getLogger("aiohttp.client").info("chatter")
        logging.getLogger("aiohttp.client").warning("unclosed %s", "session")
        logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("old", UserWarning, stacklevel=1)

    lines = json_lines(act)
    assert [(line["logger"], line["level"]) for line in lines] == [
        ("aiohttp.client", "warning"),
        ("py.warnings", "warning"),
    ]


def test_the_level_holds() -> None:
    def act() -> None:
        logger.debug("no")
        logger.warning("yes")

    assert [line["message"] for line in json_lines(act, "warning")] == ["yes"]


def test_a_second_configure_takes_over() -> None:
    first, second = io.StringIO(), io.StringIO()
    old = logs.configure(stream=first, environ={})
    logger.info("one")
    new = logs.configure(stream=second, environ={})
    old.close()
    logger.info("two")
    new.close()
    assert "one" in first.getvalue() and "two" not in first.getvalue()
    assert "two" in second.getvalue() and "one" not in second.getvalue()


def test_the_journal_gets_priorities_and_stamps_the_time_itself(tmp_path: Path) -> None:
    with (tmp_path / "journal").open("w+") as stream:
        status = os.fstat(stream.fileno())
        for environ in ({"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}, {"JOURNAL_STREAM": "1:2"}):
            sink = logs.configure(Levels("debug"), stream=stream, environ=environ)
            logger.info("i")
            logger.error("e")
            logger.debug("d")
            sink.close()
        stream.seek(0)
        lines = stream.read().splitlines()
    assert lines[:3] == ["<6>INFO    i", "<3>ERROR   e", "<7>DEBUG   d"]
    assert lines[3].endswith(" INFO    i") and lines[3].startswith("2")


def test_a_terminal_gets_colour_and_an_indented_traceback() -> None:
    primary, secondary = os.openpty()
    with os.fdopen(secondary, "w") as terminal:
        for environ in ({}, {"NO_COLOR": "1"}):
            sink = logs.configure(stream=terminal, environ=environ)
            fail()
            sink.close()
        seen = ""
        while seen.count("caused by") < 2:
            seen += os.read(primary, 65536).decode()
    os.close(primary)
    assert "\x1b[31mERROR  \x1b[0m broke" in seen
    assert "\r\n    OSError" in seen
    assert " ERROR   broke" in seen


def test_a_stuck_output_drops_and_counts_and_never_holds_up_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pipe is full for the whole burst; warnings still find room; the loss is told afterwards."""
    reading, writing = os.pipe()
    stream = os.fdopen(writing, "w")
    writer_capacity, reserve = 300, 50
    monkeypatch.setattr(log_sink, "RESERVE", reserve)
    monkeypatch.setattr(log_sink.Writer.__init__, "__kwdefaults__", {"capacity": writer_capacity})
    sink = logs.configure(stream=stream, environ={})
    for _ in range(5000):
        logger.bind(filler="x" * 1000).info("burst")
    logger.warning("why the burst came")
    assert sink.dropped >= 5000 - 65536 // 1000 - 500 - writer_capacity

    seen: list[bytes] = []
    reader = threading.Thread(target=lambda: seen.extend(iter(lambda: os.read(reading, 65536), b"")))
    reader.start()
    sink.close()
    stream.close()
    reader.join()
    os.close(reading)
    text = b"".join(seen).decode()
    assert "why the burst came" in text
    assert "log lines: the output did not keep up" in text


def test_closing_gives_up_on_a_stuck_output() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        sink = logs.configure(stream=stream, environ={})
        for _ in range(200):
            logger.bind(filler="x" * 1000).info("burst")
        sink.close(0.05)
        os.set_blocking(reading, False)
        while sink._writers[0]._thread.is_alive():  # lets the thread end before its descriptor does
            try:
                os.read(reading, 65536)
            except BlockingIOError:
                sink._writers[0]._thread.join(0.005)
    os.close(reading)


def test_a_broken_output_is_counted_and_survived() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        sink = logs.configure(stream=stream, environ={})
        logger.info("nobody reads")
        sink.close()
    assert sink.dropped == 1


LONG = "x" * 2_000_000


@pytest.mark.parametrize(
    "act",
    [
        lambda: logger.bind(model=LONG, request_id="r").info("one"),
        lambda: logger.info("one {}", LONG),
        lambda: logs.log_request({"model": LONG, "served": LONG, "lost": LONG, "request_id": "r"}),
        lambda: logger.opt(exception=RuntimeError(LONG)).error("one"),
        lambda: logging.getLogger("asyncio").error("one %s", LONG),
    ],
)
@pytest.mark.parametrize("format", ["text", "json"])
def test_no_value_makes_a_record_long(act: Callable[[], object], format: LogFormat) -> None:
    """Neither on its way to disk nor in the ring of newest records."""
    written = output(act, format)
    assert 1500 < len(written) < 20_000
    assert "characters left out" in written
    assert len(str(logs.RECENT.select(LogFilter(), 1))) < 20_000


def logged_at(levels: Levels) -> list[str]:
    """What is written of a line of each area at each level."""
    stream = io.StringIO()
    sink = logs.configure(levels, stream=stream, environ={})
    for name in ("daemon.upstream.discovery", "daemon.gateway.decisions", "aiohttp.client"):
        named = logger.patch(partial(dict.update, name=name))
        for level in ("DEBUG", "INFO", "WARNING"):
            named.log(level, f"{name} {level}")
    logs.log_request({"entry": "models", "status": 200, "total_ms": 1.0})
    sink.close()
    return [line[32:] for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize(
    "levels, upstream, gateway, request_line",
    [
        (Levels(), "INFO WARNING", "INFO WARNING", True),
        (Levels("info", {"upstream": "debug"}), "DEBUG INFO WARNING", "INFO WARNING", True),
        (Levels("debug", {"upstream": "warning"}), "WARNING", "DEBUG INFO WARNING", True),
        (Levels("info", {"request": "warning"}), "INFO WARNING", "INFO WARNING", False),
        (Levels("warning", {"request": "info"}), "WARNING", "WARNING", True),
        (Levels("error", {"gateway": "info", "upstream": "error"}), "", "INFO WARNING", False),
    ],
)
def test_a_part_of_the_daemon_has_a_level_of_its_own(
    levels: Levels, upstream: str, gateway: str, request_line: bool
) -> None:
    shown = logged_at(levels)
    for name, expected in (("daemon.upstream.discovery", upstream), ("daemon.gateway.decisions", gateway)):
        assert [line.split()[1] for line in shown if line.startswith(name)] == expected.split()
    assert any(line.startswith("200 models") for line in shown) is request_line
    logs.configure(stream=io.StringIO(), environ={}).close()
    assert logs.is_logged("INFO", "upstream") and not logs.is_logged("DEBUG", "upstream")


def test_debug_of_one_part_costs_the_others_nothing() -> None:
    """Their lines are not even built: whoever builds one that costs much asks first."""
    stream = io.StringIO()
    sink = logs.configure(Levels("info", {"gateway": "debug"}), stream=stream, environ={})
    assert logs.is_logged("DEBUG", "gateway")
    assert not any(logs.is_logged("DEBUG", area) for area in ("upstream", "reload", "request"))
    logs.set_levels(Levels("info", {"reload": "debug"}))
    assert logs.is_logged("DEBUG", "reload") and not logs.is_logged("DEBUG", "gateway")
    logger.info("the same sink")
    sink.close()
    assert "the same sink" in stream.getvalue()
