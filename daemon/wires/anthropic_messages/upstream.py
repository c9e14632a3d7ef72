"""How a Messages upstream is addressed, and what is forced in a request whose bytes pass through."""

from __future__ import annotations

from typing import Final

from msgspec import Raw

from daemon.inference.request import Request
from daemon.wires.anthropic_messages.moved_thinking import MARK
from daemon.wires.anthropic_messages.request_calls import separate_ids
from daemon.wires.anthropic_messages.thinking_changes import with_level
from daemon.wires.base import EarlierReasoning, EncodeOptions, Fields, Item, Sift, Upstream
from daemon.wires.json import encode, fields_of, items_of

VERSION: Final = "2023-06-01"

_ASSISTANT: Final = Raw(b'"assistant"')


def key_headers(key: str) -> dict[str, str]:
    """``key`` as these upstreams want it."""
    return {"x-api-key": key}


def force_fields(fields: Fields, _body: bytes, _request: Request, options: EncodeOptions) -> None:
    """The level of the model name's suffix, as this model is given one."""
    if options.effort is not None:
        with_level(fields, options.model, options.effort)


# --- earlier thinking -----------------------------------------------------------------------------


def _sift(fields: Fields, sift: Sift) -> None:
    """The thinking blocks of the assistant's messages. A message of which nothing is left is left out as well."""
    messages: list[Raw] = []
    touched = False
    for message in items_of(fields["messages"]):
        sent = _message(message, sift)
        touched |= sent is not message
        if sent is not None:
            messages.append(sent)
    if touched:
        fields["messages"] = Raw(encode(messages))


def _message(message: Raw, sift: Sift) -> Raw | None:
    inside = fields_of(message)
    if inside.get("role") != _ASSISTANT or bytes(inside.get("content", b""))[:1] != b"[":
        return message
    blocks = sift(items_of(inside["content"]), _thought)
    if blocks is None:
        return message
    return Raw(encode(inside | {"content": Raw(encode(blocks))})) if blocks else None


def _thought(item: Item) -> str:
    """Thinking without a signature is left for the upstream to accept or refuse."""
    if item.type == "thinking" and item.signature:
        return "signature"
    return "data" if item.type == "redacted_thinking" and item.data else ""


UPSTREAM = Upstream(
    endpoint="/messages",
    family="anthropic",
    headers={"anthropic-version": VERSION},
    key_headers=key_headers,
    force_fields=force_fields,
    separate_ids=separate_ids,
    reasoning=EarlierReasoning(markers=(b'thinking"', b'"text":""', b'"text": ""'), sift=_sift, mark=MARK),
    count_path="/count_tokens",
    takes_sampling=lambda request: not request.reasoning.asked_for,  # the API refuses both beside thinking
    models_query="limit=1000",  # of pages that have 20 models else
)
