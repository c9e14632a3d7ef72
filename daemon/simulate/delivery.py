"""Sending an answer over ASGI at the pace, and with the breakage, that was asked for.

Each sender returns how the request ended, in the ledger's words: ``completed`` or ``broken``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

import msgspec
from msgspec import Struct

from daemon.simulate.answer import Answer
from daemon.simulate.conversation import Json
from daemon.simulate.demand import Asked
from daemon.simulate.faults import Fault
from daemon.simulate.wire import Wire

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


class Pace(Struct, frozen=True, kw_only=True, rename="kebab"):
    """How a stream is sent: ``delay_ms`` between events; ``chunk_bytes`` per write (0 = one event per
    write), which cuts inside fields and inside UTF-8."""

    delay_ms: float = 0.0
    chunk_bytes: int = 0


class ClientGone(Exception):
    """The client hung up before the answer was whole."""


async def until_gone(receive: Receive) -> None:
    """Waits for the client's hang-up and raises ClientGone."""
    while (await receive())["type"] != "http.disconnect":
        pass
    raise ClientGone


async def send_body(send: Send, status: int, body: bytes, *, content_type: str, headers: Json | None = None) -> str:
    """A whole answer."""
    named = {"content-type": content_type, "content-length": str(len(body)), **(headers or {})}
    await _send_head(send, status, named)
    await send({"type": "http.response.body", "body": body})
    return "completed"


async def send_json(send: Send, status: int, value: object, headers: Json | None = None) -> str:
    """A whole answer in JSON."""
    return await send_body(send, status, msgspec.json.encode(value), content_type="application/json", headers=headers)


async def send_refusal(send: Send, fault: Fault, asked: Asked) -> str:
    """The refusal of a demand: JSON, or a text (most often a web page) where its shape is one."""
    demand, sentence = fault.demand, fault.complaint(asked)
    if demand is None or sentence is None:
        raise ValueError(f"{fault.name} does not refuse this request")
    headers = {**demand.headers, **_retry_after(fault)}
    shaped = demand.shape(sentence)
    if isinstance(shaped, str):
        return await send_body(send, fault.status, shaped.encode(), content_type=_text_type(shaped), headers=headers)
    return await send_json(send, fault.status, shaped, headers)


def _text_type(text: str) -> str:
    return f"text/{'html' if text.startswith('<') else 'plain'}; charset=utf-8"


async def send_status(send: Send, fault: Fault, body: Json) -> str:
    """An error of the wire, with the wait that the fault names."""
    return await send_json(send, fault.status, body, _retry_after(fault))


def _retry_after(fault: Fault) -> Json:
    return {} if fault.retry_after is None else {"retry-after": f"{fault.retry_after:g}"}


async def send_stream(send: Send, wire: Wire, answer: Answer, body: Json, fault: Fault, pace: Pace) -> str:
    """A streamed answer, with the fault struck at its event."""
    typed = {"content-type": wire.content_type} if wire.content_type else {}
    await _send_head(send, 200, {**typed, "cache-control": "no-cache"})
    struck = False
    for number, frame in enumerate(wire.frames(answer, body)):
        if number >= fault.after and (fault.kind == "slow" or not struck):
            struck = True
            before, ends = await _strike(wire, answer, body, fault)
            await _send_bytes(send, before, pace)
            if ends == "broken":
                # Returning with the body unfinished makes the server close the connection: a cut.
                return ends
            if ends:
                break
        await _send_bytes(send, frame, pace)
        if pace.delay_ms:
            await asyncio.sleep(pace.delay_ms / 1000)
    await send({"type": "http.response.body", "body": b""})
    return "completed"


async def _strike(wire: Wire, answer: Answer, body: Json, fault: Fault) -> tuple[bytes, str]:
    """What is sent at the fault's event, and whether the stream ends there ("" = it goes on)."""
    match fault.kind:
        case "stall" | "slow":
            await asyncio.sleep(fault.seconds)
        case "cut":
            return b"", "broken"
        case "end":
            return b"", "completed"
        case "malformed":
            return wire.malformed, ""
        case "error-event":
            return wire.error_event(answer, body, fault.problem), "completed"
        case "failed":
            return wire.failed(answer, body, fault.problem), "completed"
    return b"", ""


async def _send_head(send: Send, status: int, headers: Json) -> None:
    pairs = [(name.encode(), str(value).encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})


async def _send_bytes(send: Send, data: bytes, pace: Pace) -> None:
    for part in _parts(data, pace.chunk_bytes):
        await send({"type": "http.response.body", "body": part, "more_body": True})
        if pace.chunk_bytes:
            await asyncio.sleep(0)


def _parts(data: bytes, size: int) -> Iterator[bytes]:
    if not data:
        return iter(())
    size = size or len(data)
    return (data[at : at + size] for at in range(0, len(data), size))
