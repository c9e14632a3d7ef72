"""What a type of provider is, and what all types have in common: the rule for base URLs, and which headers are sent.

Nothing of the client's headers goes along that the type does not pick: never its key, its Host, or what a proxy added.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import urlsplit, urlunsplit

from msgspec import Struct

from daemon import __version__
from daemon.config.header_rules import copied_name, is_credential, is_reserved, is_sendable
from daemon.config.urls import ascii_url
from daemon.snapshot.core_auths import CoreAuth
from daemon.telemetry.trace_context import NAMES as TRACE_CONTEXT
from daemon.telemetry.trace_context import PARENT
from daemon.wires.base import Wire
from daemon.wires.table import WIRES

if TYPE_CHECKING:
    from daemon.config.schema import WireApi

USER_AGENT: Final = f"tppcd/{__version__}"


class AdapterType(Struct, frozen=True, kw_only=True):
    """One type of provider. ``profile`` names what its upstreams take and refuse; '' where that is recognised.
    ``keyless``: works without a key, and then sends no ``Authorization``. ``seed_models``: until its upstream was
    asked for its models, it serves the seed's ids.

    ``passed_up`` picks those of the client's headers that go along where it uses the same wire, ``passed_down``
    those of the response that such a client gets. ``bound_header`` is one of them, whose value only the upstream that
    made it can read.
    """

    type: str
    wire: Wire
    profile: str = ""
    keyless: bool = False
    seed_models: bool = False
    passed_up: Callable[[Mapping[str, str]], dict[str, str]] = lambda _: {}
    passed_down: Callable[[Mapping[str, str]], tuple[tuple[str, str], ...]] | None = None
    bound_header: str = ""

    @property
    def wire_api(self) -> WireApi:
        """The wire as config.yaml names it."""
        return cast("WireApi", self.wire.name)

    def url(self, base_url: str, path: str = "") -> str:
        """Where requests go; ``path`` is that of an endpoint behind the wire's own."""
        return _address(base_url, self.wire.upstream.endpoint + path)

    def models_url(self, base_url: str) -> str:
        """Where the provider lists its models."""
        return _address(base_url, "/models")

    def count_url(self, base_url: str) -> str:
        """Where a prompt's tokens are counted; empty where the wire has no such request."""
        upstream = self.wire.upstream
        return _address(base_url, upstream.endpoint + upstream.count_path) if upstream.count_path else ""

    def headers(
        self, auth: CoreAuth, client: Mapping[str, str], *, same_wire: bool, session: str = "", bound: bool = True
    ) -> dict[str, str]:
        """Headers of a request to ``auth``'s upstream; without a key, none that would carry one.

        ``client`` has lower-case names, and a trace context only where it is valid; that goes along. ``same_wire`` =
        passed through; ``session`` names the conversation, where the wire has such a name; ``bound``: whether the
        client's ``bound_header`` is this upstream's.
        """
        upstream = self.wire.upstream
        headers = {
            "content-type": "application/json",
            "accept": "text/event-stream, application/json",
            "accept-encoding": "identity",
            "user-agent": USER_AGENT,
            **upstream.headers,
        }
        if session:
            headers["session-id"] = session
        if same_wire:
            headers.update((name, value) for name, value in self.passed_up(client).items() if is_sendable(value))
            if not bound:
                headers.pop(self.bound_header, None)
        if PARENT in client:
            headers.update((name, client[name]) for name in TRACE_CONTEXT if name in client)
        if key := auth.api_key.reveal():
            headers |= upstream.key_headers(key)
        for name, value in auth.headers:
            _set(headers, name.lower(), value, client)
        return headers


@lru_cache(maxsize=1024)
def _address(base_url: str, path: str) -> str:
    """``path`` is appended once: an endpoint's path that ``base_url`` has already is replaced, a bare host gets
    ``/v1``; a query stays.

    A user name or password does not: HTTP clients would send it in place of the key.
    """
    parts = urlsplit(ascii_url(base_url))
    base = parts.path.rstrip("/")
    for endpoint in (wire.upstream.endpoint for wire in WIRES.values()):
        if base.endswith(endpoint):
            base = base.removesuffix(endpoint)
            break
    else:
        base = base or "/v1"
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, base + path, parts.query, ""))


def _set(headers: dict[str, str], name: str, value: str, client: Mapping[str, str]) -> None:
    """A configured header. ``$Name`` copies the client's; it is left out where the client sent none, or one that
    cannot be sent. What config.yaml must not name is not sent either where it is from a row of an older version."""
    copied = copied_name(value)
    if copied:
        value = "" if is_credential(copied) or is_reserved(copied) else client.get(copied, "")
        if not value or not is_sendable(value):
            return
    if not is_reserved(name):
        headers[name] = value
