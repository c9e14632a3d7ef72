"""Betas that a server does not know are left out of the header, and the others are kept."""

from __future__ import annotations

import pytest

from daemon.wires.anthropic_messages.beta_header import without_betas

BETAS = "claude-code-20250219,context-1m-2025-08-07, interleaved-thinking-2025-05-14"


@pytest.mark.parametrize(
    ("refused", "left"),
    [
        ("context-1m-2025-08-07", "claude-code-20250219,interleaved-thinking-2025-05-14"),
        ("context-1m-2025-08-07`, `interleaved-thinking-2025-05-14", "claude-code-20250219"),
        ("long context", "claude-code-20250219,interleaved-thinking-2025-05-14"),
        ("other-2026-01-01", "claude-code-20250219,context-1m-2025-08-07,interleaved-thinking-2025-05-14"),
        ("", None),
    ],
)
def test_items_of_the_beta_header(refused: str, left: str | None) -> None:
    headers = {"anthropic-beta": BETAS, "x": "y"}
    without_betas(headers, refused)
    assert headers == {"x": "y"} | ({"anthropic-beta": left} if left else {})


def test_a_request_without_the_header_stays_as_it_is() -> None:
    headers = {"x": "y"}
    without_betas(headers, "")
    assert headers == {"x": "y"}
