"""The journal's own protocol: a record as fields, so that ``journalctl -u tppcd TPPCD_PROVIDER=fox`` finds it.

    record ─▶ JournalEntries: ``NAME=value`` lines ─▶ mask ─▶ JournalOutput ─▶ /run/systemd/journal/socket

1. ``MESSAGE`` is the line that stderr would show; each field of the record is ``TPPCD_`` and its name in capitals.
2. Values have no line ends (the journal's form for those is binary, and could not be masked as text), so an entry is
   its lines and an empty one. The journal takes many such entries in one datagram.
3. What the journal's socket does not take goes to stderr, which systemd connects to the journal as well, as lines with
   a priority. A journal that is stuck holds up the log's own thread, and nothing else.
"""

from __future__ import annotations

import errno
import os
import re
import socket
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final, TextIO

from daemon.telemetry.log_lines import Record, Render, escape, priority
from daemon.telemetry.log_outputs import PartlyWritten, StreamOutput

STREAM_NAME: Final = "stdout"
"""The journal's socket that stdout and stderr are connected to; beside it is the one of the protocol."""
SOCKET_NAME: Final = "socket"
PREFIX: Final = "TPPCD_"
CHUNK: Final = 64 * 1024
"""Bytes of a datagram: the kernel takes 208 KiB unless it is set to less. A longer entry goes alone."""
LONGEST: Final = 4096
MOST: Final = 48 * 1024
"""Characters of one value, and of all, in an entry that was too long for a datagram."""

_HEAD: Final = "SYSLOG_IDENTIFIER=tppcd\nSYSLOG_FACILITY=3\n"
"""As systemd itself describes what comes from the stderr of a service: 3 is "system daemons"."""
_LONGEST_NAME: Final = 64
_END: Final = "\n\n"
_MESSAGE: Final = "MESSAGE="
_PRIORITY: Final = "PRIORITY="


class JournalEntries:
    """Renders a record as one entry; ``render`` makes its message."""

    def __init__(self, render: Render) -> None:
        self._render = render

    def __call__(self, record: Record) -> str:
        fields, trace = record["extra"], record.get("traceback")
        lines = [f"{_MESSAGE}{self._render(record)}{_PRIORITY}{priority(record)}\n{_HEAD}"]
        lines.append(f"{PREFIX}LOGGER={escape(str(record['logger']))}\n")
        if isinstance(fields, Mapping):
            lines += [f"{_name(key)}={_text(value)}\n" for key, value in fields.items() if value is not None]
        if isinstance(trace, list):
            lines.append(f"{PREFIX}EXCEPTION={escape(' | '.join(line.strip() for line in trace))}\n")
        return "".join(lines) + "\n"


class JournalOutput:
    """Sends entries to the journal's socket at ``address``, or, where that fails, their messages to ``stderr``."""

    def __init__(self, address: str, stderr: StreamOutput) -> None:
        self._address = address
        self._stderr = stderr
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)

    def write(self, text: str) -> None:
        taken = 0
        for chunk in _chunks(text):
            try:
                self._send(chunk)
            except OSError:  # no journald, or one that this process may not see
                self._write_lines(chunk, taken)
            taken += chunk.count(_END)

    def _write_lines(self, chunk: str, taken: int) -> None:
        """``taken`` entries of the text have been written before."""
        try:
            self._stderr.write("".join(map(_line, chunk.split(_END)[:-1])))
        except PartlyWritten as error:
            raise PartlyWritten(error, taken + error.lines) from None

    def _send(self, chunk: str) -> None:
        """Waits while the journal is busy."""
        try:
            self._socket.sendto(chunk.encode("utf-8", "backslashreplace"), self._address)
        except OSError as error:
            if error.errno != errno.EMSGSIZE:
                raise
            for entry in chunk.split(_END)[:-1]:
                self._socket.sendto(_shortened(entry).encode("utf-8", "backslashreplace"), self._address)

    def close(self) -> None:
        """stderr stays open: it belongs to the caller."""
        self._socket.close()


def journal_socket(stream: TextIO) -> str | None:
    """Where the journal that ``stream`` is connected to takes entries; None where it is none. A journal namespace
    (``LogNamespace=``) has sockets of its own, so the path comes from the stream's other end."""
    try:
        with socket.socket(fileno=os.dup(stream.fileno())) as connected:
            peer = connected.getpeername()
        if not isinstance(peer, str) or Path(peer).name != STREAM_NAME:
            return None
        address = Path(peer).with_name(SOCKET_NAME)
        return str(address) if address.is_socket() else None
    except (OSError, ValueError, AttributeError):
        return None


def _chunks(text: str) -> Iterator[str]:
    """``text`` in whole entries of about ``CHUNK`` characters; most are bytes as well."""
    start = 0
    while start < len(text):
        end = text.rfind(_END, start, start + CHUNK)
        if end < 0:
            end = text.index(_END, start)
        yield text[start : end + len(_END)]
        start = end + len(_END)


def _line(entry: str) -> str:
    """The entry as a line with the priority in front, as ``with_priority`` makes them."""
    message, _, rest = entry.removeprefix(_MESSAGE).partition(f"\n{_PRIORITY}")
    return f"<{rest.partition(chr(10))[0]}>{message}\n"


def _shortened(entry: str) -> str:
    """Values cut, and the last fields left out."""
    kept, left = [], MOST
    for line in entry.split("\n"):
        short = line if len(line) <= LONGEST else f"{line[:LONGEST]}…"
        left -= len(short)
        if left < 0:
            break
        kept.append(short)
    return "\n".join(kept) + _END


@lru_cache(maxsize=512)
def _name(key: object) -> str:
    """The journal takes A-Z, 0-9 and _, of 64 characters at most."""
    return (PREFIX + re.sub("[^A-Z0-9]", "_", str(key).upper()))[:_LONGEST_NAME]


def _text(value: object) -> str:
    if type(value) is int:
        return str(value)
    return escape(f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value))
