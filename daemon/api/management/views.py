"""The snapshot, a reload, a route decision and a provider test as the management API shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from msgspec import UNSET, convert

from daemon.api.inference.models import openai_model
from daemon.api.management.masked import masked, masked_url
from daemon.api.problems import diagnostic_view
from daemon.api.schemas import (
    AmendmentRow,
    AuthRow,
    Auths,
    BalanceRow,
    CheckView,
    ExplainBody,
    Explanation,
    KeyTest,
    LimitRow,
    LoadRow,
    ModelRow,
    Models,
    Other,
    ProviderRow,
    Providers,
    ProviderTest,
    ReloadView,
    Target,
)
from daemon.config.packycode import effective_source
from daemon.config.provider import Provider, lower_name, provider_path
from daemon.config.schema import Packycode, Tppc
from daemon.gateway.balances import Balance
from daemon.gateway.learned import LearnedAmendment, LearnedAmendments
from daemon.reload.outcome import ReloadOutcome
from daemon.router.passed_over import PassedOver
from daemon.router.readiness import Readiness
from daemon.router.states import AuthStates, LoadView
from daemon.snapshot.core_auths import CoreAuth
from daemon.snapshot.models import Resolution
from daemon.snapshot.snapshot import Snapshot
from daemon.upstream.amendments.table import profile_of
from daemon.upstream.probe import Probe
from daemon.wires.table import WIRES

Amendments = Mapping[str, Sequence[AmendmentRow]]
"""What was learned about each core auth, by its id."""


def amendments(snapshot: Snapshot, learned: LearnedAmendments, now: float) -> Amendments:
    """What was learned about every core auth; ``now`` in Unix seconds."""
    return {auth.id: [_amendment(entry, now) for entry in learned.view(auth.id)] for auth in snapshot.core_auths}


def _amendment(entry: LearnedAmendment, now: float) -> AmendmentRow:
    return AmendmentRow(
        amendment=str(entry.amendment),
        model=entry.model,
        condition=entry.condition,
        profile=profile_of(entry.amendment),
        in_force=entry.in_force,
        expires=timestamp(now + entry.expires_in),
    )


def auths(
    snapshot: Snapshot,
    states: AuthStates,
    provider: str | None,
    amendments: Amendments | None = None,
    models_problem: Callable[[str], str] = lambda _: "",
    recognised: Callable[[CoreAuth], CoreAuth] = lambda auth: auth,
    balance: Callable[[str], Balance | None] = lambda _: None,
) -> Auths:
    """Every core auth with its live state, and every provider that has none because it failed; ``provider`` is a
    family or a name, None = all. ``models_problem``: core auth ID -> why it is not known what its upstream lists.
    ``balance``: core auth ID -> what its provider says is left.
    ``recognised`` gives a core auth the profile that its upstream has shown."""
    learned = amendments or {}
    names = {entry.auth_id: entry.models for entry in snapshot.models.registrations()}
    chosen = [recognised(auth) for auth in snapshot.core_auths if belongs(auth, provider)]
    rows = [
        auth_view(
            auth,
            states,
            names.get(auth.id, ()),
            learned.get(auth.id, ()),
            models_problem(auth.id),
            balance(auth.id),
        )
        for auth in chosen
    ]
    failed = [failed_view(each, snapshot) for each in snapshot.providers if each.failed and each.enabled]
    return Auths(auths=[*rows, *(row for row in failed if _matches(provider, row.provider, row.name))])


def auth_view(
    auth: CoreAuth,
    states: AuthStates,
    models: tuple[str, ...],
    amendments: Sequence[AmendmentRow] = (),
    problem: str = "",
    balance: Balance | None = None,
) -> AuthRow:
    view = states.view(auth.id)
    learned = next((row.profile for row in amendments if row.profile), "")
    configured = bool(auth.profile or auth.profile_reason or not learned)
    return AuthRow(
        id=auth.id,
        client_id=auth.client_id,
        name=auth.name,
        provider=auth.provider,
        source=auth.source,
        base_url=masked_url(auth.base_url),
        models=list(models),
        models_problem=problem or None,
        state=view.state,
        reason=view.reason,
        until=None if view.until is None else timestamp(view.until),
        last_error=view.last_error,
        last_error_at=None if view.last_error_at is None else timestamp(view.last_error_at),
        verified=view.verified,
        verified_at=None if view.verified_at is None else timestamp(view.verified_at),
        load=load_row(states.load(auth.id)),
        balance=None if balance is None else _balance_row(balance),
        profile=auth.profile if configured else learned,
        profile_reason=auth.profile_reason if configured else "learned from refusals",
        amendments=list(amendments),
        key=auth.key or UNSET,
    )


def load_row(load: LoadView) -> LoadRow:
    limits = [
        LimitRow(
            name=each.name,
            left=None if each.left is None else round(each.left, 4),
            remaining=each.remaining,
            limit=each.limit,
            resets_at=None if each.resets_at is None else timestamp(each.resets_at),
        )
        for each in load.windows
    ]
    headroom = None if load.headroom is None else round(load.headroom, 4)
    return LoadRow(running=load.running, waiting=load.waiting, limit=load.limit, headroom=headroom, limits=limits)


def _balance_row(balance: Balance) -> BalanceRow:
    at = None if balance.at is None else timestamp(balance.at)
    return BalanceRow(amount=balance.amount, at=at, problem=balance.problem or None)


def failed_view(provider: Provider, snapshot: Snapshot) -> AuthRow:
    """A provider that failed at the start: one of its references cannot be resolved, so it has no core auth. The
    reason joins the errors about its values."""
    errors = [each for each in snapshot.warnings if each.severity == "error"]
    own = [each.message for each in errors if provider.path and provider_path(each.path) == provider.path]
    return AuthRow(
        id=f"{provider.kind}:{lower_name(provider.name)}",
        client_id="",
        name=provider.name,
        provider=WIRES[provider.wire].upstream.family,
        source=provider.source,
        base_url=masked_url(provider.base_url),
        models=[],
        models_problem=None,
        state="failed",
        reason="; ".join(own) or None,
        until=None,
        last_error=None,
        last_error_at=None,
        verified="unknown",
        verified_at=None,
        load=load_row(LoadView()),
        balance=None,
        profile=provider.profile,
        profile_reason="configured" if provider.profile else "",
        amendments=[],
    )


def models(snapshot: Snapshot, provider: str | None) -> Models:
    """The registry: every public name with the providers that serve it, in the order they are tried. With a filter the
    owner is the first of those that were asked for."""
    rows: list[ModelRow] = []
    for name in snapshot.models.names():
        serving = [candidate.auth for candidate in snapshot.models.by_name[name]]
        owner = next((auth.name for auth in serving if belongs(auth, provider)), None)
        if owner is not None:
            own = {"owned_by": owner, "providers": list(dict.fromkeys(auth.name for auth in serving))}
            rows.append(convert({**openai_model(name, snapshot.models), **own}, ModelRow))
    return Models(object="list", data=rows)


def providers(snapshot: Snapshot) -> Providers:
    """Every provider of the configuration, the disabled ones too."""
    return Providers(providers=[provider_view(each, snapshot) for each in snapshot.providers])


def provider_view(provider: Provider, snapshot: Snapshot) -> ProviderRow:
    return ProviderRow(
        name=provider.name,
        source=provider.source,
        enabled=provider.enabled,
        wire_api=provider.wire,
        base_url=masked_url(provider.base_url),
        auths=[auth.id for auth in snapshot.core_auths if auth.source == provider.source],
    )


def packycode(snapshot: Snapshot) -> dict[str, object]:
    """The values of the file, with defaults for the rest, and where the values in use come from."""
    sources = dict(snapshot.effective_sources)
    block = masked(Packycode, written_block(snapshot, "packycode"))
    return {"packycode": {**block, "effective-source": effective_source(sources), "effective-sources": sources}}


def tppc(snapshot: Snapshot) -> dict[str, object]:
    """The values of the file, with defaults for the rest, provider by provider."""
    return {"tppc": masked(Tppc, written_block(snapshot, "tppc"))}


def written_block(snapshot: Snapshot, name: str) -> Mapping[str, object]:
    block = snapshot.written.get(name)
    return block if isinstance(block, Mapping) else {}


def belongs(auth: CoreAuth, provider: str | None) -> bool:
    """Whether ``provider`` (a family such as ``codex``, or a name such as ``fox``) selects it; None selects all."""
    return _matches(provider, auth.provider, auth.name)


def _matches(chosen: str | None, family: str, name: str) -> bool:
    return not chosen or chosen.lower() in (family, name.lower())


def reload_view(outcome: ReloadOutcome, *, diagnostics: bool) -> ReloadView:
    """A reload's outcome, as ``/healthz`` and ``POST /reload`` show it."""
    return ReloadView(
        ok=outcome.ok,
        refused=outcome.refused,
        degraded=outcome.degraded,
        reason=outcome.reason,
        generation=outcome.generation,
        revision=outcome.revision,
        at=timestamp(outcome.at),
        milliseconds=outcome.milliseconds,
        changes=list(outcome.changes) if diagnostics else UNSET,
        diagnostics=[diagnostic_view(item) for item in outcome.diagnostics] if diagnostics else UNSET,
    )


def timestamp(seconds: float) -> str:
    """Unix seconds as RFC 3339."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def explanation(
    body: ExplainBody,
    resolution: Resolution,
    others: Sequence[PassedOver],
    candidates: Sequence[Readiness],
    strategy: str,
) -> Explanation:
    """The route decision for the model and entry of ``body``."""
    targets = [
        Target(
            auth=each.candidate.auth.id,
            provider=each.candidate.auth.name,
            model=each.candidate.model,
            wire_api=each.candidate.auth.wire,
            translated=each.candidate.auth.wire != body.entry,
            priority=each.candidate.auth.priority,
            not_now=each.reason or None,
        )
        for each in sorted(candidates, key=lambda each: (bool(each.reason), -each.candidate.auth.priority))
    ]
    return Explanation(
        model=body.model,
        entry=body.entry,
        rule=resolution.rule,
        matched=resolution.matched,
        effort=resolution.effort,
        strategy=strategy,
        targets=targets,
        others=[Other(provider=each.provider, reason=each.reason) for each in others],
    )


def provider_test(name: str, results: Sequence[tuple[CoreAuth | None, Probe]]) -> ProviderTest:
    """``results`` has one for each key; without a core auth where it lacks what a test needs."""
    several = [(auth, each.diagnosis) for auth, each in results if auth is not None and auth.key]
    auth, result = next((each for each in results if not each[1].diagnosis.ok), results[0])
    diagnosis = result.diagnosis
    which = f"key {auth.key}: " if auth is not None and auth.key and not diagnosis.ok else ""
    return ProviderTest(
        provider=name,
        ok=diagnosis.ok,
        url=masked_url(result.url),
        explanation=which + diagnosis.explanation,
        hint=diagnosis.hint,
        verified=diagnosis.verified,
        checks=[
            CheckView(name=each.name, ok=each.ok, detail=each.detail, milliseconds=each.milliseconds)
            for each in result.checks
        ],
        models=None if diagnosis.models is None else list(diagnosis.models),
        keys=[
            KeyTest(key=auth.key, auth=auth.id, ok=said.ok, explanation=said.explanation, hint=said.hint)
            for auth, said in several
        ]
        or UNSET,
    )
