"""Every type of provider by its name, and which of them serves a core auth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from daemon.snapshot.core_auths import CoreAuth
from daemon.upstream.adapters.base import AdapterType
from daemon.upstream.adapters.codex import CODEX
from daemon.upstream.adapters.messages import MESSAGES
from daemon.upstream.adapters.openai import OPENAI
from daemon.upstream.adapters.vllm import VLLM
from daemon.wires.table import WIRES

ADAPTERS: Final[Mapping[str, AdapterType]] = {each.type: each for each in (OPENAI, VLLM, CODEX, MESSAGES)}

_OF_WIRE: Final = {wire.name: AdapterType(type=wire.name, wire=wire) for wire in WIRES.values()} | {
    each.wire.name: each for each in ADAPTERS.values() if not each.profile
}


def adapter_of(auth: CoreAuth) -> AdapterType:
    """The type of a provider of the store; of one of config.yaml, which names a wire and no type, the one of that wire
    without a profile. A wire without a type of its own is served by what its folder says."""
    return ADAPTERS[auth.type] if auth.type in ADAPTERS else _OF_WIRE[auth.wire]
