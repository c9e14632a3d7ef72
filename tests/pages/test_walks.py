"""README and the tutorial do what they say: every shell and YAML block, in order, from a fresh clone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import pytest

from tests.pages.blocks import blocks
from tests.pages.walk import CLAUDE, KEY, Walk, walk

Check = Callable[[Walk], None]


def says(*parts: str) -> Check:
    """The block prints these."""

    def check(user: Walk) -> None:
        assert [part for part in parts if part not in user.output] == []

    return check


def logs(*patterns: str) -> Check:
    """The daemon logs these."""

    def check(user: Walk) -> None:
        for pattern in patterns:
            user.running["8317"].wait_log(pattern)

    return check


def answers_to_claude(user: Walk) -> None:
    """Where Claude Code is installed."""
    if CLAUDE.exists():
        assert "Hello from tppcd simulate" in user.output


def wrote_a_file_with_claude(user: Walk) -> None:
    if CLAUDE.exists():
        assert (user.clone / "hello.txt").read_text("utf-8").strip() == "hi"


def has_the_key(user: Walk) -> None:
    file = user.home / "packycode.key"
    assert (file.read_text("utf-8"), file.stat().st_mode & 0o077) == (f"{KEY}\n", 0)


PAGES: Final[Mapping[str, Mapping[str, Check]]] = {
    "README.md": {
        "make run": logs("no provider is enabled"),
        ".venv/bin/tppcd simulate": lambda user: None,
        "export ANTHROPIC_BASE_URL": answers_to_claude,
        "read -rs KEY": has_the_key,
        ".venv/bin/tppcd check": says("config.yaml: valid", "packycode"),
        ".venv/bin/tppcd init": says("wrote deepseek.yaml"),
    },
    "docs/tutorial.md": {
        "make run": logs("no provider is enabled"),
        "curl http://127.0.0.1:8317/healthz": says('"generation"', '"last-reload"'),
        "chmod 600": says('"gpt-5"'),
        "export ANTHROPIC_BASE_URL": wrote_a_file_with_claude,
        "curl http://127.0.0.1:8317/v1/messages": says("event: message_stop", "claude-opus-4-8"),
        ".venv/bin/tppcd logs -n 3": says("claude-opus-4-8", "simulate", "ready"),
        "sed -i 's/base-url: http/base-url http/'": logs(r"config\.yaml:\d+:\d+: error"),
        # behind the one above: the file is broken, and requests are served
        "curl http://127.0.0.1:8317/healthz\ncurl": says('"degraded"', "Still there?"),
        "sed -i 's/base-url http/base-url: http/'": says("config.yaml: valid"),
        "curl -i ": logs("429"),
        "curl -s http://127.0.0.1:18317": says(
            "HTTP/1.1 200", "x-tppcd-provider: wolf", "attempt failed", "last error"
        ),
    },
}
"""A page -> how a block of it begins -> what is there afterwards. After a YAML block a request is answered."""


@pytest.mark.parametrize("page", PAGES)
def test_a_new_user_gets_what_the_page_says(page: str) -> None:
    open_checks = dict(PAGES[page])
    with walk() as user:
        for block in blocks(page, "sh", "yaml"):
            user.do(block)
            if block.lang == "yaml":
                answers(user)
            elif beginning := next((each for each in open_checks if block.text.startswith(each)), ""):
                open_checks.pop(beginning)(user)
    assert open_checks == {}, "no block of the page begins so"


def answers(user: Walk) -> None:
    body = {"model": "claude-opus-4-8", "max_tokens": 99, "messages": [{"role": "user", "content": "Say hello"}]}
    answer = user.running["8317"].post("/v1/messages", body)
    assert (answer.status_code, "Hello from tppcd simulate" in answer.text) == (200, True), answer.text
