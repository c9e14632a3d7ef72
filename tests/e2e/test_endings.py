"""Ends: clients that hang up, the daemon's own stop, and starts that are refused."""

from __future__ import annotations

import signal
from pathlib import Path

import httpx
import pytest

from tests.dialects import MESSAGES, RESPONSES, Dialect, events, script, streamed_text
from tests.harness import Daemon, Simulator, config, daemon, provider, tppcd, wait_for

LONG = script({"text": "word " * 200})
ENTRIES = {"messages": MESSAGES, "responses": RESPONSES}
STALL = {"fault": "stall", "after": 60, "seconds": 600}
SOON = 1.0
"""Seconds within which a hang-up must have freed the upstream request (the contract's)."""


@pytest.fixture(params=ENTRIES)
def dialect(request: pytest.FixtureRequest) -> Dialect:
    return ENTRIES[request.param]


def free(upstream: Simulator) -> None:
    wait_for(lambda: upstream.open_requests() == 0, "the upstream requests to be freed", seconds=SOON)


def test_a_hang_up_in_the_middle_frees_the_upstream(upstream: Simulator, gateway: Daemon, dialect: Dialect) -> None:
    upstream.fail(STALL)
    with gateway.stream(dialect.path, dialect.request(LONG, stream=True)) as response:
        flow = events(response)
        next(event for event in flow if dialect.delta(event))
        assert upstream.open_requests() == 1
    free(upstream)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_hang_up_before_the_head_frees_the_upstream(
    upstream: Simulator, gateway: Daemon, dialect: Dialect, stream: bool
) -> None:
    upstream.fail({"fault": "stall_head", "seconds": 600})
    with httpx.Client(trust_env=False, timeout=0.3) as impatient, pytest.raises(httpx.ReadTimeout):
        impatient.post(gateway.url + dialect.path, json=dialect.request("x", stream=stream))
    free(upstream)


def test_many_hang_ups_lose_no_connection(upstream: Simulator, gateway: Daemon) -> None:
    rounds = 50
    upstream.fail(*[STALL] * rounds)
    for _ in range(rounds):
        with gateway.stream(MESSAGES.path, MESSAGES.request(LONG, stream=True)) as response:
            flow = events(response)
            next(flow)
    free(upstream)
    state = upstream.state()
    assert state["requests"]["aborted"] == rounds
    # This very request's connection, and whatever idle ones the daemon keeps.
    wait_for(lambda: upstream.state()["connections"] < 10, "the connections to be closed")
    assert gateway.post(MESSAGES.path, MESSAGES.request("x")).status_code == 200


def test_a_stop_lets_a_running_answer_finish(upstream: Simulator, dialect: Dialect) -> None:
    upstream.control(delay_ms=2)
    with daemon(config(provider("fox", upstream))) as gateway:
        with gateway.stream(dialect.path, dialect.request(LONG, stream=True)) as response:
            flow = events(response)
            seen = [next(flow)]
            gateway.process.send_signal(signal.SIGTERM)
            seen += flow
        assert streamed_text(dialect, seen) == "word " * 200
        assert dialect.terminal(seen[-1])
        assert gateway.wait() == 0


def test_a_stop_in_a_hurry_ends_a_stalled_stream_in_its_dialect(upstream: Simulator, dialect: Dialect) -> None:
    upstream.fail(STALL)
    with daemon(config(provider("fox", upstream))) as gateway:
        with gateway.stream(dialect.path, dialect.request(LONG, stream=True)) as response:
            flow = events(response)
            seen = [next(event for event in flow if dialect.delta(event))]
            gateway.process.send_signal(signal.SIGTERM)
            gateway.wait_log("stopping")
            gateway.process.send_signal(signal.SIGTERM)
            seen += flow
        assert dialect.failure(seen[-1]), seen[-1]
        assert gateway.wait() == 0
        assert "Traceback" not in gateway.log
    free(upstream)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_an_idle_daemon_stops_at_once_and_well(upstream: Simulator, number: signal.Signals) -> None:
    with daemon(config(provider("fox", upstream))) as gateway:
        assert gateway.stop(number) == 0
        assert "Traceback" not in gateway.log


PACKYCODE = "packycode:\n  enabled: true\n  base-url: https://packy.example/v1\n"
REFUSED_STARTS = {
    "packycode without its key": (
        ("--packycode",),
        PACKYCODE,
        "credentials.openai-api-key is required when requires-openai-auth=true",
    ),
    "packycode without a base-url": (
        ("--packycode",),
        "packycode:\n  enabled: true\n  credentials: {openai-api-key: k}\n",
        "base-url is required when packycode.enabled=true",
    ),
    "packycode disabled": (("--packycode",), PACKYCODE.replace("true", "false"), "packycode"),
    "tppc without a provider": (("--tppc",), "tppc:\n  providers: []\n", "tppc"),
    "no YAML": ((), "tppc: [\n", "config.yaml:"),
    "a wrong value": ((), "port: seven\n", "config.yaml:1:7"),
}


@pytest.mark.parametrize("case", REFUSED_STARTS)
def test_a_start_is_refused_with_the_reason_and_78(tmp_path: Path, case: str) -> None:
    options, text, reason = REFUSED_STARTS[case]
    (tmp_path / "config.yaml").write_text(text, "utf-8")
    done = tppcd("run", "--port", "0", *options, home=tmp_path)
    assert (done.returncode, reason in done.stderr) == (78, True), done.stderr
    assert "Traceback" not in done.stderr


def test_a_start_on_a_broken_file_serves_the_last_good_one(upstream: Simulator) -> None:
    with daemon(config(provider("fox", upstream))) as first:
        assert first.stop() == 0
        first.save("tppc: [\n")
        with daemon(None, home=first.home) as again:
            assert again.post(MESSAGES.path, MESSAGES.request("x")).status_code == 200
            assert "tppcd_config_last_reload_successful 0.0" in again.get("/metrics").text
