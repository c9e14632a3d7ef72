"""An error of the store, or of the rules for writing to it, as a response."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette.responses import Response

from daemon.api.problems import json_response
from daemon.api.provider_store.schemas import StoreRefusal, StoreReloadFailed
from daemon.api.schemas import DiagnosticView, Problem
from daemon.config.diagnostics import Fault, dotted
from daemon.store.errors import InvalidProvider, RowChanged, StoreError, fault_text
from daemon.store.service import ReloadFailed

RETRY_SECONDS: Final = 2
"""When to try a write again after the database was away; it is looked for every few seconds."""


class ForbiddenWrite(Exception):
    """What a caller must not write, though it is valid; ``faults`` name the fields."""

    def __init__(self, status: int, code: str, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(fault_text(each) for each in faults))
        self.status = status
        self.code = code
        self.faults = tuple(faults)


REFUSED: Final = (StoreError, ForbiddenWrite)


def refusal_response(error: StoreError | ForbiddenWrite, *, conditional: bool = False) -> Response:
    """``conditional``: the request had ``If-Match``."""
    match error:
        case ReloadFailed():
            return json_response(StoreReloadFailed(error=error.message, details=error.details), 500)
        case InvalidProvider() | ForbiddenWrite():
            details = [_detail(each) for each in error.faults]
            return json_response(StoreRefusal(error=error.code, message=str(error), details=details), error.status)
        case RowChanged() if conditional:
            return json_response(Problem(error="precondition_failed", message=str(error)), 412)
    headers = {"retry-after": str(RETRY_SECONDS)} if error.status == 503 else {}
    return json_response(Problem(error=error.code, message=str(error)), error.status, headers)


def _detail(fault: Fault) -> DiagnosticView:
    return DiagnosticView(
        severity=fault.severity, path=dotted(fault.path), line=0, column=0, message=fault.message, hint=fault.hint
    )
