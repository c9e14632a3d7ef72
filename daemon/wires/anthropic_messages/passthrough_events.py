"""A JSON answer of the Messages API as the events of its stream, and back.

Each block is there in full, with all unknown fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import DecodeError, Raw, Struct

from daemon.errors import ErrorKind, RemoteError
from daemon.wires.sse import SseSplitter

Fields = dict[str, Raw]

_fields = msgspec.json.Decoder(Fields).decode
_array = msgspec.json.Decoder(list[Raw]).decode
_encode = msgspec.json.encode

_NULL, _EMPTY, _NONE = Raw(b"null"), Raw(b'""'), Raw(b"[]")
_LATE: Final = ("stop_reason", "stop_sequence", "stop_details")
"""What an answer has only at its end."""
_TEXTS: Final[Mapping[str, tuple[str, ...]]] = {"text": ("text",), "thinking": ("thinking", "signature")}
"""Kind of a block to its fields that deltas of their names bring, in that order."""


def message_events(body: bytes) -> Iterator[bytes]:
    """The data of each event, from ``message_start`` to ``message_stop``."""
    message = _fields(body)
    ending = {"stop_reason": _NULL, "stop_sequence": _NULL}
    late = {name: message.pop(name) for name in _LATE if name in message}
    blocks = _array(message.get("content", _NONE))
    yield _encode({"type": "message_start", "message": message | {"content": _NONE} | ending})
    for index, block in enumerate(blocks):
        begun, deltas = begun_and_deltas(_fields(block))
        yield _encode({"type": "content_block_start", "index": index, "content_block": begun})
        for delta in deltas:
            yield _encode({"type": "content_block_delta", "index": index, "delta": delta})
        yield _encode({"type": "content_block_stop", "index": index})
    usage = message.get("usage", Raw(b"{}"))
    yield _encode({"type": "message_delta", "delta": ending | late, "usage": usage})
    yield _encode({"type": "message_stop"})


def begun_and_deltas(block: Fields) -> tuple[Fields, list[Fields]]:
    """The block as it begins, and the deltas that make it whole. A kind that is not known begins whole."""
    kind: str = msgspec.json.decode(block.get("type", _EMPTY), type=str)
    if kind.endswith("tool_use"):
        given = bytes(block.get("input", b"{}")).decode()
        return block | {"input": Raw(b"{}")}, [_delta("input_json_delta", "partial_json", Raw(_encode(given)))]
    fields = _TEXTS.get(kind, ())
    said = [field for field in fields if block.get(field, _EMPTY) not in (_EMPTY, _NULL)]
    deltas = [_delta(f"{field}_delta", field, block[field]) for field in said]
    begun = block | dict.fromkeys(fields, _EMPTY)
    if kind == "text" and block.get("citations", _NULL) not in (_NULL, _NONE):
        begun["citations"] = _NONE
        deltas += [_delta("citations_delta", "citation", citation) for citation in _array(block["citations"])]
    return begun, deltas


def _delta(kind: str, field: str, value: Raw) -> Fields:
    return {"type": Raw(_encode(kind)), field: value}


# --- the events as a JSON answer ------------------------------------------------------------------------------------


Json = dict[str, Any]

_GROWING = ("text", "thinking", "signature", "content")
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
    for field in _GROWING:
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
