"""The event stream of a Messages upstream as the JSON answer it would have been, with all unknown fields."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import DecodeError, Struct

from daemon.errors import ErrorKind, RemoteError
from daemon.wires.sse import SseSplitter

Json = dict[str, Any]

_TEXTS = ("text", "thinking", "signature", "content")
"""Fields of a delta that go on the end of the block's own."""


class _Event(Struct):
    type: str = ""
    index: int = 0
    message: Json = {}
    content_block: Json = {}
    delta: Json = {}
    usage: Json | None = None


_event = msgspec.json.Decoder(_Event)


def message_of(stream: bytes) -> bytes:
    """``stream`` is a complete one, from ``message_start`` to ``message_stop``. Raises ``RemoteError`` for
    events of another shape than the API's."""
    try:
        return msgspec.json.encode(_message(stream))
    except DecodeError:
        raise RemoteError(ErrorKind.API, "the upstream sent an event that is not one of its wire") from None


def _message(stream: bytes) -> Json:
    message: Json = {}
    blocks: dict[int, Json] = {}
    inputs: dict[int, list[str]] = {}
    splitter = SseSplitter()
    for payload in [*splitter.feed(stream), *splitter.close()]:
        event = _event.decode(payload)
        match event.type:
            case "message_start":
                message = event.message
            case "content_block_start":
                blocks[event.index] = event.content_block
            case "content_block_delta" if event.index in blocks:
                _add(blocks[event.index], event.delta, inputs.setdefault(event.index, []))
            case "message_delta":
                message |= event.delta
                message["usage"] = {**(message.get("usage") or {}), **(event.usage or {})}
            case _:
                pass
    for index, pieces in inputs.items():
        if given := "".join(pieces):
            blocks[index]["input"] = _input(given)
    return message | {"content": [blocks[index] for index in sorted(blocks)]}


def _add(block: Json, delta: Json, pieces: list[str]) -> None:
    for field in _TEXTS:
        if isinstance(delta.get(field), str):
            block[field] = f"{block.get(field) or ''}{delta[field]}"
    if "citation" in delta:
        block["citations"] = [*(block.get("citations") or ()), delta["citation"]]
    if isinstance(delta.get("partial_json"), str):
        pieces.append(delta["partial_json"])


def _input(given: str) -> Any:
    """Input that a token limit has cut is no JSON; it is shown as it came."""
    try:
        return msgspec.json.decode(given)
    except DecodeError:
        return {"_raw": given}
