"""The symptoms of docs/how-to/long-requests.md are what one sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import pytest

from tests.dialects import CHAT, DIALECTS, MESSAGES, events
from tests.harness import Simulator, config, daemon, provider
from tests.pages.tables import rows

STALL: Final = {"fault": "stall", "after": 8, "seconds": 600}


def too_large(upstream: Simulator) -> None:
    with daemon(config(provider("fox", upstream), limits={"body": "4KiB"})) as running:
        answer = running.post(CHAT.path, CHAT.request("x" * 5000))
    assert (answer.status_code, "limits.body" in answer.text) == (413, True)


def too_long(upstream: Simulator) -> None:
    with daemon(config(provider("fox", upstream))) as running:
        for name, words in {"messages": "prompt is too long", "chat": "context_length_exceeded"}.items():
            upstream.fail("context_length")
            answer = running.post(DIALECTS[name].path, DIALECTS[name].request("hello"))
            assert (answer.status_code, words in answer.text) == (400, True), answer.text


def ends_early(upstream: Simulator) -> None:
    ends = {"messages": '"stop_reason":"max_tokens"', "chat": '"finish_reason":"length"', "responses": '"incomplete"'}
    with daemon(config(provider("fox", upstream))) as running:
        for name, words in ends.items():
            upstream.fail("incomplete")
            answer = running.post(DIALECTS[name].path, DIALECTS[name].request("hello"))
            assert (answer.status_code, words in answer.text.replace(": ", ":")) == (200, True), answer.text


def no_first_event(upstream: Simulator) -> None:
    with daemon(config(provider("fox", upstream, timeouts={"first-event": 0.3}), request_retry=0)) as running:
        upstream.fail("stall_head")
        assert running.post(CHAT.path, CHAT.request("hello")).status_code == 504


def failed_stream(upstream: Simulator, **timeouts: float) -> None:
    """It begins, falls silent, and ends with an error of its API."""
    with daemon(config(provider("fox", upstream, timeouts=timeouts), request_retry=0)) as running:
        upstream.fail(STALL)
        with running.stream(MESSAGES.path, MESSAGES.request("hello" * 20, stream=True)) as response:
            seen = list(events(response))
    assert response.status_code == 200 and any(MESSAGES.delta(event) for event in seen)
    assert MESSAGES.failure(seen[-1])


def silent(upstream: Simulator) -> None:
    failed_stream(upstream, idle=0.3)


def out_of_time(upstream: Simulator) -> None:
    failed_stream(upstream, total=0.5)


Provoke = Callable[[Simulator], None]
PROVOKED: Final[Mapping[str, Provoke | str]] = {
    "413 naming `limits.body`": too_large,
    "400 `context_length_exceeded`": too_long,
    "an answer that ends early": ends_early,
    "504 before the first word": no_first_event,
    "a stream that ends with an error after silence": silent,
    "a stream that ends with an error after a fixed time": out_of_time,
    "502 naming 64 MiB": "tests/e2e/test_odd_answers.py: an answer without end",
}
HERE: Final = {name: provoke for name, provoke in PROVOKED.items() if not isinstance(provoke, str)}


@pytest.mark.parametrize("name", HERE)
def test_the_symptom_is_as_the_page_says(upstream: Simulator, name: str) -> None:
    HERE[name](upstream)


def test_no_row_of_the_page_is_left_out() -> None:
    firsts = [row[0] for row in rows("docs/how-to/long-requests.md", "By symptom")]
    assert len(firsts) == len(PROVOKED)
    assert all(first.startswith(name) for first, name in zip(firsts, PROVOKED, strict=True))
