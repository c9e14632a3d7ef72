"""W3C Trace Context on its way through: what a client sends is passed on to the upstream, and named in the log."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.collector import CLIENT, collector
from tests.dialects import messages
from tests.e2e.refusing import RefusingServer, refusing
from tests.harness import Daemon, config, daemon, provider, wait_for

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"
STATE = "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"


@pytest.fixture(scope="module")
def server() -> Iterator[RefusingServer]:
    with refusing() as running:
        yield running


def text_for(server: RefusingServer, *, wire: str = "messages") -> str:
    return config(provider("fox", f"{server.url}/v1", wire_api=wire), disable_cooling=True)


@pytest.fixture(scope="module")
def gateway(server: RefusingServer) -> Iterator[Daemon]:
    with daemon(text_for(server)) as running:
        yield running


def passed(server: RefusingServer, gateway: Daemon, headers: list[tuple[str, str]]) -> dict[str, str]:
    """What of the trace context the upstream got."""
    server.headers.clear()
    assert gateway.post("/v1/messages", messages("x"), headers=headers).status_code == 200
    return {name: server.headers[0][name] for name in ("traceparent", "tracestate") if name in server.headers[0]}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [([], {}),
     ([("traceparent", PARENT)], {"traceparent": PARENT}),
     ([("traceparent", PARENT), ("tracestate", STATE)], {"traceparent": PARENT, "tracestate": STATE}),
     ([("traceparent", PARENT), ("tracestate", "a=1"), ("tracestate", "b=2")],
      {"traceparent": PARENT, "tracestate": "a=1,b=2"}),
     ([("traceparent", PARENT), ("tracestate", "not a state")], {"traceparent": PARENT}),
     ([("tracestate", STATE)], {}),
     ([("traceparent", PARENT), ("traceparent", PARENT)], {}),
     ([("traceparent", f"00-{'0' * 32}-{SPAN}-01"), ("tracestate", STATE)], {}),
     ([("traceparent", PARENT.upper())], {})],
)  # fmt: skip
def test_a_valid_trace_context_is_passed_on_as_it_came(
    server: RefusingServer, gateway: Daemon, headers: list[tuple[str, str]], expected: dict[str, str]
) -> None:
    """Without OpenTelemetry none is ever made."""
    assert passed(server, gateway, headers) == expected


def test_the_log_names_the_trace_that_the_client_began(server: RefusingServer, gateway: Daemon) -> None:
    passed(server, gateway, [("traceparent", PARENT)])
    gateway.wait_log(f"trace_id={TRACE}")
    assert "OpenTelemetry" not in gateway.log


def test_none_is_passed_on_where_no_propagator_is_wanted(server: RefusingServer) -> None:
    with daemon(text_for(server), env={"OTEL_PROPAGATORS": "none"}) as gateway:
        assert passed(server, gateway, [("traceparent", PARENT), ("tracestate", STATE)]) == {}
        assert TRACE not in gateway.log


def test_the_upstream_gets_the_attempt_as_its_parent(server: RefusingServer) -> None:
    with collector() as seen:
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": seen.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}
        with daemon(text_for(server), env=env) as gateway:
            sent = passed(server, gateway, [("traceparent", PARENT), ("tracestate", STATE)])
            begun = passed(server, gateway, [])
            spans = wait_for(lambda: found if len(found := seen.spans) >= 4 else None, "the spans of two requests")
    attempts = {f"00-{span.trace_id}-{span.id}" for span in spans if span.kind == CLIENT}
    assert {sent["traceparent"][:52], begun["traceparent"][:52]} == attempts
    assert sent["traceparent"].split("-")[1] == TRACE != begun["traceparent"].split("-")[1]
    assert (sent["tracestate"], begun.get("tracestate")) == (STATE, None)


@pytest.mark.parametrize(
    ("flags", "env", "expected"),
    [("00", {}, 0), ("01", {}, 2), ("01", {"OTEL_TRACES_SAMPLER": "always_off"}, 0),
     ("00", {"OTEL_TRACES_SAMPLER": "always_on"}, 2)],
)  # fmt: skip
def test_what_is_not_sampled_is_passed_on_and_not_exported(
    server: RefusingServer, flags: str, env: dict[str, str], expected: int
) -> None:
    with collector() as seen:
        otel = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{seen.url}/v1/traces", **env}
        with daemon(text_for(server), env=otel) as gateway:
            sent = passed(server, gateway, [("traceparent", f"{PARENT[:-2]}{flags}")])
            gateway.stop()
        assert len(seen.spans) == expected
    assert sent["traceparent"].split("-")[1] == TRACE
    assert sent["traceparent"][-2:] == ("01" if expected else "00")


@pytest.mark.parametrize("headers", [[], [("traceparent", PARENT)]])
def test_metrics_alone_begin_no_trace(server: RefusingServer, headers: list[tuple[str, str]]) -> None:
    with collector() as seen:
        otel = {"OTEL_EXPORTER_OTLP_ENDPOINT": seen.url, "OTEL_TRACES_EXPORTER": "none"}
        with daemon(text_for(server), env=otel) as gateway:
            assert passed(server, gateway, headers) == dict(headers)
            gateway.stop()
        assert "gen_ai.client.inference.duration" in seen.metrics
        assert seen.spans == []
