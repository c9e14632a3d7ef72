"""``codex``: the Responses API, of OpenAI itself or of a relay in front of ChatGPT accounts.

A Codex client talking to a Responses upstream stays one: what it says of itself passes up, and what the upstream
says to Codex passes down. Relays that serve Codex only know it by these (sub2api#4694, claude-relay-service's
``codexCliValidator``, 2026-11); others rewrite the requests of whoever is not Codex. No other client gets a disguise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from daemon.upstream.adapters import openai
from daemon.upstream.adapters.base import AdapterType
from daemon.wires.openai.parameters import TURN_STATE
from daemon.wires.openai_responses import WIRE

_CODEX: Final = re.compile(r"codex\b|codex[_-]", re.IGNORECASE)
"""``codex_cli_rs/0.171.0 (…)``, ``codex_exec/…``, ``codex-tui/…``, ``Codex Desktop/…``; the same as ``originator``."""
_OF_CODEX: Final = ("x-codex-",)
_FOR_CODEX: Final = ("x-codex-", "x-ratelimit-", "x-models-etag")
_MOST_PASSED: Final = 64
"""Headers of one response that are passed down."""


def passed_up(client: Mapping[str, str]) -> dict[str, str]:
    """Those of the client's headers that go along: of Codex also what it says of itself."""
    passed = openai.passed_up(client)
    if is_codex(client):
        passed |= {name: client[name] for name in client if name == "user-agent" or name.startswith(_OF_CODEX)}
    return passed


def is_codex(client: Mapping[str, str]) -> bool:
    """Whether the client says that it is Codex."""
    return any(_CODEX.match(client.get(name, "")) for name in ("originator", "user-agent"))


def passed_down(upstream: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """What of the response's headers a client of the same wire gets: limits, catalog, turn state."""
    passed = [(name, value) for name, value in upstream.items() if name.startswith(_FOR_CODEX)]
    return tuple(passed[:_MOST_PASSED])


CODEX: Final = AdapterType(
    type="codex",
    wire=WIRE,
    seed_models=True,
    passed_up=passed_up,
    passed_down=passed_down,
    bound_header=TURN_STATE,
)
