"""The snapshot as the management API shows it: core auths, models, providers, blocks of the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import convert

from daemon.api.answers import AmendmentRow, AuthRow, Auths, ModelRow, Models, ProviderRow, Providers
from daemon.api.masked import masked, masked_url
from daemon.api.models import openai_model
from daemon.api.status import timestamp
from daemon.config.packycode import effective_source
from daemon.config.provider import Provider, lower_name, provider_path
from daemon.config.schema import Packycode, Tppc
from daemon.gateway.amendments import profile_of
from daemon.gateway.learned import LearnedAmendment, LearnedAmendments
from daemon.router.states import AuthStates
from daemon.snapshot.core_auths import CoreAuth
from daemon.snapshot.snapshot import Snapshot
from daemon.wires.table import WIRES

Amendments = Mapping[str, Sequence[AmendmentRow]]
"""What was learned of each core auth, by its id."""


def amendments(snapshot: Snapshot, learned: LearnedAmendments, now: float) -> Amendments:
    """What was learned of every core auth; ``now`` in Unix seconds."""
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


def auths(snapshot: Snapshot, states: AuthStates, provider: str | None, amendments: Amendments | None = None) -> Auths:
    """Every core auth with its live state, and every provider that has none because it failed; ``provider`` is a
    family or a name, None = all."""
    learned = amendments or {}
    names = {entry.auth_id: entry.models for entry in snapshot.models.registrations()}
    chosen = [auth for auth in snapshot.core_auths if belongs(auth, provider)]
    rows = [auth_view(auth, states, names.get(auth.id, ()), learned.get(auth.id, ())) for auth in chosen]
    failed = [failed_view(each, snapshot) for each in snapshot.providers if each.failed and each.enabled]
    return Auths(auths=[*rows, *(row for row in failed if _matches(provider, row.provider, row.name))])


def auth_view(
    auth: CoreAuth, states: AuthStates, models: tuple[str, ...], amendments: Sequence[AmendmentRow] = ()
) -> AuthRow:
    view = states.view(auth.id)
    learned = next((row.profile for row in amendments if row.profile), "")
    known = bool(auth.profile or auth.profile_reason or not learned)
    return AuthRow(
        id=auth.id,
        client_id=auth.client_id,
        name=auth.name,
        provider=auth.provider,
        source=auth.source,
        base_url=masked_url(auth.base_url),
        models=list(models),
        state=view.state,
        reason=view.reason,
        until=None if view.until is None else timestamp(view.until),
        last_error=view.last_error,
        profile=auth.profile if known else learned,
        profile_reason=auth.profile_reason if known else "learned from refusals",
        amendments=list(amendments),
    )


def failed_view(provider: Provider, snapshot: Snapshot) -> AuthRow:
    """A provider that failed at the start: a reference of it cannot be resolved, so it has no core auth. The
    reasons are the sentences about its values."""
    errors = (each for each in snapshot.warnings if each.severity == "error" and provider.path)
    return AuthRow(
        id=f"{provider.kind}:{lower_name(provider.name)}",
        client_id="",
        name=provider.name,
        provider=WIRES[provider.wire].upstream.family,
        source=provider.source,
        base_url=masked_url(provider.base_url),
        models=[],
        state="failed",
        reason="; ".join(each.message for each in errors if provider_path(each.path) == provider.path) or None,
        until=None,
        last_error=None,
        profile=provider.profile,
        profile_reason="configured" if provider.profile else "",
        amendments=[],
    )


def models(snapshot: Snapshot, provider: str | None) -> Models:
    """The registry: every public name with the providers that serve it, in the order they are asked."""
    rows: list[ModelRow] = []
    for name in snapshot.models.names():
        serving = [candidate.auth for candidate in snapshot.models.by_name[name]]
        if any(belongs(auth, provider) for auth in serving):
            providers = list(dict.fromkeys(auth.name for auth in serving))
            rows.append(convert({**openai_model(name, snapshot.models), "providers": providers}, ModelRow))
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
    """What the file says plus defaults, and where the values in force come from."""
    sources = dict(snapshot.effective_sources)
    block = masked(Packycode, written_block(snapshot, "packycode"))
    return {"packycode": {**block, "effective-source": effective_source(sources), "effective-sources": sources}}


def tppc(snapshot: Snapshot) -> dict[str, object]:
    """What the file says plus defaults, provider by provider."""
    return {"tppc": masked(Tppc, written_block(snapshot, "tppc"))}


def written_block(snapshot: Snapshot, name: str) -> Mapping[str, object]:
    block = snapshot.written.get(name)
    return block if isinstance(block, Mapping) else {}


def belongs(auth: CoreAuth, provider: str | None) -> bool:
    """Whether ``provider`` (a family such as ``codex``, or a name such as ``fox``) means it; left out, all do."""
    return _matches(provider, auth.provider, auth.name)


def _matches(chosen: str | None, family: str, name: str) -> bool:
    return not chosen or chosen.lower() in (family, name.lower())
