"""Parameters that OpenAI's two wires spell alike: a hub request's value as these upstreams take it."""

from __future__ import annotations

from hashlib import sha256

from msgspec import UNSET, UnsetType

from daemon.inference.request import Request
from daemon.wires.naming import shorten_id

ID_LIMIT = 64
"""Characters of ``user`` and of ``prompt_cache_key``."""

_PRIORITY = frozenset({"priority", "fast"})
_ANY_TIER = frozenset({"auto", "default", "standard"})


def sampled(name: str, value: float | None, unsupported: frozenset[str]) -> float | UnsetType:
    """``temperature`` or ``top_p``. It is sent to every model: one that refuses it by name is asked again
    without it, by the gateway. Where it is refused, the default is not sent, and not missed either."""
    if value is None or (value == 1 and name in unsupported):
        return UNSET
    return value


def service_tier(request: Request, lost: list[str]) -> str | UnsetType:
    """Anthropic's and OpenAI's words for "sooner"; the usual tier needs no word."""
    tier = request.service_tier
    if tier in _PRIORITY:
        return "priority"
    if tier is not None and tier not in _ANY_TIER:
        lost.append("service_tier")
    return UNSET


def user(request: Request, lost: list[str]) -> str | UnsetType:
    """Anthropic's ``metadata.user_id`` names device and account; it is no business of a third party's."""
    if not request.user or request.wire == "messages":
        return UNSET
    if len(request.user) > ID_LIMIT:
        lost.append("user")
        return UNSET
    return request.user


def cache_key(request: Request, model: str) -> str | UnsetType:
    """The client's own key, else one per conversation and model: prompts cached for another model are no use."""
    if request.cache_key:
        return shorten_id(request.cache_key, ID_LIMIT)
    if not request.session:
        return UNSET
    return sha256(f"tppcd:{model}\0{request.session}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
