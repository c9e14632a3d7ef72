"""How a provider is addressed: the headers of its wire, and what of the client's may pass.

Nothing of the client passes that its wire does not list (``wires/<wire>/upstream.py``): never its key, its Host, or
what a proxy added.
"""

from __future__ import annotations

from collections.abc import Mapping

from daemon import __version__
from daemon.snapshot.core_auths import CoreAuth
from daemon.wires.table import WIRES

USER_AGENT = f"tppcd/{__version__}"


def upstream_headers(
    auth: CoreAuth, client: Mapping[str, str], *, same_wire: bool, session: str = "", bound: bool = True
) -> dict[str, str]:
    """Headers of the upstream request. ``client`` has lower-case names; ``same_wire`` = passed through; ``session``
    names the conversation toward a Responses upstream; ``bound``: whether the client's ``bound_header`` is this
    upstream's."""
    wire = WIRES[auth.wire].upstream
    headers = {
        "content-type": "application/json",
        "accept": "text/event-stream, application/json",
        "accept-encoding": "identity",
        "user-agent": USER_AGENT,
        **wire.headers,
    }
    if session:
        headers["session-id"] = session
    if same_wire:
        headers.update((name, value) for name, value in wire.passed_up(client).items() if _fits(value))
        if not bound:
            headers.pop(wire.bound_header, None)
    if key := auth.api_key.reveal():
        headers |= wire.key_headers(key)
    for name, value in auth.headers:
        _set(headers, name.lower(), value, client)
    return headers


def _fits(value: str) -> bool:
    """Whether a client's header may stand in ours: visible ASCII."""
    return value.isascii() and value.isprintable()


def _set(headers: dict[str, str], name: str, value: str, client: Mapping[str, str]) -> None:
    """A configured header; ``$Name`` copies the client's, and is left out when the client sent none."""
    if not value.startswith("$"):
        headers[name] = value
    elif (copied := client.get(value[1:].lower())) is not None:
        headers[name] = copied
