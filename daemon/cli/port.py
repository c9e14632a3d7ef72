"""The argument of ``--port``."""

from __future__ import annotations

import argparse


def port(text: str) -> int:
    """0 to 65535; anything else is wrong usage."""
    if not (text.isascii() and text.isdigit() and int(text[:6]) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is no port (0 to 65535)")
    return int(text)
