"""What an upstream refuses, and the same request without it.

A Responses or Chat upstream refuses a whole request for one parameter that its model does not take
(``temperature`` at a reasoning model) or that it does not know. Which ones, nobody can list: so all
are sent at first, an upstream that refuses one **by name** is asked once more without it, and the name
is remembered for that core auth, for the model alone where the refusal speaks of the model. Reasoning
that an upstream cannot decrypt is left out in the same way.

What carries the meaning of a request is never left out; then the refusal is the answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec.structs import replace

from daemon.errors import ErrorKind, RemoteError
from daemon.gateway.relay import Target
from daemon.snapshot.models import Candidate

MOST_AMENDMENTS = 6
"""Times that one candidate is asked anew within a request: upstreams name one parameter at a time."""
MOST_REMEMBERED = 4096

_MEANINGFUL = frozenset(
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
_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)?")
_CODES = frozenset({"unsupported_parameter", "unknown_parameter", "unsupported_value", "unrecognized_parameter"})
_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
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
)
_OF_THE_MODEL = re.compile(r"\bmodels?\b", re.IGNORECASE)
_OF_A_VALUE = re.compile(r"tools cannot be used with [\w.]+ ['\"`]", re.IGNORECASE)
_ONLY_DEFAULT = re.compile(r"only the default", re.IGNORECASE)
_UNREADABLE = re.compile(
    r"encrypted content .{0,200}could not be (?:verified|decrypted)|invalid `?signature`? in `?thinking`?", re.I | re.S
)


def refused_parameter(error: RemoteError) -> str | None:
    """The parameter that ``error`` refuses by name, as the upstream's wire spells it."""
    if error.kind is not ErrorKind.INVALID_REQUEST or error.upstream_status not in (400, 422):
        return None
    name = error.param if error.code in _CODES and error.param else _named(error.message)
    if name is None or _NAME.fullmatch(name) is None or name in _MEANINGFUL:
        return None
    return name


def refuses_reasoning(error: RemoteError) -> bool:
    """Whether the request was refused for reasoning that this upstream did not make."""
    return error.code == "invalid_encrypted_content" or (
        error.kind is ErrorKind.INVALID_REQUEST and _UNREADABLE.search(error.message) is not None
    )


def _named(message: str) -> str | None:
    found = next((match for pattern in _PATTERNS if (match := pattern.search(message))), None)
    return found.group(1).rstrip(".") if found else None


class RefusedParameters:
    """What each core auth has refused so far: live state, keyed by ID, for the daemon's life; bounded."""

    __slots__ = ("_names",)

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], frozenset[str]] = {}

    def of(self, candidate: Candidate) -> frozenset[str]:
        """The names not to send to this candidate: what its provider's configuration lists, and what it refused."""
        configured = frozenset(candidate.auth.unsupported_parameters)
        if not self._names:
            return configured
        whole, model = (candidate.auth.id, ""), (candidate.auth.id, candidate.model)
        return configured.union(self._names.get(whole, ()), self._names.get(model, ()))

    def remember(self, candidate: Candidate, name: str, error: RemoteError) -> None:
        """A value that was refused says nothing of others, unless only the default one is taken."""
        message = error.message
        if _OF_A_VALUE.search(message) or (error.code == "unsupported_value" and not _ONLY_DEFAULT.search(message)):
            return
        of_the_model = candidate.model in message or _OF_THE_MODEL.search(message)
        model = candidate.model if of_the_model else ""
        key = (candidate.auth.id, model)
        known = self._names.pop(key, frozenset())
        self._names[key] = known | {name}
        while len(self._names) > MOST_REMEMBERED:
            del self._names[next(iter(self._names))]


Remember = Callable[[Candidate, str, RemoteError], None]


def amended(target: Target, error: RemoteError, remember: Remember) -> Target | None:
    """``target`` without what ``error`` refuses; None when there is nothing to leave out."""
    if target.reasoning and refuses_reasoning(error):
        return replace(target, reasoning=False)
    name = refused_parameter(error)
    if name is None or name in target.unsupported:
        return None
    remember(target.candidate, name, error)
    return replace(target, unsupported=target.unsupported | {name})
