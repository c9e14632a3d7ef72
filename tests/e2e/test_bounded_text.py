"""Text that clients and configurations choose does not fill log, metrics and memory: neither by number nor by size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.dialects import DIALECTS, MESSAGES, script
from tests.harness import Daemon, Simulator, config, daemon, provider, wait_for

SECRET = "management-key"
LONG = "x" * 257
HUGE = "x" * 2_000_000
WIDE = "狐" * 86
"""258 bytes in 86 characters."""
FITS = "x" * 256


@pytest.fixture(scope="module")
def gateway(_first: Simulator) -> Iterator[Daemon]:
    text = config(provider("fox", _first), remote_management={"secret-key": SECRET})
    with daemon(text) as running:
        yield running


SOON = ("tppcd_key_checks", "tppcd_core_auth_key_verified", "tppcd_model_list", "tppcd_config_file_last_event")
"""What comes by itself soon after a change, and is one series for a provider at most."""


def series(gateway: Daemon) -> str:
    return gateway.get("/metrics").text


def entry_request(entry: str, model: str) -> tuple[str, dict[str, Any]]:
    if entry == "count_tokens":
        body = MESSAGES.request("x", model=model)
        del body["max_tokens"]
        return f"{MESSAGES.path}/count_tokens", body
    return DIALECTS[entry].path, DIALECTS[entry].request("x", model=model)


@pytest.mark.parametrize(("prefix", "stream"), [("", False), ("fox/", True)])
@pytest.mark.parametrize("name", [LONG, WIDE, HUGE])
@pytest.mark.parametrize("entry", [*DIALECTS, "count_tokens"])
def test_a_long_model_name_is_refused_in_dialect(
    gateway: Daemon, entry: str, name: str, prefix: str, stream: bool
) -> None:
    path, body = entry_request(entry, prefix + name)
    if stream and entry != "count_tokens":
        body["stream"] = True
    answer = gateway.post(path, body)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert f"has {len((prefix + name).encode())} bytes" in error["message"]
    assert name[:50] not in answer.text
    if path.startswith("/v1/messages"):
        assert answer.json()["type"] == "error"
    else:
        assert (error["param"], error["code"]) == ("model", "string_above_max_length")


def test_the_name_of_a_model_that_is_looked_up_is_bounded_too(gateway: Daemon) -> None:
    key = {"authorization": f"Bearer {SECRET}"}
    answer = gateway.post("/v0/management/explain", {"model": f"fox/{LONG}"}, headers=key)
    assert (answer.status_code, LONG[:50] in answer.text) == (400, False)
    assert gateway.get(f"/v1/models/{LONG}").status_code == 400


@pytest.mark.parametrize("entry", DIALECTS)
def test_a_name_of_the_longest_length_is_looked_up(gateway: Daemon, entry: str) -> None:
    path, body = entry_request(entry, FITS)
    assert gateway.post(path, body).status_code == 404
    path, body = entry_request(entry, f"fox/{FITS[4:]}")
    assert gateway.post(path, body).status_code == 200


def test_sixty_requests_with_huge_words_leave_log_and_metrics_small(gateway: Daemon) -> None:
    """In every place of a request that a client fills with words of its own."""
    log, shown = len(gateway.log), len(series(gateway))
    word = "y" * 200_000
    tool: dict[str, Any] = {"name": word, "description": word, "input_schema": {"type": "object", word: word}}
    call = {"type": "tool_use", "id": word, "name": word, "input": {word: word}}
    result = {"type": "tool_result", "tool_use_id": word, "content": word}
    fields: tuple[dict[str, Any], ...] = (
        {"model": f"fox/{word}"},
        {"metadata": {"user_id": word}},
        {"tools": [tool]},
        {"tools": [tool], "tool_choice": {"type": "tool", "name": word}},
        {"tools": [{"type": word, "name": word}]},
        {word: word},
        {"stop_sequences": [word]},
        {"service_tier": word},
        {"thinking": {"type": word}},
        {"messages": [{"role": word, "content": "x"}]},
        {"messages": [{"role": "user", "content": [{"type": word, word: word}]}]},
        {
            "messages": [
                {"role": "user", "content": "x"},
                {"role": "assistant", "content": [call]},
                {"role": "user", "content": [result]},
            ]
        },
    )
    for number in range(60):
        body = {**MESSAGES.request("x"), **fields[number % len(fields)]}
        answer = gateway.post(f"{MESSAGES.path}?q={word[:20_000]}", body)
        assert answer.status_code == 200 or len(answer.content) < 32_000
    for headers in ({"user-agent": word[:8000]}, {"x-request-id": word[:8000]}, {"session-id": word[:8000]}):
        gateway.post(MESSAGES.path, MESSAGES.request("x"), headers=headers)
    wait_for(lambda: gateway.post(MESSAGES.path, MESSAGES.request("x")).status_code == 200, "an answer")
    grown = len(gateway.log) - log
    assert grown < 100_000, gateway.log[log : log + 4000]
    assert len(series(gateway)) - shown < 50_000
    lines = gateway.get("/v0/management/logs?limit=2000", headers={"authorization": f"Bearer {SECRET}"})
    assert len(lines.content) < 2_000_000


def test_made_up_names_displace_no_registered_model(_first: Simulator) -> None:
    with daemon(config(provider("fox", _first), provider("wolf", _first, models=["tiger"]))) as gateway:
        for number in range(300):
            assert gateway.post(MESSAGES.path, MESSAGES.request("x", model=f"fox/junk{number}")).status_code == 200
        for name in ("fox/gpt-5", "tiger"):
            gateway.post(MESSAGES.path, MESSAGES.request("x", model=name))
        shown = series(gateway)
        assert 'model="gpt-5",provider="fox"' in shown.replace(
            'provider="fox",model="gpt-5"', 'model="gpt-5",provider="fox"'
        )
        assert 'model="tiger"' in shown
        assert 'model="other"' in shown
        gateway.reload(config(provider("fox", _first, models=["lion"]), provider("wolf", _first, models=["tiger"])))
        gateway.post(MESSAGES.path, MESSAGES.request("x", model="lion"))
        shown = series(gateway)
        assert 'model="lion"' in shown, "registered later, while the places of made-up names are all taken"
        assert 'model="gpt-5"' not in shown, "fox has lion alone by now"


def by_file(gateway: Daemon, upstream: Simulator) -> Iterator[None]:
    for number in range(6):
        gateway.reload(config(provider(f"fox{number}", upstream), remote_management={"secret-key": SECRET}))
        yield


def by_store(gateway: Daemon, upstream: Simulator) -> Iterator[None]:
    gateway.reload(config(remote_management={"secret-key": SECRET}))
    key = {"authorization": f"Bearer {SECRET}"}
    for number in range(6):
        if number:
            assert (
                gateway.http.delete(f"{gateway.url}/api/v1/providers/fox{number - 1}", headers=key).status_code == 204
            )
        row = {
            "name": f"fox{number}",
            "type": "codex",
            "base_url": f"{upstream.url}/v1",
            "api_key": "k",
            "models": ["gpt-5"],
        }
        assert gateway.post("/api/v1/providers", row, headers=key).status_code == 201
        yield


@pytest.mark.parametrize("rename", [by_file, by_store])
def test_the_series_of_renamed_providers_go(
    _first: Simulator, rename: Callable[[Daemon, Simulator], Iterator[None]]
) -> None:
    text = config(provider("first", _first), remote_management={"secret-key": SECRET})
    with daemon(text) as gateway:
        counts = []
        for _ in rename(gateway, _first):
            for stream in (False, True):
                body = MESSAGES.request("x", model="gpt-5", stream=stream)
                assert gateway.post(MESSAGES.path, body).status_code == 200
            counts.append(sum(not line.startswith(("#", *SOON)) for line in series(gateway).splitlines()))
        shown = series(gateway)
        assert {part for part in shown.split('"') if part.startswith(("fox", "first"))} == {"fox5"}
        assert counts[-1] == counts[1]


def test_a_request_that_ends_after_its_provider_leaves_no_series(upstream: Simulator) -> None:
    upstream.control(delay_ms=20)
    with daemon(config(provider("fox", upstream))) as gateway:
        prompt = script({"text": "word " * 100})
        with gateway.stream(MESSAGES.path, MESSAGES.request(prompt, stream=True)) as response:
            reading = response.iter_lines()
            next(reading)
            gateway.reload(config(provider("wolf", upstream)))
            assert "tppcd_requests_in_flight 1.0" in series(gateway)
            for _ in reading:
                pass
        wait_for(lambda: "tppcd_requests_in_flight 0.0" in series(gateway), "the request to be counted")
        shown = series(gateway)
        assert "fox" not in shown
        assert 'provider="other"' in shown
