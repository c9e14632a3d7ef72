"""Claude Code, Codex CLI and the SDKs do a round trip with tools through the daemon, against the simulator."""

from __future__ import annotations

import pytest

from tests.clients import run_client
from tests.harness import Daemon, Simulator


@pytest.mark.parametrize("model", ["gpt-5", "default"])
@pytest.mark.parametrize("chunk_bytes", [0, 7])
def test_claude_code(upstream: Simulator, gateway: Daemon, model: str, chunk_bytes: int) -> None:
    upstream.control(chunk_bytes=chunk_bytes)
    assert "PASS" in run_client("run-claude-code.sh", gateway.url, model, "basic")


@pytest.mark.parametrize("scenario", ["bash", "tools", "subagent", "resume", "schema"])
def test_claude_code_at_work(upstream: Simulator, gateway: Daemon, scenario: str) -> None:
    assert "PASS" in run_client("run-claude-code.sh", gateway.url, "gpt-5", scenario)


@pytest.mark.parametrize("scenario", ["basic", "tools", "resume", "schema", "image", "compact"])
def test_codex(upstream: Simulator, gateway: Daemon, scenario: str) -> None:
    assert "PASS" in run_client("run-codex.sh", gateway.url, "gpt-5", scenario)


@pytest.mark.parametrize("generation", ["", "-old"], ids=["new", "old"])
def test_sdks(upstream: Simulator, gateway: Daemon, generation: str) -> None:
    run_client("run-sdk.py", gateway.url, "--suites", "anthropic,responses", generation=generation)
