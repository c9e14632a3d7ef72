"""Where a client's model name leads, or the error that the client gets: one place for every entry."""

from __future__ import annotations

from typing import Final

from daemon.config.provider import Provider
from daemon.errors import ErrorKind, LocalError
from daemon.router.passed_over import DISABLED, why_failed
from daemon.snapshot.models import ModelUnknown, Resolution
from daemon.snapshot.snapshot import Snapshot

RETRY_AFTER: Final = 30.0
"""Seconds: somebody has to change something first, so there is no use in asking more often."""
MOST_NAMED: Final = 5


def route(snapshot: Snapshot, name: str) -> Resolution:
    """The resolution of ``name``; raises ``LocalError``: 404 for an unknown name, 503 while nothing is in service."""
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
    return why_failed(provider, snapshot) if provider.enabled else f"is {DISABLED} (enabled: true puts it in service)"
