"""The entries for clients: raw ASGI, three steps each: read and decode, hand to the pipeline, tell.

No Starlette on this path: routing, ``Request`` and ``StreamingResponse`` would cost more than the
translation itself. An error before the pipeline is told in the entry's dialect as well.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final

import msgspec
from loguru import logger

from daemon.api.channel import AsgiChannel
from daemon.api.guard import identity_headers, request_info
from daemon.api.services import Services
from daemon.errors import ErrorKind, GatewayError, LocalError
from daemon.gateway.access import ClientAccess
from daemon.gateway.counting import TokenCounter, estimate
from daemon.gateway.exchange import GONE, ClientGone, Exchange
from daemon.gateway.inbound import Inbound
from daemon.inference.request import Request
from daemon.snapshot.snapshot import Snapshot
from daemon.wires.anthropic_messages import decode_count_request
from daemon.wires.base import AnswerContext, Wire
from daemon.wires.table import WIRES

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

ENTRIES: Final[Mapping[str, Wire]] = {
    "/v1/messages": WIRES["messages"],
    "/v1/chat/completions": WIRES["chat"],
    "/v1/responses": WIRES["responses"],
}
COUNT_TOKENS: Final = "/v1/messages/count_tokens"
ACCESS: Final = ClientAccess()


class Disconnected(Exception):
    """The client left before its request was complete."""


async def entry(scope: Scope, receive: Receive, send: Send, services: Services) -> None:
    """Serve one ``POST`` of an inference entry. The guard has looked at it."""
    path = scope["path"]
    wire = ENTRIES.get(path, WIRES["messages"])
    info = request_info(scope)
    snapshot = services.current.get()
    channel = AsgiChannel(send, identity_headers(info, snapshot.config_header))
    try:
        headers = _headers(scope)
        _admit(services, snapshot)
        ACCESS.check(scope, headers, snapshot)
        body = await _read_body(headers, receive, snapshot.config.limits.body)
        if path == COUNT_TOKENS:
            await _count(services.counter, decode_count_request(body, headers), channel)
        else:
            inbound = _inbound(wire, body, headers, info.request_id, snapshot)
            exchange = Exchange()
            scope[GONE] = lambda: exchange.interrupt(ClientGone())
            await services.pipeline.run(inbound, channel, exchange)
    except Disconnected:
        return
    except GatewayError as error:
        await _refuse(error, wire, info.request_id, channel)
    except Exception:
        logger.bind(request_id=info.request_id).exception("a request failed inside the gateway")
        if not channel.started:
            failure = LocalError(ErrorKind.API, "the gateway failed; its log has the request id", status=500)
            await _refuse(failure, wire, info.request_id, channel)


def _headers(scope: Scope) -> dict[str, str]:
    """The client's headers, names in lower case as ASGI gives them; a repeated one counts once."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _admit(services: Services, snapshot: Snapshot) -> None:
    if services.draining:
        raise LocalError(ErrorKind.OVERLOADED, "the gateway is stopping; retry in a moment", retry_after=2)
    limit = snapshot.config.limits.concurrent_requests
    if limit and services.pipeline.running >= limit:
        raise LocalError(
            ErrorKind.RATE_LIMIT,
            f"{limit} requests are running already (limits.concurrent-requests); retry in a moment",
            retry_after=1,
        )


async def _read_body(headers: Mapping[str, str], receive: Receive, limit: int) -> bytes:
    """The whole body, refused as soon as it is known to be larger than ``limit`` bytes."""
    if headers.get("content-encoding", "identity") != "identity":
        raise LocalError(ErrorKind.INVALID_REQUEST, "send the body without content-encoding", status=415)
    if int(headers.get("content-length", "0")) > limit:
        raise _too_large(limit)
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message["body"]
        if len(body) > limit:
            raise _too_large(limit)
        return body
    parts, size = [], 0
    while True:
        if message["type"] == "http.disconnect":
            raise Disconnected
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise _too_large(limit)
        if not message.get("more_body"):
            return b"".join(parts)
        message = await receive()


def _too_large(limit: int) -> LocalError:
    return LocalError(
        ErrorKind.TOO_LARGE, f"the request body is larger than {limit} bytes (raise limits.body in config.yaml)"
    )


def _inbound(wire: Wire, body: bytes, headers: Mapping[str, str], request_id: str, snapshot: Snapshot) -> Inbound:
    started = asyncio.get_running_loop().time()
    request = wire.decode_request(body, headers)
    return Inbound(
        entry=wire.name,
        wire=wire,
        request=request,
        body=body,
        headers=headers,
        request_id=request_id,
        snapshot=snapshot,
        started=started,
        context=_context(request, request_id),
    )


def _context(request: Request, request_id: str) -> AnswerContext:
    return AnswerContext(
        model=request.model,
        answer_id=request_id,
        created=int(time.time()),
        input_estimate=estimate(request),
        request=request,
    )


async def _count(counter: TokenCounter, request: Request, channel: AsgiChannel) -> None:
    tokens, source = await counter.count(request)
    headers = {"content-type": "application/json", "x-tppcd-count-source": source}
    await channel.answer(200, headers, msgspec.json.encode({"input_tokens": tokens}))


async def _refuse(error: GatewayError, wire: Wire, request_id: str, channel: AsgiChannel) -> None:
    status, headers, body = wire.encode_error(error, request_id)
    await channel.answer(status, headers, body)
