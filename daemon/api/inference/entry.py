"""The entries for clients: raw ASGI, three steps each: read and decode, hand to a handler, report.

No Starlette on this path: routing, ``Request`` and ``StreamingResponse`` would cost more than the
translation itself. An error before the handler is reported in the entry's dialect as well.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final

import msgspec
from loguru import logger
from msgspec import Struct

from daemon.api.bodies import Disconnected, Receive, read_body
from daemon.api.guard import RequestInfo, identity_headers, request_info
from daemon.api.inference.client_stream import AsgiClientStream
from daemon.api.services import Services
from daemon.errors import GatewayError, LocalError, internal, stopping
from daemon.gateway.access import ClientAccess
from daemon.gateway.client_request import ClientRequest
from daemon.gateway.compaction import COMPACT
from daemon.gateway.count_tokens import TokenCount
from daemon.gateway.counting import estimate
from daemon.gateway.request_handler import RequestHandler
from daemon.gateway.request_lines import OTHER, EndedRequest
from daemon.gateway.request_record import CLIENT_GONE
from daemon.gateway.request_state import GONE, REFUSED, ClientGone, RequestState
from daemon.gateway.route import check_length
from daemon.gateway.routing import whose_turn
from daemon.inference.request import Request
from daemon.snapshot.snapshot import Snapshot
from daemon.telemetry.trace_context import PARENT, STATE, keep_valid
from daemon.wires.anthropic_messages import decode_count_request
from daemon.wires.base import AnswerContext, Wire
from daemon.wires.openai_responses.compaction import with_trigger
from daemon.wires.table import WIRES

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PATHS: Final[Mapping[str, str]] = {
    "/v1/messages": "messages",
    "/v1/chat/completions": "chat",
    "/v1/responses": "responses",
}
ENTRIES: Final[Mapping[str, Wire]] = {path: WIRES[name] for path, name in PATHS.items() if name in WIRES}
COUNT_TOKENS: Final = "/v1/messages/count_tokens"
INPUT_TOKENS: Final = "/v1/responses/input_tokens"
COMPACT_PATH: Final = "/v1/responses/compact"
MODELS: Final = "/v1/models"


class Count(Struct, frozen=True):
    """A counting entry: its name in log and metrics, how its body is read, what its answer has beside the number."""

    name: str
    wire: Wire
    decode: Callable[[bytes, Mapping[str, str]], Request]
    beside: Mapping[str, str] = {}


COUNTS: Final[Mapping[str, Count]] = {
    COUNT_TOKENS: Count("count_tokens", WIRES["messages"], decode_count_request),
    INPUT_TOKENS: Count(
        "input_tokens", WIRES["responses"], WIRES["responses"].decode_request, {"object": "response.input_tokens"}
    ),
}
WIRE_OF: Final[Mapping[str, Wire]] = {
    **ENTRIES,
    **{path: count.wire for path, count in COUNTS.items()},
    COMPACT_PATH: WIRES["responses"],
}
"""The dialect of each path that is served here."""
ACCESS: Final = ClientAccess()
CHEAP_TO_ESTIMATE: Final = 32 * 1024
"""Bytes of a body whose prompt is estimated at once. A larger one is estimated only if its answer begins with the
estimate (a stream), or if something failed."""


ROUTES: Final[Mapping[str, str]] = {
    **{name: path for path, name in PATHS.items()},
    **{count.name: path for path, count in COUNTS.items()},
    COMPACT: COMPACT_PATH,
    "models": MODELS,
}
"""The path of each entry, as traces name it."""


def entry_of(path: str) -> str:
    """The entry that log and metrics name for a path; ``OTHER`` for every one that is none."""
    if path in COUNTS:
        return COUNTS[path].name
    if path == COMPACT_PATH:
        return COMPACT
    if path == MODELS or path.startswith(f"{MODELS}/"):
        return "models"
    return PATHS.get(path, OTHER)


async def entry(scope: Scope, receive: Receive, send: Send, services: Services) -> None:
    """Serve one ``POST`` of an inference entry. The guard has checked its head. A request that reaches a handler is
    reported by that; all others are here."""
    path = scope["path"]
    count = COUNTS.get(path)
    wire = WIRE_OF[path]
    info = request_info(scope)
    snapshot = services.current.get()
    client = AsgiClientStream(send, identity_headers(info, snapshot.config_header))
    ending = Ending(services, entry_of(path), info)
    try:
        headers = _headers(scope, passes_traces=services.passes_traces)
        ending.headers = headers
        if services.refusing:
            raise stopping()
        ACCESS.check(scope, headers, snapshot)
        ending.admitted = True
        state = RequestState()
        scope[GONE] = state.client_gone
        admission, counted = services.live.admission, services.live.counted
        if not admission.enter_now():
            with counted():
                await admission.enter(whose_turn(headers, str(scope.get("client")).encode()), state)
        try:
            with counted():  # a stop waits for what is still arriving, too; a handler counts itself
                body = await read_body(headers, receive, snapshot.config.limits.body)
                if count is not None:
                    async with state.waiting():
                        return await _count(count, services, body, headers, snapshot, client, ending)
                if path == COMPACT_PATH:
                    body = with_trigger(body)
                client_request = _decoded(wire, entry_of(path), body, headers, info, snapshot)
                handler = RequestHandler(services.live, client_request, client, state)
            ending.is_reported = True
            await handler.run()
        finally:
            admission.leave()
    except ClientGone:
        ending.report(CLIENT_GONE)
    except Disconnected:
        refused: LocalError | None = scope.get(REFUSED)
        ending.report(refused.status if refused is not None else CLIENT_GONE, refused)
    except GatewayError as error:
        ending.report(await _refuse(error, wire, info.request_id, client), error)
    except asyncio.CancelledError:  # the drain is over
        if not client.started:
            ending.report(await _refuse(stopping(), wire, info.request_id, client), stopping())
        raise
    except Exception:
        logger.bind(request_id=info.request_id).exception("a request failed inside the gateway")
        failure = internal()
        if not client.started:
            await _refuse(failure, wire, info.request_id, client)
        ending.report(failure.status, failure)


class Ending:
    """Reports how a request ended, once. ``is_reported``: its handler does, or has."""

    __slots__ = ("_entry", "_info", "_services", "admitted", "headers", "is_reported")

    def __init__(self, services: Services, entry: str, info: RequestInfo) -> None:
        self._services = services
        self._entry = entry
        self._info = info
        self.headers: Mapping[str, str] = {}
        self.admitted = self.is_reported = False

    def report(
        self,
        status: int,
        error: GatewayError | None = None,
        *,
        model: str = "",
        count: TokenCount | None = None,
    ) -> None:
        if self.is_reported:
            return
        self.is_reported = True
        self._services.live.failures.request(self._info.request_id, error)
        self._services.lines.ended(
            EndedRequest(
                entry=self._entry,
                status=status,
                started=self._info.started,
                request_id=self._info.request_id,
                admitted=self.admitted,
                error=error,
                model=model,
                count=count,
                headers=self.headers,
            )
        )


def _headers(scope: Scope, *, passes_traces: bool) -> dict[str, str]:
    """The client's headers, names in lower case as ASGI gives them; a repeated one counts once. The trace context is
    there only where it is valid."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    if PARENT in headers or STATE in headers:
        keep_valid(headers, scope["headers"], passes=passes_traces)
    return headers


def _decoded(
    wire: Wire, entry: str, body: bytes, headers: Mapping[str, str], info: RequestInfo, snapshot: Snapshot
) -> ClientRequest:
    request = wire.decode_request(body, headers)
    check_length(request.model)
    return ClientRequest(
        entry=entry,
        wire=wire,
        request=request,
        body=body,
        headers=headers,
        request_id=info.request_id,
        snapshot=snapshot,
        started=info.started,
        context=_context(request, info.request_id, len(body)),
    )


def _context(request: Request, request_id: str, size: int) -> AnswerContext:
    return AnswerContext(
        model=request.model,
        answer_id=request_id,
        created=int(time.time()),
        input_estimate=estimate(request) if request.stream or size < CHEAP_TO_ESTIMATE else 0,
        request=request,
    )


async def _count(
    entry: Count,
    services: Services,
    body: bytes,
    headers: Mapping[str, str],
    snapshot: Snapshot,
    client: AsgiClientStream,
    ending: Ending,
) -> None:
    request = entry.decode(body, headers)
    check_length(request.model)
    count = await services.live.tokens.count(services.counter, request, body, headers, snapshot)
    response_headers = {"content-type": "application/json", "x-tppcd-count-source": count.source}
    await client.respond(200, response_headers, msgspec.json.encode({**entry.beside, "input_tokens": count.tokens}))
    ending.report(200, model=request.model, count=count)


async def _refuse(error: GatewayError, wire: Wire, request_id: str, client: AsgiClientStream) -> int:
    """Answers with the error in the entry's dialect; the status that it has there."""
    status, headers, body = wire.encode_error(error, request_id)
    await client.respond(status, headers, body)
    return status
