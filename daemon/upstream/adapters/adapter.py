"""An adapter: one core auth's upstream as an object. What goes to that upstream goes through it, and what comes back.

    Request ─ encode ─▶ UpstreamBody ─┐
    the client's bytes ─ fill ────────┴─ open ─▶ UpstreamResponse ─ accept, begin ─▶ form ─ decode ─▶ Event, …
                             headers ─────┘

``chat`` and ``chat_stream`` are these steps one after another, over the hub's requests and events. The gateway takes
the same steps with its own work between them (``gateway.request_handler``): it passes bytes through where the client
uses the same wire, and reads the body itself, so that an event costs it no call more for having an adapter.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Final, Literal

from msgspec import Raw, structs
from msgspec.structs import replace

from daemon.config.profiles import PROFILES
from daemon.config.provider import RequestDefaults
from daemon.errors import ErrorKind, GatewayError, RemoteError
from daemon.inference.collect import collect, replay
from daemon.inference.events import Event, Finish, StreamError
from daemon.inference.request import Request
from daemon.inference.response import Response
from daemon.masks import Masks
from daemon.snapshot.core_auths import CoreAuth
from daemon.snapshot.effort import default_effort
from daemon.upstream.adapters.base import AdapterType
from daemon.upstream.amendments.apply import amend_body, amend_headers, configured, without
from daemon.upstream.amendments.rule import Amendment
from daemon.upstream.http.call import UpstreamCall, UpstreamResponse
from daemon.upstream.privacy import copied_by, mask_error, secrets_of
from daemon.upstream.response_form import beginning, unwrapped
from daemon.wires.base import EncodeOptions, Fields, StreamDecoder, UpstreamBody, Wire
from daemon.wires.json import NULL, encode

Open = Callable[[UpstreamCall], Awaitable[UpstreamResponse]]
"""The way out: the transport's ``open``. Raises ``RemoteError`` where no head of a response comes."""

_TERMINAL: Final = (Finish, StreamError)


@lru_cache(maxsize=256)
def _values(defaults: RequestDefaults) -> Mapping[str, float]:
    """Those that are given."""
    return {name: value for name, value in structs.asdict(defaults).items() if value is not None}


def too_late(what: str, seconds: float, setting: str) -> str:
    """What a client is given that has waited in vain."""
    return f"the upstream sent no {what} within {seconds:g} s ({setting}); retry, or raise it"


class Adapter:
    """Frozen, but for what lies behind ``open``. It holds ``auth`` whole, so whoever has an adapter never sees half of
    a change: not one setting of a new version beside another of the old. ``ca`` is an extra CA file or ''.

    A subclass may change any step; ``chat`` and ``chat_stream`` and all traffic follow.
    """

    __slots__ = ("_ca", "_defaults", "_masks", "_open", "_profile", "_url", "auth", "kind", "wire")

    def __init__(self, kind: AdapterType, auth: CoreAuth, open: Open, *, ca: str = "") -> None:
        self.kind = kind
        self.auth = auth
        self.wire: Wire = kind.wire
        self._open = open
        self._ca = ca
        self._profile = PROFILES.get(auth.profile)
        self._masks: tuple[tuple[str, ...], Masks] | None = None  # with what was copied
        self._url = ""  # made when it is needed: a start makes 2,000 adapters at once, and most wait long for a request
        self._defaults = _values(auth.request_defaults)

    @property
    def type(self) -> str:
        """The provider type: ``openai``, ``vllm``, ``codex`` or ``messages``."""
        return self.kind.type

    @property
    def name(self) -> str:
        """The provider's name."""
        return self.auth.name

    # --- over the hub's requests and events ---

    async def chat(self, request: Request) -> Response:
        """The whole answer to ``request``, whose ``model`` is a name of the upstream's own.

        Raises ``RemoteError``: there was no answer, a refusal, or not all of an answer.
        """
        total = self.auth.timeouts.limit(streamed=False)
        async with self._within(total, "whole answer", self.setting_of_total(total)):
            return collect([event async for event in self.chat_stream(request)])

    async def chat_stream(self, request: Request) -> AsyncIterator[Event]:
        """The same as it grows. Raises ``RemoteError`` where no answer begins; afterwards a failure is a
        ``StreamError``, the last event. ``aclose`` ends the upstream's work."""
        encoded = self.encode(request, self.options(request.model), configured(self.auth))
        timeouts = self.auth.timeouts
        try:
            async with self._within(timeouts.first_event, "first event", self.setting("first-event")):
                response, data, form = await self._ask(encoded)
            with response:
                if form == "json":
                    async with self._within(timeouts.idle, "next event", self.setting("idle")):
                        whole = unwrapped(await response.read_whole(begun=data))
                    for event in self.decode_whole(whole, encoded.tool_names):
                        yield event
                    return
                decoder = self.decoder(encoded.tool_names)
                try:
                    while data:
                        for event in decoder.feed(data):
                            yield self._shown(event)
                            if isinstance(event, _TERMINAL):
                                return
                        async with self._within(timeouts.idle, "next event", self.setting("idle")):
                            data = await response.read()
                except RemoteError as error:
                    yield self._shown(StreamError(error))
                    return
                for event in decoder.close():
                    yield self._shown(event)
        except RemoteError as error:
            mask_error(error, self.masks())
            raise

    async def _ask(self, encoded: UpstreamBody) -> tuple[UpstreamResponse, bytes, Literal["events", "json"]]:
        """An answer that has begun, its first bytes, and its form."""
        response = await self.open(encoded.body, self.headers({}, same_wire=False, session=encoded.session))
        try:
            await self.accept(response)
            return response, *await self.begin(response)
        except BaseException:
            response.close()
            raise

    @asynccontextmanager
    async def _within(self, seconds: float | None, what: str, setting: str) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError as error:
            raise RemoteError(ErrorKind.TIMEOUT, too_late(what, seconds or 0, setting)) from error

    def setting(self, limit: str) -> str:
        """Which setting of the provider's says the limit ``first-event``, ``idle`` or ``total``."""
        return "timeout" if self.auth.kind == "store" else f"timeouts.{limit}"

    def setting_of_total(self, seconds: float | None) -> str:
        """The same of ``total``, which for a provider of the store may be the daemon's own."""
        return self.setting("total") if seconds == self.auth.timeouts.whole else "timeouts.total"

    def masks(self, client: Mapping[str, str] | None = None) -> Masks:
        """What takes the secrets of ``auth`` out of a text of its upstream, also what is copied of the headers of
        ``client``, whose names are in lower case."""
        copied = tuple(copied_by(self.auth, client)) if client else ()
        if self._masks is not None and self._masks[0] == copied:
            return self._masks[1]
        masks = Masks((*secrets_of(self.auth), *copied))
        is_sealed = bool(self.auth.api_key) and not self.auth.api_key.known_text
        if not is_sealed:
            self._masks = copied, masks
        return masks

    def _shown(self, event: Event) -> Event:
        if isinstance(event, StreamError) and isinstance(event.error, RemoteError):
            mask_error(event.error, self.masks())
        return event

    # --- the steps ---

    def options(self, model: str, *, effort: str | None = None, amendments: Sequence[Amendment] = ()) -> EncodeOptions:
        """What the provider's configuration says of a request for ``model``; ``effort`` is the level of a suffix."""
        auth, profile = self.auth, self._profile
        unsupported = frozenset(auth.unsupported_parameters)
        return EncodeOptions(
            model=model,
            effort=effort,
            default_effort=default_effort(auth.defaults, model, profile.effort_models if profile else ()),
            store=auth.store,
            thinking_form=profile.thinking if profile else "",
            knows_users=profile is not None and profile.knows_users,
            unsupported=unsupported | without(amendments) if amendments else unsupported,
        )

    def encode(self, request: Request, options: EncodeOptions, amendments: Sequence[Amendment]) -> UpstreamBody:
        """The upstream's body for a request of any wire: the provider's defaults where it has no value of its own;
        ``amendments`` are made last. What is lost of the defaults is not the client's loss."""
        defaults = self._defaults and {
            name: value for name, value in self._defaults.items() if getattr(request, name) is None
        }
        encoded = self.wire.encode_request(replace(request, **defaults) if defaults else request, options)
        body, amended = amend_body(encoded.body, amendments, options.unsupported)
        lost = (*encoded.lost, *amended)
        if defaults:
            lost = tuple(name for name in lost if name not in defaults)
        return UpstreamBody(body, lost, encoded.tool_names, encoded.session, encoded.carried)

    def fill(self, fields: Fields, request: Request, options: EncodeOptions) -> None:
        """The same for a body of the upstream's own wire: puts the defaults into ``fields``, its top level, under the
        names that this upstream takes. A null is no value, as in a request that is translated."""
        if not self._defaults:
            return
        upstream = self.wire.upstream
        for default, value in self._defaults.items():
            limit = default == "max_tokens"
            if not limit and not upstream.takes_sampling(request):
                continue
            names = upstream.output_limit(options.model) if limit else (default,)
            if all(fields.get(name, NULL) == NULL for name in names):
                taken = [name for name in names if name not in options.unsupported]
                fields.update((name, Raw(encode(value))) for name in taken[:1])

    def headers(
        self,
        client: Mapping[str, str],
        *,
        same_wire: bool,
        session: str = "",
        bound: bool = True,
        amendments: Sequence[Amendment] = (),
    ) -> dict[str, str]:
        """As ``AdapterType.headers``; ``amendments`` are made last."""
        headers = self.kind.headers(self.auth, client, same_wire=same_wire, session=session, bound=bound)
        amend_headers(headers, amendments)
        return headers

    async def open(
        self, body: bytes, headers: dict[str, str], *, watched: bool = True, path: str = ""
    ) -> UpstreamResponse:
        """Ask. ``watched``: the answer is needed piece by piece as it comes. ``path``: of an endpoint behind the wire's
        own. Raises ``RemoteError`` where none comes;
        a refusal is a response, and an error only to ``accept``. Who opens it closes it."""
        url = self._url = self._url or self.kind.url(self.auth.base_url)
        if path:
            url = self.kind.url(self.auth.base_url, path)
        response = await self._open(self._call(url, body, headers, self.auth.timeouts.connect))
        if not watched:
            response.gather()
        return response

    async def accept(self, response: UpstreamResponse) -> None:
        """Raises what a response that is no 2xx says, as the wire reads it."""
        if response.status >= 300:
            raise await self._failure(response)

    async def begin(self, response: UpstreamResponse) -> tuple[bytes, Literal["events", "json"]]:
        """The first bytes of a body, once they say what it is. Raises for a web page in place of an answer."""
        first_bytes, form = await beginning(response)
        if form == "page":
            raise await self._failure(response, first_bytes)
        return first_bytes, form

    async def _failure(self, response: UpstreamResponse, first_bytes: bytes = b"") -> GatewayError:
        body = first_bytes + await response.read_error()
        return self.wire.decode_error(response.status, response.headers, body)

    def decoder(self, tool_names: Mapping[str, str], *, watched: bool = True) -> StreamDecoder:
        """For an event stream; ``watched`` false: the cheapest that gives the same answer."""
        wire = self.wire
        return (wire.stream_decoder if watched else wire.collected_decoder or wire.stream_decoder)(tool_names)

    def decode_whole(self, body: bytes, tool_names: Mapping[str, str]) -> Sequence[Event]:
        """For a JSON answer. Raises ``RemoteError`` for a failed one, and for what is none."""
        return tuple(replay(self.wire.decode_response(body, tool_names)))

    # --- beside answers ---

    @property
    def can_count(self) -> bool:
        """Whether this wire has a request that counts a prompt's tokens."""
        return bool(self.wire.upstream.count_path)

    async def open_count(self, body: bytes, headers: dict[str, str], *, patience: float) -> UpstreamResponse:
        """Ask for the number of a prompt's tokens; ``patience`` in seconds to connect."""
        return await self._open(self._call(self.kind.count_url(self.auth.base_url), body, headers, patience))

    def _call(self, url: str, body: bytes, headers: dict[str, str], connect_timeout: float) -> UpstreamCall:
        return UpstreamCall(
            url=url,
            headers=headers,
            body=body,
            connect_timeout=connect_timeout,
            proxy=self.auth.proxy_url,
            ca=self._ca,
        )
