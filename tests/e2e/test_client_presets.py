"""Every fault preset of the strict upstream under the real clients, in a task of five turns.

Whatever fails: the client does not hang, runs no half call, and does not say that the task is done when it is not.
Seen with Claude Code 2.1.332 and Codex 0.171.0. Their own retries are cut down, which would take minutes.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.clients import ended_client
from tests.e2e.strict import KEY, StrictUpstream, needs_upstream, strict_upstream
from tests.e2e.test_fault_presets import ENDINGS, FAILURES
from tests.harness import Daemon, config, daemon

pytestmark = needs_upstream

CLIENTS = {"claude": "run-claude-code.sh", "codex": "run-codex.sh"}
FEW_RETRIES = {
    "EXTRA_ENV": "CLAUDE_CODE_MAX_RETRIES=2",
    "CODEX_EXTRA": "-c model_providers.gw.request_max_retries=2 -c model_providers.gw.stream_max_retries=2",
    "TIMEOUT": "90",
}
PRESETS = (*FAILURES, *ENDINGS)
QUICK = frozenset({"stream_failed", "hang", "drop_connection", "context_length", "incomplete"})
"""One of each kind, for the usual run: 2 to 4 s each on a machine at rest."""
MAY_GIVE_UP = frozenset(
    {
        *("quota", "usage_limit", "invalid_key", "forbidden", "model_not_found"),
        *("context_length", "stream_context_length"),
        "stream_rate_limit",  # Claude Code retries no rate limit that comes inside a stream
        *("incomplete", "content_filter", "refusal", "empty_output"),
    }
)
"""After these the client may end without the task; it has to say so."""
OF_THE_MODEL = frozenset(
    {"incomplete", "content_filter", "refusal", "empty_output", "context_length", "stream_context_length"}
)
"""Answers in which the model itself stops: what it said is then the client's answer. And where Claude Code has
summarised the conversation: the scripted model then takes its task for done."""


@pytest.fixture(scope="module")
def strict() -> Iterator[StrictUpstream]:
    with strict_upstream() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(strict: StrictUpstream) -> Iterator[Daemon]:
    entry = {"name": "fox", "enabled": True, "base-url": f"{strict.url}/v1", "api-key": KEY}
    timeouts = {"first-event": 2, "idle": 2}
    with daemon(config({**entry, "timeouts": timeouts}, disable_cooling=True, request_retry=0)) as running:
        yield running


def ended(strict: StrictUpstream, gateway: Daemon, client: str, faults: list[str]) -> subprocess.CompletedProcess[str]:
    strict.fail(*({"preset": each, "seconds": 5} if each == "hang" else each for each in faults))
    done = ended_client(CLIENTS[client], gateway.url, "gpt-5", "tools", env=FEW_RETRIES)
    assert "exit status 124" not in done.stdout, f"it hung:\n{done.stdout}"
    return done


def check(done: subprocess.CompletedProcess[str], preset: str, *, lasting: bool = False) -> None:
    """The runner has looked at the files and at the last message: a client that says it is done has done it all."""
    if done.returncode == 0:
        assert "PASS" in done.stdout and not (lasting and preset in FAILURES)
        return
    assert lasting or preset in MAY_GIVE_UP, f"a retry would have helped:\n{done.stdout}"
    owned_up = re.search(r'exit status [1-9]|"is_error":true|"type":"turn.failed"', done.stdout) is not None
    assert owned_up or preset in OF_THE_MODEL, f"it says that all is well:\n{done.stdout}"


def in_the_usual_run(preset: str) -> object:
    return pytest.param(preset, marks=() if preset in QUICK else pytest.mark.soak)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("preset", [in_the_usual_run(preset) for preset in PRESETS])
def test_on_the_second_turn(strict: StrictUpstream, gateway: Daemon, preset: str, client: str) -> None:
    check(ended(strict, gateway, client, ["ok", preset]), preset)


@pytest.mark.soak
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("preset", PRESETS)
def test_on_the_first_turn(strict: StrictUpstream, gateway: Daemon, preset: str, client: str) -> None:
    check(ended(strict, gateway, client, [preset]), preset)


@pytest.mark.soak
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("preset", [preset for preset in PRESETS if preset != "no_usage"])
@pytest.mark.parametrize("turn", [1, 2])
def test_on_every_turn_from_one_on(
    strict: StrictUpstream, gateway: Daemon, turn: int, preset: str, client: str
) -> None:
    check(ended(strict, gateway, client, ["ok"] * (turn - 1) + [preset] * 60), preset, lasting=True)
