"""Ids of tool calls that are unlike all others of their conversation.

Many servers number the calls of each answer from 0 (vLLM's parsers of Kimi, Qwen and GLM: ``functions.Bash:0``,
``Bash_0``, ``call_0``; vllm#50295, 2026) or send no id at all. Claude Code pairs calls and results by id over the
whole conversation: at a repeated one it takes the call for answered and asks without end (2.1.197, seen).

1. Toward the client an id goes as it came. One that the conversation or this answer holds already becomes a fresh
   one, which contains the answer's own id and so is never made twice. Nothing is remembered: what the conversation
   holds is in the request, so any node can serve the next turn, also after a restart.
2. The fresh id stays on the way up. To give the upstream its own back would repeat it in the history, where it would
   have to be separated at once; and no known server checks that an id in a history is one that it has made.
3. But one form is checked, by the model if not by the server: Kimi was trained on ``functions.NAME:N``, where N counts
   all calls of the conversation, and calls tools badly where the history has others (Moonshot's K2 vendor verifier,
   2025). So an id that is a number behind the tool's name gets the next free number and stays in its form;
   ``counted`` writes it back as Kimi does where a client could not hold a dot or a colon.
4. Ids that repeat in a history (made before there was this rule, or by a client) are separated on the way up
   (``call_pairs``), each by those before it alone: a longer history begins with the same bytes, and an upstream's
   prompt cache holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from typing import Final

from daemon.inference.blocks import Block, Opaque, ToolCall, ToolResult
from daemon.inference.events import OBJECT
from daemon.inference.request import Request
from daemon.wires.base import AnswerContext

_NUMBERED: Final = re.compile(r"(.*)([:._-])(\d{1,6})", re.DOTALL)
_OUTSIDE: Final = re.compile(r"[^A-Za-z0-9_-]")


class CallIds:
    """Gives the ids of one answer's calls toward its client. ``prefix`` begins those that are made here; ``spelled``
    writes an upstream's id as the client's wire takes it."""

    __slots__ = ("_context", "_known", "_prefix", "_spelled", "_taken")

    def __init__(self, context: AnswerContext, prefix: str = "call_", spelled: Callable[[str], str] = str) -> None:
        self._context = context
        self._prefix = prefix
        self._spelled = spelled
        self._known: set[str] | None = None  # made when the first call begins: most answers have none
        self._taken = 0

    def take(self, identifier: str | None, name: str) -> str:
        """The id to send for the next call, one of the tool ``name``; ``identifier`` is the upstream's."""
        known = self._known
        if known is None:
            known = self._known = known_ids(self._context.request)
        sent = self._spelled(identifier) if identifier else ""
        if not sent or sent in known:
            own = f"{self._prefix}{self._context.answer_id[:24]}_{self._taken}"
            sent = next_number(sent, name, known, at_least=len(known)) or unlike(own, known)
        self._taken += 1
        known.add(sent)
        return sent


class RepeatedIds:
    """The same for answers that pass through: only an id that the conversation holds already is replaced, wherever
    the answer says it. ``call`` is by what the calls of an answer differ on its wire; a fragment without a name
    continues the last call of its id. ``kept``: bytes that this takes."""

    __slots__ = ("_context", "_given", "_ids", "_latest", "_prefix", "kept")

    def __init__(self, context: AnswerContext, prefix: str = "call_") -> None:
        self._context = context
        self._prefix = prefix
        self.begin()

    def begin(self) -> None:
        """A new attempt."""
        self._ids = CallIds(self._context, self._prefix)
        self._given: dict[tuple[object, str], str] = {}
        self._latest: dict[str, tuple[object, str]] = {}
        self.kept = 0

    def fresh(self, call: object, identifier: str, name: str) -> str:
        """The id to send for the upstream's; '' where that can stay."""
        if not identifier:
            return ""
        key = (call, identifier) if name or identifier not in self._latest else self._latest[identifier]
        if key not in self._given:
            self._given[key] = self._ids.take(identifier, name)
            self._latest[identifier] = key
            self.kept += 4 * OBJECT + 2 * len(identifier)
        given = self._given[key]
        return "" if given == identifier else given


def known_ids(request: Request) -> set[str]:
    """The ids of all calls and results in the conversation."""
    return {id_ for message in request.messages for block in message.content for id_ in _ids_in(block)}


def has_repeats(request: Request) -> bool:
    """Whether two calls of the conversation have one id."""
    ids = [block.id for message in request.messages for block in message.content if type(block) is ToolCall]
    return len(set(ids)) < len(ids)


def _ids_in(block: Block) -> tuple[str, ...]:
    if isinstance(block, ToolCall):
        return (block.id,)
    if isinstance(block, ToolResult):
        return (block.call_id,)
    lifted = (block.lifted or ()) if isinstance(block, Opaque) else ()
    return tuple(one.id if isinstance(one, ToolCall) else one.call_id for one in lifted)


def next_number(identifier: str, name: str, known: Container[str], *, at_least: int) -> str:
    """The id with the next number that is free, where it is a number behind the tool's name; else ''."""
    match = _NUMBERED.fullmatch(identifier)
    if match is None or not name or not match[1].endswith((name, _OUTSIDE.sub("_", name))):
        return ""
    number = max(int(match[3]) + 1, at_least)
    while (candidate := f"{match[1]}{match[2]}{number}") in known:
        number += 1
    return candidate


def unlike(identifier: str, known: Container[str], limit: int = 64) -> str:
    """The id itself where it is free, else with ``_2``, ``_3`` …, within ``limit`` characters."""
    candidate, number = identifier, 1
    while candidate in known:
        number += 1
        suffix = f"_{number}"
        candidate = identifier[: limit - len(suffix)] + suffix
    return candidate


def counted(identifier: str, name: str) -> str:
    """``functions.NAME:N`` of what the Messages wire could only spell ``functions_NAME_N``; other ids as they are."""
    head = f"functions_{_OUTSIDE.sub('_', name)}_"
    number = identifier[len(head) :]
    return f"functions.{name}:{number}" if identifier.startswith(head) and number.isdecimal() else identifier
