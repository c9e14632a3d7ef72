"""Answers of a real server through the daemon: streamed to real clients, whole, and the models it lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dialects import DIALECTS
from tests.harness import Daemon, wait_for
from tests.model.clients import claude_code, openai_sdk
from tests.model.conftest import listed

pytestmark = pytest.mark.model

PROVIDERS = ("plain", "keyless")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_claude_code_prints_a_streamed_answer(gateway: Daemon, tmp_path: Path, provider: str) -> None:
    pieces, result = claude_code(gateway.url, f"{provider}/llama", tmp_path)
    assert len(pieces) > 4
    assert (result["is_error"], result["stop_reason"]) == (False, "end_turn")
    assert result["result"].strip() == "".join(pieces).strip() != ""


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(("api", "end"), [("chat", "stop"), ("responses", "response.completed")])
def test_the_openai_sdk_reads_a_streamed_answer(
    gateway: Daemon, tmp_path: Path, provider: str, api: str, end: str
) -> None:
    pieces, last = openai_sdk(gateway.url, f"{provider}/llama", api, tmp_path)
    assert len(pieces) > 4 and "".join(pieces).strip()
    assert last == end


@pytest.mark.parametrize("wire", DIALECTS)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_whole_answer_has_text(gateway: Daemon, provider: str, wire: str) -> None:
    dialect = DIALECTS[wire]
    answer = gateway.post(dialect.path, dialect.request("Say hello", model=f"{provider}/llama"))
    assert answer.status_code == 200, answer.text
    assert dialect.text(answer.json()).strip()


def test_the_models_of_both_servers_are_found_and_asked_by_name(gateway: Daemon) -> None:
    wait_for(lambda: {"llama", "gpt2"} <= listed(gateway), "the models that the servers list")
    answer = gateway.post("/v1/chat/completions", DIALECTS["chat"].request("Say hello", model="gpt2"))
    assert (answer.status_code, answer.json()["model"]) == (200, "gpt2")
