"""What we report to systemd: readiness, reloads, the stop, and watchdog pings from the event loop.

The protocol of sd_notify(3): one datagram of ``NAME=value`` lines to the socket in
``$NOTIFY_SOCKET``. Without that variable every call does nothing. No call ever blocks or raises: a
service manager that does not listen must not be able to stop the service.

A loop that hangs sends no more pings (``watchdog``), and systemd restarts the daemon with SIGABRT;
``dump_stacks_on_crash`` makes that print the Python stack of every thread into the journal.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping

from loguru import logger

SelfCheck = Callable[[], str | None]
"""None when all is well, else what is not (``"the file watch has ended"``)."""

_MICROSECONDS = 1_000_000


class Notifier:
    """``watchdog_interval`` is in seconds: how often systemd wants a ``ping`` (send three times as
    often), None when it wants none."""

    def __init__(self, address: str | None = None, watchdog_interval: float | None = None) -> None:
        self.watchdog_interval = watchdog_interval
        self._address = _socket_address(address) if address else None
        self._socket: socket.socket | None = None
        self._unsent: tuple[str, ...] = ()

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Notifier:
        """The notifier for this process; a no-op one where systemd did not start it."""
        return cls(environ.get("NOTIFY_SOCKET"), _watchdog_interval(environ))

    def ready(self, status: str = "") -> None:
        """Start-up, or a reload, is done."""
        self._send("READY=1", *_status(status))

    def reloading(self) -> None:
        """A reload begins; ``ready`` ends it. The clock reading is what ``Type=notify-reload`` needs."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self, status: str = "") -> None:
        """The stop has begun."""
        self._send("STOPPING=1", *_status(status))

    def status(self, text: str) -> None:
        """One line for ``systemctl status``."""
        self._send(*_status(text))

    def ping(self) -> None:
        """The watchdog's ping."""
        self._send("WATCHDOG=1")

    def extend_timeout(self, seconds: float) -> None:
        """Asks for ``seconds`` more, from now, before the start or the stop counts as hung."""
        self._send(f"EXTEND_TIMEOUT_USEC={int(seconds * _MICROSECONDS)}")

    def _send(self, *lines: str) -> None:
        if self._address is None or not lines:
            return
        # A full queue at the manager's end must not lose READY=1: what did not go out goes first
        # next time (a later value of the same name wins at the receiver).
        message = (*self._unsent, *lines)
        try:
            self._open().sendto("\n".join(message).encode("utf-8", "replace"), self._address)
            self._unsent = ()
        except BlockingIOError:
            self._unsent = tuple(dict.fromkeys(message))[-8:]
        except OSError:
            self._unsent = ()

    def _open(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
        return self._socket

    def close(self) -> None:
        """Closes the socket; the notifier may still be used."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def dump_stacks_on_crash() -> None:
    """For SIGABRT, SIGSEGV, SIGBUS, SIGFPE and SIGILL; does nothing where stderr has no descriptor."""
    try:
        faulthandler.enable(sys.stderr, all_threads=True)
    except (AttributeError, ValueError, OSError, RuntimeError):
        logger.debug("no stack dumps on a crash: stderr has no descriptor")


async def watchdog(notifier: Notifier, check: SelfCheck) -> None:
    """Pings every third of the interval while ``check`` finds nothing wrong; for ever. Returns at
    once where systemd asks for no pings. A problem is logged once, and the silence lets systemd act."""
    if notifier.watchdog_interval is None:
        return
    logged: str | None = None
    while True:
        problem = check()
        if problem is None:
            notifier.ping()
        elif problem != logged:
            logger.bind(problem=problem).error("self-check failed: no sign of life for the watchdog")
        logged = problem
        await asyncio.sleep(notifier.watchdog_interval / 3)


def _socket_address(text: str) -> str | None:
    """``@name`` is an abstract socket; other schemes (vsock) are not for us."""
    if text.startswith("@"):
        return "\0" + text[1:]
    return text if text.startswith("/") else None


def _watchdog_interval(environ: Mapping[str, str]) -> float | None:
    """``WATCHDOG_USEC`` in seconds, if it is meant for this process."""
    owner = environ.get("WATCHDOG_PID", "")
    if owner and owner != str(os.getpid()):
        return None
    text = environ.get("WATCHDOG_USEC", "")
    return int(text) / _MICROSECONDS if text.isascii() and text.isdigit() and int(text) > 0 else None


def _status(text: str) -> tuple[str, ...]:
    """A newline would begin another variable of the protocol, so the text becomes one line."""
    line = " ".join(text.split())
    return (f"STATUS={line}",) if line else ()
