"""A request to a make, read: the wire's own reading, and what the make and the model add to it."""

from __future__ import annotations

from msgspec.structs import replace

from daemon.simulate.conversation import Answered, Conversation, Json
from daemon.simulate.demand import Asked
from daemon.simulate.makes.make import Api, Make
from daemon.simulate.rules.rule import calls, facts, messages
from daemon.simulate.rules.thinking import is_off

FILLER = 3
"""Characters of the longest answer that says nothing (``OK.``): gateways put such ones where turns must alternate."""


def read(make: Make, api: Api, asked: Asked) -> Conversation:
    """The conversation that ``asked`` has; raises Refused."""
    conversation = api.wire.read(_as_called(asked), asked.key)
    if make.session_cache:
        conversation = replace(conversation, cache_key=asked.session or None)
    if not make.models:
        return conversation
    said = tuple(each for each in conversation.entries if not isinstance(each, Answered) or len(each.text) > FILLER)
    conversation = replace(conversation, entries=said)
    if api.thoughts == "as asked":
        return conversation
    thinks = facts(asked).thinks and not is_off(asked.body)
    shown = thinks and api.thoughts == "always"
    return replace(conversation, thinks=thinks, summary=shown, sealed=conversation.sealed or facts(asked).seals)


def _as_called(asked: Asked) -> Json:
    """The body, with the calls of one answer in one message again where the template of the model takes them one by
    one: the scripted model counts its steps by messages."""
    if facts(asked).template != "single calls":
        return asked.body
    turns: list[Json] = []
    caller: Json = {}
    for message in messages(asked):
        if calls(message) and caller and _answer_of(caller) == _answer_of(message):
            caller["tool_calls"] += calls(message)
            continue
        if calls(message):
            message = caller = message | {"tool_calls": [*calls(message)]}
        turns.append(message)
    return asked.body | {"messages": turns}


def _answer_of(message: Json) -> str:
    """What the ids of one answer's calls have in common."""
    return str(calls(message)[0].get("id"))[:-1]
