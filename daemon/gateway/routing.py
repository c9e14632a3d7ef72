"""What the router needs to know of a request: which session it belongs to, of which family its client is, and whose
turn in a queue it takes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import blake2b
from typing import Final

from daemon.config.schema import Config
from daemon.gateway.access import bearer
from daemon.gateway.client_request import ClientRequest
from daemon.gateway.ownership import Ownership
from daemon.inference.blocks import Text
from daemon.inference.request import Request
from daemon.router.router import RoutedRequest
from daemon.snapshot.models import Resolution
from daemon.upstream.adapters.codex import is_codex

KEY_HEADERS: Final = ("authorization", "x-api-key")
PRODUCT: Final = re.compile(r"[\w.+ -]{1,32}")
KNOWN_BY: Final = 512
"""Characters of the first turn that tell sessions apart, with its length."""


def routed_request(
    client_request: ClientRequest, resolution: Resolution, number: int, owned: Ownership
) -> RoutedRequest:
    """``number`` is one of its own among the daemon's requests."""
    config = client_request.snapshot.config
    session = session_key(client_request.request)
    return RoutedRequest(
        name=resolution.matched,
        candidates=resolution.candidates,
        number=number,
        session=session,
        sticky=config.routing.session_affinity,
        owner=owned.owner,
        needs=owned.needs,
        wire=client_request.wire.name,
        family=client_family(client_request.headers),
        client=whose_turn(client_request.headers, session),
        strategy=config.routing.strategy,
        rounds=config.request_retry,
        longest_wait=config.max_retry_interval,
    )


def routed_count(request: Request, headers: Mapping[str, str], config: Config, resolution: Resolution) -> RoutedRequest:
    """A question for the prompt's tokens. It takes turns of its own, so that it takes none from the requests."""
    return RoutedRequest(
        name=f"count_tokens {resolution.matched}",
        candidates=resolution.candidates,
        number=0,
        session=session_key(request),
        sticky=config.routing.session_affinity,
        family=client_family(headers),
        strategy=config.routing.strategy,
    )


def session_key(request: Request) -> bytes:
    """What names the conversation: what its client calls it, else how it begins (the tools and the first turn of the
    user, which do not change as it goes on)."""
    digest = blake2b(digest_size=16)
    if request.session:
        digest.update(b"session\0" + request.session.strip().encode("utf-8", "surrogatepass"))
        return digest.digest()
    for tool in request.tools:
        digest.update(f"{getattr(tool, 'name', '')}\0".encode("utf-8", "surrogatepass"))
    for message in request.messages:
        for block in message.content:
            if isinstance(block, Text):
                text = f"{message.role}\0{len(block.text)}\0{block.text[:KNOWN_BY]}\0"
                digest.update(text.encode("utf-8", "surrogatepass"))
        if message.role == "user":
            break
    return digest.digest()


def client_family(headers: Mapping[str, str]) -> str:
    """``codex``, ``claude-cli`` or whatever product the client names: relays for one client refuse by it."""
    if is_codex(headers):
        return "codex"
    product = PRODUCT.match(headers.get("user-agent", ""))
    return product[0].strip().lower() if product else ""


def whose_turn(headers: Mapping[str, str], without_key: bytes) -> str:
    """By the client's key, of which a digest is enough, whichever header it is in; clients without one take turns by
    what stands for it (their session, their connection)."""
    key = next((bearer(headers[name]) for name in KEY_HEADERS if headers.get(name)), "")
    return blake2b(key.encode("utf-8", "surrogatepass") or without_key, digest_size=8).hexdigest()
