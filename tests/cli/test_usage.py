"""Wrong usage: exit 2, the usage line of the command that was meant, and what was meant instead."""

from __future__ import annotations

import pytest

from daemon.cli import COMMANDS, exit_codes, main
from daemon.cli.did_you_mean import COMMANDS_ELSEWHERE, OTHER_WORDS, nearest
from daemon.cli.provider import ACTIONS

WRONG: list[tuple[str, str, str]] = [
    # What was typed; whose usage is shown; the end of the line below it.
    ("chekc", "tppcd", "there is no command 'chekc'; did you mean 'check'?"),
    ("CHECK", "tppcd", "there is no command 'CHECK'; did you mean 'check'?"),
    ("simulat", "tppcd", "there is no command 'simulat'; did you mean 'simulate'?"),
    ("sttus --json", "tppcd", "there is no command 'sttus'; did you mean 'status'?"),
    ("serve --port 1", "tppcd", "there is no command 'serve'; did you mean 'run'?"),
    ("validate x.yaml", "tppcd", "there is no command 'validate'; did you mean 'check'?"),
    ("help chekc", "tppcd help", "'chekc' is not a choice; did you mean 'check'?"),
    ("--prt 1", "tppcd run", "there is no option --prt; did you mean --port?"),
    ("--pakycode", "tppcd run", "there is no option --pakycode; did you mean --packycode?"),
    ("--port=1 --hots x", "tppcd run", "there is no option --hots; did you mean --host?"),
    ("--verison", "tppcd run", "there is no option --verison; did you mean --version?"),
    ("run --log_level info", "tppcd run", "there is no option --log_level; did you mean --log-level?"),
    ("run --log-level inf", "tppcd run", "'inf' is not a choice; did you mean 'info'?"),
    ("run -x", "tppcd run", "there is no option -x (see: tppcd run --help)"),
    ("--config a.yaml chekc", "tppcd run", "unexpected argument 'chekc'; did you mean 'tppcd check'?"),
    ("check --formt json", "tppcd check", "there is no option --formt; did you mean --format?"),
    ("check --format=jsn", "tppcd check", "'jsn' is not a choice; did you mean 'json'?"),
    ("check --config a b", "tppcd check", "name one file"),
    ("check a b", "tppcd check", "unexpected argument 'b'"),
    ("check --fault cut", "tppcd check", "there is no option --fault; it belongs to: tppcd simulate"),
    ("--log-level debug check", "tppcd check", "there is no option --log-level; it belongs to: tppcd run"),
    ("status --scoket x", "tppcd status", "there is no option --scoket; did you mean --socket?"),
    ("explain --modle gpt-5", "tppcd explain", "there is no option --modle; did you mean --model?"),
    ("explain", "tppcd explain", "name a model, e.g. tppcd explain claude-sonnet-5"),
    ("explain a --model b", "tppcd explain", "name one model"),
    ("explain a --entry mesages", "tppcd explain", "'mesages' is not a choice; did you mean 'messages'?"),
    ("init dpseek", "tppcd init", "'dpseek' is not a choice; did you mean 'deepseek'?"),
    ("init Kimi", "tppcd init", "'Kimi' is not a choice; did you mean 'kimi'?"),
    ("provider ad", "tppcd provider", "'ad' is not a choice; did you mean 'add'?"),
    ("provider rm fox", "tppcd provider", "'rm' is not a choice; did you mean 'remove'?"),
    ("provider add fox --typ vllm --ulr x", "tppcd provider", "there is no option --ulr; did you mean --url?"),
    ("store migrat", "tppcd store", "'migrat' is not a choice; did you mean 'migrate'?"),
    ("store rekye --json", "tppcd store", "'rekye' is not a choice; did you mean 'rekey'?"),
    ("completion bsh", "tppcd completion", "'bsh' is not a choice; did you mean 'bash'?"),
    ("simulate --profile deepsek", "tppcd simulate", "'deepsek' is not a choice; did you mean 'deepseek'?"),
    ("diff one", "tppcd diff", "the following arguments are required: NEW"),
    ("--port 70000", "tppcd run", "'70000' is not a port (0 to 65535)"),
]


@pytest.mark.parametrize(("typed", "usage", "says"), WRONG, ids=lambda text: text[:40])
def test_wrong_usage_shows_the_right_command_and_what_was_meant(
    typed: str, usage: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(typed.split())
    assert ended.value.code == exit_codes.USAGE
    shown = capsys.readouterr()
    assert shown.out == ""
    first, *_, last = shown.err.splitlines()
    assert first.startswith(f"usage: {usage} ")
    assert last.startswith(f"{usage}: error: ") and says in last


def test_without_a_likeness_all_commands_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["xyzzy"])
    assert f"there is no command 'xyzzy' (commands: {', '.join(COMMANDS)})" in capsys.readouterr().err


def test_what_was_typed_is_shown_short(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["z" * 5000], ["provider", "z" * 5000], ["--" + "z" * 5000], ["check", "a", "z" * 5000]):
        with pytest.raises(SystemExit):
            main(arguments)
        assert max(map(len, capsys.readouterr().err.splitlines())) < 400


def test_the_words_of_other_programs_lead_to_what_there_is() -> None:
    assert set(COMMANDS_ELSEWHERE.values()) <= COMMANDS.keys()
    assert not COMMANDS_ELSEWHERE.keys() & COMMANDS.keys()
    assert set(OTHER_WORDS.values()) <= ACTIONS.keys()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("", ""), ("-", ""), ("--", ""), ("j", ""), ("js", "json"), ("JSON", "json"), ("txet", "text"), ("xml", "")],
)
def test_the_nearest_word(typed: str, meant: str) -> None:
    """A single letter, and dashes alone, are like nothing."""
    assert nearest(typed, ("text", "json", "github")) == meant


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("list --type vllm", "list has no --type; it belongs to: add, update"),
        ("enable fox --key env:A", "enable has no --key; it belongs to: add, update"),
        ("add fox --type vllm --url u --no-key", "add has no --no-key; it belongs to: update"),
        ("update fox --disabled", "update has no --disabled; it belongs to: add"),
        ("list fox", "list takes no name; did you mean: tppcd provider show fox"),
        ("add", "add needs a name"),
        ("add fox --url u", "add needs --type"),
        ("add fox", "add needs --type and --url"),
    ],
)
def test_an_option_that_an_action_has_no_use_for_is_not_passed_over(
    arguments: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["provider", *arguments.split(), "--socket", "/nowhere/admin.sock"]) == exit_codes.USAGE
    assert capsys.readouterr().err == f"tppcd provider: {says}\n"


@pytest.mark.parametrize("columns", [40, 72, 120])
@pytest.mark.parametrize("name", ["", "init", "provider", "simulate"])
def test_help_fits_the_columns(
    name: str, columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """But for the examples, which are there to be copied, and choices without a break in them."""
    monkeypatch.setenv("COLUMNS", str(columns))
    assert main(["help", *name.split()]) == 0
    text, _, _ = capsys.readouterr().out.partition("examples:")
    wide = [line for line in text.splitlines() if len(line) > columns and " " in line.strip()]
    assert wide == [] or columns == 40


def test_a_name_is_not_broken_at_its_hyphen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for columns in range(60, 100):
        monkeypatch.setenv("COLUMNS", str(columns))
        main(["help", "init"])
        assert "codex-relay," in capsys.readouterr().out
