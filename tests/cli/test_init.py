"""``init``: what it writes is valid as it is, and never over something."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from daemon.cli import exit_codes, main
from daemon.cli.config_file import read
from daemon.cli.presets import PRESETS
from daemon.config.profile import Profile
from daemon.config.profiles import PROFILES, profile_of
from daemon.snapshot.core_auths import CoreAuth
from tests.harness import ROOT


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


KEY = "sk-planted-0123456789"


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory to write into, without keys in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("DEEPSEEK_API_KEY", "MOONSHOT_API_KEY", "TPPCD_CONFIG", "FOX_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def typed(monkeypatch: pytest.MonkeyPatch, text: str = KEY) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{text}\n"))


def enabled_auth(path: Path) -> CoreAuth:
    checked = read(str(path))
    assert checked.diagnostics == () and checked.snapshot is not None
    (auth,) = checked.snapshot.core_auths
    return auth


@pytest.mark.parametrize(
    ("options", "name", "url", "wire", "model"),
    [
        ("deepseek", "deepseek", "https://api.deepseek.com/v1", "chat", "deepseek-v4-flash"),
        ("deepseek --wire-api messages", "deepseek", "https://api.deepseek.com/anthropic/v1", "messages", None),
        ("kimi --name 月之暗面 --model kimi-k2", "月之暗面", "https://api.moonshot.ai/v1", "chat", "kimi-k2"),
        ("azure --base-url https://mine.openai.azure.com/openai/v1", "azure", None, "responses", "gpt-5.5"),
        ("codex-relay --base-url https://r.example/v1", "codex-relay", "https://r.example/v1", "responses", None),
        ("vllm --wire-api messages --base-url http://10.0.0.7:8000", "vllm", "http://10.0.0.7:8000", "messages", None),
        ("tppc --base-url https://a.example/v1", "fox", "https://a.example/v1", "responses", "gpt-5"),
        ("tppc --name true --base-url https://a.example --wire-api chat", "true", None, "chat", "gpt-5"),
        ("packycode --base-url https://b.example/v1", "packycode", "https://b.example/v1", "responses", "gpt-5"),
    ],
)
@pytest.mark.parametrize("way", ["a new file", "a file that is there"])
def test_name_and_key_are_enough(
    options: str, name: str, url: str | None, wire: str, model: str | None, way: str, there: Path
) -> None:
    """What is written serves as it is, whether the file is new or the provider is added to one."""
    (there / "the.key").write_text(KEY)
    path, more = there / "config.yaml", []
    if way != "a new file":
        path.write_text("# mine\nport: 9000   # kept\n")
        path.chmod(0o600)
        more = ["--add"]
    assert main(["init", *options.split(), "--key", "file:the.key", *more]) == exit_codes.OK
    auth = enabled_auth(path)
    assert (auth.name, auth.wire, auth.api_key.reveal()) == (name, wire, KEY)
    assert url is None or auth.base_url == url
    assert model is None or auth.defaults.model == model
    assert KEY not in path.read_text()
    if more:
        assert path.read_text().startswith("# mine\nport: 9000   # kept\n")


def test_a_typed_key_is_in_a_file_of_its_own(
    there: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch)
    assert main(["init", "deepseek", "--key", "-"]) == exit_codes.OK
    shown = capsys.readouterr()
    assert KEY not in shown.out + shown.err + (there / "config.yaml").read_text()
    assert "the key is saved in deepseek.key" in shown.out
    assert (there / "deepseek.key").stat().st_mode & 0o777 == 0o600
    assert enabled_auth(there / "config.yaml").api_key.reveal() == KEY


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        ("deepseek --key sk-literal", exit_codes.USAGE, "a key on the command line stays in the shell's history"),
        ("deepseek --key - --print", exit_codes.USAGE, "--print writes nothing, so it cannot save a key"),
        (
            "deepseek --wire-api responses",
            exit_codes.USAGE,
            "deepseek is known for chat, messages only",
        ),
        ("packycode --name x", exit_codes.USAGE, "packycode has no --name"),
        ("tppc --model x", exit_codes.USAGE, "tppc has no --model"),
        ("azure --base-url ftp://x", exit_codes.USAGE, "base-url must be a valid http(s) URL"),
        ("deepseek --base-url https://a.example/${X}", exit_codes.USAGE, "tppc.providers[0].base-url"),
        ("deepseek --config no/such/config.yaml", exit_codes.FAILURE, "cannot be written"),
        ("deepseek --config .", exit_codes.FAILURE, ". is a directory"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(
    options: str, code: int, says: str, there: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch)
    assert main(["init", *options.split()]) == code
    assert says in capsys.readouterr().err
    assert list(there.iterdir()) == []


@pytest.mark.parametrize("key", ["env:NOT_SET_AT_ALL", "file:no-such.key", "credential:none"])
def test_a_key_that_is_not_there_yet_leaves_a_valid_file(key: str, there: Path) -> None:
    assert main(["init", "deepseek", "--key", key]) == exit_codes.OK
    checked = read("config.yaml")
    assert checked.diagnostics == () and checked.snapshot is not None and checked.snapshot.core_auths == ()
    assert f"api-key: {key}" in Path("config.yaml").read_text()


def test_a_key_file_is_gone_where_config_yaml_could_not_be_written(
    there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch)
    Path("config.yaml").write_text("port: x\n")
    assert main(["init", "deepseek", "--key", "-", "--add"]) == exit_codes.CONFIG
    assert not Path("deepseek.key").exists() and Path("config.yaml").read_text() == "port: x\n"


@pytest.mark.parametrize("blank", ["", "\n", " \n\t\n"])
def test_a_blank_file_is_filled(blank: str, there: Path) -> None:
    Path("config.yaml").write_text(blank)
    Path("config.yaml").chmod(0o600)
    assert main(["init", "ollama"]) == exit_codes.OK
    assert enabled_auth(Path("config.yaml")).name == "ollama"


def test_force_keeps_what_was_there_each_time(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = there / "config.yaml"
    path.write_text("port: 1\n")
    path.chmod(0o600)
    assert main(["init", "ollama"]) == exit_codes.FAILURE
    assert "--add puts the provider into it, --force replaces it" in capsys.readouterr().err
    for number, copy in enumerate(("config.yaml.bak", "config.yaml.bak.1"), 1):
        path.write_text(f"port: {number}\n")
        assert main(["init", "ollama", "--force"]) == exit_codes.OK
        assert (there / copy).read_text() == f"port: {number}\n"
    assert enabled_auth(path).name == "ollama"


def test_the_file_of_a_clone_takes_any_preset(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its comments stay, and a name that is taken is refused."""
    shipped = (ROOT / "config.yaml").read_text()
    Path("config.yaml").write_text(shipped)
    Path("config.yaml").chmod(0o600)
    assert main(["init", "ollama", "--add"]) == exit_codes.OK
    assert "tppc.providers[ollama]: added (enabled)" in capsys.readouterr().out
    assert enabled_auth(Path("config.yaml")).name == "ollama"
    lines = Path("config.yaml").read_text().splitlines()
    assert [line for line in shipped.splitlines() if line not in lines] == []
    assert main(["init", "ollama", "--add"]) == exit_codes.FAILURE
    assert "has a provider named ollama already (use --name" in capsys.readouterr().err


@pytest.mark.parametrize("preset", PRESETS)
def test_print_shows_what_would_be_written(preset: str, there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", preset, "--print"]) == exit_codes.OK
    printed = capsys.readouterr().out
    assert list(there.iterdir()) == []
    main(["init", preset])
    assert Path("config.yaml").read_text() == printed


def test_the_list_names_every_preset(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--list"]) == exit_codes.OK
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["PRESET", "WIRE-API", "KEY", "MAKE"]
    assert [line.split()[0] for line in lines] == list(PRESETS)


def test_it_says_what_comes_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PACKYCODE_API_KEY", raising=False)
    main(["init", "--config", str(tmp_path / "config.yaml")])
    assert "export PACKYCODE_API_KEY" in capsys.readouterr().out
