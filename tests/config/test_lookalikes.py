"""Characters that look like YAML's own: the diagnostic names them, at their place."""

from __future__ import annotations

import pytest

from tests.config.world import diagnostics_of, loaded

HEAD = "tppc:\n  providers:\n"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (HEAD + "    - name\uff1a fox\n      enabled: true\n", "3:11"),
        (HEAD + "    - enabled: true\n      name\uff1a fox\n      base-url: https://a.example\n", "4:11"),
        ("tppc:\n  providers\uff1a\n    - name: fox\n", "2:12"),
        ("port\uff1a8317\n", "1:1"),
        ("port\uff1a 8317\nhost: 127.0.0.1\n", "1:5"),
        ("logging:\n  level\uff1a info\n", "2:3"),
    ],
)
def test_a_full_width_colon(text: str, place: str) -> None:
    found = diagnostics_of(loaded(text))
    assert any(each.startswith(f"config.yaml:{place}: error") and "full-width" in each for each in found), found


@pytest.mark.parametrize("blank", ["\u00a0", "\u3000", "\u200b", "\u2003", "\u202f", "\u2060"])
@pytest.mark.parametrize(
    "text",
    [HEAD + "    - name: fox\n{}{}api-key: k\n", "{}port: 1\n", "logging:\n{}{}level: info\n{}{}format: text\n",
     HEAD + "    -{}name: fox\n"],
    ids=["in an entry", "at the top", "in a block", "behind the dash"],
)  # fmt: skip
def test_a_blank_that_is_no_space(text: str, blank: str) -> None:
    found = diagnostics_of(loaded(text.replace("{}", blank)))
    assert any("invisible character" in each or "full-width" in each for each in found), found
    assert not any("did you mean" in each for each in found)


@pytest.mark.parametrize("text", ["port: env: PORT\n", "api-keys:\n  - a\nhost: ENV: X\n", "upstream-ca: file: /x\n"])
def test_a_blank_behind_the_name_of_a_reference(text: str) -> None:
    (found,) = diagnostics_of(loaded(text))
    assert "without a space behind the colon" in found


def test_other_texts_with_such_characters_are_fine() -> None:
    assert diagnostics_of(loaded("logging:\n  file: '/var/log/a\uff1ab\u3000c.log' # \uff1a\n")) == []
