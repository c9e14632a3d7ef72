"""The common errors of docs/how-to/packycode.md are what a wrong ``packycode`` block gets."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.harness import tppcd
from tests.pages.tables import quoted, rows

WHOLE: Final = {
    "enabled": "true",
    "base-url": "https://relay.example/v1",
    "credentials": "{openai-api-key: key}",
}
WRONG: Final = {
    "credentials.openai-api-key is required": {"credentials": "{}"},
    "environment variable PACKYCODE_API_KEY is not set": {"credentials": "{openai-api-key: env:PACKYCODE_API_KEY}"},
    "base-url is required": {"base-url": '""'},
    "base-url must be a valid http(s) URL": {"base-url": "relay.example"},
    "defaults.model-reasoning-effort must be one of: low, medium, high": {
        "defaults": "{model-reasoning-effort: highest}"
    },
    'wire-api must be "responses"': {"wire-api": "chat"},
}
"""The words of the page -> what is wrong in a block that is otherwise whole."""


@pytest.mark.parametrize("words", WRONG)
def test_check_says_the_words_of_the_page(tmp_path: Path, words: str) -> None:
    lines = (f"  {name}: {value}\n" for name, value in {**WHOLE, **WRONG[words]}.items())
    (tmp_path / "config.yaml").write_text("packycode:\n" + "".join(lines))
    done = tppcd("check", str(tmp_path / "config.yaml"), home=tmp_path)
    assert (done.returncode, words in done.stdout + done.stderr) == (78, True), done.stdout + done.stderr


def test_no_row_of_the_page_is_left_out() -> None:
    assert [quoted(row[0])[0] for row in rows("docs/how-to/packycode.md", "Common errors")] == list(WRONG)
