"""Where a client's model name leads, or the error that the client gets: one place for every entry."""

from __future__ import annotations

from typing import Final

from daemon.config.provider import Provider
from daemon.errors import ErrorKind, LocalError
from daemon.router.passed_over import DISABLED, why_failed
from daemon.snapshot.model_unknown import too_long
from daemon.snapshot.models import ModelUnknown, Resolution
from daemon.snapshot.snapshot import Snapshot

RETRY_AFTER: Final = 30.0
"""Seconds: somebody has to change something first, so there is no use in asking more often."""
MOST_NAMED: Final = 5


def check_length(name: str) -> None:
    """Raises ``LocalError``, 400, for a name that is too long to be one. Asked before anything remembers the name."""
    if refusal := too_long(name):
        raise LocalError(ErrorKind.INVALID_REQUEST, refusal, code="string_above_max_length", param="model")


def route(snapshot: Snapshot, name: str) -> Resolution:
    """The resolution of ``name``; raises ``LocalError``: 400 for one that is too long, 404 for an unknown one, 503
    while nothing is in service."""
    check_length(name)
    try:
        return snapshot.models.resolve(name)
    except ModelUnknown as unknown:
        if snapshot.core_auths:
            away = _asked_in_vain(snapshot, name)
            message = f"{unknown} ({away.name} {_why(away, snapshot)})" if away else str(unknown)
            reason = "unresolved" if away and away.failed else "unknown_model"
            raise LocalError(
                ErrorKind.MODEL_NOT_FOUND, message, code="model_not_found", param="model", reason=reason
            ) from None
        message = out_of_service(snapshot)
        # What fails a provider of an accepted configuration is a reference of its own.
        reason = "unresolved" if any(each.failed for each in snapshot.providers) else "no_provider"
        raise LocalError(ErrorKind.OVERLOADED, message, status=503, retry_after=RETRY_AFTER, reason=reason) from None


def out_of_service(snapshot: Snapshot) -> str:
    """That no provider can be asked, and why."""
    away = [f"{each.name} {_why(each, snapshot)}" for each in snapshot.providers if each.name]
    more = f"; and {len(away) - MOST_NAMED} more" if len(away) > MOST_NAMED else ""
    names = f": {'; '.join(away[:MOST_NAMED])}{more}" if away else ""
    return f"no provider is enabled and in service{names}"


def _asked_in_vain(snapshot: Snapshot, name: str) -> Provider | None:
    """The provider that a name begins with and that is not in service."""
    served = {auth.source for auth in snapshot.core_auths}
    asked = (each for each in snapshot.providers if each.source not in served and each.name)
    return next((each for each in asked if name.lower().startswith(f"{each.name.lower()}/")), None)


def _why(provider: Provider, snapshot: Snapshot) -> str:
    return why_failed(provider, snapshot) if provider.enabled else f"is {DISABLED} (enabled: true puts it in service)"
