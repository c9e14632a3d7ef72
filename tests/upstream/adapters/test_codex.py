"""What a Codex client says and hears passes: it stays one."""

from __future__ import annotations

import pytest

from daemon.upstream.adapters.codex import is_codex, passed_down


@pytest.mark.parametrize(
    ("expected", "client"),
    [
        (True, {"user-agent": "codex_cli_rs/0.50.0"}),
        (True, {"user-agent": "codex-tui/0.171.0"}),
        (True, {"user-agent": "Codex Desktop/1.0"}),
        (True, {"user-agent": "node", "originator": "codex_sdk_ts"}),
        (False, {"user-agent": "mycodex/1"}),
        (False, {"user-agent": "codexter/1"}),
        (False, {}),
    ],
)
def test_who_is_codex(expected: bool, client: dict[str, str]) -> None:
    assert is_codex(client) is expected


def test_what_an_upstream_says_to_codex_passes_down() -> None:
    sent = {
        "x-codex-primary-used-percent": "3",
        "x-codex-turn-state": "T",
        "x-ratelimit-remaining-tokens": "9",
        "x-models-etag": "e",
    }
    assert dict(passed_down(sent | {"set-cookie": "c", "server": "s", "x-request-id": "r"})) == sent
    assert len(passed_down({f"x-codex-{number}": "" for number in range(1000)})) == 64
