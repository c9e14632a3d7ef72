"""Every row of the table of metrics, moved by what it counts: one daemon, and a life in which everything happens once.

``MOVED`` has a check for each metric. A metric without one is no metric: nobody knows whether it counts.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from msgspec import structs

from daemon.telemetry.metric_table import TABLE
from tests.dialects import CHAT, MESSAGES, script
from tests.e2e.test_admission import sent
from tests.e2e.test_headroom import limited
from tests.harness import Daemon, Simulator, config, daemon, provider, simulator, wait_for
from tests.managing import KEY
from tests.telemetry.test_metrics import samples_of

LONG = script({"text": "word " * 400})
REFUSED = {"fault": "server_error", "status": 400, "message": "Unsupported parameter: 'temperature' is not supported."}
FOX = structs.replace(MESSAGES, request=lambda prompt, **fields: MESSAGES.request(prompt, model="fox/gpt-5", **fields))
STALLED = {"fault": "stall", "after": 20, "seconds": 600}


class Moment:
    """``GET /metrics`` at one time. Labels that are not given may have any value; the values of all are added."""

    def __init__(self, gateway: Daemon) -> None:
        self.text = gateway.get("/metrics").text
        self._samples = list(samples_of(self.text))

    def __call__(self, name: str, /, **labels: str) -> float | None:
        """None: there is no such series."""
        found = [each.value for each in self._samples if each.name == name and labels.items() <= each.labels.items()]
        return sum(found) if found else None


class Life:
    """What /metrics showed when the daemon had started, when it was busy, when its file was broken, and at the end."""

    def __init__(self, gateway: Daemon, fox: Simulator, settings: Callable[[str, str], str]) -> None:
        self.start = Moment(gateway)
        traffic(gateway, fox)
        self.busy = busy(gateway, fox)
        self.quiet = Moment(gateway)
        gateway.save("port: none\n")
        self.broken = wait_for(lambda: when(gateway, "tppcd_degraded"), "the refusal")
        gateway.reload(settings("gnu", "env:NOT_SET"))  # in the place of yak
        fox.fail("rate_limit")
        gateway.post(MESSAGES.path, MESSAGES.request("x", model="fox/gpt-5"))
        self.end = Moment(gateway)


def when(gateway: Daemon, name: str, /, **labels: str) -> Moment | None:
    """The moment, if the metric is not 0."""
    moment = Moment(gateway)
    return moment if moment(name, **labels) else None


def traffic(gateway: Daemon, fox: Simulator) -> None:
    """Answers, losses, a changed request, an event that cannot be read, a client that hangs up, a provider of the
    store, a model that nobody has."""
    long = MESSAGES.request(LONG, model="fox/gpt-5", stream=True)
    assert gateway.post(MESSAGES.path, MESSAGES.request("x", model="fox/gpt-5", top_k=3)).status_code == 200
    assert gateway.post(CHAT.path, CHAT.request("x", model="owl/m")).status_code == 200
    assert gateway.post(MESSAGES.path, long).status_code == 200
    fox.fail(REFUSED)
    assert gateway.post(MESSAGES.path, long | {"temperature": 0.3}).headers["x-tppcd-attempts"] == "2"
    fox.fail("malformed")
    gateway.post(MESSAGES.path, long)
    fox.fail(STALLED)
    with gateway.stream(MESSAGES.path, long) as answer:
        next(answer.iter_lines())
    wait_for(lambda: fox.open_requests() == 0, "the hang-up to reach the upstream")
    assert gateway.post(MESSAGES.path, MESSAGES.request("x", model="no-such-model-9")).status_code == 404
    row = {"name": "lynx", "type": "openai", "base_url": fox.url + "/v1", "api_key": "key-of-fox", "enabled": False}
    created = gateway.http.post(f"{gateway.url}/api/v1/providers", json=row, headers={"x-management-key": KEY})
    assert created.status_code == 201, created.text
    wait_for(lambda: when(gateway, "tppcd_core_auth_balance"), "the balance")
    wait_for(lambda: when(gateway, "tppcd_key_checks_total", name="wolf"), "the checks of the keys")


def busy(gateway: Daemon, fox: Simulator) -> Moment:
    """One request is being answered, one waits for its provider, and one for a place, which it does not get."""
    fox.fail(STALLED)
    held = LONG.replace("word", "held")
    with ThreadPoolExecutor(1) as thread, closing(sent(gateway, FOX, held, stream=False)):
        wait_for(lambda: when(gateway, "tppcd_answers_held_bytes"), "the answer to begin")
        with closing(sent(gateway, FOX, LONG, stream=False)):
            wait_for(lambda: when(gateway, "tppcd_core_auth_requests_waiting", name="fox"), "the second one to wait")
            third = thread.submit(gateway.post, MESSAGES.path, MESSAGES.request("x"))
            moment = wait_for(lambda: when(gateway, "tppcd_admission_requests", state="waiting"), "the third one")
            assert third.result().status_code == 429
    wait_for(lambda: fox.open_requests() == 0, "the hang-up to reach the upstream")
    return moment


@pytest.fixture(scope="module")
def life() -> Iterator[Life]:
    with simulator("--key", "key-of-fox") as fox, limited() as owl:
        owl.headers = {"x-ratelimit-remaining-tokens": "80", "x-ratelimit-limit-tokens": "100"}

        def settings(name: str, key: str) -> str:
            return config(
                provider("fox", fox, max_concurrent=1),
                provider(
                    "owl",
                    f"{owl.url}/v1",
                    wire_api="chat",
                    models=["m"],
                    balance_url=f"{owl.url}/user/balance#data.left",
                ),
                provider("wolf", fox, models=["gpt-5"]),
                provider("elk", fox, enabled=False),
                provider(name, fox, api_key=key, models=["yak-1"]),
                limits={"concurrent-requests": 2},
                remote_management={"secret-key": KEY},
                request_retry=0,
            )

        with daemon(settings("yak", "key-of-fox")) as gateway:
            yield Life(gateway, fox, settings)


def rose(name: str, /, **labels: str) -> Callable[[Life], bool]:
    """A counter, between start and end."""
    return lambda life: (life.end(name, **labels) or 0) > (life.start(name, **labels) or 0)


def was(value: float | None, name: str, /, at: str = "end", **labels: str) -> Callable[[Life], bool]:
    """A gauge at one moment."""
    return lambda life: getattr(life, at)(name, **labels) == value


def every(*checks: Callable[[Life], bool]) -> Callable[[Life], bool]:
    return lambda life: all(check(life) for check in checks)


def is_now(name: str, at: str = "end") -> Callable[[Life], bool]:
    """Unix seconds, of this hour."""
    return lambda life: abs(time.time() - (getattr(life, at)(name) or 0)) < 3600


MOVED: Mapping[str, Callable[[Life], bool]] = {
    "tppcd_build_info": was(1, "tppcd_build_info"),
    "tppcd_start_time_seconds": is_now("tppcd_start_time_seconds"),
    "tppcd_first_answer_timestamp_seconds": every(
        was(None, "tppcd_first_answer_timestamp_seconds", at="start"), is_now("tppcd_first_answer_timestamp_seconds")
    ),
    "tppcd_config_last_reload_successful": every(
        was(1, "tppcd_config_last_reload_successful", at="start"),
        was(0, "tppcd_config_last_reload_successful", at="broken"),
    ),
    "tppcd_config_last_reload_success_timestamp_seconds": is_now("tppcd_config_last_reload_success_timestamp_seconds"),
    "tppcd_config_reloads_total": every(
        rose("tppcd_config_reloads_total", result="success"), rose("tppcd_config_reloads_total", result="failure")
    ),
    "tppcd_config_generation": rose("tppcd_config_generation"),
    "tppcd_degraded": every(
        was(0, "tppcd_degraded", at="start"), was(1, "tppcd_degraded", at="broken"), was(1, "tppcd_degraded")
    ),
    "tppcd_config_diagnostics": every(
        was(0, "tppcd_config_diagnostics", at="start", severity="error"),
        was(1, "tppcd_config_diagnostics", at="broken", severity="error"),
    ),
    "tppcd_config_file_events_total": rose("tppcd_config_file_events_total"),
    "tppcd_config_file_last_event_timestamp_seconds": is_now("tppcd_config_file_last_event_timestamp_seconds"),
    "tppcd_config_file_last_look_timestamp_seconds": every(
        is_now("tppcd_config_file_last_look_timestamp_seconds"), rose("tppcd_config_file_last_look_timestamp_seconds")
    ),
    "tppcd_providers": every(was(4, "tppcd_providers", at="start"), was(3, "tppcd_providers")),
    "tppcd_providers_by_state": every(
        was(3, "tppcd_providers_by_state", kind="tppc", state="enabled"),
        was(1, "tppcd_providers_by_state", kind="tppc", state="disabled"),
        was(1, "tppcd_providers_by_state", kind="tppc", state="failed"),
        was(1, "tppcd_providers_by_state", kind="store", state="disabled"),
        was(0, "tppcd_providers_by_state", kind="packycode"),
    ),
    "tppcd_core_auths": every(was(4, "tppcd_core_auths", at="start"), was(3, "tppcd_core_auths")),
    "tppcd_core_auth_state": every(
        was(1, "tppcd_core_auth_state", at="start", name="fox", state="ready"),
        was(1, "tppcd_core_auth_state", name="fox", state="cooling"),
        was(1, "tppcd_core_auth_state", name="elk", state="disabled"),
        was(1, "tppcd_core_auth_state", name="gnu", state="failed"),
        was(None, "tppcd_core_auth_state", name="yak"),
    ),
    "tppcd_core_auth_rests": every(
        was(1, "tppcd_core_auth_rests", name="fox", reason="rate_limit"),
        was(1, "tppcd_core_auth_rests", name="wolf", reason="authentication"),
    ),
    "tppcd_core_auth_requests_running": every(
        was(1, "tppcd_core_auth_requests_running", at="busy", name="fox"),
        was(0, "tppcd_core_auth_requests_running", name="fox"),
    ),
    "tppcd_core_auth_requests_waiting": was(1, "tppcd_core_auth_requests_waiting", at="busy", name="fox"),
    "tppcd_core_auth_concurrency_limit": was(1, "tppcd_core_auth_concurrency_limit", name="fox"),
    "tppcd_core_auth_headroom_ratio": was(0.8, "tppcd_core_auth_headroom_ratio", name="owl"),
    "tppcd_core_auth_balance": was(12.5, "tppcd_core_auth_balance", name="owl"),
    "tppcd_core_auth_key_verified": every(
        was(1, "tppcd_core_auth_key_verified", name="fox"), was(0, "tppcd_core_auth_key_verified", name="wolf")
    ),
    "tppcd_credential_resolutions_total": every(
        rose("tppcd_credential_resolutions_total", kind="tppc", result="resolved"),
        rose("tppcd_credential_resolutions_total", kind="tppc", result="failed"),
    ),
    "tppcd_key_checks_total": every(
        rose("tppcd_key_checks_total", name="fox", result="taken"),
        rose("tppcd_key_checks_total", name="wolf", result="refused"),
    ),
    "tppcd_rests_total": rose("tppcd_rests_total", name="fox", reason="rate_limit"),
    "tppcd_models_registered": every(
        was(12, "tppcd_models_registered", at="start"), was(11, "tppcd_models_registered")
    ),
    "tppcd_registrations_total": every(
        was(4, "tppcd_registrations_total", at="start", action="registered"),
        was(1, "tppcd_registrations_total", action="unregistered"),
        rose("tppcd_registrations_total", action="unchanged"),
    ),
    "tppcd_model_lists": every(
        was(1, "tppcd_model_lists", state="listed"), was(0, "tppcd_model_lists", state="unknown")
    ),
    "tppcd_model_list_requests_total": rose("tppcd_model_list_requests_total", name="fox", result="listed"),
    "tppcd_credential_attempts_total": every(
        rose("tppcd_credential_attempts_total", name="fox", result="ok"),
        rose("tppcd_credential_attempts_total", name="fox", result="rate_limit"),
    ),
    "tppcd_amendments_total": rose("tppcd_amendments_total", name="fox", amendment="leave out"),
    "tppcd_amendments_learned": was(1, "tppcd_amendments_learned", name="fox", amendment="leave out"),
    "tppcd_requests_total": every(
        was(4, "tppcd_requests_total", entry="messages", provider="fox", status="200"),
        was(1, "tppcd_requests_total", entry="chat", provider="owl", status="200"),
        was(1, "tppcd_requests_total", entry="messages", provider="", status="404"),
    ),
    "tppcd_request_failures_total": every(
        rose("tppcd_request_failures_total", cause="configuration"),
        rose("tppcd_request_failures_total", cause="client"),
    ),
    "tppcd_requests_in_flight": every(
        was(2, "tppcd_requests_in_flight", at="busy"), was(0, "tppcd_requests_in_flight")
    ),
    "tppcd_admission_requests": every(
        was(2, "tppcd_admission_requests", at="busy", state="running"),
        was(1, "tppcd_admission_requests", at="busy", state="waiting"),
        was(0, "tppcd_admission_requests", state="waiting"),
    ),
    "tppcd_admission_limit": was(2, "tppcd_admission_limit"),
    "tppcd_admission_refused_total": was(1, "tppcd_admission_refused_total"),
    "tppcd_request_first_event_seconds": rose("tppcd_request_first_event_seconds_count", provider="fox"),
    "tppcd_request_duration_seconds": rose("tppcd_request_duration_seconds_count", provider="fox"),
    "tppcd_time_per_output_token_seconds": every(
        was(3, "tppcd_time_per_output_token_seconds_count", provider="fox"),
        was(None, "tppcd_time_per_output_token_seconds_count", provider="owl"),
    ),
    "tppcd_output_tokens_per_second": every(
        was(4, "tppcd_output_tokens_per_second_count", provider="fox"),
        was(1, "tppcd_output_tokens_per_second_count", provider="owl"),
    ),
    "tppcd_tokens_total": every(
        was(30, "tppcd_tokens_total", provider="owl", model="m", kind="input"),
        was(20, "tppcd_tokens_total", provider="owl", model="m", kind="output"),
    ),
    "tppcd_lost_total": was(1, "tppcd_lost_total", field="top_k"),
    "tppcd_events_skipped_total": was(1, "tppcd_events_skipped_total", provider="fox"),
    "tppcd_upstream_cancelled_total": rose("tppcd_upstream_cancelled_total"),
    # Absent without tls; tests/e2e/test_https.py has a certificate, and renews it.
    "tppcd_tls_certificate_end_timestamp_seconds": was(None, "tppcd_tls_certificate_end_timestamp_seconds"),
    "tppcd_log_lines_dropped_total": was(0, "tppcd_log_lines_dropped_total"),
    "tppcd_log_queue_lines": lambda life: life.end("tppcd_log_queue_lines") is not None,
    "tppcd_client_connections": lambda life: (life.busy("tppcd_client_connections") or 0) >= 3,
    "tppcd_client_connections_limit": lambda life: (life.end("tppcd_client_connections_limit") or 0) >= 16,
    "tppcd_upstream_connections": was(1, "tppcd_upstream_connections", at="busy", state="busy"),
    "tppcd_answers_held_bytes": every(
        lambda life: (life.busy("tppcd_answers_held_bytes") or 0) > 1000, was(0, "tppcd_answers_held_bytes")
    ),
    "tppcd_answers_held_limit_bytes": was(2**28, "tppcd_answers_held_limit_bytes"),
    "tppcd_loop_lag_seconds": rose("tppcd_loop_lag_seconds_count"),
    "tppcd_store_up": was(1, "tppcd_store_up"),
    "tppcd_store_rows": every(
        was(0, "tppcd_store_rows", at="start"),
        was(1, "tppcd_store_rows", state="usable"),
    ),
}
"""What waits and is dropped where the log's output is stuck is moved in ``tests/telemetry/test_metrics.py``."""


@pytest.mark.parametrize("name", [each.name for each in TABLE])
def test_an_event_moves_it(life: Life, name: str) -> None:
    assert name in MOVED, "a metric without a test: add to the life what moves it"
    series = [line for at in ("start", "busy", "end") for line in getattr(life, at).text.splitlines() if name in line]
    assert MOVED[name](life), "\n".join(series)


def test_nothing_is_tested_that_is_no_metric() -> None:
    assert MOVED.keys() - {each.name for each in TABLE} == set()


@pytest.mark.parametrize("at", ["start", "busy", "end"])
def test_promtool_has_nothing_to_say(life: Life, at: str) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is missing (Debian: apt install prometheus)")
    text = getattr(life, at).text
    found = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout + found.stderr) == (0, "")


def test_nothing_of_keys_and_content_is_shown(life: Life) -> None:
    assert [word for word in ("key-of-", KEY, "word word", "held held") if word in life.end.text] == []
