"""``tppcd store``: on a real database, without a daemon."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.cli import main
from tests.store.conftest import postgresql, url
from tests.store.test_source import KEY
from tests.store.world import PLANTED, World, body

__all__ = ["postgresql", "url"]
OTHER = "11" * 32


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    return tmp_path


def configured(directory: Path, url: str, keys: str = "") -> str:
    path = directory / "config.yaml"
    settings = {"url": url, "encryption-key": keys}
    lines = [f"  {name}: {value}" for name, value in settings.items() if value]
    path.write_text("\n".join(("provider-store:", *lines)) + "\n" if lines else "{}\n")
    return str(path)


def test_migrate_makes_the_schema_once(url: str, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = configured(state, url, KEY)
    for wanted in ("schema 0001 is in place", "nothing to do"):
        assert main(["store", "migrate", "--config", config]) == 0
        assert wanted in capsys.readouterr().out


def test_rekey_encrypts_with_the_newest_key(url: str, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with World(url, state) as world:
        from daemon.store.encryption import encryption_keys

        old = encryption_keys(KEY)
        world.another(world.database, lambda make: old).create(body())
        assert main(["store", "rekey", "--config", configured(state, url, f'"{OTHER} {KEY}"')]) == 0
        assert capsys.readouterr().out == "1 key encrypted again\n"
        (sealed,) = world.look("SELECT api_key FROM providers")[0]
        assert encryption_keys(OTHER).open(sealed) == PLANTED
        assert main(["store", "rekey", "--config", configured(state, url, KEY)]) == 1
        assert "fingerprint" in capsys.readouterr().err


def test_rekey_replaces_a_generated_key(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = configured(state, "")
    assert main(["store", "rekey", "--config", config]) == 0
    before = (state / "store.key").read_text()
    assert main(["store", "rekey", "--config", config]) == 0
    assert (state / "store.key").read_text() != before
    assert (state / "store.key").stat().st_mode & 0o777 == 0o600
    assert capsys.readouterr().out == "0 keys encrypted again\n" * 2


def test_a_database_that_is_away(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = configured(state, "postgresql://nobody:planted-password@127.0.0.1:9/none", KEY)
    for action in ("migrate", "rekey"):
        assert main(["store", action, "--config", config]) == 1
        said = capsys.readouterr().err
        assert said.startswith("tppcd store: ")
        assert "planted-password" not in said


def test_a_config_that_is_not_valid(state: Path) -> None:
    path = state / "config.yaml"
    path.write_text("port: many\n")
    assert main(["store", "migrate", "--config", str(path)]) == 78
