"""Which failed requests are events: those that this daemon failed itself."""

from __future__ import annotations

import pytest

from daemon.errors import ErrorKind, GatewayError, LocalError, RemoteError, internal, stopping
from daemon.gateway.failure_reports import FailureReports
from daemon.router.states import AuthStates
from daemon.telemetry.audit import AuditLog
from daemon.telemetry.failure_events import FailureEvents
from tests.router.auths import core_auth

FOX = core_auth("fox")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        pytest.param(internal(), "internal", id="a fault of the daemon"),
        pytest.param(stopping(), "stopping", id="stopping"),
        pytest.param(
            LocalError(ErrorKind.OVERLOADED, "nobody is in service", status=503, reason="no_provider"),
            "no_provider",
            id="no provider",
        ),
        pytest.param(LocalError(ErrorKind.TIMEOUT, "the client stopped reading"), None, id="a client that stalls"),
        pytest.param(LocalError(ErrorKind.INVALID_REQUEST, "PLANTED"), None, id="a bad request"),
        pytest.param(LocalError(ErrorKind.RATE_LIMIT, "too many at once"), None, id="a limit of ours"),
        pytest.param(RemoteError(ErrorKind.API, "PLANTED", upstream_status=500), None, id="an upstream's failure"),
        pytest.param(None, None, id="an answer"),
    ],
)
def test_a_request_that_the_daemon_fails_is_an_event(error: GatewayError | None, reason: str | None) -> None:
    audit = AuditLog()
    FailureReports(AuthStates(), FailureEvents(audit)).request("the-id", error, FOX)
    if error is None or reason is None:
        assert not audit.recent(9)
        return
    (event,) = audit.recent(9)
    names = {"auth": FOX.id, "provider": "fox", "request_id": "the-id", "count": 1}
    assert (event.kind, event.message) == ("request-failed", f"a request failed ({reason})")
    assert event.fields == names | {"error": error.kind.value, "reason": reason}
