"""Whether another model of the same provider is worth an attempt after a failure.

A provider with fallback models is asked for these before the next provider, unless what failed has nothing to do with
the model.
"""

from __future__ import annotations

from typing import Final

from daemon.errors import ErrorKind, GatewayError, RemoteError

_MAY_BE_THE_MODELS: Final = frozenset(
    {
        ErrorKind.RATE_LIMIT,
        ErrorKind.QUOTA,
        ErrorKind.MODEL_NOT_FOUND,
        ErrorKind.NOT_FOUND,
        ErrorKind.OVERLOADED,
        ErrorKind.MAINTENANCE,
        ErrorKind.TIMEOUT,
        ErrorKind.API,
    }
)


def helps_another_model(error: GatewayError) -> bool:
    """Whether another model of the same provider may do what this one did not: after 429, 404 of the model, 5xx or no
    answer, but not where the upstream refused the request, the credential or the path (a web page with 404)."""
    status = error.upstream_status if isinstance(error, RemoteError) else None
    refused = error.kind is ErrorKind.API and status is not None and 400 <= status < 500
    return error.kind in _MAY_BE_THE_MODELS and not refused
