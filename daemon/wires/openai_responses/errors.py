"""Failures on this wire, both ways: OpenAI's dialect, and the words of ``response.failed``."""

from __future__ import annotations

from daemon.errors import ErrorKind, GatewayError
from daemon.wires.openai_error_body import encode_error, failure_code
from daemon.wires.openai_errors import decode_error, no_answer, not_json, remote_error
from daemon.wires.retry_after import wait_in_words

__all__ = ["decode_error", "encode_error", "failure_code", "failure_message", "no_answer", "not_json", "remote_error"]


def failure_message(error: GatewayError) -> str:
    """The message of a ``response.failed``. A stream has no ``retry-after``; Codex reads the wait from the words."""
    wait = error.retry_after
    if error.kind is not ErrorKind.RATE_LIMIT or wait is None or wait_in_words(error.message) is not None:
        return error.message
    return f"{error.message} Please try again in {wait:g}s."
