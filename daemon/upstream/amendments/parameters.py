"""The rules of every wire: a parameter that is refused by its name (``refused_names`` finds it, the wires leave it
out), and reasoning that the upstream did not make.
"""

from __future__ import annotations

import re
from typing import Final

from daemon.config.profiles import PROFILES
from daemon.errors import ErrorKind, RemoteError
from daemon.upstream.amendments.rule import AmendmentRule
from daemon.wires.openai_responses import WIRE
from daemon.wires.table import WIRES

LEAVE_OUT: Final = "leave out"
CODEX_PARAMETERS: Final = "leave out what Codex never sends"
REASONING: Final = "leave out earlier reasoning"

CODEX_LACKS: Final = frozenset(PROFILES["codex-relay"].unsupported_on(WIRE.name))

_ANY: Final = frozenset(WIRES)

RULES: Final[tuple[AmendmentRule, ...]] = (
    AmendmentRule(name=CODEX_PARAMETERS, wires=frozenset({WIRE.name}), profile="codex-relay"),
    AmendmentRule(name=LEAVE_OUT, wires=_ANY),
    AmendmentRule(name=REASONING, wires=_ANY, loses_content=True),
)

_UNREADABLE: Final = re.compile(
    r"encrypted content .{0,200}could not be (?:verified|decrypted)|invalid `?signature`? in `?thinking`?", re.I | re.S
)


def refuses_reasoning(error: RemoteError) -> bool:
    """Whether the request was refused for reasoning that this upstream did not make."""
    return error.code == "invalid_encrypted_content" or (
        error.kind is ErrorKind.INVALID_REQUEST and _UNREADABLE.search(error.message) is not None
    )
