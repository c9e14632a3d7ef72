"""The rules of every wire: a parameter that is refused by its name (``refused_names`` finds it, the wires leave it
out), and reasoning that the upstream did not make.
"""

from __future__ import annotations

import re
from typing import Final

from daemon.config.profiles import PROFILES
from daemon.errors import ErrorKind, RemoteError
from daemon.upstream.amendments.rule import AmendmentRule, Sentences
from daemon.wires.failures.words import NOT_MADE_CODES, NOT_MADE_HERE
from daemon.wires.openai import parameters
from daemon.wires.openai_responses import WIRE
from daemon.wires.table import WIRES

LEAVE_OUT: Final = "leave out"
CODEX_PARAMETERS: Final = "leave out what Codex never sends"
REASONING: Final = "leave out earlier reasoning"
TURN_STATE: Final = "leave out the turn state"

CODEX_LACKS: Final = frozenset(PROFILES["codex-relay"].unsupported_on(WIRE.name))

_ANY: Final = frozenset(WIRES)


def _without_turn_state(headers: dict[str, str], _: str) -> None:
    headers.pop(parameters.TURN_STATE, None)


RULES: Final[tuple[AmendmentRule, ...]] = (
    AmendmentRule(name=CODEX_PARAMETERS, wires=frozenset({WIRE.name}), profile="codex-relay"),
    AmendmentRule(name=LEAVE_OUT, wires=_ANY),
    AmendmentRule(name=REASONING, wires=_ANY, loses_content=True),
    AmendmentRule(
        name=TURN_STATE,
        wires=_ANY,
        headers=_without_turn_state,
        refusals=Sentences(r"turn[ _-]?state"),
        of_one_request=re.compile(""),
    ),
)

_UNREADABLE: Final = re.compile(
    r"encrypted content .{0,200}could not be (?:verified|decrypted)|invalid `?(?:signature|data)`? in `?(?:redacted_)?"
    r"thinking|thought[_ ]signature is (?:not |in)valid|(?:corrupted|invalid) thought[_ ]signature",
    re.I | re.S,
)
_UNREADABLE_CODES: Final = frozenset({"invalid_encrypted_content", "thinking_signature_invalid"})


def refuses_reasoning(error: RemoteError) -> bool:
    """Whether the request was refused for reasoning that this upstream did not make."""
    return error.code in _UNREADABLE_CODES or (
        error.kind is ErrorKind.INVALID_REQUEST and _UNREADABLE.search(error.message) is not None
    )


def is_foreign(error: RemoteError) -> bool:
    """Whether the request was refused for anything that this upstream did not make, or keeps no more."""
    return error.kind is ErrorKind.INVALID_REQUEST and (
        error.code in NOT_MADE_CODES or NOT_MADE_HERE.search(error.message) is not None
    )
