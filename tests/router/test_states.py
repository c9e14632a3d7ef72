"""What is remembered of a core auth."""

from __future__ import annotations

import pytest

from daemon.errors import ErrorKind, RemoteError
from daemon.router.states import AuthStates


def test_a_core_auth_never_used_is_ready() -> None:
    assert AuthStates().view("x").state == "ready"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            RemoteError(ErrorKind.QUOTA, "your prompt 'secret plan' is over quota", upstream_status=429),
            "quota used up (quota, http_429)",
        ),
        (
            RemoteError(ErrorKind.AUTHENTICATION, "no such key: sk-planted", upstream_status=401),
            "key refused (authentication, http_401)",
        ),
        (RemoteError(ErrorKind.TIMEOUT, "late"), "no answer in time (timeout, timeout)"),
        (RemoteError(ErrorKind.API, "x", upstream_status=500), "upstream failed (api, http_500)"),
        (
            RemoteError(ErrorKind.API, "h.example does not resolve", reason="dns"),
            "the name of the upstream does not resolve (api, dns)",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_failure_is_kept_with_class_and_reason_without_the_upstreams_words(error: RemoteError, words: str) -> None:
    states = AuthStates()
    states.succeeded("x")
    states.failed("x", error, 7.0)
    view = states.view("x")
    assert (view.succeeded, view.failed, view.last_error, view.last_error_at) == (1, 1, words, 7.0)


def test_the_last_error_stays_until_the_next_answer() -> None:
    states = AuthStates()
    states.failed("x", RemoteError(ErrorKind.API, "x", upstream_status=500), 7.0)
    states.failed("x", RemoteError(ErrorKind.TIMEOUT, "late"), 9.0)
    states.succeeded("other")
    assert (states.view("x").last_error, states.view("x").last_error_at) == (
        "no answer in time (timeout, timeout)",
        9.0,
    )
    states.succeeded("x")
    assert (states.view("x").last_error, states.view("x").last_error_at, states.view("x").failed) == (None, None, 2)


def test_a_removed_core_auth_is_forgotten_and_a_kept_one_is_not() -> None:
    states = AuthStates()
    states.succeeded("kept")
    states.failed("gone", RemoteError(ErrorKind.API, "x"), 7.0)
    states.keep_only(["kept"])
    assert states.view("kept").succeeded == 1
    assert states.view("gone").failed == 0
