"""``client --write`` and ``--undo``: other bytes stay, and what was there before comes back."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daemon.cli import exit_codes, main

FILES = {
    "claude": ".claude/settings.json",
    "codex": ".codex/config.toml",
    "opencode": ".config/opencode/opencode.json",
    "aider": ".aider.conf.yml",
}
BEFORE = {
    "claude": '{\n  // mine\n  "model": "opus", "env": {"ANTHROPIC_BASE_URL": "https:\\/\\/old.example", "X": "1"},\n}',
    "codex": "# mine\nmodel = 'o3'\n[model_providers.tppcd] # old\nbase_url = '''http://old'''\n[z]\na = [1,\n 2]\n",
    "opencode": '{\n\t// mine\n\t"model": "a/b", // why\n\t"provider": {"tppcd": {"npm": "x"}, "other": {}}\n}\n',
    "aider": "# mine\nmodel: 'x' # why\n\ndark-mode: true\n",
}
ADDED: dict[str, Callable[[str], str]] = {
    "claude": lambda text: text.replace("// mine\n", '// mine\n  "added": [1],\n'),
    "codex": lambda text: f"{text}\n[added]\nb = 2\n",
    "opencode": lambda text: text.replace("// mine\n", '// mine\n  "added": [1],\n'),
    "aider": lambda text: f"{text}added: [1]\n",
}
Client = Callable[..., str]


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Client:
    for name in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "OPENCODE_CONFIG", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "c.yaml").write_text("port: 9000\n")

    def run(*arguments: str, code: int = exit_codes.OK) -> str:
        assert main(["client", *arguments, "--config", str(tmp_path / "c.yaml")]) == code
        printed = capsys.readouterr()
        return printed.out + printed.err

    return run


def own_file(tmp_path: Path, name: str, text: str | None = None) -> Path:
    path = tmp_path / FILES[name]
    if text is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return path


def data_of(path: Path) -> Any:
    if path.suffix == ".toml":
        return tomllib.loads(path.read_text())
    if path.suffix == ".yml":
        return dict(line.split(": ", 1) for line in path.read_text().splitlines() if ": " in line)
    return json.loads(path.read_text())


@pytest.mark.parametrize("name", FILES)
def test_a_new_file_is_made_and_removed_again(tmp_path: Path, client: Client, name: str) -> None:
    path = own_file(tmp_path, name)
    assert f"wrote {path}" in client(name, "--write")
    assert "127.0.0.1:9000" in json.dumps(data_of(path))
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert "needs no change" in client(name, "--write")
    assert f"removed {path}" in client(name, "--undo")
    assert not path.exists()
    assert "nothing to take back" in client(name, "--undo")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "with a byte order mark"])
def test_what_was_there_comes_back_byte_for_byte(tmp_path: Path, client: Client, name: str, mark: str) -> None:
    path = own_file(tmp_path, name, mark + BEFORE[name])
    os.chmod(path, 0o640)
    before = path.read_bytes()
    client(name, "--write", "--dry-run")
    assert path.read_bytes() == before
    client(name, "--write")
    assert "127.0.0.1:9000" in path.read_text() and "mine" in path.read_text()
    client(name, "--write", "--url", "http://gateway.lan:1")
    assert "127.0.0.1:9000" not in path.read_text()
    assert os.stat(path).st_mode & 0o777 == 0o640
    client(name, "--undo", "--dry-run")
    client(name, "--undo")
    assert path.read_bytes() == before
    assert os.stat(path).st_mode & 0o777 == 0o640


@pytest.mark.parametrize("name", FILES)
def test_other_changes_stay_when_it_is_taken_back(tmp_path: Path, client: Client, name: str) -> None:
    path = own_file(tmp_path, name, BEFORE[name])
    client(name, "--write")
    path.write_text(ADDED[name](path.read_text()))
    client(name, "--write", "--model", "gpt-5-codex")
    client(name, "--undo")
    assert path.read_text() == ADDED[name](BEFORE[name])


@pytest.mark.parametrize(
    ("name", "written"), [("codex", '"gpt-5"'), ("opencode", '"tppcd/gpt-5"'), ("aider", "openai/gpt-5")]
)
def test_a_value_that_was_changed_since_is_left(tmp_path: Path, client: Client, name: str, written: str) -> None:
    path = own_file(tmp_path, name, BEFORE[name])
    client(name, "--write")
    path.write_text(path.read_text().replace(written, '"chosen"', 1))
    assert "model: left as it is" in client(name, "--undo")
    after = path.read_text()
    assert '"chosen"' in after and "127.0.0.1" not in after


@pytest.mark.parametrize("name", FILES)
def test_a_link_is_followed_and_kept(tmp_path: Path, client: Client, name: str) -> None:
    path = own_file(tmp_path, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "dotfiles").write_text(BEFORE[name])
    path.symlink_to(tmp_path / "dotfiles")
    client(name, "--write")
    assert path.is_symlink() and "127.0.0.1:9000" in (tmp_path / "dotfiles").read_text()
    client(name, "--undo")
    assert path.is_symlink() and (tmp_path / "dotfiles").read_text() == BEFORE[name]


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("claude", '{"env": {}', "1:11"),
        ("codex", "a = 1\nb = x\n", "2:5"),
        ("opencode", "{a: 1}", "1:2"),
        ("aider", "a: [\n", "1:4"),
    ],
)
def test_a_broken_file_stays_as_it_is(tmp_path: Path, client: Client, name: str, text: str, place: str) -> None:
    path = own_file(tmp_path, name, text)
    told = client(name, "--write", code=exit_codes.FAILURE)
    assert told.startswith(f"tppcd: {path}:{place}: ") and told.endswith("nothing was written\n")
    assert path.read_text() == text


def test_a_directory_in_the_place_of_the_file_is_refused(tmp_path: Path, client: Client) -> None:
    own_file(tmp_path, "codex").mkdir(parents=True)
    assert "nothing was written" in client("codex", "--write", code=exit_codes.FAILURE)


def test_a_change_that_would_touch_more_is_refused(tmp_path: Path, client: Client) -> None:
    text = "model: &m gpt-4\nweak-model: *m\n"
    path = own_file(tmp_path, "aider", text)
    assert client("aider", "--write", code=exit_codes.FAILURE).startswith(f"tppcd: {path}: the change affects")
    assert path.read_text() == text


def test_a_link_that_leads_nowhere_yet_is_kept(tmp_path: Path, client: Client) -> None:
    path = own_file(tmp_path, "codex")
    path.parent.mkdir()
    path.symlink_to(tmp_path / "dotfiles" / "codex.toml")
    client("codex", "--write")
    assert path.is_symlink() and path.is_file()
    client("codex", "--undo")
    assert path.is_symlink() and not path.exists()


KEYED = "port: 9000\napi-keys: [sk-planted-client-key]\n"


@pytest.mark.parametrize("name", FILES)
def test_a_key_is_written_and_not_shown(tmp_path: Path, client: Client, name: str) -> None:
    (tmp_path / "c.yaml").write_text(KEYED)
    path = own_file(tmp_path, name, BEFORE[name])
    os.chmod(path, 0o644)
    told = client(name, "--write") + client(name, "--write", "--dry-run", "--json", "--url", "http://a.lan")
    assert "planted" not in told and "***" in told and "chmod 600" in told
    assert "sk-planted-client-key" in path.read_text()


@pytest.mark.parametrize(
    ("name", "written"), [("codex", 'env_key = "MY_KEY"'), ("opencode", '"apiKey": "{env:MY_KEY}"')]
)
def test_a_client_that_can_takes_the_key_from_its_variable(
    tmp_path: Path, client: Client, monkeypatch: pytest.MonkeyPatch, name: str, written: str
) -> None:
    monkeypatch.setenv("MY_KEY", "sk-planted-client-key")
    (tmp_path / "c.yaml").write_text("port: 9000\napi-keys: ['env:MY_KEY']\n")
    client(name, "--write")
    text = own_file(tmp_path, name).read_text()
    assert written in text and "planted" not in text


def test_a_key_that_is_no_longer_wanted_goes(tmp_path: Path, client: Client) -> None:
    """Codex CLI refuses to start where the variable of ``env_key`` is not set."""
    path = own_file(tmp_path, "codex", '[model_providers.tppcd]\nenv_key = "OLD"\n')
    client("codex", "--write")
    assert "OLD" not in path.read_text()
    client("codex", "--undo")
    assert path.read_text() == '[model_providers.tppcd]\nenv_key = "OLD"\n'


def test_settings_that_win_over_what_is_written_are_warned_of(tmp_path: Path, client: Client) -> None:
    own_file(tmp_path, "claude", '{"env": {"ANTHROPIC_API_KEY": "sk-planted"}}')
    told = client("claude", "--write")
    assert "env.ANTHROPIC_API_KEY" in told and "planted" not in told


@pytest.mark.parametrize(
    ("variable", "name", "file"),
    [
        ("CLAUDE_CONFIG_DIR", "claude", "settings.json"),
        ("CODEX_HOME", "codex", "config.toml"),
        ("XDG_CONFIG_HOME", "opencode", "opencode/opencode.json"),
    ],
)
def test_the_folder_that_the_client_is_told(
    tmp_path: Path, client: Client, monkeypatch: pytest.MonkeyPatch, variable: str, name: str, file: str
) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "else where"))
    client(name, "--write")
    assert (tmp_path / "else where" / file).is_file()
    monkeypatch.delenv(variable)
    client(name, "--undo")
    assert not (tmp_path / "else where" / file).exists(), "the only file that was written is the one to take back"


def test_json_for_programs(tmp_path: Path, client: Client) -> None:
    facts = json.loads(client("codex", "--write", "--json"))
    assert facts["result"] == "written" and facts["file"] == str(own_file(tmp_path, "codex"))
    assert {"name": "model", "before": None, "after": "gpt-5"} in facts["changes"]
    assert json.loads(client("codex", "--json"))["url"] == "http://127.0.0.1:9000"


def test_undo_needs_no_valid_config(tmp_path: Path, client: Client) -> None:
    client("codex", "--write")
    (tmp_path / "c.yaml").write_text("port: high\n")
    client("codex", "--undo")
    assert not own_file(tmp_path, "codex").exists()
