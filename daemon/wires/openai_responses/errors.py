"""Failures on this wire, both ways: OpenAI's dialect, and the words of ``response.failed``."""

from __future__ import annotations

import re

from daemon.errors import ErrorKind, GatewayError
from daemon.wires.failures.judge import is_long_wait
from daemon.wires.failures.remote_errors import decode_error, error_event, no_answer, not_json, remote_error
from daemon.wires.openai.errors import encode_error, failure_code

__all__ = [
    "decode_error",
    "encode_error",
    "error_event",
    "failure_code",
    "failure_message",
    "no_answer",
    "not_json",
    "remote_error",
]

_CODEX_READS = re.compile(r"try again in\s*\d+(?:\.\d+)?\s*(?:ms|s|seconds?)", re.IGNORECASE)


def failure_message(error: GatewayError) -> str:
    """The message of a ``response.failed``. A stream has no ``retry-after``; Codex reads the wait from the words."""
    wait = error.retry_after
    if error.kind is not ErrorKind.RATE_LIMIT or wait is None or is_long_wait(error):
        return error.message
    return error.message if _CODEX_READS.search(error.message) else f"{error.message} Please try again in {wait:g}s."
