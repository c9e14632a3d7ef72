"""Core auths for tests: only what the test is about is said."""

from __future__ import annotations

from typing import Any

from daemon.config.schema import Defaults
from daemon.secret import Secret
from daemon.snapshot.core_auths import CoreAuth, UpstreamTimeouts
from daemon.snapshot.listings import Candidate


def core_auth(name: str = "fox", **changes: Any) -> CoreAuth:
    fields: dict[str, Any] = {
        "id": f"tppc:{name}:0123456789ab",
        "client_id": f"tppc:models:{name}",
        "name": name,
        "kind": "tppc",
        "provider": "codex",
        "source": f"config:tppc[{name}]",
        "wire": "responses",
        "base_url": "https://up.example/v1",
        "api_key": Secret(f"sk-{name}"),
        "models": (),
        "defaults": Defaults(),
        "store": False,
        "timeouts": UpstreamTimeouts(),
    }
    return CoreAuth(**fields | changes)


def candidate(name: str = "fox", model: str = "gpt-5", **changes: Any) -> Candidate:
    return Candidate(core_auth(name, **changes), model)
