"""What the commands exit with; the numbers are part of the contract with scripts and systemd."""

from typing import Final

OK: Final = 0
FAILURE: Final = 1
"""A failure; one line says why."""
USAGE: Final = 2
"""Wrong usage (argparse exits with it too)."""
CONFIG: Final = 78
"""``EX_CONFIG`` of sysexits.h: the configuration is not valid."""
INTERRUPTED: Final = 130
"""Ctrl-C, as shells report it."""
