"""Which models are OpenAI's, which of these reason, and which search."""

from __future__ import annotations

import pytest

from daemon.wires.openai_chat.encode_request import is_openai, reasons, searches


@pytest.mark.parametrize(
    ("model", "openai", "reasoning", "searching"),
    [
        ("gpt-4o", True, False, False),
        ("gpt-4o-search-preview", True, False, True),
        ("gpt-5-search-api", True, True, True),
        ("openai/gpt-5.1", True, True, False),
        ("gpt-5-chat-latest", True, False, False),
        ("codex-mini-latest", True, True, False),
        ("o3", True, True, False),
        ("o4-mini", True, True, False),
        ("chatgpt-4o-latest", True, False, False),
        ("gpt-oss-120b", False, False, False),
        ("openai/gpt-oss-20b", False, False, False),
        ("deepseek-reasoner", False, False, False),
        ("kimi-k2-search", False, False, False),
        ("o1x", False, False, False),
    ],
)
def test_models(model: str, openai: bool, reasoning: bool, searching: bool) -> None:
    assert (is_openai(model), reasons(model), searches(model)) == (openai, reasoning, searching)
