"""Where a client's model name leads, or the error that the client gets: one place for every entry."""

from __future__ import annotations

from typing import Final

from daemon.config.provider import Provider, provider_path
from daemon.errors import ErrorKind, LocalError
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
            message = f"{unknown}{_asked_in_vain(snapshot, name)}"
            raise LocalError(ErrorKind.MODEL_NOT_FOUND, message, code="model_not_found", param="model") from None
        raise LocalError(ErrorKind.OVERLOADED, out_of_service(snapshot), status=503, retry_after=RETRY_AFTER) from None


def out_of_service(snapshot: Snapshot) -> str:
    """That no provider can be asked, and why."""
    away = [f"{each.name} {_why(each, snapshot)}" for each in snapshot.providers if each.name]
    more = f"; and {len(away) - MOST_NAMED} more" if len(away) > MOST_NAMED else ""
    names = f": {'; '.join(away[:MOST_NAMED])}{more}" if away else ""
    return f"no provider is enabled and in service{names}"


def _asked_in_vain(snapshot: Snapshot, name: str) -> str:
    """Where a name begins with a provider that is not in service."""
    served = {auth.source for auth in snapshot.core_auths}
    asked = (each for each in snapshot.providers if each.source not in served and each.name)
    away = next((each for each in asked if name.lower().startswith(f"{each.name.lower()}/")), None)
    return f" ({away.name} {_why(away, snapshot)})" if away else ""


def _why(provider: Provider, snapshot: Snapshot) -> str:
    if not provider.enabled:
        return "is disabled (enabled: true puts it in service)"
    errors = (each for each in snapshot.warnings if each.severity == "error" and provider.path)
    reasons = [each.message for each in errors if provider_path(each.path) == provider.path]
    return f"failed ({'; '.join(reasons)})" if reasons else "failed"
