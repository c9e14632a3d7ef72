"""How a rule of a make is built: a complaint about a request, in the make's envelope and with its status.

``{model}`` in the words is the model that was asked for; a rule says which other places it fills.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from daemon.simulate.conversation import Json
from daemon.simulate.demand import Asked, Demand
from daemon.simulate.faults import Problem
from daemon.simulate.model import Model
from daemon.simulate.rules.envelopes import Envelope

ANY = Model(name="")
Complaint = Callable[[Asked], str | None]

_QUOTED = re.compile(r"['`]([\w.\[\]]+)['`]")


def rule(
    name: str,
    complaint: Complaint,
    says: Envelope,
    *,
    status: int = 400,
    kind: str = "invalid_request_error",
    code: str | None = None,
    param: str | None = "",
) -> Demand:
    """``param`` empty: the first name in quotes that the sentence has."""

    def shape(sentence: str) -> Json | str:
        quoted = _QUOTED.search(sentence)
        about = (quoted[1] if quoted else None) if param == "" else param
        problem = Problem(message=sentence, type=kind, anthropic=kind, code=code, param=about)
        body: Json | str = says(problem)
        return body

    return Demand(name=name, complaint=lambda asked, _: complaint(asked), shape=shape, status=status)


def filled(words: str, asked: Asked, **places: object) -> str:
    """``words`` with the places filled in."""
    for place, value in {"model": model_name(asked), **places}.items():
        words = words.replace(f"{{{place}}}", str(value))
    return words


def model_name(asked: Asked) -> str:
    """The model that was asked for, without a fault's name behind it."""
    return str(asked.body.get("model")).partition("+")[0]


def facts(asked: Asked) -> Model:
    """What is known of the model; nothing special where it is none of the make's."""
    return asked.model or ANY


def messages(asked: Asked) -> list[Json]:
    """The messages of any API; of Responses the items that are some."""
    found = asked.body.get("messages", asked.body.get("input"))
    return [each for each in found if isinstance(each, dict) and "role" in each] if isinstance(found, list) else []


def parts(asked: Asked) -> Iterator[tuple[int, Json]]:
    """The content parts of all messages, with the message's number; also those inside tool results."""
    for number, message in enumerate(messages(asked)):
        for part in listed(message.get("content")):
            yield number, part
            yield from ((number, each) for each in listed(part.get("content")))


def listed(content: object) -> list[Json]:
    """The parts of a content; a text has none."""
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []


def calls(message: Json) -> list[Json]:
    """The tool calls of a Chat message."""
    return message.get("tool_calls") or []
