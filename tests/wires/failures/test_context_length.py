"""How servers say that a prompt does not fit."""

from __future__ import annotations

import pytest

from daemon.wires.failures.context_length import does_not_fit, token_numbers

LENGTH = "This model's maximum context length is 128000 tokens. However, "
SAID = [
    (130_500, 128_000, LENGTH + "your messages resulted in 130,500 tokens."),
    (129_000, 128_000, LENGTH + "you requested 131000 tokens (129000 in the messages, 2000 in the completion)."),
    (
        130_000,
        128_000,
        "'max_tokens' is too large: 8. " + LENGTH.replace(". However,", " and") + "your request has 130000",
    ),
    (
        42_832,
        32_768,
        "This endpoint's maximum context length is 32768 tokens. However, you requested about 42832 tokens",
    ),
    (5_000, 4_096, "The decoder prompt (length 5000) is longer than the maximum model length of 4096."),
    (5_000, 4_096, "request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it"),
    (None, None, "the request exceeds the available context size, try increasing it"),
    (
        40_000,
        32_768,
        "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
    ),
    (136_973, 131_072, "This model's maximum prompt length is 131072 but the request contains 136973 tokens."),
    (1_200_000, 1_048_576, "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."),
    (291_351, 262_144, "Invalid request: Your request exceeded model token limit: 262144 (requested: 291351)"),
    (5_000, 4_096, "prompt token count of 5000 exceeds the limit of 4096"),
    (None, 129_024, "Range of input length should be [1, 129024]"),
    (None, None, "Your input exceeds the context window of this model. Please adjust your input and try again."),
    (None, None, "invalid params, context window exceeds limit"),
    (210_000, 200_000, "prompt is too long: 210000 tokens > 200000 maximum"),
    (None, 4_096, "The number of tokens is greater than the context length of the model, a context length of 4096"),
    (None, None, "index out of range in self"),
]


@pytest.mark.parametrize(("asked", "limit", "message"), SAID, ids=[row[2][:40] for row in SAID])
def test_the_words_and_numbers_of_servers(asked: int | None, limit: int | None, message: str) -> None:
    assert list(does_not_fit(message))
    numbers = token_numbers(message)
    assert (numbers.prompt, numbers.limit) == (asked, limit)


@pytest.mark.parametrize(
    "message",
    [
        "Rate limit reached: Limit 6000, Requested 14810. Please try again in 3s.",
        "max_tokens must be at most 8192",
        "user exceeds maximum length of 64",
        "You have exceeded the input token limit per minute",
        "输入 token 数超过每分钟限制",
        "list index out of range in self.choices",
        "Invalid 'tools[0].description': string too long. Expected a string with maximum length 1024.",
    ],
)
def test_other_limits_are_not_meant(message: str) -> None:
    assert not list(does_not_fit(message))
