"""A whole answer of the Messages API as the events of its stream, and back: each block in full, with all fields that
nobody here knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from daemon.errors import ErrorKind, RemoteError
from daemon.wires.json import NOT_JSON, NULL, LenientDecoder, RawObject, encode, fields_of, items_of
from daemon.wires.sse import SseSplitter

Json = dict[str, Any]

_EMPTY, _NONE = Raw(b'""'), Raw(b"[]")
_LATE: Final = ("stop_reason", "stop_sequence", "stop_details")
"""What an answer has only at its end."""
_TEXTS: Final[Mapping[str, tuple[str, ...]]] = {"text": ("text",), "thinking": ("thinking", "signature")}
"""Kind of a block to its fields that deltas of their names bring, in that order."""


def message_events(body: bytes) -> Iterator[bytes]:
    """The data of each event, from ``message_start`` to ``message_stop``."""
    message = fields_of(body)
    ending = {"stop_reason": NULL, "stop_sequence": NULL}
    late = {name: message.pop(name) for name in _LATE if name in message}
    blocks = items_of(message.get("content", _NONE))
    yield encode({"type": "message_start", "message": message | {"content": _NONE} | ending})
    for index, block in enumerate(blocks):
        begun, deltas = begun_and_deltas(fields_of(block))
        yield encode({"type": "content_block_start", "index": index, "content_block": begun})
        for delta in deltas:
            yield encode({"type": "content_block_delta", "index": index, "delta": delta})
        yield encode({"type": "content_block_stop", "index": index})
    usage = message.get("usage", Raw(b"{}"))
    yield encode({"type": "message_delta", "delta": ending | late, "usage": usage})
    yield encode({"type": "message_stop"})


def begun_and_deltas(block: RawObject) -> tuple[RawObject, list[RawObject]]:
    """The block as it begins, and the deltas that make it whole. A kind that is not known begins whole."""
    kind: str = msgspec.json.decode(block.get("type", _EMPTY), type=str)
    if kind.endswith("tool_use"):
        whole_input = bytes(block.get("input", b"{}")).decode()
        return block | {"input": Raw(b"{}")}, [_delta_of("input_json_delta", "partial_json", Raw(encode(whole_input)))]
    fields = _TEXTS.get(kind, ())
    filled = [field for field in fields if block.get(field, _EMPTY) not in (_EMPTY, NULL)]
    deltas = [_delta_of(f"{field}_delta", field, block[field]) for field in filled]
    begun = block | dict.fromkeys(fields, _EMPTY)
    if kind == "text" and block.get("citations", NULL) not in (NULL, _NONE):
        begun["citations"] = _NONE
        deltas += [_delta_of("citations_delta", "citation", citation) for citation in items_of(block["citations"])]
    return begun, deltas


def _delta_of(kind: str, field: str, value: Raw) -> RawObject:
    return {"type": Raw(encode(kind)), field: value}


# --- and back -------------------------------------------------------------------------------------


_GROWING = ("text", "thinking", "signature", "content")
"""Fields of a delta that are appended to the block's own."""


class _JsonEvent(Struct):
    type: str = ""
    index: int | None = None
    message: Json = {}
    content_block: Json = {}
    delta: Json = {}
    usage: Json | None = None


_json_event = LenientDecoder(_JsonEvent)


def message_of(stream: bytes) -> bytes:
    """``stream`` is a complete one, from ``message_start`` to ``message_stop``; what is odd in it counts as not sent.
    Raises ``RemoteError`` for what is no JSON."""
    try:
        return msgspec.json.encode(_collect(stream))
    except NOT_JSON:
        raise RemoteError(ErrorKind.API, "the upstream sent an event that the Messages API does not have") from None


def _collect(stream: bytes) -> Json:
    message: Json = {}
    blocks: dict[int, Json] = {}
    inputs: dict[int, list[str]] = {}
    texts: dict[tuple[int, str], list[str]] = {}
    splitter = SseSplitter()
    for payload in [*splitter.feed(stream), *splitter.close()]:
        event = _json_event.decode(payload)
        at = max(blocks, default=0) if event.index is None else event.index
        match event.type:
            case "message_start":
                message = event.message
            case "content_block_start":
                at = _next_index(blocks) if event.index is None else at
                blocks[at] = event.content_block
                inputs.pop(at, None)
                texts = {place: pieces for place, pieces in texts.items() if place[0] != at}
            case "content_block_delta" if at in blocks:
                _add(blocks[at], event.delta, inputs.setdefault(at, []))
                for field in _GROWING:
                    if isinstance(event.delta.get(field), str):
                        texts.setdefault((at, field), []).append(event.delta[field])
            case "message_delta":
                message |= event.delta
                message["usage"] = {**_object(message.get("usage")), **(event.usage or {})}
            case _:
                pass
    for (index, field), pieces in texts.items():
        blocks[index][field] = f"{blocks[index].get(field) or ''}{''.join(pieces)}"
    for index, pieces in inputs.items():
        if text := "".join(pieces):
            blocks[index]["input"] = _input(text)
    return message | {"content": [blocks[index] for index in sorted(blocks)]}


def _next_index(blocks: Mapping[int, Json]) -> int:
    return max(blocks, default=-1) + 1


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _add(block: Json, delta: Json, pieces: list[str]) -> None:
    if "citation" in delta:
        known = block.get("citations")
        block["citations"] = known = known if isinstance(known, list) else []
        known.append(delta["citation"])
    if isinstance(delta.get("partial_json"), str):
        pieces.append(delta["partial_json"])


def _input(text: str) -> Any:
    """Input that a token limit has cut is no JSON; it is shown as it came."""
    try:
        return msgspec.json.decode(text)
    except NOT_JSON:
        return {"_raw": text}
