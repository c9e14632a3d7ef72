"""A log record as one line of text or JSON.

1. One record is one line, whatever is in it: control characters, line separators and bidirectional
   marks are escaped, so no value can forge a second record or drive a terminal. The only
   exception is a traceback on a terminal, which is indented below its line.
2. Text reads ``time level message key=value …``; JSON is flat, with the fixed names ``time``,
   ``level``, ``message``, ``logger``, ``exception`` and the bound fields beside them. The message of a finished
   request is its sentence in text, and ``request`` in JSON, where the fields say the same to machines.
3. Rendering happens on the writer's thread, never on the thread that logs.
4. ``SecretMask`` is the last line of defence: secrets are a type and are not logged in the first place; it catches
   what reaches a log all the same (an upstream that echoes the key it was sent).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Literal

import msgspec

from daemon.masks import forms
from daemon.secret import MASK, Secret
from daemon.telemetry import request_sentence
from daemon.telemetry.colour import BOLD_RED, DIM, RED, YELLOW, painted, status_colour
from daemon.telemetry.local_time import iso_time, line_second, thousandths
from daemon.telemetry.request_sentence import said, sentence

Record = Mapping[str, object]
"""A loguru record as the sink keeps it: ``at`` (Unix seconds), ``level``, ``logger``, ``message``,
``extra`` (the bound fields) and ``traceback`` (lines)."""

LogFormat = Literal["text", "json"]
Render = Callable[[Record], str]

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_BARE = re.compile(r"[!#-<>-\[\]-~]+")
"""Values that need no quotes: visible ASCII without blanks, quotes, = and backslashes."""
_FIXED = frozenset({"time", "level", "message", "logger", "exception"})
_PRIORITY = {"CRITICAL": 2, "ERROR": 3, "WARNING": 4, "SUCCESS": 5, "INFO": 6}
_DEBUG_PRIORITY = 7
_COLOUR = {"CRITICAL": BOLD_RED, "ERROR": RED, "WARNING": YELLOW, "DEBUG": DIM, "TRACE": DIM}

NOTHING = (None, "")
"""Values of which a line of text says nothing."""
MIN_LENGTH = 8
"""Shorter secrets are not masked: they would blot out ordinary words."""

_HEAD = 3
_MANY = 64
"""Groups of secrets beyond which those that a line may have are looked up, rather than each searched for."""


def escape(text: str) -> str:
    """``text`` with every character that could start a line or steer a terminal made visible."""
    return _CONTROL.sub(_visible, text) if _CONTROL.search(text) else text


def _visible(match: re.Match[str]) -> str:
    return _SHORT.get(match[0]) or f"\\u{ord(match[0]):04x}"


class TextLines:
    """Text for people. ``clock`` is off where the reader adds the time itself (the journal). ``brief``: fields that
    the message says already are left out, for people alone; programs may want to find them all by name."""

    def __init__(
        self, *, colour: bool = False, clock: bool = True, brief: bool = False, indent_tracebacks: bool = False
    ) -> None:
        self._colour = colour
        self._clock = clock
        self._brief = brief
        self._indent = indent_tracebacks
        self._second = (-1, "")

    def __call__(self, record: Record) -> str:
        level, fields = str(record["level"]), _fields(record)
        head = f"{self._time(record['at'])} " if self._clock else ""
        message, left_out = self._message(record, fields)
        text = f"{head}{self._paint(f'{level:<7}', _COLOUR.get(level))} {message}"
        shown = [
            self._field(key, value) for key, value in fields.items() if value not in NOTHING and key not in left_out
        ]
        return "".join((text, *shown, self._traceback(record.get("traceback")), "\n"))

    def _message(self, record: Record, fields: Mapping[str, object]) -> tuple[str, Collection[str]]:
        """What the line says, and the fields that need not be repeated."""
        if record["logger"] == request_sentence.LOGGER:
            words = sentence(fields)
            status = self._paint(words.status, status_colour(words.status))
            return f"{status} {escape(words.rest)}", said(fields) if self._brief else ()
        message = escape(str(record["message"]))
        return message, [key for key, value in fields.items() if _is_said(message, key, value)]

    def _field(self, key: str, value: object) -> str:
        if type(value) is int:
            shown = str(value)
        elif not _BARE.fullmatch(shown := value if type(value) is str else _plain(value)):
            shown = '"' + escape(shown).replace('"', "'") + '"'
        return f" {self._paint(f'{escape(key)}=', DIM)}{shown}" if self._colour else f" {key}={shown}"

    def _traceback(self, lines: object) -> str:
        if not isinstance(lines, list):
            return ""
        if self._indent:
            return "".join(f"\n    {escape(line)}" for line in lines)
        return ' exception="' + escape(" | ".join(line.strip() for line in lines)).replace('"', "'") + '"'

    def _paint(self, text: str, code: str | None) -> str:
        return painted(text, code) if self._colour else text

    def _time(self, at: object) -> str:
        assert isinstance(at, float)
        second = int(at)
        if self._second[0] != second:
            self._second = (second, line_second(second))
        return f"{self._second[1]}.{thousandths(at):03d}"


class JsonLines:
    """JSON for machines: one flat object per record; times are local, with their offset."""

    def __call__(self, record: Record) -> str:
        at = record["at"]
        assert isinstance(at, float)
        line: dict[str, object] = {
            "time": iso_time(at),
            "level": str(record["level"]).lower(),
            "message": record["message"],
            "logger": record["logger"],
        }
        for key, value in _fields(record).items():
            line[f"{key}_" if key in _FIXED else key] = value
        lines = record.get("traceback")
        if isinstance(lines, list):
            line["exception"] = "\n".join(lines)
        return _CONTROL.sub(_json_visible, _encode(line)) + "\n"


def with_priority(render: Render) -> Render:
    """The journal's ``<6>`` in front, from which ``journalctl -p`` works."""
    return lambda record: f"<{_PRIORITY.get(str(record['level']), _DEBUG_PRIORITY)}>{render(record)}"


def _fields(record: Record) -> Mapping[str, object]:
    extra = record["extra"]
    return extra if isinstance(extra, Mapping) else {}


def _is_said(message: str, key: str, value: object) -> bool:
    """Whether the message has this field in words: ``generation 7``."""
    words = f"{key} {value}"
    at = message.find(words)
    return at >= 0 and not message[at + len(words) : at + len(words) + 1].isalnum()


def _plain(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    return str(value)


def _encode(line: dict[str, object]) -> str:
    try:
        return msgspec.json.encode(line, enc_hook=str).decode()
    except (UnicodeError, TypeError, ValueError, OverflowError):  # lone surrogates, huge integers, odd keys
        return msgspec.json.encode({key: escape(str(value)) for key, value in line.items()}).decode()


def _json_visible(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


class SecretMask:
    """Keys of one kind begin alike (``sk-``), so texts are grouped by their first characters and a
    line without such a beginning costs one search, also with thousands of keys."""

    def __init__(self) -> None:
        self._latest: dict[str, frozenset[str]] = {}  # secret -> its forms
        self._groups: Mapping[str, tuple[str, ...]] = {}

    def register(self, secrets: Iterable[Secret]) -> None:
        """``secrets`` are all that are in use; those of the call before stay known, because
        requests that began with them may still fail. One that is not open yet is added when it is opened."""
        before, texts = self._latest, {secret.known_text for secret in secrets}
        self._latest = {text: before.get(text) or _forms(text) for text in texts}
        self._groups = _grouped(frozenset().union(*before.values(), *self._latest.values()))

    def add(self, text: str) -> None:
        """One more that is in force, on any thread."""
        added = _forms(text)
        self._latest = {**self._latest, text: added}
        groups = dict(self._groups)
        for head, texts in _grouped(added).items():
            groups[head] = _longest_first({*groups.get(head, ()), *texts})
        self._groups = groups

    def __call__(self, text: str) -> str:
        groups = self._groups
        heads: Iterable[str] = groups
        if len(groups) > _MANY:
            heads = groups.keys() & {text[at : at + _HEAD] for at in range(len(text))}
        for head in heads:
            if head in text:
                for secret in groups[head]:
                    text = text.replace(secret, MASK)
        return text


def _grouped(secrets: Collection[str]) -> dict[str, tuple[str, ...]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for text in secrets:
        groups[text[:_HEAD]].append(text)
    return {head: _longest_first(texts) for head, texts in groups.items()}


def _longest_first(texts: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted(texts, key=len, reverse=True))


def _forms(text: str) -> frozenset[str]:
    """As others quote it, and each of these as a quoted field of a text line shows it."""
    if len(text) < MIN_LENGTH:
        return frozenset()
    quoted = frozenset(forms(text))
    return quoted.union([escape(each).replace('"', "'") for each in quoted])
