"""What docs/how-to/troubleshooting.md says of a relay's sentences: each is said by an upstream, with 403."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

import pytest

from tests.dialects import MESSAGES, RESPONSES
from tests.e2e.raw_upstream import RawUpstream, raw_upstream, refusal, reply
from tests.harness import Daemon, config, daemon, provider
from tests.pages.tables import Row, quoted, rows

PAGE: Final = "docs/how-to/troubleshooting.md"
TABLE: Final = rows(PAGE, "What a relay says")
WHOLE: Final[Mapping[str, str]] = {
    "已达到请求次数限制…将在 42 分钟后重置": "已达到请求次数限制,将在 42 分钟后重置",
    "Limit: 3": "Too many concurrent requests. Limit: 3 concurrent requests",
    "无权访问…分组": "无权访问 vip 分组",
    "Invalid max_tokens value, the valid range … is [1, 8192]": "Invalid max_tokens value, the valid range of"
    " max_tokens is [1, 8192]",
    "only 1 is allowed for this model": "invalid temperature: only 1 is allowed for this model",
    "Supported values are: 'low', …": "Unsupported value: 'reasoning_effort' does not support 'high' with this model."
    " Supported values are: 'low', 'medium'.",
    "max_tokens … is too large: 32000. This model's maximum context length is …": "'max_tokens' or"
    " 'max_completion_tokens' is too large: 32000. This model's maximum context length is 40960 tokens and your request"
    " has 11000 input tokens (32000 > 40960 - 11000).",
}
"""A sentence that the page cuts, as a relay says it."""
OF_CODEX: Final = "Instructions are required", "System messages are not allowed"
"""Said of requests of the Responses API: tests/e2e/test_codex_relays.py."""
SAID: Final = [(sentence, row) for row in TABLE for sentence in quoted(row[0]) if sentence not in OF_CODEX]
SENTENCES: Final = [pytest.param(number, *each, id=each[0]) for number, each in enumerate(SAID)]
NOT_REPEATED: Final = frozenset({400, 401, 402, 403, 404})
"""What no client sends again but Claude Code, which asks once more after a 404."""


CODE: Final = re.compile(r"[a-z_]+_[a-z]+")
DIALECTS: Final = {"messages": MESSAGES, "responses": RESPONSES}


@pytest.fixture(scope="module")
def relay() -> Iterator[RawUpstream]:
    with raw_upstream(lambda call: reply()) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(relay: RawUpstream) -> Iterator[Daemon]:
    """A provider for each answer, since each rests, or is known better, after it."""
    names = (f"{entry}-{number}" for entry in DIALECTS for number in range(len(SENTENCES)))
    defaults = {"model-reasoning-effort": "high"}
    fox = (provider(name, relay.url, wire_api="chat", defaults=defaults) for name in names)
    with daemon(config(*fox, request_retry=0)) as running:
        yield running


@pytest.mark.parametrize("entry", DIALECTS)
@pytest.mark.parametrize(("number", "sentence", "row"), SENTENCES)
def test_each_client_gets_what_the_page_says(
    gateway: Daemon, relay: RawUpstream, number: int, sentence: str, row: Row, entry: str
) -> None:
    promise = row[2] if entry == "messages" or row[3] == "the same" else row[3]
    answers = iter([refused(sentence, 400 if "no error" in row[2] + row[3] else 403)])
    relay.answer = lambda call: next(answers, reply())
    limit = {"max_tokens": 32000} if entry == "messages" else {"max_output_tokens": 32000}
    body = DIALECTS[entry].request("hello", model=f"{entry}-{number}/gpt-5", temperature=0.5, **limit)
    answer = gateway.post(DIALECTS[entry].path, body)
    if promise.startswith("no error"):
        assert (answer.status_code, answer.headers["x-tppcd-attempts"]) == (200, "2"), answer.text
        return
    kept_promise(answer.status_code, answer.text, promise)
    assert "retry-after" in answer.headers or "retry-after" not in promise
    assert answer.status_code in NOT_REPEATED or "once" not in promise or spared(answer.headers)


def refused(sentence: str, status: int) -> bytes:
    """A code stands beside other words, and that of a window with the time of its end."""
    if CODE.fullmatch(sentence):
        return reply(status, {"error": {"message": "no", "code": sentence, "resets_in_seconds": 2520}})
    return refusal(status, WHOLE.get(sentence, sentence))


def kept_promise(status: int, text: str, promise: str) -> None:
    """The status and the words of a cell of the page, up to what is said of other cases."""
    promise = promise.partition("; without")[0]
    assert str(status) == re.findall(r"\b\d{3}\b", promise)[0], text
    assert [word for word in quoted(promise) if word != "retry-after" and word not in text] == []


def spared(headers: Mapping[str, str]) -> bool:
    """Whether the client is asked not to try again."""
    return headers.get("x-should-retry") == "false"


@pytest.mark.parametrize(("entry", "code"), [("messages", "rate_limit_error"), ("responses", "insufficient_quota")])
def test_a_window_without_a_time_is_not_waited_for(relay: RawUpstream, entry: str, code: str) -> None:
    relay.answer = lambda call: reply(403, {"error": {"message": "no", "code": "daily_cost_limit_exceeded"}})
    with daemon(config(provider("fox", relay.url, wire_api="chat"), request_retry=0)) as gateway:
        answer = gateway.post(DIALECTS[entry].path, DIALECTS[entry].request("hello"))
    assert (answer.status_code, code in answer.text) == (429, True), answer.text
    assert spared(answer.headers) and "retry-after" not in answer.headers
