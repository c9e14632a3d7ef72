"""The examples in the help of each command. A test runs every one of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

EXAMPLES: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "tppcd": (
        ("tppcd init deepseek --key file:~/deepseek.key", "write a config.yaml for one provider"),
        ("tppcd check", "report every problem in it"),
        ("tppcd", "run the daemon"),
        ("tppcd status", "show its state, from another terminal"),
    ),
    "run": (
        ("tppcd run", "use ./config.yaml"),
        ("tppcd run --config ~/tppcd/config.yaml --port 0", "another file, a free port"),
        ("tppcd run --packycode --log-level debug", "refuse to start unless packycode is usable"),
    ),
    "check": (
        ("tppcd check", "check ./config.yaml"),
        ("tppcd check new.yaml --json", "for scripts"),
        ("tppcd check - < config.yaml", "what comes on standard input, for editors"),
    ),
    "diff": (
        ("tppcd diff config.yaml new.yaml", "what would change if new.yaml were saved"),
        ("tppcd diff config.yaml new.yaml --json", "for scripts"),
    ),
    "schema": (("tppcd schema > config.schema.json", "for an editor that completes YAML"),),
    "explain": (
        ("tppcd explain --model claude-sonnet-5", "who serves what Claude Code asks for"),
        ("tppcd explain --model fox/gpt-5 --entry chat", "a single provider, asked by Chat Completions"),
        ("tppcd explain --model gpt-5 --json", "for scripts"),
    ),
    "simulate": (
        ("tppcd simulate", "an upstream on port 18317; it prints what to put into config.yaml"),
        ("tppcd simulate --port 0 --profile deepseek --delay-ms 50", "with the habits of DeepSeek, slower"),
        ("tppcd simulate --port 0 --fault unauthorized:3", "refuse the key three times, then serve"),
    ),
    "reload": (("tppcd reload", "read config.yaml now; exit 1 if it is refused"),),
    "status": (
        ("tppcd status", "a page to read"),
        ("tppcd status --json", "for scripts"),
        ("sudo tppcd status --socket /run/tppcd/admin.sock", "the service of this machine"),
    ),
    "events": (
        ("tppcd events", "the recent ones"),
        ("tppcd events --follow", "as they come, until Ctrl+C"),
    ),
    "logs": (
        ("tppcd logs --level warning", "what went wrong lately"),
        ("tppcd logs --provider fox -n 20", "the newest 20 lines about one provider"),
        ("tppcd logs --follow", "as they come, until Ctrl+C"),
    ),
    "init": (
        ("tppcd init --list", "the presets"),
        ("tppcd init deepseek --key file:~/deepseek.key", "the key is read from a file"),
        ("tppcd init tppc --name fox --base-url https://fox.example/v1 --print", "show it, write nothing"),
    ),
    "doctor": (
        ("tppcd doctor", "test everything, without a paid call"),
        ("tppcd doctor --config ~/tppcd/config.yaml --json", "another file, for scripts"),
    ),
    "client": (
        ('eval "$(tppcd client claude)"', "set the variables of Claude Code in this shell"),
        ("tppcd client codex --write", "put it into ~/.codex/config.toml, comments kept"),
        ("tppcd client codex --undo", "take that back"),
    ),
    "import": (
        ("tppcd import codex-cli", "show the block"),
        ("tppcd import codex-cli --write", "put it into config.yaml, comments kept"),
    ),
    "migrate": (
        ("tppcd migrate packycode --name packy", "show the provider"),
        ("tppcd migrate packycode --write", "change config.yaml, comments kept"),
    ),
    "provider": (
        ("tppcd provider add wolf --type openai --url https://wolf.example/v1 --key env:WOLF_KEY", "add one"),
        ("tppcd provider list", "all of the store, with their state"),
        ("tppcd provider disable wolf", "stop asking it, at once"),
    ),
    "store": (
        ("tppcd store migrate", "bring the database up to date"),
        ("tppcd store rekey", "encrypt all keys with the newest encryption key"),
    ),
    "completion": (
        ('eval "$(tppcd completion bash)"', "for this shell"),
        ("tppcd completion zsh > _tppcd", "for zsh, in a directory of its fpath"),
        ("tppcd completion fish > tppcd.fish", "for fish, in ~/.config/fish/completions"),
    ),
    "help": (("tppcd help check", "the same as: tppcd check --help"),),
}
"""Command, or ``tppcd`` itself -> command lines with what each is for."""


def examples_block(command: str) -> str:
    """The end of the help page: each example below what it is for. Lines to copy are never broken."""
    rows = EXAMPLES.get(command, ())
    lines = [line for example, what in rows for line in (f"  # {what}", f"  {example}")]
    return "\n".join(["", "examples:", *lines, ""]) if lines else ""
