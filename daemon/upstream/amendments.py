"""What an upstream refuses of a request, and the same request as it takes it.

Nobody can list which parameters, shapes and ids an upstream takes. So a request is sent as it is at first;
a refusal that says what is wrong is recognised by its shape or its words, the outgoing request is amended,
and the same core auth is asked again. ``learned`` remembers what has helped.

    RemoteError ─ proposals ─▶ Proposal ─ AttemptTarget.amended ─▶ pipe.prepare ─ amend ─▶ the next body

``RULES`` is the one table: a rule per amendment, with the sentences that ask for it and the pure function over
the upstream wire's body that makes it. Leaving out a parameter by name is the wires' own doing, since each
knows what it is called at the client. What carries the meaning of a request is never left out; then the
refusal is the answer. Never learned: "Instructions are not valid", "only Codex clients", web firewalls.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Literal

from msgspec import Struct

from daemon.config.profiles import PROFILES
from daemon.errors import ErrorKind, RemoteError
from daemon.snapshot.core_auths import CoreAuth
from daemon.wires.base import Fields
from daemon.wires.json import encode, fields_of
from daemon.wires.openai_responses import WIRE
from daemon.wires.openai_responses import request_changes as responses
from daemon.wires.openai_responses.request_changes import Change
from daemon.wires.table import WIRES

MOST_AMENDMENTS: Final = 8
"""Times that one request is amended and asked again: upstreams complain of one thing at a time."""


class Amendment(Struct, frozen=True):
    """One change of the outgoing request: a rule of the table, and its argument (a parameter's name, a text)."""

    name: str
    argument: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.argument}" if self.argument else self.name


Condition = Literal["", "tools"]
"""``tools``: for requests with tools alone."""


class Proposal(Struct, frozen=True, kw_only=True):
    """What may help after a refusal. ``lasting`` false: what was refused is this request's value or content,
    which says nothing of others."""

    amendment: Amendment
    condition: Condition = ""
    lasting: bool = True


class AmendmentRule(Struct, frozen=True, kw_only=True):
    """``refusals``: the sentences that ask for it; their first group, if any, is the argument. ``change`` None:
    the wires do it. ``loses_content``: applied from the start only after two different requests needed it.
    ``profile``: the make of upstream that is known by wanting this."""

    name: str
    wires: frozenset[str]
    refusals: tuple[re.Pattern[str], ...] = ()
    change: Change | None = None
    loses_content: bool = False
    profile: str = ""


def _sentences(*patterns: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns)


_RESPONSES: Final = frozenset({WIRE.name})
_ANY: Final = frozenset(WIRES)

_INSTRUCTIONS_MISSING: Final = (
    r"\binstructions['\"`]?(?: field)? (?:is|are) (?:required|missing)",
    r"missing required parameter:? ['\"`]?instructions\b",
    r"\binstructions (?:must|can ?not) (?:not )?be (?:empty|blank|non-empty)",
)
_SYSTEM_REFUSED: Final = (
    r"\b(?:system|developer)['\"`]? (?:messages?|roles?|prompts?) (?:is|are) (?:not |un)"
    r"(?:allowed|supported|permitted)",
    r"\brole:? ['\"`]?(?:system|developer)['\"`]? is (?:not |un)(?:allowed|supported|permitted)",
    r"invalid value:? ['\"`]?(?:system|developer)['\"`]?\. supported values are:? ['\"`]?(?:assistant|user|developer)",
)

LEAVE_OUT: Final = "leave out"
CODEX_PARAMETERS: Final = "leave out what Codex never sends"
REASONING: Final = "leave out earlier reasoning"

RULES: Final[tuple[AmendmentRule, ...]] = (
    AmendmentRule(
        name="shape of Codex",
        wires=_RESPONSES,
        profile="codex-relay",
        change=responses.codex_shape,
        refusals=_sentences(
            *_INSTRUCTIONS_MISSING,
            *_SYSTEM_REFUSED,
            r"\binput['\"`]? must be (?:a list|an array)",
            r"invalid type for ['\"`]?input['\"`]?: expected (?:a list|an array)",
            r"(?:unknown|unsupported|missing required) (?:parameter|field):? ['\"`]?"
            r"input\[\d+\]\.(?:content|role|type)\b",
        ),
    ),
    AmendmentRule(
        name="instructions with text",
        wires=_RESPONSES,
        change=responses.filled_instructions,
        refusals=_sentences(*_INSTRUCTIONS_MISSING),
    ),
    AmendmentRule(
        name="no system role",
        wires=_RESPONSES,
        change=responses.no_system_role,
        refusals=_sentences(*_SYSTEM_REFUSED),
    ),
    AmendmentRule(
        name="store: false",
        wires=_RESPONSES,
        change=responses.store_false,
        refusals=_sentences(
            r"\bstore['\"`]? must be (?:set to )?['\"`]?false",
            r"\bstore['\"`]?(?: ?[=:] ?| set to )true['\"`]? is not (?:allowed|supported)",
        ),
    ),
    AmendmentRule(
        name="only what is said",
        wires=_RESPONSES,
        change=responses.only_what_is_said,
        loses_content=True,
        refusals=_sentences(r"items are not persisted", r"\bitem with id ['\"`]?\S+ not found"),
    ),
    AmendmentRule(
        name="items without ids",
        wires=_RESPONSES,
        change=responses.without_ids,
        refusals=_sentences(
            r"expected an id that begins with",
            r"(?:invalid|unknown parameter:?|unsupported parameter:?) ['\"`]?input\[\d+\]\.id\b",
        ),
    ),
    AmendmentRule(
        name="items without",
        wires=_RESPONSES,
        change=responses.without_item_field,
        refusals=_sentences(
            r"(?:unknown|unsupported|unrecognized) (?:parameter|field|argument):? ['\"`]?"
            r"input\[\d+\]\.(status|phase|namespace|caller|created_by|agent|internal_\w+|metadata)\b"
        ),
    ),
    # --- from an upstream's profile or its settings alone ---
    AmendmentRule(name="service tier of Codex", wires=_RESPONSES, change=responses.codex_tier),
    AmendmentRule(name="system text in instructions", wires=_RESPONSES, change=responses.system_as_instructions),
    AmendmentRule(name="fixed instructions", wires=_RESPONSES, change=responses.fixed_instructions),
    # --- what the wires do by themselves ---
    AmendmentRule(name=CODEX_PARAMETERS, wires=_RESPONSES, profile="codex-relay"),
    AmendmentRule(name=LEAVE_OUT, wires=_ANY),
    AmendmentRule(name=REASONING, wires=_ANY, loses_content=True),
)

_RULE: Final = {rule.name: rule for rule in RULES}


def loses_content(amendment: Amendment) -> bool:
    return _RULE[amendment.name].loses_content


def profile_of(amendment: Amendment) -> str:
    """The profile that an upstream which wants this belongs to; '' where that is not known by it."""
    return _RULE[amendment.name].profile


def configured(auth: CoreAuth) -> tuple[Amendment, ...]:
    """What this provider's profile and settings ask for from the start."""
    amendments: list[Amendment] = []
    if auth.normalised:
        amendments += (Amendment("shape of Codex"), Amendment("service tier of Codex"))
    if auth.instructions == "system":
        amendments.append(Amendment("system text in instructions"))
    elif auth.instructions == "file":
        amendments.append(Amendment("fixed instructions", auth.instructions_text))
    return tuple(amendment for amendment in amendments if auth.wire in _RULE[amendment.name].wires)


def without(amendments: Iterable[Amendment]) -> frozenset[str]:
    """The parameters that ``amendments`` leave out."""
    names: set[str] = set()
    for amendment in amendments:
        if amendment.name == LEAVE_OUT:
            names.add(amendment.argument)
        elif amendment.name == CODEX_PARAMETERS:
            names |= _CODEX_LACKS
    return frozenset(names)


def amend(fields: Fields, amendments: Sequence[Amendment]) -> list[str]:
    """Makes the changes in ``fields``, the top level of the upstream's body; names what is lost by them."""
    lost: list[str] = []
    for amendment in amendments:
        change = _RULE[amendment.name].change
        if change is not None:
            lost += change(fields, amendment.argument)
    return lost


def amend_body(body: bytes, amendments: Sequence[Amendment]) -> tuple[bytes, list[str]]:
    """The same for an encoded body, which is not read where nothing is to change."""
    if not any(_RULE[amendment.name].change for amendment in amendments):
        return body, []
    fields = fields_of(body)
    lost = amend(fields, amendments)
    return encode(fields), lost


# --- which refusal asks for what ------------------------------------------------------------------

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
_PARAMETERS: Final = _sentences(
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
_OF_THE_MODEL: Final = re.compile(r"\bmodels?\b", re.IGNORECASE)
_OF_TOOLS: Final = re.compile(r"\btools with\b", re.IGNORECASE)
_OF_A_VALUE: Final = re.compile(r"tools cannot be used with [\w.]+ ['\"`]", re.IGNORECASE)
_ONLY_DEFAULT: Final = re.compile(r"only the default", re.IGNORECASE)
_UNREADABLE: Final = re.compile(
    r"encrypted content .{0,200}could not be (?:verified|decrypted)|invalid `?signature`? in `?thinking`?", re.I | re.S
)
_CODEX_LACKS: Final = frozenset(PROFILES["codex-relay"].unsupported)

InRequest = Callable[[str], bool]
"""Whether a text is also in the request: then an upstream that repeats it has not said it."""


def proposals(error: RemoteError, wire: str, applied: Sequence[Amendment], in_request: InRequest) -> Iterator[Proposal]:
    """What may help after ``error``, the likeliest first. ``applied``: what this request has had already; what
    changes nothing is passed over by the caller, which sees the body."""
    if refuses_reasoning(error):
        yield Proposal(amendment=Amendment(REASONING), lasting=False)
        return
    if error.kind not in (ErrorKind.INVALID_REQUEST, ErrorKind.NOT_FOUND):
        return
    text = f"{error.message}\n{error.param}" if error.param else error.message
    for rule in RULES:
        match = _first_match(rule.refusals, text)
        if match is None or wire not in rule.wires or in_request(match.group()):
            continue
        amendment = Amendment(rule.name, match.group(1) or "" if match.re.groups else "")
        if amendment not in applied:
            yield Proposal(amendment=amendment)
    yield from _left_out(error, wire, applied, in_request)


def _left_out(error: RemoteError, wire: str, applied: Sequence[Amendment], in_request: InRequest) -> Iterator[Proposal]:
    name = refused_parameter(error, in_request)
    if name is None:
        return
    left_out = without(applied)
    of_the_model = _OF_THE_MODEL.search(error.message) is not None
    if (
        wire in _RULE[CODEX_PARAMETERS].wires
        and name in _CODEX_LACKS
        and left_out & _CODEX_LACKS - {name}
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
    match = _first_match(_PARAMETERS, message)
    if match is None or in_request(match.group()):
        return None
    return match.group(1).rstrip(".")


def _first_match(patterns: Iterable[re.Pattern[str]], text: str) -> re.Match[str] | None:
    return next((match for pattern in patterns if (match := pattern.search(text))), None)
