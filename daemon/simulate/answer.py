"""The canonical answer that every wire renders: what is said, how it ended and what it cost."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from enum import StrEnum

from msgspec import Struct

from daemon.simulate.conversation import Conversation
from daemon.simulate.example import MARKER
from daemon.simulate.faults import Fault
from daemon.simulate.script import Actions, Call, Say, decide

REASONING = "**Planning the next step**\n\nI look at the offered tools and at what came back so far, then decide."
REASONING_TOKENS = 64
CHARS_PER_TOKEN = 4
CACHE_STEP = 128
CACHE_FLOOR = 1024


class Finish(StrEnum):
    """Why the answer ended."""

    STOP = "stop"
    CALLS = "calls"
    LENGTH = "length"
    FILTER = "filter"
    REFUSAL = "refusal"


class Usage(Struct, frozen=True):
    """Tokens. ``cached`` is part of ``input``, ``reasoning`` part of ``output``."""

    input: int
    cached: int
    output: int
    reasoning: int


class Answer(Struct, frozen=True, kw_only=True):
    """``identity`` is hex that wires build their ids from. ``reasoning`` is the visible text, ``seal``
    the sealed form ("" = not asked for). ``usage`` None = the upstream sends none."""

    identity: str
    created: int
    model: str
    actions: Actions
    finish: Finish
    reasoned: bool
    reasoning: str = ""
    seal: str = ""
    usage: Usage | None = None
    compaction: bool = False


class PromptCache:
    """How many tokens of a prompt were seen before under the same key, as providers count: in steps, from a floor."""

    def __init__(self, capacity: int = 1000) -> None:
        self._seen: dict[str, int] = {}
        self._capacity = capacity

    def cached(self, key: str, tokens: int) -> int:
        """The cached part of a prompt of ``tokens``; remembers this prompt for the next one."""
        previous = self._seen.pop(key, 0)
        self._seen[key] = tokens
        if len(self._seen) > self._capacity:
            del self._seen[next(iter(self._seen))]
        part = min(previous, tokens) // CACHE_STEP * CACHE_STEP
        return part if part >= CACHE_FLOOR else 0


def compose(conversation: Conversation, *, size: int, key: str, cache: PromptCache, fault: Fault) -> Answer:
    """The answer to a request of ``size`` bytes that came with the API key ``key``."""
    actions, finish = _shape(decide(conversation), conversation, fault)
    thinks = _reasons(conversation.model) if conversation.thinks is None else conversation.thinks
    reasoned = thinks and not conversation.compaction
    sealed = conversation.sealed or conversation.compaction
    identity = secrets.token_hex(24)
    return Answer(
        identity=identity,
        created=int(time.time()),
        model=conversation.model,
        actions=() if conversation.compaction else actions,
        finish=finish,
        reasoned=reasoned,
        reasoning=REASONING if reasoned and conversation.summary else "",
        seal=seal(identity, key) if sealed and (reasoned or conversation.compaction) else "",
        usage=None if fault.kind == "no-usage" else _usage(conversation, actions, size, reasoned, cache),
        compaction=conversation.compaction,
    )


def _shape(actions: Actions, conversation: Conversation, fault: Fault) -> tuple[Actions, Finish]:
    """Bends the model's answer: by the fault in force, and by the limit on its length."""
    match fault.kind:
        case "empty":
            return (), Finish.STOP
        case "refusal":
            return (Say(f"I can't help with that. {MARKER}", refusal=True),), Finish.REFUSAL
        case "incomplete":
            return actions, Finish.LENGTH
        case "content-filter":
            return actions, Finish.FILTER
    if any(isinstance(action, Call) for action in actions):
        return actions, Finish.CALLS
    limit = (conversation.max_tokens or 2**31) * CHARS_PER_TOKEN
    cut = tuple(Say(action.text[:limit]) for action in actions if isinstance(action, Say))
    return cut, Finish.STOP if cut == actions else Finish.LENGTH


def _usage(conversation: Conversation, actions: Actions, size: int, reasoned: bool, cache: PromptCache) -> Usage:
    prompt = max(1, size // CHARS_PER_TOKEN)
    written = sum(len(action.text if isinstance(action, Say) else action.name + action.arguments) for action in actions)
    reasoning = REASONING_TOKENS if reasoned else 0
    key = conversation.cache_key
    cached = 0 if key is None else cache.cached(f"{conversation.model} {key}", prompt)
    return Usage(prompt, cached, reasoning + written // CHARS_PER_TOKEN + 1, reasoning)


def _reasons(model: str) -> bool:
    return model.startswith(("gpt-5", "gpt-6", "o1", "o3", "o4", "codex", "claude"))


# A seal holds for one API key: handed to another account it is refused, as the real ones are.
def seal(identity: str, key: str) -> str:
    """Opaque text that only ``unseal`` with the same API key accepts."""
    body = identity.encode() + b"|" + secrets.token_bytes(96)
    return "gAAAAAB" + urlsafe_b64encode(_signature(body, key) + body).decode()


def unseal(sealed: str, key: str) -> str | None:
    """The identity inside; None when ``sealed`` was made for another key, elsewhere, or was altered."""
    try:
        raw = urlsafe_b64decode(sealed.removeprefix("gAAAAAB"))
    except ValueError:
        return None
    if not hmac.compare_digest(raw[:32], _signature(raw[32:], key)):
        return None
    return raw[32:].split(b"|", 1)[0].decode()


def _signature(body: bytes, key: str) -> bytes:
    return hmac.digest(b"tppcd simulate " + key.encode(), body, hashlib.sha256)
