"""What is remembered of a core auth."""

from __future__ import annotations

from daemon.errors import ErrorKind, RemoteError
from daemon.router.states import AuthStates


def test_a_core_auth_never_used_is_ready() -> None:
    assert AuthStates().view("x").state == "ready"


def test_failures_are_counted_and_told_without_the_upstreams_words() -> None:
    states = AuthStates()
    states.succeeded("x")
    states.failed("x", RemoteError(ErrorKind.QUOTA, "your prompt 'secret plan' is over quota", upstream_status=429))
    view = states.view("x")
    assert (view.succeeded, view.failed, view.last_error) == (1, 1, "quota (HTTP 429)")


def test_a_failure_without_an_answer_says_so() -> None:
    states = AuthStates()
    states.failed("x", RemoteError(ErrorKind.TIMEOUT, "late"))
    assert states.view("x").last_error == "timeout (no answer)"


def test_a_removed_core_auth_is_forgotten_and_a_kept_one_is_not() -> None:
    states = AuthStates()
    states.succeeded("kept")
    states.failed("gone", RemoteError(ErrorKind.API, "x"))
    states.keep_only(["kept"])
    assert states.view("kept").succeeded == 1
    assert states.view("gone").failed == 0
