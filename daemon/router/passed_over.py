"""Why a provider is not asked for a model name: the one place that knows, for requests and ``explain``. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from daemon.config.provider import Provider, lower_name, provider_path
from daemon.snapshot.listings import Listing
from daemon.snapshot.models import Resolution
from daemon.snapshot.snapshot import Snapshot

DISABLED: Final = "disabled"
OTHER_PREFIX: Final = "not the provider that the name begins with"
EXCLUDED: Final = "model excluded (exclude-models)"
NO_DEFAULT: Final = "no default model"
UNLISTED: Final = "model not listed"


class PassedOver(Struct, frozen=True):
    """``provider`` is its name."""

    provider: str
    reason: str


def passed_over(snapshot: Snapshot, name: str, resolution: Resolution | None) -> tuple[PassedOver, ...]:
    """Every provider that is not asked for ``name``, in the order of the configuration. ``resolution`` is where the
    name leads, None where nobody serves it."""
    asked = {each.auth.source for each in resolution.candidates} if resolution else frozenset()
    listings = {each.auth.source: each for own in snapshot.models.by_provider.values() for each in own}
    others = (each for each in snapshot.providers if each.source not in asked and each.name)
    return tuple(
        PassedOver(each.name, _reason(each, listings.get(each.source), snapshot, name, resolution)) for each in others
    )


def _reason(
    provider: Provider, listing: Listing | None, snapshot: Snapshot, name: str, resolution: Resolution | None
) -> str:
    if listing is None:
        return why_failed(provider, snapshot) if provider.enabled else DISABLED
    if resolution is None:
        return EXCLUDED if _excludes(listing, name) else UNLISTED
    if resolution.rule == "provider-prefix" and not _begins_with(resolution.matched, provider):
        return OTHER_PREFIX
    models = (each.model for each in resolution.candidates[:1])
    if _excludes(listing, name, resolution.matched, *models):
        return EXCLUDED
    return NO_DEFAULT if _stands_for_any(snapshot, resolution) else UNLISTED


def _begins_with(name: str, provider: Provider) -> bool:
    return name.lower().startswith(f"{lower_name(provider.name)}/")


def _excludes(listing: Listing, *names: str) -> bool:
    return any(each and listing.excludes(each) for name in names for each in (name, name.partition("/")[2]))


def _stands_for_any(snapshot: Snapshot, resolution: Resolution) -> bool:
    """Whether the name is an alias for whatever is each provider's default model."""
    aliases = (rule.alias for rule in snapshot.models.aliases)
    return resolution.rule == "alias" and any(not each.model for each in aliases if each.pattern == resolution.matched)


def why_failed(provider: Provider, snapshot: Snapshot) -> str:
    """Why an enabled provider is not in service."""
    errors = (each for each in snapshot.warnings if each.severity == "error" and provider.path)
    reasons = [each.message for each in errors if provider_path(each.path) == provider.path]
    return f"failed ({'; '.join(reasons)})" if reasons else "failed"


def grouped(others: Sequence[PassedOver], *, at_most: int) -> tuple[str, ...]:
    """``a, b and 3 more: model not listed``: one text for each reason, with ``at_most`` names."""
    names: dict[str, list[str]] = {}
    for each in others:
        names.setdefault(each.reason, []).append(each.provider)
    return tuple(f"{_some(providers, at_most)}: {reason}" for reason, providers in names.items())


def _some(names: Sequence[str], at_most: int) -> str:
    more = f" and {len(names) - at_most} more" if len(names) > at_most else ""
    return ", ".join(names[:at_most]) + more
