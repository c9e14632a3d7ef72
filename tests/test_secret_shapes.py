"""Keys are masked by their shape wherever an upstream quotes them."""

from __future__ import annotations

import pytest

from daemon.secret import mask_keys


@pytest.mark.parametrize(
    ("masked", "text"),
    [
        ("Incorrect API key provided: sk-***. See", "Incorrect API key provided: sk-planted. See"),
        ("额度已用尽 TokenStatusExhausted[sk-***]", "额度已用尽 TokenStatusExhausted[sk-abc***xyz]"),
        ("无效的令牌sk-***", "无效的令牌sk-abcdef1234"),
        ("Bearer ***", "Bearer abcdefghijklmnopqrstuvwx12"),
        ("api key: ***", "api key: 0123456789abcdef0123456789abcdef"),
        ('"token": "***"', '"token": "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="'),
        ("令牌 *** 无效", "令牌 AKIDabcdefghijklmnop1234 无效"),
        ("AIza*** is no key", "AIzaSyD-abcdefghijklmnopqrstuvwxyz is no key"),
        ("the key pre_consume_token_quota_failed", "the key pre_consume_token_quota_failed"),
        ("task-force and disk-usage stay", "task-force and disk-usage stay"),
        ("token max_completion_tokens_of_something", "token max_completion_tokens_of_something"),
    ],
)
def test_what_looks_like_a_key(masked: str, text: str) -> None:
    assert mask_keys(text) == masked
    assert mask_keys(masked) == masked
