"""``instructions``: a role or a reference to a fixed text; what is refused; that the text is never printed."""

from __future__ import annotations

import pytest

from daemon.config.instructions import MOST_BYTES, Instructions
from daemon.secret import Secret
from tests.config.world import config_of, diagnostics_of, loaded

PROMPT = "planted: you are Codex.\r\n\n\tBe brief. 简短\n"
BLOCKS = {
    "packycode": "packycode: {{enabled: true, base-url: 'https://p.example', credentials: {{openai-api-key: k}}, "
    "instructions: {0}}}",
    "tppc.providers[0]": "tppc: {{providers: [{{name: fox, enabled: true, base-url: 'https://f.example', api-key: k, "
    "instructions: {0}}}]}}",
}
both = pytest.mark.parametrize("block", BLOCKS)


def of(text: str, env: dict[str, str] | None = None) -> Instructions:
    config = config_of(text, env)
    return config.tppc.providers[0].instructions if config.tppc.providers else config.packycode.instructions


@both
@pytest.mark.parametrize("role", ["developer", "system"])
def test_a_role(block: str, role: str) -> None:
    made = of(BLOCKS[block].format(role))
    assert (made.source, made.text, made.written) == (role, Secret(""), role)


@both
@pytest.mark.parametrize(
    "reference", ["file:/etc/tppcd/prompt.md", "file:prompt.md", "env:PROMPT", "credential:prompt"]
)
def test_a_reference_is_a_fixed_text_of_any_number_of_lines(block: str, reference: str) -> None:
    text = BLOCKS[block].format(f"'{reference}'")
    made = of(text, {reference: PROMPT})
    assert (made.source, made.text, made.written) == ("file", Secret(PROMPT), reference)
    watched = loaded(text, {reference: PROMPT}).files
    assert watched == (frozenset() if reference.startswith("env:") else {reference.removeprefix("file:")})


def test_a_reference_may_name_a_role_as_any_value_may_be_one() -> None:
    made = of(BLOCKS["packycode"].format("'env:ROLE'"), {"env:ROLE": "system\n"})
    assert (made.source, made.text, made) == ("system", Secret(""), Instructions("system"))


def test_the_mark_of_an_editor_before_the_text_is_no_part_of_it() -> None:
    made = of(BLOCKS["packycode"].format("'file:/p'"), {"file:/p": "\ufeffYou are"})
    assert made.text == Secret("You are")


@both
@pytest.mark.parametrize(
    "value, env, message",
    [
        ("user", "", "is neither a role nor a reference to a text (write developer, system, or file:/path)"),
        ("/etc/planted.md", "", "is neither a role nor a reference to a text (write developer, system, or file:/path)"),
        ("'planted: You are Codex'", "",
         "is neither a role nor a reference to a text (write developer, system, or file:/path)"),
        ("''", "", "is neither a role nor a reference to a text (write developer, system, or file:/path)"),
        ("3", "", "expected text, got a number (write developer, system, or file:/path)"),
        ("[system]", "", "expected text, got a list (write developer, system, or file:/path)"),
        ("'file:/p'", " \n\t", "is an empty text (put the text there, or write developer or system)"),
        ("'file:/p'", "\ufeff", "is an empty text (put the text there, or write developer or system)"),
        ("'file:/p'", "planted" + "x" * MOST_BYTES, "is a text of more than 64 KiB (shorten it)"),
        ("'file:/p'", "planted" + "é" * (MOST_BYTES // 2), "is a text of more than 64 KiB (shorten it)"),
        ("'file:/p'", "planted\0", "contains a control character (remove it; line breaks and tabs are fine)"),
        ("'file:/p'", "planted\x1b[31m", "contains a control character (remove it; line breaks and tabs are fine)"),
        ("'file:/p'", "planted\udcff", "is not UTF-8 text (save the text as UTF-8)"),
    ],
)  # fmt: skip
def test_what_is_no_instructions(block: str, value: str, env: str, message: str) -> None:
    """Never with a word of the text: a literal one may be a prompt that belongs into a file."""
    fragment = loaded(BLOCKS[block].format(value), {"file:/p": env} if env else None)
    assert fragment.settings is None
    (line,) = diagnostics_of(fragment)
    assert line.endswith(f"error: {block}.instructions: {message}")
    assert "planted" not in line


def test_a_text_of_exactly_the_bound_is_taken() -> None:
    assert of(BLOCKS["packycode"].format("'file:/p'"), {"file:/p": "x" * MOST_BYTES}).source == "file"


def test_a_missing_file_is_an_error_where_the_block_is_on_and_none_where_it_is_off() -> None:
    text = BLOCKS["packycode"].format("'file:/p'")
    assert "packycode.instructions" in diagnostics_of(loaded(text))[0]
    assert of(text.replace("enabled: true", "enabled: false")) == Instructions()


@pytest.mark.parametrize("wire", ["chat", "messages"])
def test_a_fixed_text_on_a_wire_without_instructions_is_warned_of(wire: str) -> None:
    text = BLOCKS["tppc.providers[0]"].format(f"'file:/p', wire-api: {wire}")
    (line,) = diagnostics_of(loaded(text, {"file:/p": "planted"}))
    assert "warning: tppc.providers[0].instructions: " in line
    assert "planted" not in line


def test_it_prints_as_it_is_written() -> None:
    made = Instructions("file", text="planted", written="file:/p")
    assert f"{made} {made!r} {[made]}" == "file:/p Instructions(file:/p) [Instructions(file:/p)]"
    assert made == Instructions("file", text="planted", written="env:P") != Instructions("file", text="other")
    assert hash(made) == hash(Instructions("file", text="planted", written="env:P"))
    assert Instructions() != Instructions("system") != "system"
