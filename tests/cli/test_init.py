"""``init``: what it writes is valid as it is, and never over something."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.cli import exit_codes, main
from daemon.cli.config_file import read
from daemon.cli.init import KINDS


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ready", [False, True])
def test_every_kind_is_valid_with_and_without_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, ready: bool
) -> None:
    variable = KINDS[kind][1] or "UNUSED"
    monkeypatch.delenv(variable, raising=False)
    if ready:
        monkeypatch.setenv(variable, "sk-planted")
    path = tmp_path / "config.yaml"
    assert main(["init", kind, "--config", str(path)]) == exit_codes.OK
    checked = read(str(path))
    assert checked.diagnostics == ()
    assert checked.snapshot is not None
    assert len(checked.snapshot.core_auths) == (1 if ready or kind == "vllm" else 0)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text().count("#") > 5
    assert "planted" not in path.read_text()


def test_it_does_not_overwrite(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("port: 9000\n")
    assert main(["init", "--config", str(path)]) == exit_codes.FAILURE
    assert path.read_text() == "port: 9000\n"
    assert "exists already" in capsys.readouterr().err


def test_a_directory_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--config", str(tmp_path / "no" / "config.yaml")]) == exit_codes.FAILURE
    assert "cannot be written" in capsys.readouterr().err


def test_it_says_what_comes_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PACKYCODE_API_KEY", raising=False)
    main(["init", "--config", str(tmp_path / "config.yaml")])
    assert "export PACKYCODE_API_KEY" in capsys.readouterr().out
