"""``init``: what it writes is valid as it is, and never over something."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.cli import exit_codes, main
from daemon.cli.config_file import read
from daemon.cli.presets import PRESETS
from daemon.config.profile import Profile
from daemon.config.profiles import PROFILES, profile_of


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("ready", [False, True])
def test_every_preset_is_valid_with_and_without_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, preset: str, ready: bool
) -> None:
    variable = PRESETS[preset].variable or "UNUSED"
    monkeypatch.delenv(variable, raising=False)
    if ready:
        monkeypatch.setenv(variable, "sk-planted")
    path = tmp_path / "config.yaml"
    assert main(["init", preset, "--config", str(path)]) == exit_codes.OK
    checked = read(str(path))
    assert checked.diagnostics == ()
    assert checked.snapshot is not None
    enabled = (ready or variable == "UNUSED") and not PRESETS[preset].placeholder
    assert len(checked.snapshot.core_auths) == enabled
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text().count("#") > 5
    assert "planted" not in path.read_text()
    if preset in PROFILES and checked.snapshot.core_auths:
        (auth,) = checked.snapshot.core_auths
        assert (auth.profile, auth.profile_reason) == (preset, "configured")
        assert (auth.defaults.model, auth.wire) == (
            PROFILES[preset].preset.model,
            next(iter(PROFILES[preset].preset.base_urls)),
        )


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_an_upstream_at_its_makes_own_address_is_recognised_without_a_word(profile: Profile) -> None:
    """So the line ``profile:`` may be left out wherever the make has hosts of its own."""
    for wire, url in profile.preset.base_urls.items():
        recognised, _ = profile_of("", is_packycode=False, base_url=url, wire=wire)
        local = "127.0.0.1" in url or "relay.example" in url
        assert recognised == (None if local else profile)


def test_there_is_a_preset_for_each_profile_and_help_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(PRESETS) == ["packycode", "tppc", *PROFILES]
    with pytest.raises(SystemExit):
        main(["init", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert all(f" {name}," in shown or f" {name};" in shown for name in PRESETS)


def test_an_empty_file_is_filled(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.touch()
    assert main(["init", "deepseek", "--config", str(path)]) == exit_codes.OK
    assert "profile: deepseek" in path.read_text()


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
