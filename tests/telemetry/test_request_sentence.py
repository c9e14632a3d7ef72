"""The line of a finished request: first a sentence for people, then the fields; on a terminal only those not said."""

from __future__ import annotations

import re
import time

import pytest

from daemon.telemetry.log_lines import JsonLines, TextLines
from daemon.telemetry.request_sentence import milliseconds, sentence, tokens

ANSWERED: dict[str, object] = {
    "request_id": "4f1c",
    "entry": "messages",
    "model": "claude-opus-4-8",
    "served": "gpt-5",
    "provider": "fox",
    "auth": "tppc:fox:2f6c8a1b9d3e",
    "status": 200,
    "first_ms": 12.1,
    "upstream_first_ms": 10.0,
    "total_ms": 39.2,
    "tokens_in": 18900,
    "tokens_cached": 15000,
    "tokens_out": 83,
    "attempts": 1,
    "stream": True,
}
FAILED = ANSWERED | dict.fromkeys(("first_ms", "upstream_first_ms", "tokens_in", "tokens_cached", "tokens_out"))


def refused(status: int, **fields: object) -> dict[str, object]:
    return {"request_id": "4f1c", "status": status, "total_ms": 0.2, **fields}


def failed(status: int, reason: str, error: str = "api", **fields: object) -> dict[str, object]:
    return FAILED | {"status": status, "total_ms": 88.1, "error": error, "reason": reason, **fields}


PAIR = "claude-opus-4-8 → gpt-5 fox"


@pytest.mark.parametrize(
    "expected, fields",
    [
        (f"200 {PAIR} 39 ms (first 12 ms) 18.9k → 83 tok", ANSWERED),
        ("200 gpt-5 → gpt-5 fox 39 ms (first 12 ms) 18.9k → 83 tok", ANSWERED | {"model": "gpt-5"}),
        (f"200 {PAIR} 39 ms (first 12 ms) 18.9k → 83 tok (2 attempts)", ANSWERED | {"attempts": 2}),
        (f"200 {PAIR} 39 ms (first 12 ms) ? → 83 tok", ANSWERED | {"tokens_in": None}),
        (f"200 {PAIR} 39 ms (first 12 ms)", ANSWERED | {"tokens_in": None, "tokens_out": None}),
        (f"200 {PAIR} 39 ms (first 12 ms) 18.9k → 83 tok (tokens estimated)", ANSWERED | {"tokens": "estimated"}),
        (f"200 compact {PAIR} 39 ms (first 12 ms) 18.9k → 83 tok", ANSWERED | {"entry": "compact"}),
        (f"502 {PAIR} 88 ms refused (3 attempts)", failed(502, "refused", attempts=3)),
        (f"429 {PAIR} 88 ms http_429 (rate_limit)", failed(429, "http_429", "rate_limit")),
        (f"502 {PAIR} 88 ms http_500", failed(502, "http_500")),
        (
            f"502 {PAIR} 88 ms (first 12 ms) cut (after its answer had begun, 2 attempts)",
            failed(502, "cut", first_ms=12.1, attempts=2),
        ),
        (f"499 {PAIR} 88 ms disconnected", failed(499, "disconnected", "")),
        (
            "503 gpt-5 88 ms no_provider",
            failed(503, "no_provider", "overloaded", served="", provider="", model="gpt-5"),
        ),
        ("401 chat 0.2 ms unauthorized", refused(401, entry="chat", error="authentication", reason="unauthorized")),
        (
            "404 nobodys 0.2 ms unknown_model",
            refused(404, entry="chat", model="nobodys", error="model_not_found", reason="unknown_model"),
        ),
        ("404 other 0.2 ms no_route", refused(404, entry="other", error="not_found", reason="no_route")),
        ("200 models 0.2 ms", refused(200, entry="models")),
        (
            "200 count_tokens claude-opus-4-8 → gpt-5 wolf 0.2 ms 1.2k tok (source upstream)",
            refused(
                200,
                entry="count_tokens",
                model="claude-opus-4-8",
                served="gpt-5",
                provider="wolf",
                tokens_in=1234,
                source="upstream",
            ),
        ),
    ],
)
def test_what_happened_in_one_sentence(expected: str, fields: dict[str, object]) -> None:
    words = sentence(fields)
    assert f"{words.status} {words.rest}" == expected


@pytest.mark.parametrize(
    "expected, value",
    [
        *[("0.0 ms", 0.0), ("0.2 ms", 0.2), ("1 ms", 0.96), ("39 ms", 39.2), ("9999 ms", 9999.4), ("10.0 s", 9999.6)],
        *[("12.3 s", 12_345.6), ("99.9 s", 99_949.0), ("100 s", 99_950.0), ("1284 s", 1_284_000.0)],
    ],
)
def test_milliseconds_below_ten_seconds_seconds_above(expected: str, value: float) -> None:
    assert milliseconds(value) == expected


@pytest.mark.parametrize(
    "expected, number",
    [
        *[("0", 0), ("999", 999), ("1k", 1000), ("18.9k", 18_900), ("99.9k", 99_949), ("100k", 99_950)],
        *[("999k", 999_499), ("1M", 999_500), ("1.2M", 1_234_567), ("250M", 250_000_000)],
    ],
)
def test_tokens_are_short(expected: str, number: int) -> None:
    assert tokens(number) == expected


def line(fields: dict[str, object], render: TextLines) -> str:
    record = {"at": time.time(), "level": "INFO", "logger": "request", "message": "request", "extra": fields}
    return render({**record, "traceback": None})


@pytest.mark.parametrize("fields", [ANSWERED, failed(502, "refused", attempts=3)])
def test_every_field_is_on_the_line_that_a_program_reads(fields: dict[str, object]) -> None:
    text = line(fields, TextLines())
    named = dict(re.findall(r" (\w+)=(\S+)", text))
    assert named.keys() == {key for key, value in fields.items() if value is not None}
    assert named["provider"] == "fox" and named["status"] == str(fields["status"])


def test_a_terminal_shows_no_field_that_the_sentence_has_said() -> None:
    fields = dict(re.findall(r" (\w+)=(\S+)", line(ANSWERED, TextLines(brief=True))))
    assert fields.keys() == {"request_id", "entry", "auth", "upstream_first_ms", "tokens_cached", "stream"}
    of_failure = line(failed(502, "refused"), TextLines(brief=True))
    assert " error=api" in of_failure and " reason=" not in of_failure


@pytest.mark.parametrize("name", ["gpt 5", 'a" → b fox 3 ms', "a\nERROR b", "x" * 81, "", "模型"])
def test_a_name_is_one_word_whatever_a_client_sends(name: str) -> None:
    """It cannot be taken for the rest of the sentence, nor push that out of sight."""
    text = line(refused(404, entry="chat", model=name, error="x", reason="unknown_model"), TextLines(clock=False))
    assert text.count("\n") == 1
    shown = re.fullmatch(r'INFO    404 (chat|"[^"]{1,80}") 0\.2 ms unknown_model request_id=4f1c .*\n', text)
    assert shown, text


def test_a_long_name_is_whole_among_the_fields_of_a_terminal() -> None:
    text = line(ANSWERED | {"model": "x" * 300}, TextLines(brief=True))
    assert f"model={'x' * 300}" in text and " served=" not in text


@pytest.mark.parametrize("status, colour", [(200, "32"), (404, "33"), (499, "33"), (502, "31"), (529, "31")])
def test_the_status_has_the_colour_of_its_class(status: int, colour: str) -> None:
    coloured = line(ANSWERED | {"status": status}, TextLines(colour=True))
    assert f"\x1b[{colour}m{status}\x1b[0m {PAIR} " in coloured
    assert "\x1b" not in line(ANSWERED | {"status": status}, TextLines())


def test_json_keeps_its_names_and_its_message() -> None:
    record = {"at": 0.5, "level": "INFO", "logger": "request", "message": "request", "traceback": None}
    assert '"message":"request","logger":"request","request_id":"4f1c"' in JsonLines()({**record, "extra": ANSWERED})
