"""Which refusal asks for which amendment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from daemon.errors import ErrorKind, RemoteError
from daemon.upstream.amendments.apply import without
from daemon.upstream.amendments.fields import FIELD, refused_places
from daemon.upstream.amendments.parameters import (
    CODEX_LACKS,
    CODEX_PARAMETERS,
    LEAVE_OUT,
    REASONING,
    refuses_reasoning,
)
from daemon.upstream.amendments.refused_names import READ, of_a_value, refused_parameters
from daemon.upstream.amendments.rule import Amendment, Condition, Proposal, matches
from daemon.upstream.amendments.table import RULE, RULES
from daemon.upstream.amendments.values import AT_MOST
from daemon.wires.failures.context_length import token_numbers
from daemon.wires.failures.own_words import InRequest, is_own

LEAST_ROOM: Final = 256
"""Tokens of an answer for which it is worth asking again. A client whose conversation leaves less has to shorten it."""

_REFUSALS: Final = frozenset(
    {ErrorKind.INVALID_REQUEST, ErrorKind.NOT_FOUND, ErrorKind.MODEL_NOT_FOUND, ErrorKind.API, ErrorKind.OVERLOADED}
)
"""Kinds of errors whose words may ask for an amendment: llama.cpp answers 500 where a template refuses a conversation,
OpenRouter 404 where no provider of the model reads images, a relay 503 where its upstream has refused."""
_OF_THE_MODEL: Final = re.compile(r"\bmodels?\b", re.IGNORECASE)
_CONDITIONS: Final[tuple[tuple[Condition, re.Pattern[str]], ...]] = (
    ("tools", re.compile(r"\btools with\b|\b(?:when|if|while|with) (?:using )?(?:function )?tools\b", re.IGNORECASE)),
    ("temperature", re.compile(r"\btemperature['\"`]? and\b.{0,40}\b(?:both|together|same time)", re.IGNORECASE)),
    (
        "thinking",
        re.compile(
            r"\b(?:thinking|reasoning)(?: mode)?(?: is| being)? (?:enabled|on|active|used)\b"
            r"|\b(?:thinking|reasoning) mode\b"
            r"|\b(?:with|when|if|while|during) (?:\w+ )?(?:thinking|reasoning)\b(?![._]| models?)|思考模式",
            re.IGNORECASE,
        ),
    ),
)
_UNDER_ANOTHER: Final = re.compile(
    r"\b(?:when|while|if|unless|together with|in combination with|at the same time)\b", re.IGNORECASE
)
_OF_THINKING: Final = ("reasoning", "thinking", "output_config")
_NEVER_FOR_GOOD: Final = frozenset({"tool_choice"})
"""What is remembered under a condition alone: a request that forces a tool means it."""


def proposals(
    error: RemoteError, wire: str, applied: Sequence[Amendment], in_request: InRequest, *, shorter: bool = False
) -> Iterator[Proposal]:
    """What may help after ``error``, the likeliest first. ``applied``: what this request has had already; what
    changes nothing is passed over by the caller, which sees the body. ``shorter``: the client takes a shorter answer
    where the one it asked for does not fit beside the prompt."""
    if refuses_reasoning(error):
        yield Proposal(amendment=Amendment(REASONING), lasting=False)
        return
    if error.kind is ErrorKind.CONTEXT_LENGTH and shorter:
        yield from _shorter(error, applied)
    if error.kind not in _REFUSALS:
        return
    text = f"{error.param}: {error.message[:READ]}" if error.param else error.message[:READ]
    for rule in RULES:
        if wire not in rule.wires or (rule.about is not None and rule.about.search(text) is None):
            continue
        match = next((each for each in matches(rule.refusals, text) if is_own(each, in_request)), None)
        if match is not None and (amendment := Amendment(rule.name, rule.argument(match))) not in applied:
            of_others = rule.of_one_request is None or rule.of_one_request.search(error.message) is None
            yield Proposal(amendment=amendment, lasting=of_others)
    yield from _left_out(error, wire, applied, refused_parameters(error, in_request))
    for place in dict.fromkeys(refused_places(error, text, in_request)):
        if (amendment := Amendment(FIELD, place)) not in applied:
            yield Proposal(amendment=amendment)


def _shorter(error: RemoteError, applied: Sequence[Amendment]) -> Iterator[Proposal]:
    """An answer that fits beside this prompt; of others it says nothing."""
    room = token_numbers(error.message).room()
    if room is not None and room >= LEAST_ROOM and (amendment := Amendment(AT_MOST, str(room))) not in applied:
        yield Proposal(amendment=amendment, lasting=False)


def _left_out(error: RemoteError, wire: str, applied: Sequence[Amendment], names: Iterable[str]) -> Iterator[Proposal]:
    left_out = without(applied)
    of_the_model = _OF_THE_MODEL.search(error.message) is not None
    for name in names:
        if (
            wire in RULE[CODEX_PARAMETERS].wires
            and name in CODEX_LACKS
            and left_out & CODEX_LACKS - {name}
            and not of_the_model
        ):
            # Codex' backend names one parameter at a time. Who has refused two of its list refuses all of it.
            yield Proposal(amendment=Amendment(CODEX_PARAMETERS))
        elif name not in left_out:
            condition = _condition(error.message, name)
            lasting = condition != "" or not (
                name in _NEVER_FOR_GOOD or of_a_value(error) or _UNDER_ANOTHER.search(error.message)
            )
            yield Proposal(amendment=Amendment(LEAVE_OUT, name), condition=condition, lasting=lasting)


def _condition(message: str, name: str) -> Condition:
    for condition, words in _CONDITIONS:
        about_itself = condition == "thinking" and name.startswith(_OF_THINKING)
        if not about_itself and words.search(message):
            return condition
    return ""
