"""The makes of upstream that can be played, as data: one row each.

    rules ─▶ demands ─┐
    habits ─▶ wires ──┴─ a row per make ─▶ MAKES ─▶ app, cli.simulate, docs/reference/simulator.md (generated)

The names in ``MAKES`` are those of docs/reference/profiles.md. Each row has its sources in its module, or in a comment
beside what is not usual. A new make is a row; no code asks for a name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from daemon.simulate import chat, messages, responses
from daemon.simulate.makes import (
    anthropic,
    codex_relay,
    copilot,
    deepseek,
    doubao,
    fireworks,
    gemini,
    glm,
    groq,
    kimi,
    minimax,
    mistral,
    nvidia,
    openai_family,
    openrouter,
    qwen,
    relays,
    servers,
    xai,
)
from daemon.simulate.makes.make import Api, Make

MAKES: Final[Mapping[str, Make]] = {
    make.name: make
    for make in (
        *openai_family.ROWS,
        anthropic.MAKE,
        codex_relay.MAKE,
        deepseek.MAKE,
        kimi.MAKE,
        glm.MAKE,
        qwen.MAKE,
        minimax.MAKE,
        mistral.MAKE,
        groq.MAKE,
        xai.MAKE,
        gemini.MAKE,
        openrouter.MAKE,
        fireworks.MAKE,
        nvidia.MAKE,
        *servers.ROWS,
    )
}

WITHOUT_PROFILE: Final[Mapping[str, Make]] = {make.name: make for make in (copilot.MAKE, doubao.MAKE, *relays.ROWS)}
"""Makes that tppcd has no profile for, and programs that are run behind the profile of another one."""

ALL: Final[Mapping[str, Make]] = {**MAKES, **WITHOUT_PROFILE}

PLAIN: Final = Make(
    name="",
    counts=True,
    apis=tuple(Api(wire=wire, base="") for wire in (responses.WIRE, chat.WIRE, messages.WIRE)),
)
"""No make: any path, any model, any parameter."""
