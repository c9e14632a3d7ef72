"""Seals and the prompt cache: what makes one account's answers useless to another."""

from __future__ import annotations

import pytest

from daemon.simulate.answer import PromptCache, seal, unseal


def test_a_seal_opens_for_the_key_it_was_made_for() -> None:
    assert unseal(seal("abc", "key-a"), "key-a") == "abc"


@pytest.mark.parametrize(
    "sealed", [seal("abc", "key-b"), seal("abc", "key-a")[:-8] + "AAAAAAA=", "", "gAAAAAB", "plain text", "é"]
)
def test_what_another_key_sealed_or_somebody_altered_does_not_open(sealed: str) -> None:
    assert unseal(sealed, "key-a") is None


def test_cached_tokens_grow_in_steps_from_a_floor() -> None:
    cache = PromptCache(capacity=2)
    assert [cache.cached("a", tokens) for tokens in (5000, 5100, 900, 5000)] == [0, 4992, 0, 0]
    assert cache.cached("a", 5000) == 4992


def test_the_cache_forgets_the_oldest_prompt() -> None:
    cache = PromptCache(capacity=1)
    cache.cached("a", 5000)
    cache.cached("b", 5000)
    assert cache.cached("a", 5000) == 0
