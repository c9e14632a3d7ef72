"""Which refusal asks for which amendment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from daemon.errors import ErrorKind, RemoteError
from daemon.upstream.amendments.apply import without
from daemon.upstream.amendments.fields import FIELD, refused_places
from daemon.upstream.amendments.parameters import (
    CODEX_LACKS,
    CODEX_PARAMETERS,
    LEAVE_OUT,
    REASONING,
    InRequest,
    refused_parameter,
    refuses_reasoning,
)
from daemon.upstream.amendments.rule import Amendment, Condition, Proposal, first_match
from daemon.upstream.amendments.table import RULE, RULES

_REFUSALS: Final = frozenset(
    {ErrorKind.INVALID_REQUEST, ErrorKind.NOT_FOUND, ErrorKind.MODEL_NOT_FOUND, ErrorKind.API, ErrorKind.OVERLOADED}
)
"""Kinds of errors whose words may ask for an amendment: llama.cpp answers 500 where a template refuses a conversation,
OpenRouter 404 where no provider of the model reads images, a relay 503 where its upstream has refused."""
_OF_THE_MODEL: Final = re.compile(r"\bmodels?\b", re.IGNORECASE)
_OF_TOOLS: Final = re.compile(r"\btools with\b", re.IGNORECASE)
_OF_A_VALUE: Final = re.compile(r"tools cannot be used with [\w.]+ ['\"`]", re.IGNORECASE)
_ONLY_DEFAULT: Final = re.compile(r"only the default", re.IGNORECASE)


def proposals(error: RemoteError, wire: str, applied: Sequence[Amendment], in_request: InRequest) -> Iterator[Proposal]:
    """What may help after ``error``, the likeliest first. ``applied``: what this request has had already; what
    changes nothing is passed over by the caller, which sees the body."""
    if refuses_reasoning(error):
        yield Proposal(amendment=Amendment(REASONING), lasting=False)
        return
    if error.kind not in _REFUSALS:
        return
    text = f"{error.message}\n{error.param}" if error.param else error.message
    for rule in RULES:
        match = first_match(rule.refusals, text)
        if match is None or wire not in rule.wires or in_request(match.group()):
            continue
        amendment = Amendment(rule.name, match.group(1) or "" if match.re.groups else "")
        if amendment not in applied:
            yield Proposal(amendment=amendment)
    yield from _left_out(error, wire, applied, in_request)
    for place in refused_places(error, text, in_request):
        if (amendment := Amendment(FIELD, place)) not in applied:
            yield Proposal(amendment=amendment)


def _left_out(error: RemoteError, wire: str, applied: Sequence[Amendment], in_request: InRequest) -> Iterator[Proposal]:
    name = refused_parameter(error, in_request)
    if name is None:
        return
    left_out = without(applied)
    of_the_model = _OF_THE_MODEL.search(error.message) is not None
    if (
        wire in RULE[CODEX_PARAMETERS].wires
        and name in CODEX_LACKS
        and left_out & CODEX_LACKS - {name}
        and not of_the_model
    ):
        # Codex' backend names one parameter at a time. Who has refused two of its list refuses all of it.
        yield Proposal(amendment=Amendment(CODEX_PARAMETERS))
    elif name not in left_out:
        condition: Condition = "tools" if _OF_TOOLS.search(error.message) else ""
        yield Proposal(amendment=Amendment(LEAVE_OUT, name), condition=condition, lasting=not _of_a_value(error))


def _of_a_value(error: RemoteError) -> bool:
    """A value that was refused says nothing of others, unless only the default one is taken."""
    if _OF_A_VALUE.search(error.message):
        return True
    return error.code == "unsupported_value" and _ONLY_DEFAULT.search(error.message) is None
