"""Failures on this wire, both ways: OpenAI's dialect, as the Responses wire has it, plus the error chunk.

A failure inside a stream has no event of its own here. Servers send the body of an HTTP error as data,
which the OpenAI SDKs raise, and end without ``[DONE]``.
"""

from __future__ import annotations

from daemon.errors import GatewayError
from daemon.wires.failures.remote_errors import decode_error, error_event, no_answer, not_json, remote_error
from daemon.wires.openai.errors import encode_error

__all__ = [
    "decode_error",
    "encode_error",
    "error_chunk",
    "error_event",
    "no_answer",
    "not_json",
    "remote_error",
]


def error_chunk(error: GatewayError) -> bytes:
    """The last event of a stream that failed."""
    return b"data: %b\n\n" % encode_error(error, "")[2]
