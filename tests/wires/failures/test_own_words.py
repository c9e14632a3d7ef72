"""What of an upstream's text is its own, and what it quotes from the request."""

from __future__ import annotations

import pytest

from daemon.wires.failures.own_words import own_words, without_quotes

LONG = "please find out why the server says unknown parameter foo on every second request"


@pytest.mark.parametrize(
    ("text", "written", "expected"),
    [
        # quoted, in whatever marks
        ("cannot read 'unknown parameter foo'", "unknown parameter foo", "cannot read ''"),
        ('cannot read "unknown parameter foo"', "unknown parameter foo", 'cannot read ""'),
        ("cannot read `unknown parameter foo`.", "unknown parameter foo", "cannot read ``."),
        ("无法读取“请充值 现在”", "请充值 现在", "无法读取“”"),
        # cut short, at its end or in its middle
        ("bad input 'unknown parameter foo ba...'", "unknown parameter foo bar", "bad input ''"),
        ("input_value='why is the para…is unsupported'", "why is the parameter x is unsupported", "input_value=''"),
        # quotation marks and apostrophes inside
        ("bad 'don't use 'store' here' given", "don't use 'store' here", "bad '' given"),
        ("This model's limit is low, you're told 'too long x' here", "too long x", None),
        # a name stays, whether or not the request has it
        ("'temperature' is not supported", "temperature", "'temperature' is not supported"),
        ("Unknown parameter: 'input[0].id'", "input[0].id", "Unknown parameter: 'input[0].id'"),
        # what the request does not say stays
        ("cannot read 'unknown parameter foo'", "something else", "cannot read 'unknown parameter foo'"),
        # long runs of words, quoted or not; short ones are had in common by chance
        (f"messages.0: {LONG}; stop", LONG, "messages.0: ; stop"),
        (f"{LONG} and more", f"x {LONG}", " and more"),
        ("the value is not supported with this model", "a b is not supported with this model", None),
    ],
)
def test_what_is_quoted_is_cut_out(text: str, written: str, expected: str | None) -> None:
    assert own_words(text, lambda piece: piece in written) == (text if expected is None else expected).replace(
        "'too long x'", "''"
    )


def test_the_request_is_asked_a_few_times_for_a_long_text() -> None:
    asked: list[str] = []

    def never(piece: str) -> bool:
        asked.append(piece)
        return False

    own_words("word " * 200 + "'a b' " * 20, never)
    assert len(asked) < 80


def test_a_text_without_quotation_marks_is_not_looked_up() -> None:
    def never(_: str) -> bool:
        raise AssertionError("the request is not looked at")

    assert without_quotes("prompt is too long: 5 tokens > 4 maximum", never).startswith("prompt")
