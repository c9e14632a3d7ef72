"""An attempt that fails is reported though another provider answers: one WARNING, the last error, an event.

Three providers: ``one`` (the first simulator) and ``gone`` (nobody listens) are asked before ``two``.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.dialects import MESSAGES, RESPONSES, events, script, streamed_text
from tests.harness import Daemon, Simulator, config, daemon, provider, tppcd, wait_for

PLANTED = "PLANTED-WORDS of the upstream"
KEY = "the-management-key"
GONE = "gone-1"
FAILURES = [
    pytest.param("unauthorized", "authentication", "http_401", False, id="wrong key"),
    pytest.param("forbidden", "permission", "http_403", True, id="forbidden"),
    pytest.param({"fault": "server_error", "message": PLANTED}, "api", "http_500", False, id="500"),
    pytest.param({"fault": "rate_limit", "message": PLANTED}, "rate_limit", "http_429", True, id="429"),
    pytest.param("bad_gateway", "api", "http_502", False, id="502 web page"),
    pytest.param("stall_head", "timeout", "timeout", True, id="no head in time"),
    pytest.param("stall", "timeout", "timeout", False, id="no event in time"),
    pytest.param(
        {"fault": "failed", "after": 3, "message": PLANTED}, "api", "error_event", True, id="failed inside a 200"
    ),
    pytest.param({"fault": "cut", "after": 3}, "api", None, False, id="cut"),
    pytest.param(None, "api", None, True, id="dead port"),
]


def settings(one: Simulator, two: Simulator, **more: Any) -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    brief = {"first-event": 1, "idle": 1}
    return config(
        provider("one", one, priority=2, models=["gpt-5"], timeouts=brief),
        provider("gone", closed, priority=1, models=[GONE]),
        provider("two", two, models=["gpt-5", GONE]),
        remote_management={"secret-key": KEY},
        disable_cooling=True,
        request_retry=0,
        routing={"session-affinity": False},
        **more,
    )


@pytest.fixture(scope="module")
def failing(_first: Simulator, _second: Simulator) -> Iterator[Daemon]:
    with daemon(settings(_first, _second)) as running:
        yield running


@pytest.fixture
def own(upstream: Simulator, other_upstream: Simulator) -> Iterator[Daemon]:
    """Nothing has failed yet."""
    with daemon(settings(upstream, other_upstream)) as running:
        yield running


def lines_of(gateway: Daemon, request_id: str) -> list[str]:
    """The log of a request, its own line the last."""
    gateway.wait_log(rf"request_id={request_id} .*total_ms=")
    return [line for line in gateway.log.splitlines() if f"request_id={request_id}" in line]


def warnings(lines: list[str]) -> list[str]:
    return [line for line in lines if "attempt failed" in line]


@pytest.mark.parametrize(("fault", "error", "reason", "stream"), FAILURES)
def test_a_failure_that_failover_hides_is_one_warning(
    upstream: Simulator,
    other_upstream: Simulator,
    failing: Daemon,
    fault: object,
    error: str,
    reason: str | None,
    stream: bool,
) -> None:
    if fault is not None:
        upstream.fail(fault)
    model, name = ("gpt-5", "one") if fault else (GONE, "gone")
    answer = failing.post(MESSAGES.path, MESSAGES.request("PLANTED-PROMPT", model=model, stream=stream))
    assert (answer.status_code, answer.headers["x-tppcd-provider"]) == (200, "two")
    lines = lines_of(failing, answer.headers["request-id"])
    (warning,) = warnings(lines)
    assert re.search(rf" WARNING attempt failed: .* provider={name} auth=tppc:{name}:\w+ served={model} ", warning)
    assert f" attempt=1 error={error} reason={reason or ''}" in warning
    assert re.search(r" ms=[\d.]+$", warning)
    assert not any("PLANTED" in line for line in lines)


def test_a_stream_that_is_cut_in_the_clients_sight_is_one_warning(
    upstream: Simulator, other_upstream: Simulator, failing: Daemon
) -> None:
    upstream.fail({"fault": "cut", "after": 60})
    with failing.stream(RESPONSES.path, RESPONSES.request(script({"text": "word " * 200}), stream=True)) as response:
        assert streamed_text(RESPONSES, list(events(response))).startswith("word")
    (warning,) = warnings(lines_of(failing, response.headers["request-id"]))
    assert "provider=one" in warning


def test_all_that_fail_have_their_line_and_their_number(
    upstream: Simulator, other_upstream: Simulator, failing: Daemon
) -> None:
    upstream.fail("unauthorized")
    other_upstream.fail("server_error")
    answer = failing.post(MESSAGES.path, MESSAGES.request("x"))
    assert answer.status_code >= 500
    found = warnings(lines_of(failing, answer.headers["request-id"]))
    assert [re.findall(r"provider=(\w+).*attempt=(\d)", line) for line in found] == [[("one", "1")], [("two", "2")]]


def test_a_refusal_that_is_learned_from_is_no_failed_attempt(
    upstream: Simulator, other_upstream: Simulator, failing: Daemon
) -> None:
    upstream.fail("parameters")
    answer = failing.post(MESSAGES.path, MESSAGES.request("x", temperature=0.3))
    assert (answer.status_code, answer.headers["x-tppcd-attempts"]) == (200, "2")
    assert answer.headers["x-tppcd-provider"] == "one"
    assert len(lines_of(failing, answer.headers["request-id"])) == 1


def test_a_client_that_leaves_is_no_failed_attempt(
    upstream: Simulator, other_upstream: Simulator, failing: Daemon
) -> None:
    upstream.fail({"fault": "slow", "seconds": 0.1})
    body = MESSAGES.request(script({"text": "word " * 200}), stream=True)
    with failing.stream(MESSAGES.path, body) as response:
        next(events(response))
    assert not warnings(lines_of(failing, response.headers["request-id"]))


def audit(gateway: Daemon) -> list[dict[str, Any]]:
    lines = (gateway.state_directory / "audit.jsonl").read_text("utf-8").splitlines()
    return [event for event in map(json.loads, lines) if event["kind"].endswith(("failed", "-refused"))]


def auth_of(gateway: Daemon, name: str) -> dict[str, Any]:
    rows = gateway.get("/v0/management/auths", headers={"x-management-key": KEY}).json()["auths"]
    found: dict[str, Any] = next(row for row in rows if row["name"] == name)
    return found


def test_a_wrong_key_is_in_status_logs_and_events(upstream: Simulator, other_upstream: Simulator, own: Daemon) -> None:
    upstream.fail(*["unauthorized"] * 5)
    answers = [own.post(MESSAGES.path, MESSAGES.request("x")) for _ in range(5)]
    assert [answer.headers["x-tppcd-provider"] for answer in answers] == ["two"] * 5
    row = auth_of(own, "one")
    assert (row["state"], row["last-error"]) == ("ready", "key refused (authentication, http_401)")
    assert row["last-error-at"] is not None
    shown = tppcd("status", home=own.home).stdout
    assert re.search(r"  last error: key refused \(authentication, http_401\) \d+ s ago$", shown, re.M)
    lines_of(own, answers[-1].headers["request-id"])
    logged = tppcd("logs", "--provider", "one", "--level", "warning", home=own.home).stdout
    assert logged.count("attempt failed: key refused") == 5
    assert "credential-refused  one: key refused\n" in tppcd("events", home=own.home).stdout

    assert own.post(MESSAGES.path, MESSAGES.request("x")).headers["x-tppcd-provider"] == "one"
    row = auth_of(own, "one")
    assert (row["last-error"], row["last-error-at"]) == (None, None)
    assert own.stop() == 0
    first, rest = audit(own)
    fields = {"auth": row["id"], "provider": "one", "error": "authentication", "reason": "http_401"}
    ids = [answer.headers["request-id"] for answer in answers]
    assert (first["kind"], first["fields"]) == ("credential-refused", fields | {"request_id": ids[0], "count": 1})
    assert (rest["kind"], rest["fields"]) == ("credential-refused", fields | {"request_id": ids[4], "count": 4})
    assert rest["message"] == "one: key refused (4 times)"


def test_failures_of_our_own_and_of_upstreams_are_events(
    upstream: Simulator, other_upstream: Simulator, own: Daemon
) -> None:
    upstream.fail("server_error")
    own.post(MESSAGES.path, MESSAGES.request("x"))
    own.reload(config(remote_management={"secret-key": KEY}))
    refused = own.post(MESSAGES.path, MESSAGES.request("x"))
    assert refused.status_code == 503
    assert own.post(MESSAGES.path, {"model": 5}).status_code == 400
    wait_for(lambda: len(audit(own)) > 1 or None, "both events")
    upstreams, ours = audit(own)
    assert (upstreams["kind"], upstreams["fields"]["reason"]) == ("attempt-failed", "http_500")
    assert (ours["kind"], ours["fields"]["error"]) == ("request-failed", "overloaded")
    assert (ours["fields"]["auth"], ours["fields"]["request_id"]) == ("", refused.headers["request-id"])


def test_at_debug_each_decision_has_a_line_with_the_reasons(upstream: Simulator, other_upstream: Simulator) -> None:
    text = settings(upstream, other_upstream, logging={"level": "debug"})
    with daemon(text) as gateway:
        gateway.wait_log(r"DEBUG +credential of one: base-url from config.yaml, api-key from config.yaml")
        upstream.fail("unauthorized")
        answer = gateway.post(MESSAGES.path, MESSAGES.request("x"))
        route, failed, following, _ = lines_of(gateway, answer.headers["request-id"])
        assert "DEBUG   route: first one (gpt-5)" in route
        assert 'then="two (gpt-5) (priority 0 after 2)"' in route
        assert 'not_asked="packycode: disabled; gone: model not listed"' in route
        assert "attempt failed" in failed
        assert "DEBUG   route: next two (gpt-5)" in following

        other_upstream.fail("context_length")
        named = gateway.post(MESSAGES.path, MESSAGES.request("x", model="two/gpt-5"))
        route, failed, final, _ = lines_of(gateway, named.headers["request-id"])
        assert "one, gone: not the provider that the name begins with" in route
        assert "nobody else: others would refuse this request, too" in final
        unknown = gateway.post(MESSAGES.path, MESSAGES.request("x", model="nowhere"))
        assert "route: nobody can be asked" in lines_of(gateway, unknown.headers["request-id"])[0]
        assert "key-of-" not in gateway.log


def test_at_info_no_decision_is_logged(failing: Daemon, upstream: Simulator, other_upstream: Simulator) -> None:
    upstream.fail("server_error")
    answer = failing.post(MESSAGES.path, MESSAGES.request("x"))
    assert len(lines_of(failing, answer.headers["request-id"])) == 2
    assert "route:" not in failing.log
