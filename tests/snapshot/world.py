"""Snapshots of YAML texts."""

from __future__ import annotations

from collections.abc import Mapping

from daemon.snapshot.snapshot import Snapshot, build
from tests.config.world import loaded

PACKYCODE = """
packycode:
  enabled: true
  base-url: https://codex-api.packycode.com/v1
  credentials:
    openai-api-key: sk-planted-packy
"""


def tppc(*providers: str) -> str:
    """Each provider as the inside of a flow mapping; key and URL are made of the name where they are not given."""
    rows = []
    for provider in providers:
        name = provider.partition(",")[0].strip()
        given = f"name: {provider}"
        if "base-url" not in given:
            given += f", base-url: 'https://{name.lower()}.example/v1'"
        if "api-key" not in given:
            given += f", api-key: sk-planted-{name.lower()}"
        if "enabled" not in given:
            given += ", enabled: true"
        rows.append(f"    - {{{given}}}\n")
    return "tppc:\n  providers:\n" + "".join(rows)


def snapshot(text: str, *, generation: int = 1, env: Mapping[str, str] | None = None) -> Snapshot:
    fragment = loaded(text, env)
    assert fragment.settings is not None, [str(each) for each in fragment.diagnostics]
    return build(fragment, generation=generation)
