"""What only the client's API has a field for, on its way to an upstream that speaks another.

Two kinds: fields that shape the answer are told as lost; those that hold the conversation itself, or ask
for several answers, are refused, for without them something else would be answered. All others (storage,
metadata, caching) are missed by nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Raw

from daemon.errors import ErrorKind, LocalError
from daemon.inference.request import Request

SHAPING: Final[Mapping[str, tuple[str, ...]]] = {
    "messages": ("mcp_servers", "container"),
    "responses": ("background", "max_tool_calls", "top_logprobs", "truncation"),
    "chat": (
        "audio",
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "modalities",
        "prediction",
        "presence_penalty",
        "seed",
        "top_logprobs",
    ),
}
"""By the client's wire."""

_STORED: Final[Mapping[str, str]] = {
    "previous_response_id": "previous_response_not_found",
    "conversation": "conversation_not_found",
    "prompt": "prompt_not_found",
}
"""Fields of the Responses API that stand for what its server keeps, and what it says when it has not got it."""

_NOTHING: Final = frozenset({b"", b"null", b"false", b"0", b"0.0", b"[]", b"{}", b'"disabled"', b'["text"]'})
"""Values that are as good as none."""


def foreign_fields(request: Request) -> tuple[str, ...]:
    """The names of what another wire loses of ``request``. Raises ``LocalError`` for what cannot be done without."""
    fields = request.extra.get(request.wire)
    if not fields:
        return ()
    if request.wire == "responses":
        _refuse_stored(fields)
    elif request.wire == "chat" and bytes(fields.get("n", b"1")) not in (b"1", *_NOTHING):
        message = "the upstream's API answers one choice per request: send `n` requests"
        raise LocalError(ErrorKind.INVALID_REQUEST, message, code="invalid_value", param="n")
    return tuple(name for name in SHAPING[request.wire] if bytes(fields.get(name, b"")) not in _NOTHING)


def _refuse_stored(fields: Mapping[str, Raw]) -> None:
    for name, code in _STORED.items():
        if bytes(fields.get(name, b"")) not in _NOTHING:
            message = f"the upstream's API keeps nothing between requests: send it in `input` instead of `{name}`"
            raise LocalError(ErrorKind.INVALID_REQUEST, message, code=code, param=name)
