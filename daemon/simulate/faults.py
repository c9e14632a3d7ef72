"""What may go wrong upstream, by name.

A fault applies to one request, or to every request where it is set for the whole run. Those of kind
``demand`` depend on the request: see ``daemon.simulate.demand``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec
from msgspec import Struct

from daemon.simulate.demand import Asked, Demand
from daemon.simulate.relay import DEMANDS, HABITS

FaultKind = Literal[
    "none",
    "status",
    "html",
    "demand",
    "stall-head",
    "stall",
    "slow",
    "cut",
    "end",
    "malformed",
    "error-event",
    "failed",
    "incomplete",
    "content-filter",
    "refusal",
    "no-usage",
    "empty",
]


class Problem(Struct, frozen=True, kw_only=True):
    """An error as a provider writes it; ``type`` is OpenAI's, ``anthropic`` the Messages API's word for it."""

    message: str
    type: str = "invalid_request_error"
    anthropic: str = "invalid_request_error"
    code: str | None = None
    param: str | None = None


class Fault(Struct, frozen=True, kw_only=True):
    """``after`` counts the stream's events before it strikes, ``seconds`` is how long it lasts.

    ``status``, ``retry_after`` and ``problem`` are for answers that fail; a stream that fails has
    ``problem`` inside. ``demand`` and ``text``, what it compares with, are those of kind ``demand``, whose
    ``problem`` has a message only where one was given to say instead of the demand's own.
    """

    name: str
    kind: FaultKind
    status: int = 200
    retry_after: float | None = None
    after: int = 6
    seconds: float = 30.0
    problem: Problem = Problem(
        message="An error occurred while processing your request.",
        type="server_error",
        anthropic="api_error",
        code="server_error",
    )
    demand: Demand | None = None
    text: str = ""

    def complaint(self, asked: Asked) -> str | None:
        """What an upstream says of this request; None where it has nothing to say, and for every other kind."""
        complaint = None if self.demand is None else self.demand.complaint(asked, self.text)
        return complaint and (self.problem.message or complaint)

    def refuses(self, asked: Asked) -> bool:
        """Whether this request gets a refusal instead of an answer."""
        return self.kind in ("status", "html") or self.complaint(asked) is not None


class UnknownFault(ValueError):
    """An unknown fault, or one with fields that it does not have."""


_RATE_LIMIT = Problem(
    message="Rate limit reached for this model on tokens per min (TPM). Please try again in 1s.",
    type="tokens",
    anthropic="rate_limit_error",
    code="rate_limit_exceeded",
)
_TOO_MANY = Problem(
    message="Too many requests.",
    type="requests",
    anthropic="rate_limit_error",
    code="rate_limit_exceeded",
)
_QUOTA = Problem(
    message="You exceeded your current quota, please check your plan and billing details.",
    type="insufficient_quota",
    anthropic="rate_limit_error",
    code="insufficient_quota",
)
_OVERLOADED = Problem(
    message="The engine is currently overloaded, please try again later.",
    type="service_unavailable_error",
    anthropic="overloaded_error",
    code="server_is_overloaded",
)
_UNAUTHORIZED = Problem(
    message="Incorrect API key provided.",
    anthropic="authentication_error",
    code="invalid_api_key",
)
_FORBIDDEN = Problem(
    message="Country, region, or territory not supported",
    anthropic="permission_error",
    code="unsupported_country_region_territory",
)
_NOT_FOUND = Problem(
    message="The requested model does not exist or you do not have access to it.",
    anthropic="not_found_error",
    code="model_not_found",
    param="model",
)
_CONTEXT_LENGTH = Problem(
    message="Your input exceeds the context window of this model. Please adjust your input and try again.",
    code="context_length_exceeded",
    param="input",
)

OK = Fault(name="ok", kind="none")


def of_demand(demand: Demand) -> Fault:
    """The fault by which an upstream makes this demand."""
    return Fault(
        name=demand.name,
        kind="demand",
        status=demand.status,
        retry_after=demand.retry_after,
        problem=Problem(message=""),
        demand=demand,
        text=demand.text,
    )


FAULTS: Mapping[str, Fault] = {
    fault.name: fault
    for fault in (
        OK,
        Fault(name="rate_limit", kind="status", status=429, retry_after=1, problem=_RATE_LIMIT),
        Fault(name="too_many", kind="status", status=429, problem=_TOO_MANY),
        Fault(name="quota", kind="status", status=429, problem=_QUOTA),
        Fault(name="overloaded", kind="status", status=529, retry_after=1, problem=_OVERLOADED),
        Fault(name="unavailable", kind="status", status=503, retry_after=1, problem=_OVERLOADED),
        Fault(name="server_error", kind="status", status=500),
        Fault(name="unauthorized", kind="status", status=401, problem=_UNAUTHORIZED),
        Fault(name="forbidden", kind="status", status=403, problem=_FORBIDDEN),
        Fault(name="not_found", kind="status", status=404, problem=_NOT_FOUND),
        Fault(name="context_length", kind="status", status=400, problem=_CONTEXT_LENGTH),
        Fault(name="bad_gateway", kind="html", status=502),
        Fault(name="html", kind="html", status=200),
        Fault(name="stall_head", kind="stall-head"),
        Fault(name="stall", kind="stall"),
        Fault(name="slow", kind="slow", after=0, seconds=0.1),
        Fault(name="cut", kind="cut"),
        Fault(name="end", kind="end"),
        Fault(name="malformed", kind="malformed"),
        Fault(name="error_event", kind="error-event"),
        Fault(name="failed", kind="failed"),
        Fault(name="failed_rate_limit", kind="failed", problem=_RATE_LIMIT),
        Fault(name="failed_context_length", kind="failed", problem=_CONTEXT_LENGTH),
        Fault(name="incomplete", kind="incomplete"),
        Fault(name="content_filter", kind="content-filter"),
        Fault(name="refusal", kind="refusal"),
        Fault(name="no_usage", kind="no-usage"),
        Fault(name="empty", kind="empty"),
        *map(of_demand, (*DEMANDS, *HABITS)),
    )
}
_SPELLINGS = {name.replace("_", "-"): fault for name, fault in FAULTS.items()}


class Change(Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """A fault by name with some of its values changed, as the control endpoint takes it."""

    fault: str
    after: int | None = None
    seconds: float | None = None
    status: int | None = None
    retry_after: float | None = None
    message: str | None = None
    text: str | None = None


def choose(own: Fault, always: Iterable[Fault], demands: Iterable[Fault], asked: Asked) -> Fault:
    """The one fault that a request meets: the first that refuses it, else the first that spoils its answer.

    ``own`` was named for this request, ``always`` is for the whole run, ``demands`` are the profile's.
    """
    always = tuple(always)
    refusing = next((fault for fault in (own, *always, *demands) if fault.refuses(asked)), None)
    if refusing is not None:
        return refusing
    return next((fault for fault in (own, *always) if fault.kind not in ("none", "demand")), OK)


def parse(value: object) -> Fault:
    """A fault from its name, or from ``{"fault": name, "after": …, "seconds": …, "status": …, "text": …}``.

    A name may be written with ``-`` or with ``_``.

    Raises UnknownFault, with a message that lists what there is.
    """
    try:
        change = Change(value) if isinstance(value, str) else msgspec.convert(value, Change)
    except msgspec.ValidationError as error:
        raise UnknownFault(f"fault {value!r}: {error}") from None
    fault = _SPELLINGS.get(change.fault.replace("_", "-"))
    if fault is None:
        raise UnknownFault(f"unknown fault {change.fault!r}; there are: {', '.join(FAULTS)}")
    changes = {name: getattr(change, name) for name in ("after", "seconds", "status", "retry_after", "text")}
    changed = {name: each for name, each in changes.items() if each is not None}
    if change.message is not None:
        changed["problem"] = msgspec.structs.replace(fault.problem, message=change.message)
    return msgspec.structs.replace(fault, **changed)


def parse_text(text: str) -> Fault:
    """A fault from its name, or from the JSON object that ``parse`` takes, written as text."""
    try:
        return parse(msgspec.json.decode(text) if text.startswith("{") else text)
    except msgspec.DecodeError as error:
        raise UnknownFault(f"fault {text!r}: {error}") from None


def parse_counted(text: str) -> tuple[Fault, ...]:
    """``NAME``, ``NAME:COUNT`` (that fault for so many requests) or a JSON object of the command line."""
    if text.startswith("{"):
        return (parse_text(text),)
    name, _, count = text.partition(":")
    if count and not count.isdecimal():
        raise UnknownFault(f"fault {text!r}: the count after ':' must be a number")
    return (parse(name),) * int(count or 1)
