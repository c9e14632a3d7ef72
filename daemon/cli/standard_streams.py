"""The three standard streams as every command may rely on them: open, and able to print any text."""

from __future__ import annotations

import io
import os
import sys
from typing import Final

_STREAMS: Final = (("stdin", os.O_RDONLY, "r"), ("stdout", os.O_WRONLY, "w"), ("stderr", os.O_WRONLY, "w"))


def prepare() -> None:
    """To be called before anything is opened.

    1. A descriptor 0 to 2 that is closed (``2>&-``, some supervisors) becomes the null device. The next file, socket
       or epoll would get its number and with it what libraries print; libuv aborts when it closes one of them.
    2. What the locale's encoding lacks (a provider's name in Chinese under ``LC_ALL=C``) is printed as an escape.
    """
    for number, (name, flags, mode) in enumerate(_STREAMS):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)  # the lowest number that is free: this one
            os.set_inheritable(number, True)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
