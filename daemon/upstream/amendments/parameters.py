"""The rules of every wire: a parameter that is refused by its name, and reasoning that the upstream did not make.

Which name a refusal means is found here; the wires leave it out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from daemon.config.profiles import PROFILES
from daemon.errors import ErrorKind, RemoteError
from daemon.upstream.amendments.rule import AmendmentRule, first_match, sentences
from daemon.wires.openai_responses import WIRE
from daemon.wires.table import WIRES

LEAVE_OUT: Final = "leave out"
CODEX_PARAMETERS: Final = "leave out what Codex never sends"
REASONING: Final = "leave out earlier reasoning"

CODEX_LACKS: Final = frozenset(PROFILES["codex-relay"].unsupported)

_ANY: Final = frozenset(WIRES)

RULES: Final[tuple[AmendmentRule, ...]] = (
    AmendmentRule(name=CODEX_PARAMETERS, wires=frozenset({WIRE.name}), profile="codex-relay"),
    AmendmentRule(name=LEAVE_OUT, wires=_ANY),
    AmendmentRule(name=REASONING, wires=_ANY, loses_content=True),
)

_MEANINGFUL: Final = frozenset(
    {
        "model",
        "input",
        "messages",
        "system",
        "instructions",
        "prompt",
        "tools",
        "stream",
        "previous_response_id",
        "conversation",
        "thread",
        "response_format",
        "text",
        "text.format",
        "output_config",
        "output_config.format",
    }
)
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}(\.[a-z0-9_]{1,64})?")
_CODES: Final = frozenset({"unsupported_parameter", "unknown_parameter", "unsupported_value", "unrecognized_parameter"})
_PARAMETERS: Final = sentences(
    r"unexpected fields in the request: \{['\"]([\w.]+)",  # transformers serve 5.24: a set, of which one is named here
    r"(?:unsupported|unknown|unrecognized|unexpected) (?:parameter|value|field|argument)s?:? ['\"`]?([\w.]+)",
    r"unrecognized request arguments? supplied: ([\w.]+)",
    r"unknown name ['\"`\\]*([\w.]+)",
    r"^['\"`]?([\w.]+)['\"`]?: extra (?:inputs|fields) (?:are )?not permitted",
    r"extra_forbidden[^\]]*?loc\W+body\W+([\w.]+)",
    r"['\"`]([\w.]+)['\"`] (?:is|are) (?:not supported|deprecated|unsupported)",
    r"parameter ['\"`]?([\w.]+)['\"`]? is not supported",
    r"tools with ([a-z][a-z_.]+) are not supported",  # OpenAI's Chat API of gpt-5.4 and later, of the effort
    r"tools cannot be used with ([a-z][a-z_.]+)",  # the web search of gpt-5, of the effort "minimal"
)
_UNREADABLE: Final = re.compile(
    r"encrypted content .{0,200}could not be (?:verified|decrypted)|invalid `?signature`? in `?thinking`?", re.I | re.S
)

InRequest = Callable[[str], bool]
"""Whether a text is also in the request: then an upstream that repeats it has not said it."""


def refused_parameter(error: RemoteError, in_request: InRequest = lambda _: False) -> str | None:
    """The parameter that ``error`` refuses by name, as the upstream's wire spells it."""
    if error.kind is not ErrorKind.INVALID_REQUEST:
        return None
    name = error.param if error.code in _CODES and error.param else _named(error.message, in_request)
    if name is None or _NAME.fullmatch(name) is None or name in _MEANINGFUL:
        return None
    return name


def refuses_reasoning(error: RemoteError) -> bool:
    """Whether the request was refused for reasoning that this upstream did not make."""
    return error.code == "invalid_encrypted_content" or (
        error.kind is ErrorKind.INVALID_REQUEST and _UNREADABLE.search(error.message) is not None
    )


def _named(message: str, in_request: InRequest) -> str | None:
    match = first_match(_PARAMETERS, message)
    if match is None or in_request(match.group()):
        return None
    return match.group(1).rstrip(".")
