"""Which of the words in an upstream's text are its own, and which it quotes from the request."""

from __future__ import annotations

import re

import pytest

from daemon.wires.failures.own_words import is_own, is_quoted

LONG = "please find out why the server says unknown parameter foo on every second request"
SAID = re.compile(r"unknown parameter \w+|is (?:not )?(?:supported|unsupported)(?: with this model)?|请充值")


def own(text: str, written: str) -> list[str]:
    return [match[0] for match in SAID.finditer(text) if is_own(match, lambda piece: piece in written)]


@pytest.mark.parametrize(
    ("text", "written", "expected"),
    [
        # the same words
        ("unknown parameter foo", "unknown parameter foo", []),
        ("unknown parameter foo", "something else", ["unknown parameter foo"]),
        # quoted, in whatever marks, in part
        ("cannot read 'why unknown parameter foo'", "why unknown parameter foo", []),
        ('cannot read "x unknown parameter"; unknown parameter y', "x unknown parameter", ["unknown parameter y"]),
        ("cannot read `it is not supported` at all", "it is not supported", []),
        ("无法读取“请 请充值 现在”", "请 请充值 现在", []),
        # cut short, at its end or in its middle
        ("bad input 'say unknown parameter foo ba...'", "say unknown parameter foo bar", []),
        ("input_value='why is the para…x is not supported'", "why is the parameter x is not supported", []),
        # quotation marks and apostrophes inside and before
        ("bad 'don't use 'store' it is not supported' x", "don't use 'store' it is not supported", []),
        ("the model's name: 'a b is not supported' you're", "a b is not supported", []),
        # a name stays, whether or not the request has it
        ("'temperature' is not supported", "temperature", ["is not supported"]),
        # long runs of words, quoted or not; short ones are had in common by chance
        (f"messages.0: {LONG}; stop", LONG, []),
        (f"{LONG}: x is unsupported", LONG, ["is unsupported"]),
        (
            "temperature is not supported with this model",
            "a b is not supported with",
            ["is not supported with this model"],
        ),
    ],
)
def test_what_the_request_says_is_not_the_upstreams_word(text: str, written: str, expected: list[str]) -> None:
    assert own(text, written) == expected


def test_the_request_is_asked_a_few_times_for_a_long_text() -> None:
    asked: list[str] = []

    def never(piece: str) -> bool:
        asked.append(piece)
        return False

    text = "word " * 200 + "'a b' is not supported with this model " + "word " * 200
    assert [is_own(match, never) for match in SAID.finditer(text)] == [True]
    assert len(asked) < 8


def test_a_text_without_quotation_marks_is_not_looked_up_for_them() -> None:
    def never(_: str) -> bool:
        raise AssertionError("the request is not looked at")

    match = SAID.search("temperature is not supported")
    assert match is not None and not is_quoted(match, never)
