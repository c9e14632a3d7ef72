"""Parameters that OpenAI's two wires spell alike: a hub request's value as these upstreams take it,
and how hard to think, in the levels of the model that is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from typing import Final

from msgspec import UNSET, UnsetType

from daemon.inference.blocks import Text
from daemon.inference.request import ReasoningOptions, Request
from daemon.wires.effort import BUDGET_FIELDS, BUDGETS, FIELDS, holds_less, lowered, nearest
from daemon.wires.json import RawObject, says
from daemon.wires.naming import shorten_id

TURN_STATE: Final = "x-codex-turn-state"
"""The header that says where the turn is served: a token of the upstream's that only it can read."""

ID_LIMIT = 64
"""Characters of ``user`` and of ``prompt_cache_key``."""

_KNOWN_BY = 2048
"""Characters of a text that a conversation is known by."""

_OPENAI_WIRES: Final = frozenset({"chat", "responses"})
_SHARED: Final = ("metadata", "prompt_cache_options", "prompt_cache_retention", "safety_identifier")

_PRIORITY = frozenset({"priority", "fast"})
_ANY_TIER = frozenset({"auto", "default", "standard"})


def sampled(name: str, value: float | None, unsupported: frozenset[str]) -> float | UnsetType:
    """``temperature`` or ``top_p``. It is sent to every model: one that refuses it by name is asked again
    without it, by the gateway. Where it is refused, the default is not sent, and not missed either."""
    if value is None or (value == 1 and name in unsupported):
        return UNSET
    return value


def service_tier(request: Request, lost: list[str]) -> str | UnsetType:
    """Anthropic's and OpenAI's words for "sooner"; the usual tier needs no word. Both of OpenAI's APIs have the same
    others."""
    tier = request.service_tier
    if tier in _PRIORITY:
        return "priority"
    if tier is None or tier in _ANY_TIER:
        return UNSET
    if request.wire in _OPENAI_WIRES:
        return tier
    lost.append("service_tier")
    return UNSET


def user(request: Request, lost: list[str], *, known: bool) -> str | UnsetType:
    """Anthropic's ``metadata.user_id`` names device and account: it goes to a service alone that knows its users by
    such ids (``known``), and is no business of a third party's."""
    if not request.user:
        return UNSET
    foreign = request.wire not in _OPENAI_WIRES
    if len(request.user) > ID_LIMIT or (foreign and not known):
        lost.append("metadata.user_id" if foreign else "user")
        return UNSET
    return request.user


def shared_fields(request: Request, wire: str, unsupported: frozenset[str]) -> RawObject:
    """What a client of the other one of OpenAI's APIs says in fields that both have, in one form."""
    if request.wire == wire or request.wire not in _OPENAI_WIRES:
        return {}
    extra = request.extra.get(request.wire, {})
    return {name: extra[name] for name in _SHARED if name not in unsupported and says(extra, name)}


def cache_key(request: Request, model: str) -> str | UnsetType:
    """The client's own key, else one per conversation and model: prompts cached for another model are no use."""
    if request.cache_key:
        return shorten_id(request.cache_key, ID_LIMIT)
    return _digest(model, request.session) if request.session else UNSET


def session_key(request: Request, model: str) -> str:
    """``prompt_cache_key`` and ``session-id`` toward Responses upstreams: as ``cache_key``, and for a client that
    names no conversation one of how it begins, the system text and the first turn of the user. Relays choose
    the account by it, and with the account the cache: 48 % of a prompt was read from it without, 94 % with
    (opengeni#386). Printable ASCII, since it travels in a header."""
    key = cache_key(request, model)
    if isinstance(key, str):
        return key if key.isascii() and key.isprintable() else _digest(model, key)
    return _digest(model, "\0".join(_beginning(request)))


def _beginning(request: Request) -> Iterator[str]:
    """Enough of the first texts to know them by: of a long one its length and its first characters."""
    texts = [*request.system]
    for message in request.messages:
        texts += (block for block in message.content if isinstance(block, Text))
        if message.role == "user":
            break
    return (f"{len(text.text)}:{text.text[:_KNOWN_BY]}" for text in texts)


def _digest(model: str, text: str) -> str:
    return sha256(f"tppcd:{model}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()[:32]


# --- effort --------------------------------------------------------------------------------------


_BOUNDED = ("minimal", "low", "medium")
"""A budget up to theirs is this level; anything larger is ``high``."""

_LEVELS: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = (
    (re.compile(r"gpt-(3|4)|chatgpt|gpt-5[^/]*-chat"), ()),
    (re.compile(r"gpt-5-codex|codex|o\d"), ("low", "medium", "high")),
    (re.compile(r"gpt-5\.([6-9]|\d\d)-codex"), ("low", "medium", "high", "xhigh", "max")),
    (re.compile(r"gpt-5\.\d+-codex"), ("low", "medium", "high", "xhigh")),
    (re.compile(r"gpt-5\.1(?!\d)"), ("none", "low", "medium", "high")),
    (re.compile(r"gpt-5\.([6-9]|\d\d)|gpt-[6-9]"), ("none", "low", "medium", "high", "xhigh", "max")),
    (re.compile(r"gpt-5\.\d"), ("none", "low", "medium", "high", "xhigh")),
)
"""Levels by the start of the model name, first match; () = a model that does not reason. ``max`` came with gpt-5.6
(raine/claude-code-proxy#28, cc-switch-cli#404)."""

_USUAL_LEVELS = ("minimal", "low", "medium", "high")
"""gpt-5's, also used for names that nobody knows."""


@lru_cache(maxsize=512)
def levels_of(model: str) -> tuple[str, ...]:
    """The effort levels that ``model`` takes, lowest first; empty where ``reasoning`` is refused."""
    name = model.rsplit("/", 1)[-1]
    for pattern, levels in _LEVELS:
        if pattern.match(name):
            return levels
    return _USUAL_LEVELS


def effort_for(model: str, *, suffix: str | None, options: ReasoningOptions, default: str | None) -> str | None:
    """The level to send: the model name's suffix, else the client's word, else what its budget or switch
    means, else the default; moved to the nearest level the model has. None: say nothing."""
    level = suffix or options.effort or _from_budget(options) or default
    levels = levels_of(model)
    if level is None or not levels:
        return None
    return level if level in levels else nearest(level, levels)


def note_lowered(request: Request, suffix: str | None, sent: str | None, lost: list[str]) -> None:
    """Names the client's effort, or its budget, where it is more than what is ``sent``."""
    asked, wire = request.reasoning, request.wire
    effort = suffix or asked.effort
    if lowered(effort, sent):
        lost.append(FIELDS[wire])
    elif effort is None and asked.enabled is not False and holds_less(sent, asked.budget):
        lost.append(BUDGET_FIELDS.get(wire, FIELDS[wire]))


def _from_budget(options: ReasoningOptions) -> str | None:
    if options.enabled is False:
        return "none"
    if options.budget is None:
        return None
    return next((level for level in _BOUNDED if options.budget <= BUDGETS[level]), "high")
