"""What is known of Claude models by the names that clouds, routers and relays give them."""

from __future__ import annotations

import pytest

from daemon.wires.anthropic_messages.models import UNKNOWN, claude_model

ALL = ("low", "medium", "high", "xhigh", "max")
MODELS: list[tuple[str, str, str, int, tuple[str, ...], bool]] = [
    # name, thinking, what switches it off, most tokens, efforts, whether sampling is taken
    ("claude-opus-5-5", "adaptive", "", 128_000, ALL, False),
    ("claude-fable-5-1", "adaptive", "", 128_000, ALL, False),
    ("claude-mythos-5-2", "adaptive", "", 128_000, ALL, False),
    ("claude-mythos-preview", "adaptive", "", 128_000, ("low", "medium", "high", "max"), False),
    ("claude-sonnet-5-5", "adaptive", "between_tools", 128_000, ALL, False),
    ("claude-haiku-5-5", "adaptive", "disabled", 128_000, ALL, False),
    ("claude-opus-5", "adaptive", "disabled", 128_000, ALL, False),
    ("claude-sonnet-5-20260701", "adaptive", "disabled", 128_000, ALL, False),
    ("claude-opus-4-8", "adaptive", "disabled", 128_000, ALL, False),
    ("anthropic.claude-opus-4-7", "adaptive", "disabled", 128_000, ALL, False),
    ("claude-4.7-opus", "adaptive", "disabled", 128_000, ALL, False),
    ("anthropic/claude-opus-4.6", "adaptive", "disabled", 128_000, ("low", "medium", "high", "max"), True),
    ("us.anthropic.claude-sonnet-4-6-v1:0", "adaptive", "disabled", 128_000, ("low", "medium", "high", "max"), True),
    ("claude-opus-4-5@20251101", "budget", "disabled", 64_000, (), True),
    ("claude-haiku-4-5-20251001", "budget", "disabled", 64_000, (), True),
    ("claude-sonnet-4-20250514", "budget", "disabled", 64_000, (), True),
    ("claude-opus-4-1-20250805", "budget", "disabled", 32_000, (), True),
    ("claude-3-7-sonnet-latest", "budget", "disabled", 64_000, (), True),
    ("claude-3-5-sonnet-20241022", "", "disabled", 8_192, (), True),
    ("claude-3-haiku-20240307", "", "disabled", 4_096, (), True),
    ("claude-opus-7", "adaptive", "", 128_000, ALL, False),
    ("Claude-Opus-Latest", "adaptive", "", 128_000, ALL, False),
]


@pytest.mark.parametrize(("name", "thinking", "off", "most", "efforts", "sampling"), MODELS)
def test_a_model_is_known_by_family_and_version(
    name: str, thinking: str, off: str, most: int, efforts: tuple[str, ...], sampling: bool
) -> None:
    model = claude_model(name)
    assert (model.thinking, model.off, model.most_tokens) == (thinking, off, most)
    assert (model.efforts, model.sampling) == (efforts, sampling)
    assert model.usual_tokens <= model.most_tokens


@pytest.mark.parametrize("name", ["glm-5", "deepseek-v4-pro", "kimi-k2.7-code", "MiniMax-M3", "claude-2.1", "opus-5"])
def test_other_names_say_nothing(name: str) -> None:
    assert claude_model(name) is UNKNOWN
