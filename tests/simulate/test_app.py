"""Faults over a real socket, how they are asked for, and what the simulator remembers."""

from __future__ import annotations

import hashlib
from typing import Any

import httpx
import pytest

from tests.dialects import DIALECTS, MESSAGES, RESPONSES, Dialect, events, script, streamed_text
from tests.harness import Simulator, simulator, tppcd, wait_for

LONG = script({"text": "word " * 200})
STATUSES = {
    "rate_limit": (429, "1"),
    "too_many": (429, None),
    "quota": (429, None),
    "overloaded": (529, "1"),
    "unavailable": (503, "1"),
    "server_error": (500, None),
    "unauthorized": (401, None),
    "forbidden": (403, None),
    "not_found": (404, None),
    "context_length": (400, None),
}


@pytest.fixture(params=DIALECTS)
def dialect(request: pytest.FixtureRequest) -> Dialect:
    return DIALECTS[request.param]


def streamed(upstream: Simulator, dialect: Dialect, prompt: str = LONG, **fields: Any) -> list[dict[str, Any]]:
    with upstream.stream(dialect.path, dialect.request(prompt, stream=True, **fields)) as response:
        return list(events(response))


@pytest.mark.parametrize("fault", STATUSES)
def test_a_status_comes_in_the_dialect_and_with_its_retry_after(
    upstream: Simulator, dialect: Dialect, fault: str
) -> None:
    upstream.fail(fault)
    answer = upstream.post(dialect.path, dialect.request("x"))
    assert (answer.status_code, answer.headers.get("retry-after")) == STATUSES[fault]
    assert dialect.failure({"type": "error", **answer.json()})
    assert upstream.post(dialect.path, dialect.request("x")).status_code == 200


def test_a_cut_stream_ends_in_the_middle(upstream: Simulator, dialect: Dialect) -> None:
    upstream.fail({"fault": "cut", "after": 20})
    with pytest.raises(httpx.RemoteProtocolError):
        streamed(upstream, dialect)
    assert wait_for(lambda: upstream.state()["requests"]["broken"], "the cut to be counted") == 1


def test_a_stream_may_end_too_early_and_yet_cleanly(upstream: Simulator, dialect: Dialect) -> None:
    upstream.fail({"fault": "end", "after": 20})
    seen = streamed(upstream, dialect)
    assert len(seen) == 20 and not dialect.terminal(seen[-1])


@pytest.mark.parametrize("fault", ["error_event", "failed", "failed_rate_limit", "failed_context_length"])
def test_a_stream_may_fail_with_an_event(upstream: Simulator, dialect: Dialect, fault: str) -> None:
    upstream.fail({"fault": fault, "after": 20})
    seen = streamed(upstream, dialect)
    assert len(seen) == 21 and dialect.failure(seen[-1])


def test_a_frame_may_be_malformed(upstream: Simulator, dialect: Dialect) -> None:
    upstream.fail("malformed")
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        streamed(upstream, dialect)


def test_an_upstream_may_answer_with_a_web_page(upstream: Simulator, dialect: Dialect) -> None:
    upstream.fail("html", "bad_gateway")
    answers = [upstream.post(dialect.path, dialect.request("x", stream=True)) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 502]
    assert all(answer.headers["content-type"] == "text/html" for answer in answers)


def test_a_refusal_is_the_models_last_word(upstream: Simulator) -> None:
    upstream.fail("refusal", "refusal", "refusal")
    assert upstream.post(MESSAGES.path, MESSAGES.request("x")).json()["stop_reason"] == "refusal"
    item = upstream.post(RESPONSES.path, RESPONSES.request("x")).json()["output"][-1]
    assert item["content"][0]["type"] == "refusal"
    seen = streamed(upstream, RESPONSES)
    assert any(event["type"] == "response.refusal.delta" for event in seen)


@pytest.mark.parametrize(
    ("fault", "reason"), [("incomplete", "max_output_tokens"), ("content_filter", "content_filter")]
)
def test_an_answer_may_stay_incomplete(upstream: Simulator, fault: str, reason: str) -> None:
    upstream.fail(fault)
    last = streamed(upstream, RESPONSES)[-1]
    assert (last["type"], last["response"]["incomplete_details"]["reason"]) == ("response.incomplete", reason)


def test_usage_and_output_may_be_missing(upstream: Simulator) -> None:
    upstream.fail("no_usage", "empty")
    assert streamed(upstream, RESPONSES)[-1]["response"]["usage"] is None
    assert streamed_text(RESPONSES, streamed(upstream, RESPONSES)) == ""


@pytest.mark.parametrize("fault", ["stall_head", "stall"])
def test_a_stall_holds_the_answer_and_a_hang_up_ends_it(upstream: Simulator, fault: str) -> None:
    upstream.fail({"fault": fault, "seconds": 600})
    with httpx.Client(trust_env=False, timeout=0.2) as impatient, pytest.raises(httpx.ReadTimeout):
        impatient.post(upstream.url + RESPONSES.path, json=RESPONSES.request(LONG, stream=True))
    wait_for(lambda: upstream.state()["requests"]["aborted"] == 1, "the hang-up to be noticed")
    assert upstream.open_requests() == 0


def test_a_short_stall_and_slowness_only_delay(upstream: Simulator) -> None:
    upstream.fail({"fault": "stall", "seconds": 0.01}, {"fault": "slow", "seconds": 0.001})
    for _ in range(2):
        assert "word word" in streamed_text(RESPONSES, streamed(upstream, RESPONSES))


def test_a_fault_may_be_named_by_header_or_by_model(upstream: Simulator) -> None:
    by_header = upstream.post(MESSAGES.path, MESSAGES.request("x"), headers={"x-simulate": "overloaded"})
    by_object = upstream.post(MESSAGES.path, MESSAGES.request("x"), headers={"x-simulate": '{"fault":"quota"}'})
    by_model = upstream.post(MESSAGES.path, MESSAGES.request("x", model="gpt-5+unavailable"))
    assert [a.status_code for a in (by_header, by_object, by_model)] == [529, 429, 503]


def test_an_unknown_fault_is_reported_with_what_there_is(upstream: Simulator) -> None:
    for path, body in (("/_simulate", {"faults": ["zzz"]}), (MESSAGES.path, MESSAGES.request("x", model="m+zzz"))):
        answer = upstream.post(path, body)
        assert (answer.status_code, "rate_limit" in answer.text) == (400, True)


def test_what_was_asked_is_remembered_without_the_key(upstream: Simulator) -> None:
    upstream.post(RESPONSES.path, RESPONSES.request("x"), headers={"authorization": "Bearer secret-1"})
    (seen,) = upstream.requests
    assert seen["body"]["model"] == seen["model"] == "gpt-5"
    assert seen["key"] == hashlib.sha256(b"secret-1").hexdigest()[:12]
    assert "secret-1" not in upstream.get("/_simulate?bodies=1").text
    assert "body" not in upstream.state()["recent"][0]


def test_open_requests_and_connections_are_counted(upstream: Simulator) -> None:
    upstream.control(delay_ms=5)
    with upstream.stream(RESPONSES.path, RESPONSES.request(LONG, stream=True)) as response:
        flow = events(response)
        next(flow)
        state = upstream.state()
        assert (state["requests"]["open"], state["requests"]["peak"]) == (1, 1)
        assert state["connections"] >= 2
    wait_for(lambda: upstream.open_requests() == 0, "the request to end")


def test_how_many_fit_at_once_changes_while_it_runs(upstream: Simulator) -> None:
    upstream.control(max_concurrent=1, faults=[{"fault": "stall", "after": 3}])
    with upstream.stream(MESSAGES.path, MESSAGES.request(LONG, stream=True)):
        assert upstream.post(MESSAGES.path, MESSAGES.request("x")).status_code == 429
        assert upstream.state()["max-concurrent"] == 1
        upstream.control(max_concurrent=0)
        assert upstream.post(MESSAGES.path, MESSAGES.request("x")).status_code == 200


def test_the_command_line_sets_key_pace_and_faults() -> None:
    with simulator("--key", "right", "--fault", "rate_limit:2", "--chunk-bytes", "5", "--delay-ms", "1") as upstream:
        assert "api-key: right" in upstream.log and f"base-url: {upstream.url}/v1" in upstream.log
        state = upstream.state()
        assert state["faults"] == ["rate_limit", "rate_limit"]
        assert state["pace"] == {"delay-ms": 1, "chunk-bytes": 5}
        upstream.reset()
        for key, status in (("right", 200), ("wrong", 401)):
            headers = {"x-api-key": key}
            assert upstream.post(MESSAGES.path, MESSAGES.request("x"), headers=headers).status_code == status
        assert upstream.stop() == 0


def test_a_taken_port_and_an_unknown_fault_are_reported_in_a_line(upstream: Simulator, tmp_path: Any) -> None:
    taken = tppcd("simulate", "--port", upstream.url.rpartition(":")[2], home=tmp_path)
    assert (taken.returncode, "cannot listen" in taken.stderr, "Traceback" in taken.stderr) == (1, True, False)
    unknown = tppcd("simulate", "--fault", "zzz", home=tmp_path)
    assert (unknown.returncode, "unknown fault" in unknown.stderr) == (2, True)
