"""A text of config.yaml is parsed once, however many steps of a write look at it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from daemon.reload.writing import ConfigWriting
from daemon.sources.file import FileSource
from daemon.state.copies import History
from tests.api import world as api
from tests.reload.world import World

TEXT = api.MANAGED.replace("env:FOX_KEY", "sk-fox-planted")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "method, path, body, texts",
    [
        ("PATCH", "/tppc", {"providers": [{"name": "fox", "weight": 7}]}, 2),
        ("PATCH", "/tppc", {"providers": [{"name": "fox", "weight": None}]}, 1),
        ("PATCH", "/packycode", {"enabled": False}, 2),
        ("DELETE", "/tppc/providers/wolf", None, 2),
        ("PUT", "/config.yaml", TEXT.replace("fox-large", "fox-small"), 1),
    ],
)
async def test_a_write_parses_the_old_and_the_new_text_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, path: str, body: object, texts: int
) -> None:
    config = tmp_path / "config.yaml"
    config.touch(0o600)
    config.write_text(TEXT)
    history = History(tmp_path, config)
    reload = World(FileSource(config), tmp_path, path=config, history=history)
    daemon = api.World(None)
    daemon.services.current = reload.current
    daemon.services.reloader = reload.reloader
    daemon.services.writing = ConfigWriting(config, tmp_path, reload.reloader, history)
    seen: dict[str, Counter[str]] = {"parse": Counter(), "compose": Counter()}

    def counted(name: str) -> Any:
        real = getattr(yaml, name)

        def call(text: str, **more: Any) -> Any:
            seen[name].update([text] if "remote-management" in text else [])
            return real(text, **more)

        return call

    async with reload.running():
        for name in seen:
            monkeypatch.setattr(yaml, name, counted(name))
        answer = await daemon.ask(method, f"/v0/management{path}", daemon.key, body=body)
        assert answer.status_code == 200, answer.text
    for name, texts_seen in seen.items():
        assert sorted(texts_seen.values()) == [1] * texts, f"yaml.{name}"
