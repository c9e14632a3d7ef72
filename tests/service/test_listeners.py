"""What a start says about its configuration, beside where it listens."""

from __future__ import annotations

import pytest
from loguru import logger

from daemon.service.listeners import announce
from tests.snapshot.world import snapshot

PROVIDER = "{name: %s, enabled: true, base-url: 'https://%s.example/v1', api-key: k}"


@pytest.mark.parametrize(
    ("said", "providers", "more"),
    [
        (["no provider is enabled"], "", ""),
        ([], PROVIDER % ("fox", "fox"), ""),
        (["routing: round-robin"], f"{PROVIDER % ('fox', 'fox')}, {PROVIDER % ('wolf', 'wolf')}", ""),
        (["translation.strict: fields"], PROVIDER % ("fox", "fox"), "translation: {strict: true}"),
    ],
)
def test_a_start_says_what_is_in_force(said: list[str], providers: str, more: str) -> None:
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(str(line)), format="{message}")
    try:
        announce([], snapshot(f"tppc: {{providers: [{providers}]}}\n{more}\n"))
    finally:
        logger.remove(sink)
    assert len(lines) == len(said)
    assert all(line.startswith(start) for line, start in zip(lines, said, strict=True))
