"""OpenTelemetry from outside: what a collector receives of real requests, and what serving owes to it: nothing.

What is received is decoded with the official protobuf messages (``tests.collector``).
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from itertools import product

import httpx
import pytest

from daemon.telemetry.metric_table import TABLE
from daemon.telemetry.otel.names import FIRST_EVENT, INSTRUMENTS, NAMES
from tests.collector import CLIENT, SERVER, Collector, Span, collector, plain
from tests.dialects import chat, events, messages, responses, script
from tests.harness import Daemon, Simulator, config, daemon, provider, wait_for

PLANTED = "planted-words-of-a-user"
COLLECTORS_KEY = "key-for-the-collector"
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"
LONG = script({"text": "word " * 200})
QUICK = {"OTEL_BSP_SCHEDULE_DELAY": "50", "OTEL_METRIC_EXPORT_INTERVAL": "100"}
REQUESTS = {"/v1/messages": messages, "/v1/chat/completions": chat, "/v1/responses": responses}


@pytest.fixture(scope="module")
def received() -> Iterator[Collector]:
    with collector() as seen:
        yield seen


@pytest.fixture(scope="module")
def gateway(received: Collector, _first: Simulator, _second: Simulator) -> Iterator[Daemon]:
    """``fox`` is asked first, then ``wolf``."""
    text = config(
        provider("fox", _first, priority=1),
        provider("wolf", _second),
        disable_cooling=True,
        request_retry=0,
        api_keys=["client-key-1234"],
    )
    env = {
        **QUICK,
        "OTEL_EXPORTER_OTLP_ENDPOINT": received.url,
        "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{COLLECTORS_KEY}",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
        "OTEL_SERVICE_NAME": "our-gateway",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
    }
    with daemon(text, env=env) as running:
        running.http.headers["authorization"] = "Bearer client-key-1234"
        yield running


def of(received: Collector, response: httpx.Response, attempts: int) -> list[Span]:
    """The span of one request, then those of its attempts."""
    name = response.headers["x-request-id"]

    def found() -> list[Span] | None:
        spans = received.spans
        own = [each for each in spans if each.attributes.get("tppcd.request.id") == name]
        children = [each for each in spans if own and each.parent == own[0].id]
        return own + sorted(children, key=lambda each: each.begun) if own and len(children) >= attempts else None

    return wait_for(found, f"the spans of request {name}")


@pytest.mark.parametrize("path", REQUESTS)
@pytest.mark.parametrize("stream", [False, True])
def test_a_request_is_a_span_and_its_attempt_another(
    received: Collector, gateway: Daemon, upstream: Simulator, path: str, stream: bool
) -> None:
    """The request's span is a child of the client's, the attempt's a child of the request's."""
    response = gateway.post(path, REQUESTS[path](PLANTED, stream=stream), headers={"traceparent": PARENT})
    request, attempt = of(received, response, 1)
    assert (request.trace_id, request.parent, attempt.parent) == (TRACE, PARENT[36:52], request.id)
    assert (request.name, attempt.name) == (f"POST {path}", "chat gpt-5")
    said = request.attributes
    assert (said["http.request.method"], said["http.route"], said["http.response.status_code"]) == ("POST", path, 200)
    assert (request.failed, attempt.failed, "error.type" in said) == (False, False, False)
    assert request.events == [FIRST_EVENT]
    told = attempt.attributes
    assert (told["gen_ai.operation.name"], told["gen_ai.provider.name"]) == ("chat", "openai")
    assert (told["gen_ai.request.model"], told["gen_ai.response.model"]) == ("gpt-5", "gpt-5")
    assert told["gen_ai.response.finish_reasons"] == ["stop"]
    assert told["gen_ai.response.id"]
    assert told["gen_ai.usage.input_tokens"] > 0 < told["gen_ai.usage.output_tokens"]
    assert f"http://{told['server.address']}:{told['server.port']}" == upstream.url
    assert request.begun <= attempt.begun <= attempt.ended <= request.ended
    gateway.wait_log(rf"request_id={said['tppcd.request.id']} .*trace_id={TRACE}")


def test_every_way_through_says_the_same_of_an_answer(upstream: Simulator) -> None:
    """Passed through or translated, from each API to each, whole or streamed. With a collector of its own: daemons that
    are forked for tests draw the same request IDs."""
    wires = {"ape": "messages", "bee": "chat", "cat": "responses"}
    text = config(*(provider(name, upstream, wire_api=wire) for name, wire in wires.items()))
    with collector() as seen, daemon(text, env=QUICK | {"OTEL_EXPORTER_OTLP_ENDPOINT": seen.url}) as gateway:
        for name, path, stream in product(wires, REQUESTS, (False, True)):
            response = gateway.post(path, REQUESTS[path]("x", model=f"{name}/gpt-5", stream=stream))
            _, attempt = of(seen, response, 1)
            said = attempt.attributes
            assert said["gen_ai.provider.name"] == ("anthropic" if name == "ape" else "openai")
            assert said["gen_ai.response.model"] == "gpt-5"
            assert said["gen_ai.response.id"]
            assert said["gen_ai.response.finish_reasons"] == ["stop"]
            assert said["gen_ai.usage.output_tokens"] > 0
            assert ("gen_ai.request.stream" in said) == ("gen_ai.response.time_to_first_chunk" in said)


@pytest.mark.parametrize(
    ("fault", "reason", "kind", "status"),
    [("server_error", "http_500", "api", 500), ("rate_limit", "http_429", "rate_limit", 429),
     ("cut", "cut", "api", None), ("unauthorized", "http_401", "authentication", 401)],
)  # fmt: skip
def test_each_attempt_of_a_failover_is_a_span(
    received: Collector, gateway: Daemon, upstream: Simulator, other_upstream: Simulator,
    fault: str, reason: str, kind: str, status: int | None,
) -> None:  # fmt: skip
    upstream.fail({"fault": "cut", "after": 0} if fault == "cut" else fault)
    response = gateway.post("/v1/responses", responses("x"))
    request, first, second = of(received, response, 2)
    assert [span.attributes["tppcd.provider"] for span in (first, second)] == ["fox", "wolf"]
    assert (first.failed, first.attributes["error.type"]) == (True, reason)
    assert (first.attributes["tppcd.error.class"], first.attributes.get("http.response.status_code")) == (kind, status)
    assert "error.type" not in second.attributes
    assert (request.failed, request.attributes["tppcd.attempts"]) == (False, 2)


def test_a_request_that_nobody_answers_has_failed(
    received: Collector, gateway: Daemon, upstream: Simulator, other_upstream: Simulator
) -> None:
    upstream.fail("overloaded")
    other_upstream.fail("overloaded")
    response = gateway.post("/v1/messages", messages("x"))
    request, *attempts = of(received, response, 2)
    assert (request.failed, request.attributes["http.response.status_code"]) == (True, response.status_code)
    assert [span.attributes["error.type"] for span in attempts] == ["http_529", "http_529"]
    assert request.attributes["error.type"] == "http_529"
    assert request.events == []


def test_a_stream_that_breaks_off_has_been_begun_with_200(
    received: Collector, gateway: Daemon, upstream: Simulator, other_upstream: Simulator
) -> None:
    for simulator in (upstream, other_upstream):
        simulator.fail({"fault": "cut", "after": 60})
    with gateway.stream("/v1/messages", messages(LONG, stream=True)) as response:
        seen = list(events(response))
    assert seen[-1]["type"] == "error"
    request, attempt = of(received, response, 1)
    assert (request.attributes["http.response.status_code"], request.attributes["error.type"]) == (200, "cut")
    assert (request.failed, attempt.failed, request.events) == (True, True, [FIRST_EVENT])


def test_a_client_that_hangs_up_ends_both_spans(
    received: Collector, gateway: Daemon, upstream: Simulator, other_upstream: Simulator
) -> None:
    for simulator in (upstream, other_upstream):
        simulator.control(delay_ms=50)
    with gateway.stream("/v1/messages", messages(LONG, stream=True)) as response:
        next(response.iter_bytes())
    for simulator in (upstream, other_upstream):
        simulator.reset()
    request, attempt = of(received, response, 1)
    assert (request.attributes["error.type"], attempt.attributes["error.type"]) == ("disconnected", "disconnected")
    assert (request.attributes["http.response.status_code"], request.failed, attempt.failed) == (200, False, True)


@pytest.mark.parametrize(
    ("method", "path", "key", "name", "status"),
    [("GET", "/v1/models", "client-key-1234", "GET /v1/models", 200),
     ("POST", "/v1/messages/count_tokens", "client-key-1234", "POST /v1/messages/count_tokens", 200),
     ("POST", "/v1/messages", "wrong-key-12345", "POST /v1/messages", 401),
     ("GET", "/planted-path", "client-key-1234", "GET", 404),
     ("PROPFIND", "/planted-path", "client-key-1234", "HTTP", 404)],
)  # fmt: skip
def test_a_request_without_an_attempt_is_one_span(
    received: Collector, gateway: Daemon, upstream: Simulator, method: str, path: str, key: str, name: str, status: int
) -> None:
    """Of a path that is none of ours, which may say anything, nothing is sent."""
    headers = {"authorization": f"Bearer {key}", "traceparent": PARENT}
    response = gateway.http.request(method, gateway.url + path, json=messages("x"), headers=headers)
    assert response.status_code == status
    (request,) = of(received, response, 0)
    assert (request.name, request.attributes["http.response.status_code"]) == (name, status)
    assert (request.trace_id, request.parent) == (TRACE, PARENT[36:52])


def test_every_metric_of_the_table_and_of_the_conventions_is_exported(
    received: Collector, gateway: Daemon, upstream: Simulator, other_upstream: Simulator
) -> None:
    """With the numbers that ``/metrics`` has."""
    upstream.fail("server_error")
    gateway.post("/v1/messages", messages("x", stream=True))
    wait_for(lambda: "gen_ai.client.inference.duration" in received.metrics, "the metrics of an attempt")
    page = gateway.get("/metrics").text
    served = {metric.name for metric in TABLE if f"\n{metric.name}{{" in page or f"\n{metric.name} " in page
              or f"\n{metric.name}_bucket" in page}  # fmt: skip
    wait_for(lambda: served <= received.metrics.keys(), "every metric of the page")
    tokens = f"{INSTRUMENTS[2].name}"
    wait_for(lambda: tokens in received.metrics, "token counts")
    metrics = received.metrics
    duration = metrics["gen_ai.client.inference.duration"]
    assert duration.unit == "s"
    series = {tuple(sorted(plain(point.attributes).items())): point for point in duration.histogram.data_points}
    failed = [dict(key) for key in series if dict(key).get("error.type") == "http_500"]
    assert [each["tppcd.provider"] for each in failed] == ["fox"]
    for point in series.values():
        assert sum(point.bucket_counts) == point.count > 0
        assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
    assert metrics[tokens].sum.is_monotonic
    requests = metrics["tppcd_requests_total"].sum
    assert requests.is_monotonic
    assert {"entry", "provider", "status"} == set(plain(requests.data_points[0].attributes))


def test_the_resource_says_who_sends(received: Collector, gateway: Daemon, upstream: Simulator) -> None:
    gateway.get("/v1/models")
    wait_for(lambda: received.resources, "an export")
    resource = received.resources[-1]
    assert (resource["service.name"], resource["deployment.environment.name"]) == ("our-gateway", "test")
    assert resource["telemetry.sdk.name"] == "opentelemetry"
    assert received.headers[-1]["authorization"] == f"Bearer {COLLECTORS_KEY}"
    assert received.headers[-1]["content-encoding"] == "gzip"


def test_nothing_of_a_user_and_no_key_is_ever_sent(
    received: Collector, gateway: Daemon, upstream: Simulator, other_upstream: Simulator
) -> None:
    """Prompt, answer, tool, header, key, path, query: not one of them in any byte, nor in the log."""
    tool = {"name": f"{PLANTED}-tool", "input_schema": {"type": "object"}}
    for stream in (False, True):
        body = messages(f"Say {PLANTED}", stream=stream, tools=[tool], system=PLANTED, metadata={"user_id": PLANTED})
        gateway.post(f"/v1/messages?key={PLANTED}", body, headers={"x-planted": PLANTED, "user-agent": PLANTED})
    upstream.fail({"fault": "server_error", "text": PLANTED})
    gateway.post("/v1/responses", responses(PLANTED))
    last = gateway.get(f"/{PLANTED}", headers={"baggage": f"user={PLANTED}", "tracestate": f"a={PLANTED}"})
    of(received, last, 0)
    wait_for(lambda: received.metrics, "metrics")
    sent = b"".join(body for _, body in received.bodies)
    for secret in (PLANTED, "key-of-fox", "key-of-wolf", "client-key-1234", "wrong-key-12345", COLLECTORS_KEY):
        assert secret.encode() not in sent, secret
        assert secret not in gateway.log, secret


def test_every_attribute_is_in_the_table(received: Collector, gateway: Daemon, upstream: Simulator) -> None:
    """Also of those that the tests before this one have sent."""
    of(received, gateway.post("/v1/messages", messages("x")), 1)
    names = {name for span in received.spans for name in span.attributes}
    assert names <= {str(name) for name in NAMES}


def test_a_reload_keeps_it_going(received: Collector, gateway: Daemon, upstream: Simulator) -> None:
    gateway.reload(gateway.config.read_text("utf-8").replace('"wolf"', '"bear"'))
    _, attempt = of(received, gateway.post("/v1/messages", messages("x")), 1)
    assert not attempt.failed
    gateway.reload(gateway.config.read_text("utf-8").replace('"bear"', '"wolf"'))


def test_what_is_left_is_exported_at_the_stop(upstream: Simulator) -> None:
    """Though the next export was an hour away."""
    env = {"OTEL_BSP_SCHEDULE_DELAY": "3600000", "OTEL_METRIC_EXPORT_INTERVAL": "3600000"}
    with collector() as seen:
        with daemon(config(provider("fox", upstream)), env=env | {"OTEL_EXPORTER_OTLP_ENDPOINT": seen.url}) as gateway:
            gateway.post("/v1/messages", messages("x"))
            assert seen.bodies == []
            assert gateway.stop() == 0
        assert sorted(span.kind for span in seen.spans) == [SERVER, CLIENT]
        assert "gen_ai.client.inference.duration" in seen.metrics


@pytest.mark.parametrize("state", ["down", "refusing", "silent"])
def test_a_collector_that_takes_nothing_costs_one_line_and_no_request(upstream: Simulator, state: str) -> None:
    """No traceback, and the stop does not wait for it longer than its two seconds."""
    with collector() as seen, socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
        if state == "down":
            closed.close()
        seen.status = 400 if state == "refusing" else 200
        if state == "silent":
            seen.held.set()
        env = QUICK | {
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": (nobody if state == "down" else seen.url) + "/v1/traces",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "300",
        }
        with daemon(config(provider("fox", upstream)), env=env) as gateway:
            for _ in range(3):
                assert gateway.post("/v1/messages", messages("x")).status_code == 200
            gateway.wait_log("the collector does not take traces: ")
            assert gateway.post("/v1/messages", messages("x")).status_code == 200
            assert gateway.stop(signal.SIGTERM) == 0
            assert gateway.log.count("the collector does not take traces: ") == 1
            assert "Traceback" not in gateway.log
            assert "Error" not in gateway.log
        seen.held.clear()


def test_it_is_reported_when_the_collector_takes_them_again(upstream: Simulator) -> None:
    with collector() as seen:
        seen.status = 400
        env = QUICK | {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{seen.url}/v1/traces"}
        with daemon(config(provider("fox", upstream)), env=env) as gateway:
            gateway.post("/v1/messages", messages("x"))
            gateway.wait_log("it answers with HTTP 400")
            seen.status = 200
            gateway.post("/v1/messages", messages("x"))
            gateway.wait_log("the collector takes traces again .*dropped=[12]")


@pytest.mark.parametrize(
    ("env", "line"),
    [({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
      "OTEL_EXPORTER_OTLP_PROTOCOL: tppcd exports over http/protobuf only"),
     ({"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4317"}, "OTEL_EXPORTER_OTLP_ENDPOINT: is not an address such as"),
     ({"OTEL_TRACES_EXPORTER": "console"}, "OTEL_TRACES_EXPORTER: tppcd exports with otlp only")],
)  # fmt: skip
def test_what_cannot_be_honoured_is_reported_at_the_start(upstream: Simulator, env: dict[str, str], line: str) -> None:
    with daemon(config(provider("fox", upstream)), env=env) as gateway:
        gateway.wait_log(line)
        assert gateway.post("/v1/messages", messages("x")).status_code == 200
