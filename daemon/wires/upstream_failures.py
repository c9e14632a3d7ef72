"""What an upstream's failure means where its own words do not say it: the kind by the HTTP status, and what rests."""

from __future__ import annotations

from collections.abc import Mapping

from daemon.errors import ErrorKind, Scope

KIND_OF_STATUS: Mapping[int, ErrorKind] = {
    401: ErrorKind.AUTHENTICATION,
    402: ErrorKind.BILLING,
    403: ErrorKind.PERMISSION,
    404: ErrorKind.NOT_FOUND,
    408: ErrorKind.TIMEOUT,
    413: ErrorKind.TOO_LARGE,
    429: ErrorKind.RATE_LIMIT,
    503: ErrorKind.OVERLOADED,
    504: ErrorKind.TIMEOUT,
    529: ErrorKind.OVERLOADED,
}

SCOPE_OF_KIND: Mapping[ErrorKind, Scope] = {
    ErrorKind.INVALID_REQUEST: Scope.REQUEST,
    ErrorKind.TOO_LARGE: Scope.REQUEST,
    ErrorKind.CONTEXT_LENGTH: Scope.REQUEST,
    ErrorKind.AUTHENTICATION: Scope.CREDENTIAL,
    ErrorKind.BILLING: Scope.CREDENTIAL,
    ErrorKind.PERMISSION: Scope.CREDENTIAL,
    ErrorKind.MODEL_NOT_FOUND: Scope.CREDENTIAL,
    ErrorKind.RATE_LIMIT: Scope.CREDENTIAL,
    ErrorKind.QUOTA: Scope.CREDENTIAL,
}
"""What rests; every other kind rests the provider. A model that one credential lacks, another may serve."""
