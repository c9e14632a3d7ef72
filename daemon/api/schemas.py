"""The structs of the management API, as its handlers build them and openapi.json describes them."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from daemon.config.schema import WireApi


class Schema(Struct, frozen=True, kw_only=True, rename="kebab"):
    """The base of all of them: field names have hyphens."""


class Problem(Schema, frozen=True):
    """A refusal. ``error`` is a word for programs, ``message`` says what to do."""

    error: str
    message: str


class DiagnosticView(Schema, frozen=True):
    """A problem of the configuration with its place. ``line`` and ``column`` count from 1, 0 = unknown. ``about`` names
    what else has the problem: a directory, a mounted file."""

    severity: Literal["error", "warning"]
    path: str
    line: int
    column: int
    message: str
    hint: str
    about: str | UnsetType = UNSET


class Refusal(Schema, frozen=True):
    """A configuration that was refused; nothing has changed. ``message`` joins the errors with ``; ``."""

    error: str
    message: str
    details: list[DiagnosticView]


class AmendmentRow(Schema, frozen=True):
    """A change to requests that was learned from a refusal of the upstream. It is made for ``model``, and where there
    is a ``condition`` only for requests that meet it: with ``tools``, with ``thinking`` on, or with a ``temperature``;
    ``in-force`` false: it loses content, and only one request has needed it so far. ``profile`` is the make of
    upstream that it is typical of, or empty. ``expires`` is RFC 3339."""

    amendment: str
    model: str
    condition: Literal["", "tools", "thinking", "temperature"]
    profile: str
    in_force: bool
    expires: str


class Cleared(Schema, frozen=True):
    """How many entries were removed."""

    cleared: int


class LimitRow(Schema, frozen=True):
    """One window of an upstream's limits, as its latest answer has it. ``left`` is from 0 to 1, ``remaining`` and
    ``limit`` are in the upstream's unit, ``resets-at`` is RFC 3339; null is what it does not say."""

    name: str
    left: float | None
    remaining: float | None
    limit: float | None
    resets_at: str | None


class LoadRow(Schema, frozen=True):
    """What a core auth carries. ``limit``: requests at once, configured or learned from refusals; null: no limit.
    ``headroom`` is the part of its limits that is left, 0 to 1, null where its answers do not say; ``limits`` the
    windows that this is the least of, the tightest first."""

    running: int
    waiting: int
    limit: int | None
    headroom: float | None
    limits: list[LimitRow]


class BalanceRow(Schema, frozen=True):
    """What ``balance-url`` has answered: the latest amount, in the upstream's own unit, and when that was (RFC 3339);
    ``problem`` is why the latest question had no number, null where it had one."""

    amount: float | None
    at: str | None
    problem: str | None


class AuthRow(Schema, frozen=True):
    """One usable upstream credential and its state. ``until`` is RFC 3339. ``profile`` is the make of the
    upstream, empty where it has none, ``profile-reason`` why; ``amendments`` is what was learned about it.
    ``models-problem`` is why it is not known what the upstream lists; null where that is known, or is not asked.
    ``last-error`` is the latest failure in words, with class and reason, ``last-error-at`` (RFC 3339) when that was;
    both are null from its next answer on.
    ``load`` is what it carries and what is left of its limits; ``balance`` is null without a ``balance-url``, and until
    that has been asked.
    ``verified``: whether the upstream takes the key, by a free ``GET /models``; ``unknown`` without a key, where
    everybody gets the list, or where nobody has answered. ``verified-at`` (RFC 3339) is when it was asked, null: never.
    A provider that is ``failed`` has no credential: its row has an id without a hash, and no client id.
    ``key`` is which one of its provider's keys it is, from 1; absent where that has one key."""

    id: str
    client_id: str
    name: str
    provider: str
    source: str
    base_url: str
    models: list[str]
    models_problem: str | None
    state: Literal["ready", "cooling", "disabled", "failed"]
    reason: str | None
    until: str | None
    last_error: str | None
    last_error_at: str | None
    verified: Literal["yes", "no", "unknown"]
    verified_at: str | None
    load: LoadRow
    balance: BalanceRow | None
    profile: str
    profile_reason: str
    amendments: list[AmendmentRow]
    key: int | UnsetType = UNSET


class Auths(Schema, frozen=True):
    auths: list[AuthRow]


class Used(Schema, frozen=True):
    """What finished requests have used. ``failures`` are those that ended with another status than 200; the input
    contains what was cached, the output what was reasoning. ``tokens-per-second``: input and output over the time that
    is counted. ``answer-speed``: output tokens per second that the answers took, null where there were none."""

    requests: int
    failures: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    tokens_per_second: float
    answer_speed: float | None


class UsedBy(Used, frozen=True):
    """Of one provider, one of its models (its own name for it), and the entry that clients came by. ``provider`` is
    empty where none was asked; ``other`` is what has been removed, or is beyond the bound on names."""

    provider: str
    model: str
    entry: str


class UsageView(Schema, frozen=True):
    """Since the start, so many seconds ago."""

    seconds: float
    total: Used
    rows: list[UsedBy]


class TpsView(Schema, frozen=True):
    """Tokens per second of the requests that ended in the last ``seconds``: the ``window``, or less where the daemon
    has not run, or does not remember, that long. ``window`` null: since the start. ``provider`` and ``model``
    are what was asked for, null: all."""

    window: int | None
    seconds: float
    provider: str | None
    model: str | None
    requests: int
    failures: int
    input_tokens: int
    output_tokens: int
    tokens_per_second: float
    answer_speed: float | None


class ModelRow(Struct, frozen=True, kw_only=True):
    """A public model name, in OpenAI's shape, with the providers that serve it in the order they are tried."""

    id: str
    object: str
    created: int
    owned_by: str
    providers: list[str]


class Models(Schema, frozen=True):
    object: Literal["list"]
    data: list[ModelRow]


class ProviderRow(Schema, frozen=True):
    """A provider of the configuration, also a disabled one. ``auths`` are the ids of its core auths."""

    name: str
    source: str
    enabled: bool
    wire_api: WireApi
    base_url: str
    auths: list[str]


class Providers(Schema, frozen=True):
    providers: list[ProviderRow]


class ReloadView(Schema, frozen=True):
    """The outcome of a reload. ``ok``: all of it is in force; ``refused``: nothing of it is. ``changes`` and
    ``diagnostics`` are left out for callers who may not see them."""

    ok: bool
    refused: bool
    degraded: bool
    reason: str
    generation: int
    revision: str
    at: str
    milliseconds: float
    changes: list[str] | UnsetType = UNSET
    diagnostics: list[DiagnosticView] | UnsetType = UNSET


class CheckView(Schema, frozen=True):
    """One step of a provider test."""

    name: Literal["dns", "connect", "tls", "models"]
    ok: bool
    detail: str
    milliseconds: float


class KeyTest(Schema, frozen=True):
    """The result for one of several keys, which is number ``key`` of the list, from 1; ``auth`` is its core auth ID."""

    key: int
    auth: str
    ok: bool
    explanation: str
    hint: str


class ProviderTest(Schema, frozen=True):
    """The result of a provider test. ``models`` are the names the upstream lists, null where it lists none;
    ``verified``: whether it takes the key. Of a provider with several keys it is the result of the first one that
    fails, else of the first; ``keys`` has all."""

    provider: str
    ok: bool
    url: str
    explanation: str
    hint: str
    verified: Literal["yes", "no", "unknown"]
    checks: list[CheckView]
    models: list[str] | None
    keys: list[KeyTest] | UnsetType = UNSET


class LogLines(Schema, frozen=True):
    """Log records, oldest first, as the JSON log writes them. ``last`` is the ``after`` of the next request."""

    last: int
    lines: list[Raw]


class ExplainBody(Schema, frozen=True):
    """A model name as a client sends it, and the entry it is sent to."""

    model: str
    entry: Literal["messages", "chat", "responses"] = "messages"


class Target(Schema, frozen=True):
    """One core auth that would be tried, and the upstream's name for the model."""

    auth: str
    provider: str
    model: str
    wire_api: WireApi
    translated: bool
    priority: int
    not_now: str | None = None
    """Why it may not be asked now."""


class Other(Schema, frozen=True):
    """A provider that would not be asked, and why."""

    provider: str
    reason: str


class Explanation(Schema, frozen=True):
    """The route decision with its reasons: whom it asks, in this order, and why none of the ``others``. Nothing is
    sent."""

    model: str
    entry: str
    rule: str
    matched: str
    effort: str | None
    strategy: str
    targets: list[Target]
    others: list[Other]


class WriteView(Schema, frozen=True):
    """The outcome of a write; with ``dry-run``, what it would be. ``changes`` are lines of the change
    summary, empty where the meaning stays; ``generation`` and ``revision`` are those in force now."""

    dry_run: bool
    generation: int
    revision: str
    changes: list[str]
    diagnostics: list[DiagnosticView]


class VersionRow(Schema, frozen=True):
    """A version that was in force. ``source`` is what made it: ``config.yaml``, or ``store``, to which there is no way
    back. ``digest`` is the ETag of config.yaml then, without the quotes."""

    generation: int
    source: str
    at: str
    digest: str
    in_force: bool


class Versions(Schema, frozen=True):
    """The newest first. Generations count on over restarts."""

    history: list[VersionRow]


class RollbackBody(Schema, frozen=True, forbid_unknown_fields=True):
    """Which version to go back to: by its generation or by its digest."""

    generation: Annotated[int, Meta(ge=1)] | None = None
    digest: str | None = None
