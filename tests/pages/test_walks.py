"""README and the tutorial do what they say: every shell and YAML block, in order, from a fresh clone."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from typing import Final

import pytest

from tests.pages.blocks import blocks
from tests.pages.walk import CLAUDE, KEY, Walk, walk

Check = Callable[[Walk], None]


def says(*parts: str) -> Check:
    """The block prints these."""

    def check(user: Walk) -> None:
        assert [part for part in parts if part not in user.output] == []

    return check


def logs(*patterns: str) -> Check:
    """The daemon logs these."""

    def check(user: Walk) -> None:
        for pattern in patterns:
            user.running["8317"].wait_log(pattern)

    return check


def answers_to_claude(user: Walk) -> None:
    """Where Claude Code is installed."""
    if CLAUDE.exists():
        assert "Hello from tppcd simulate" in user.output


def wrote_a_file_with_claude(user: Walk) -> None:
    if CLAUDE.exists():
        assert (user.clone / "hello.txt").read_text("utf-8").strip() == "hi"


def has_the_key(user: Walk) -> None:
    file = user.clone / "packycode.key"
    assert (file.read_text("utf-8"), file.stat().st_mode & 0o077) == (f"{KEY}\n", 0)


def is_what_the_command_prints(user: Walk) -> None:
    """Codex CLI's settings on the page are those of ``tppcd client codex``."""
    printed = user.shell(".venv/bin/tppcd client codex").stdout
    shown = (user.home / ".codex/config.toml").read_text("utf-8")
    assert tomllib.loads(shown) == tomllib.loads(user.here(printed))


pytestmark = pytest.mark.timeout(400)
"""Seconds: up to twenty commands, each a start of Python, on a machine that may be busy."""

PAGES: Final[Mapping[str, Mapping[str, Check]]] = {
    "README.md": {
        "make run": logs("no provider is enabled"),
        ".venv/bin/tppcd simulate": lambda user: None,
        "export ANTHROPIC_BASE_URL": answers_to_claude,
        ".venv/bin/tppcd init": has_the_key,
        ".venv/bin/tppcd check": says("config.yaml: valid", "packycode"),
        'model = "gpt-5"': is_what_the_command_prints,
    },
    "docs/tutorial.md": {
        "make run": logs("no provider is enabled"),
        "curl http://127.0.0.1:8317/healthz": says('"generation"', '"last-reload"'),
        "chmod 600": says('"gpt-5"'),
        "export ANTHROPIC_BASE_URL": wrote_a_file_with_claude,
        "curl http://127.0.0.1:8317/v1/messages": says("event: message_stop", "claude-opus-4-8"),
        ".venv/bin/tppcd logs -n 3": says("claude-opus-4-8", "simulate", "ready"),
        "sed -i 's/base-url: http/base-url http/'": logs(r"config\.yaml:\d+:\d+: error"),
        # behind the one above: the file is broken, and requests are served
        "curl http://127.0.0.1:8317/healthz\ncurl": says('"degraded"', "Still there?"),
        "sed -i 's/base-url http/base-url: http/'": says("config.yaml: valid"),
        "curl -i ": logs("429"),
        "curl -s http://127.0.0.1:18317": says(
            "HTTP/1.1 200", "x-tppcd-provider: wolf", "attempt failed", "last error"
        ),
    },
}
"""A page -> how a block of it begins -> what is there afterwards. After a YAML block a request is answered."""


HOW_TO: Final[Mapping[str, Mapping[str, Check]]] = {
    "disable-and-recover": {
        "curl -X PATCH --unix-socket": logs(r"tppc\.providers\[fox\]\.enabled: true -> false"),
        "curl -X PATCH http": says('"enabled":false'),
        "tppcd status": says("disabled", "valid"),
        "curl --unix-socket": says('"auths"'),
    },
    "edit-safely": {
        "tppcd check new.yaml": says("new.yaml: valid", "tppc.providers[wolf]: added (enabled)"),
        "chmod 600": lambda user: None,
    },
    "import-codex-cli": {"tppcd import": logs(r"packycode\.enabled: false -> true")},
    "long-requests": {},
    "packycode-to-tppc": {
        "tppcd migrate": logs(r"tppc\.providers\[packycode\]: added \(enabled\)"),
        "curl http": says('"gpt-5"'),
    },
    "several-providers": {},
    "tppc": {},
}
BEFORE: Final = """\
packycode:
  enabled: false
tppc:
  providers:
    - name: fox
      enabled: true
      base-url: https://fox.example/v1
      api-key: file:~/fox.key
remote-management:
  secret-key: management-key
"""


@pytest.mark.parametrize("page", PAGES)
def test_a_new_user_gets_what_the_page_says(page: str) -> None:
    with walk() as user:
        follow(user, page, PAGES[page])


@pytest.mark.parametrize("name", HOW_TO)
def test_what_a_guide_shows_works(name: str) -> None:
    """With a provider that is there already, and a new file beside config.yaml."""
    with walk() as user:
        user.type(".venv/bin/tppcd simulate")
        user.type("make run")
        user.save(BEFORE)
        new = user.config.read_text("utf-8").replace("name: fox", "name: wolf")
        user.config.with_name("new.yaml").write_text(new, "utf-8")
        user.config.with_name("new.yaml").chmod(0o600)
        user.set_up_codex(blocks("docs/how-to/import-codex-cli.md", "toml")[0].text)
        follow(user, f"docs/how-to/{name}.md", HOW_TO[name])


def follow(user: Walk, page: str, checks: Mapping[str, Check]) -> None:
    open_checks = dict(checks)
    for block in blocks(page, "sh", "yaml", "toml"):
        user.do(block)
        if block.lang == "yaml":
            answers(user)
        elif beginning := next((each for each in open_checks if block.text.startswith(each)), ""):
            open_checks.pop(beginning)(user)
    assert open_checks == {}, "no block of the page begins so"


def answers(user: Walk) -> None:
    body = {"model": "claude-opus-4-8", "max_tokens": 99, "messages": [{"role": "user", "content": "Say hello"}]}
    answer = user.running["8317"].post("/v1/messages", body)
    assert (answer.status_code, "Hello from tppcd simulate" in answer.text) == (200, True), answer.text
