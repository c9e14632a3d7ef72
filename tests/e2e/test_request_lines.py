"""Every request leaves one line in the log and one step in the metrics, whoever refused it and why."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest
from msgspec import Struct
from prometheus_client.parser import text_string_to_metric_families

from tests import harness
from tests.dialects import CHAT, MESSAGES, RESPONSES, Dialect, script
from tests.harness import Daemon, Simulator, config, provider, wait_for

KEY = {"authorization": "Bearer client-key-of-the-lines"}
COUNT = "/v1/messages/count_tokens"
FOREIGN = {"origin": "https://evil.example"}
LARGE = b'{"model": "gpt-5", "messages": "' + b"x" * 70_000 + b'"}'
LIMITS = {"body": 65_536}
Line = dict[str, Any]


class Case(Struct, frozen=True, kw_only=True):
    """A request, and what is said of it. ``cause`` is empty for an answer."""

    name: str
    path: str
    status: int
    entry: str
    method: str = "POST"
    headers: dict[str, str] = {}
    content: bytes = b"{}"
    level: str = "info"
    error: str | None = "invalid_request"
    reason: str | None = "bad_request"
    cause: str = "client"
    provider: str = ""


def refused(name: str, path: str, status: int, entry: str, **rest: Any) -> Case:
    return Case(name=name, path=path, status=status, entry=entry, **rest)


WITHOUT_KEY = [
    refused(f"no key, {entry}", path, 401, entry, error="authentication", reason="unauthorized")
    for path, entry in ((MESSAGES.path, "messages"), (CHAT.path, "chat"), (RESPONSES.path, "responses"))
] + [
    refused("no key, count_tokens", COUNT, 401, "count_tokens", error="authentication", reason="unauthorized"),
    refused("no key, models", "/v1/models", 401, "models", method="GET", error="authentication", reason="unauthorized"),
    refused("a scanner", "/wp-login.php", 404, "other", method="GET", error="not_found", reason="no_route"),
    refused("wrong method", "/v1/messages", 405, "messages", method="GET", reason="wrong_method"),
    refused("bad head", "/v1/messages", 400, "messages", headers={"x_y": "1"}),
    refused(
        "websocket",
        "/v1/responses",
        426,
        "responses",
        method="GET",
        headers={"upgrade": "websocket"},
        reason="websocket",
    ),
]
"""Fewer than ten: more in one second would not all have a line."""

WITH_KEY = [
    refused(f"no JSON, {entry}", path, 400, entry, content=b"{", headers=KEY)
    for path, entry in (
        (MESSAGES.path, "messages"),
        (CHAT.path, "chat"),
        (RESPONSES.path, "responses"),
        (COUNT, "count_tokens"),
    )
] + [
    refused("too large", CHAT.path, 413, "chat", content=LARGE, headers=KEY, error="too_large", reason="too_large"),
    refused("brotli", CHAT.path, 415, "chat", headers={**KEY, "content-encoding": "br"}, reason="unsupported_encoding"),
    refused("no gzip", CHAT.path, 400, "chat", headers={**KEY, "content-encoding": "gzip"}),
    refused(
        "unknown model",
        CHAT.path,
        404,
        "chat",
        content=json.dumps(CHAT.request("x", model="nobodys")).encode(),
        headers=KEY,
        error="model_not_found",
        reason="unknown_model",
        cause="configuration",
    ),
    refused("bad page", "/v1/models?limit=0", 400, "models", method="GET", headers={**KEY, "anthropic-version": "1"}),
    refused(
        "no such model",
        "/v1/models/nobodys",
        404,
        "models",
        method="GET",
        headers=KEY,
        error="model_not_found",
        reason="unknown_model",
        cause="configuration",
    ),
    refused("models", "/v1/models", 200, "models", method="GET", headers=KEY, error=None, reason=None, cause=""),
    refused(
        "one model", "/v1/models/gpt-5", 200, "models", method="GET", headers=KEY, error=None, reason=None, cause=""
    ),
    refused(
        "count",
        COUNT,
        200,
        "count_tokens",
        content=json.dumps(MESSAGES.request("x", model="counted")).encode(),
        headers=KEY,
        error=None,
        reason=None,
        cause="",
        provider="wolf",
    ),
]

WITHOUT_KEYS = [
    refused("foreign page", CHAT.path, 403, "chat", headers=FOREIGN, error="permission", reason="forbidden_origin"),
    refused(
        "foreign Host",
        "/v1/models",
        403,
        "models",
        method="GET",
        headers={"host": "evil.example"},
        error="permission",
        reason="forbidden_host",
    ),
]


@pytest.fixture(scope="module")
def gateway(_first: Simulator) -> Iterator[Daemon]:
    counting = provider("wolf", _first, wire_api="messages", models=["counted"])
    text = config(
        provider("fox", _first), counting, api_keys=[KEY["authorization"].split()[1]], limits=LIMITS, request_retry=0
    )
    with harness.daemon(text, "--log-format", "json") as running:
        yield running


@pytest.fixture(scope="module")
def keyless(_first: Simulator) -> Iterator[Daemon]:
    text = config(provider("fox", _first), limits={"concurrent-requests": 1}, request_retry=0, disable_cooling=True)
    with harness.daemon(text, "--log-format", "json") as running:
        yield running


def lines(running: Daemon, **fields: object) -> list[Line]:
    """The lines of requests, of which these fields are known."""
    logged = (json.loads(line) for line in running.log.splitlines() if line.startswith("{"))
    return [each for each in logged if each["logger"] == "request" and fields.items() <= each.items()]


def line_of(running: Daemon, response: httpx.Response) -> Line:
    """The one line of this answer's request."""
    name = response.headers["request-id"]
    wait_for(lambda: lines(running, request_id=name), f"the line of {name}")
    (line,) = lines(running, request_id=name)
    return line


def counters(running: Daemon, *names: str) -> dict[tuple[str, ...], float]:
    """Every series of these counters that is not 0, by (name, values of the labels in the order of their names)."""
    return {
        (sample.name, *(sample.labels[label] for label in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(running.get("/metrics").text)
        for sample in family.samples
        if sample.name in names and sample.value
    }


REQUESTS, FAILURES = "tppcd_requests_total", "tppcd_request_failures_total"


def steps(running: Daemon, before: dict[tuple[str, ...], float]) -> dict[tuple[str, ...], float]:
    now = counters(running, REQUESTS, FAILURES)
    return {key: value - before.get(key, 0) for key, value in now.items() if value != before.get(key, 0)}


def check(running: Daemon, case: Case) -> None:
    before = counters(running, REQUESTS, FAILURES)
    response = running.http.request(case.method, running.url + case.path, headers=case.headers, content=case.content)
    assert response.status_code == case.status
    line = line_of(running, response)
    assert line.get("provider", "") == case.provider
    said = (line["level"], line["entry"], line["status"], line.get("error"), line.get("reason"))
    assert said == (case.level, case.entry, case.status, case.error, case.reason)
    expected: dict[tuple[str, ...], float] = {(REQUESTS, case.entry, case.provider, str(case.status)): 1}
    if case.cause:
        expected[FAILURES, case.cause, case.entry] = 1
    assert steps(running, before) == expected


@pytest.mark.parametrize("case", [*WITHOUT_KEY, *WITH_KEY], ids=lambda case: case.name)
def test_a_request_that_no_upstream_sees_has_its_line_and_its_count(gateway: Daemon, case: Case) -> None:
    check(gateway, case)


@pytest.mark.parametrize("case", WITHOUT_KEYS, ids=lambda case: case.name)
def test_who_is_refused_without_client_keys_has_its_line_and_its_count(keyless: Daemon, case: Case) -> None:
    check(keyless, case)


def test_one_request_too_many_is_a_failure_by_a_limit(keyless: Daemon, upstream: Simulator) -> None:
    upstream.fail("stall_head")
    with _asking(keyless):
        wait_for(lambda: upstream.open_requests() == 1, "the first request to be under way")
        check(
            keyless,
            refused("429", CHAT.path, 429, "chat", error="rate_limit", reason="too_many", cause="limit"),
        )
    (line,) = wait_for(lambda: lines(keyless, status=499), "the line of the client that hung up")
    assert (line["level"], line.get("error"), line["reason"]) == ("info", None, "disconnected")


def _asking(running: Daemon) -> socket.socket:
    """A client that waits for its answer until it hangs up."""
    body = json.dumps(CHAT.request("x")).encode()
    client = _connected(running)
    client.sendall(_head(CHAT.path, len(body)) + body)
    return client


def _head(path: str, length: int) -> bytes:
    return f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n".encode()


def _connected(running: Daemon) -> socket.socket:
    host, port = running.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), harness.PATIENCE)


def test_a_client_that_leaves_inside_its_request_is_no_mystery(keyless: Daemon) -> None:
    before = counters(keyless, REQUESTS, FAILURES)
    with _connected(keyless) as client:
        client.sendall(_head(RESPONSES.path, 1000) + b"{")
    expected = {(REQUESTS, "responses", "", "499"): 1.0, (FAILURES, "client", "responses"): 1.0}
    wait_for(lambda: steps(keyless, before) == expected, "the count of the client that left")
    (line,) = wait_for(lambda: lines(keyless, entry="responses", status=499), "its line")
    assert (line["level"], line["reason"]) == ("info", "disconnected")


def test_what_is_no_http_is_counted_without_a_name(keyless: Daemon) -> None:
    before = counters(keyless, REQUESTS, FAILURES)
    with _connected(keyless) as client:
        client.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        assert client.recv(12) == b"HTTP/1.1 400"
    assert steps(keyless, before) == {(REQUESTS, "other", "", "400"): 1, (FAILURES, "client", "other"): 1}
    wait_for(lambda: lines(keyless, entry="other", status=400), "its line")


@pytest.mark.parametrize(
    ("fault", "status", "level", "error", "reason", "cause"),
    [
        ("context_length", 400, "warning", "context_length", "http_400", "client"),
        ("unauthorized", 401, "warning", "authentication", "http_401", "configuration"),
        ("forbidden", 403, "warning", "permission", "http_403", "configuration"),
        ("rate_limit", 429, "warning", "rate_limit", "http_429", "limit"),
        ("server_error", 500, "error", "api", "http_500", "upstream"),
        ("bad_gateway", 502, "error", "api", "http_502", "upstream"),
        ("overloaded", 529, "error", "overloaded", "http_529", "upstream"),
        ("html", 502, "error", "api", "page", "configuration"),
        ("end", 502, "error", "api", "cut", "upstream"),
        ("error_event", 502, "error", "api", "error_event", "upstream"),
        ("failed_rate_limit", 429, "warning", "rate_limit", "error_event", "limit"),
    ],
)
def test_an_upstreams_failure_says_what_it_was(
    keyless: Daemon, upstream: Simulator, fault: str, status: int, level: str, error: str, reason: str, cause: str
) -> None:
    upstream.fail(fault)
    before = counters(keyless, FAILURES)
    response = keyless.post(MESSAGES.path, MESSAGES.request("x"))
    assert response.status_code == status
    line = line_of(keyless, response)
    assert (line["level"], line["status"], line["error"], line["reason"]) == (level, status, error, reason)
    now = counters(keyless, FAILURES)
    assert {key: value - before.get(key, 0) for key, value in now.items() if value != before.get(key, 0)} == {
        (FAILURES, cause, "messages"): 1
    }


def test_a_warning_shows_what_failed(keyless: Daemon, upstream: Simulator) -> None:
    """``tppcd logs --level warning`` and ``journalctl -p warning`` find the upstream's refusals."""
    upstream.fail("unauthorized")
    response = keyless.post(CHAT.path, CHAT.request("x"))
    line_of(keyless, response)
    shown = harness.tppcd("logs", "--provider", "fox", "--level", "warning", home=keyless.home).stdout
    assert response.headers["request-id"] in shown and "reason=http_401" in shown


@pytest.mark.parametrize("dialect", [MESSAGES, CHAT, RESPONSES], ids=lambda dialect: dialect.path)
@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
def test_the_first_event_is_the_clients(keyless: Daemon, upstream: Simulator, dialect: Dialect, stream: bool) -> None:
    """The upstream announces its answer at once and begins to write it four pauses later."""
    upstream.control(delay_ms=30)
    before = counters(keyless, "tppcd_request_first_event_seconds_sum")
    response = keyless.post(dialect.path, dialect.request(script({"text": "Zebra"}), stream=stream))
    upstream.reset()
    line = line_of(keyless, response)
    assert line["first_ms"] >= 4 * 30
    assert 0 < line["upstream_first_ms"] <= line["first_ms"] <= line["total_ms"]
    if stream:
        assert line["upstream_first_ms"] + 3 * 30 <= line["first_ms"]
    now = counters(keyless, "tppcd_request_first_event_seconds_sum")
    series = ("tppcd_request_first_event_seconds_sum", line["entry"], "fox")
    assert now[series] - before.get(series, 0) >= 4 * 0.03


def test_strangers_write_ten_lines_a_second_and_are_all_counted(_first: Simulator) -> None:
    """What is left out is said, by lines that count among the ten; whoever has a key is not held up by it."""
    with harness.daemon(config(provider("fox", _first), api_keys=["k" * 20]), "--log-format", "json") as running:
        paths = [CHAT.path, RESPONSES.path, "/v1/models", "/.env", *(f"/scan/{number}" for number in range(96))]
        for path in paths * 3:
            running.http.post(running.url + path, content=b"{")
        known = running.post(CHAT.path, {}, headers={"x-api-key": "k" * 20})
        assert line_of(running, known)["status"] == 400

        def written() -> list[Line]:
            logged = [json.loads(line) for line in running.log.splitlines() if line.startswith("{")]
            return [each for each in logged if each["logger"] == "request" or "more refused" in each["message"]]

        def strangers() -> list[Line]:
            return [each for each in written() if each.get("request_id") != known.headers["request-id"]]

        wait_for(lambda: sum(each.get("refused", 1) for each in strangers()) == 300, "all to be accounted for")
        left_out = [each for each in strangers() if "refused" in each]
        assert left_out and all(
            each["message"].startswith(f"… and {each['refused']:,} more refused: ") for each in left_out
        )
        times = [_seconds(each["time"]) for each in strangers()]
        assert all(later - earlier > 0.95 for earlier, later in zip(times, times[10:], strict=False))
        counted = counters(running, REQUESTS)
        assert sum(counted.values()) == 301
        assert {key[1] for key in counted} == {"chat", "responses", "models", "other"}


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
