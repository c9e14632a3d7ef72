"""Logging, configured here and nowhere else: loguru in front, one bounded sink behind.

    logger.bind(…).info("message") ─▶ loguru ─▶ LogSink ─queue─▶ thread: render, mask, write
    logging.getLogger("asyncio")   ─▶ intercepted from WARNING up ─▲

The calling side costs about ten microseconds, most of it loguru's own. Messages are constants and
values are bound fields: loguru uses a message as a format string as soon as it gets arguments.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from loguru import logger
from msgspec import Struct

from daemon.secret import Secret
from daemon.telemetry.colour import is_coloured
from daemon.telemetry.log_lines import JsonLines, LogFormat, Render, SecretMask, TextLines, with_priority
from daemon.telemetry.log_outputs import FileOutput, StreamOutput
from daemon.telemetry.log_ring import SEVERITIES, LogRing
from daemon.telemetry.log_sink import LogSink, Writer
from daemon.telemetry.request_sentence import LOGGER

if TYPE_CHECKING:
    from loguru import Message
    from loguru import Record as LoguruRecord

RECENT = LogRing()
"""The newest records of this process, unmasked: use ``masked`` before showing them."""

_MASK = SecretMask()
_QUIET = {"uvicorn.error": logging.ERROR, "uvicorn.access": logging.CRITICAL, "uvicorn.asgi": logging.ERROR}
"""uvicorn warns once per malformed request: a log that strangers can fill."""

_SHOWN = (OSError, AttributeError, NameError, ImportError, TypeError, RuntimeError, AssertionError, IndexError)
"""Types whose messages are about code or the system. ``UnicodeError`` and ``KeyError`` are not."""

_MAX_FRAMES = 30
_MAX_CHAIN = 8
_ROOT = str(Path(__file__).resolve().parents[2]) + "/"


def register_secrets(secrets: Iterable[Secret]) -> None:
    """All secrets now in use: if one of them ever reaches a log line, it shows as ``***``. Those
    of the call before stay known too. Texts shorter than eight characters are not masked."""
    _MASK.register(secrets)


def register_opened(text: str) -> None:
    """A key that was sealed until now, before it is sent anywhere."""
    _MASK.add(text)


def masked(text: str) -> str:
    """``text`` with every registered secret as ``***``."""
    return _MASK(text)


class Levels(Struct, frozen=True):
    """The least level that is written, by name: ``default``, and that of single ``areas`` (``upstream``), which are
    the daemon's packages and ``request`` for the line of a finished request."""

    default: str = "info"
    areas: Mapping[str, str] = {}

    def of(self, area: str) -> int:
        """loguru's number."""
        return SEVERITIES[self.areas.get(area, self.default)]

    @property
    def least(self) -> int:
        return min(map(self.of, ("", *self.areas)))


INFO: Final = Levels()


def configure(
    levels: Levels = INFO,
    format: LogFormat = "text",
    *,
    file: FileOutput | None = None,
    stream: TextIO | None = None,
    environ: Mapping[str, str] = os.environ,
) -> LogSink:
    """Sends all logging of this process to ``stream`` (default stderr), and to ``file``, which it takes over.

    May be called again: the new sink takes over. Closing the old one, which writes what it has, is up to the caller:
    its output may be stuck.
    """
    target = sys.stderr if stream is None else stream
    writers = [Writer(StreamOutput(target), _render(format, target, environ), _MASK)]
    if file is not None:
        writers.append(Writer(file, JsonLines() if format == "json" else TextLines(), _MASK))
    sink = LogSink(writers, RECENT)
    _install(sink, levels)
    return sink


def set_levels(levels: Levels) -> None:
    """Other levels for the sink that is in use."""
    sink = _in_use[0]
    assert sink is not None, "configure comes first"
    _install(sink, levels)


def log_request(fields: dict[str, object], level: str = "INFO") -> None:
    """The one line of a finished request, handed to the sink past loguru, which costs more than accounting,
    metrics and rendering together. ``level`` is INFO, WARNING or ERROR. ``fields`` is taken over, not copied."""
    severity = _SEVERITY[level]
    sink = _in_use[0]
    if sink is not None and severity >= _least.get(LOGGER, _least[""]):
        record = {"at": time.time(), "level": level, "logger": LOGGER, "message": LOGGER}
        sink.put({**record, "traceback": None, "extra": fields}, severity)


def is_logged(level: str, area: str) -> bool:
    """Whether lines of this area are written at this level: for those that cost much to build."""
    return _SEVERITY[level] >= _least.get(area, _least[""])


_SEVERITY = {name.upper(): number for name, number in SEVERITIES.items()}
_in_use: list[LogSink | None] = [None]
_least: dict[str, int] = {"": SEVERITIES["info"]}
"""Area -> the least severity that is written; "" for all others."""


def _area(name: str) -> str:
    """``daemon.upstream.discovery`` -> ``upstream``; "" for what is not the daemon's own."""
    return name.split(".", 2)[1] if name.startswith("daemon.") else ""


class _Handler:
    """loguru's view of the sink. It has no ``stop``, which loguru would call on the event loop."""

    def __init__(self, sink: LogSink) -> None:
        self._sink = sink

    def write(self, message: Message) -> None:
        record = message.record
        extra, level = record["extra"], record["level"]
        if level.no < _least.get(_area(record["name"] or ""), _least[""]):
            return
        entry = {
            "at": time.time(),
            "level": level.name,
            "logger": record["name"],
            "message": record["message"],
            "traceback": extra.pop(_TRACEBACK, None),
            "extra": extra,
        }
        self._sink.put(entry, level.no)


_TRACEBACK = "\0traceback"
_installed: list[int] = [0]
"""loguru's number of our handler; 0 is the one loguru starts with."""


def _install(sink: LogSink, levels: Levels) -> None:
    before = _installed[0]
    _in_use[0] = sink
    _least.update({area: levels.of(area) for area in ("", *levels.areas)})
    for area in _least.keys() - {"", *levels.areas}:
        del _least[area]
    _installed[0] = logger.add(
        _Handler(sink),
        level=levels.least,
        format=_flatten_exception,
        colorize=False,
        diagnose=False,
        backtrace=False,
        catch=True,
    )
    with contextlib.suppress(ValueError):  # something else has removed it already
        logger.remove(before)
    _intercept_stdlib()


def _flatten_exception(record: LoguruRecord) -> str:
    """loguru's formatting is not used: the exception becomes lines here, on the caller's side, so
    that no queue keeps frames alive and loguru does not print values."""
    error = record["exception"]
    if error is not None:
        record["exception"] = None
        if error.value is not None:
            record["extra"][_TRACEBACK] = traceback_lines(error.value)
    return ""


def _render(format: LogFormat, stream: TextIO, environ: Mapping[str, str]) -> Render:
    if _is_journal(stream, environ):
        return with_priority(JsonLines() if format == "json" else TextLines(clock=False))
    if format == "json":
        return JsonLines()
    terminal = stream.isatty()
    return TextLines(colour=is_coloured(stream, environ), brief=terminal, indent_tracebacks=terminal)


def _is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether the stream is the very socket systemd connected to the journal (``JOURNAL_STREAM`` is
    inherited by children whose stderr has long been sent elsewhere)."""
    named = environ.get("JOURNAL_STREAM", "")
    if not named:
        return False
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError, AttributeError):
        return False
    return named == f"{status.st_dev}:{status.st_ino}"


class _Intercept(logging.Handler):
    """Records of the standard library's logging, as loguru records with the same logger name."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, asyncio.CancelledError):
            return  # uvicorn reports a request that the drain cancelled as a crash of the application
        named = logger.patch(lambda ours: ours.update({"name": record.name}))
        level = record.levelname if record.levelname in _LEVELS else record.levelno
        named.opt(exception=error).log(level, record.getMessage())


_LEVELS = frozenset({"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"})


def _intercept_stdlib() -> None:
    logging.basicConfig(handlers=[_Intercept()], level=logging.WARNING, force=True)
    logging.captureWarnings(True)
    for name, level in _QUIET.items():
        logging.getLogger(name).setLevel(level)


def traceback_lines(error: BaseException) -> list[str]:
    """An exception as log lines that show code, not data: itself, its frames (outermost first, indented), its causes.

    Frames are ``file:line in function`` without source text or values. The exception's own words are shown only for
    the types whose messages name code or the operating system's error; those of the others (``ValueError``,
    ``KeyError``, a wire's decode error) may quote a user or a model, and no request or response content
    belongs in a log.
    """
    return list(_chain(error, depth=0))


def _chain(error: BaseException, *, depth: int) -> Iterator[str]:
    yield _title(error)
    yield from _frames(error)
    if depth >= _MAX_CHAIN:
        return
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions[:_MAX_CHAIN]:
            yield from _prefixed("of the group: ", member, depth=depth + 1)
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _prefixed("caused by " if error.__cause__ else "while handling ", cause, depth=depth + 1)


def _prefixed(prefix: str, error: BaseException, *, depth: int) -> Iterator[str]:
    first, *rest = _chain(error, depth=depth)
    yield prefix + first
    yield from rest


def _title(error: BaseException) -> str:
    name = type(error).__qualname__
    if not isinstance(error, _SHOWN):
        return name
    return f"{name}: {error}" if str(error) else name


def _frames(error: BaseException) -> Iterator[str]:
    frames = [
        f"  {frame.f_code.co_filename.removeprefix(_ROOT)}:{number} in {frame.f_code.co_name}"
        for frame, number in traceback.walk_tb(error.__traceback__)
    ]
    if len(frames) > _MAX_FRAMES:
        half = _MAX_FRAMES // 2
        frames[half:-half] = [f"  … {len(frames) - 2 * half} frames left out"]
    yield from frames
