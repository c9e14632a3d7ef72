"""Logging is of the whole process: each test leaves it as it was."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator

import pytest
from loguru import logger

from daemon.telemetry import logs


@pytest.fixture(autouse=True)
def untouched_logging() -> Iterator[None]:
    """Puts the process's logging back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    logger.remove()
    logs._installed[0] = logger.add(sys.stderr)
    logging.captureWarnings(False)
    root.handlers[:], root.level = handlers, level
    logs.register_secrets(())
    logs.register_secrets(())
