"""YAML bytes -> data with positions; hostile and broken bytes are a diagnostic, fast, and never an exception."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.document import Document, parse


def problem(raw: bytes) -> str:
    (diagnostic,) = parse(raw).diagnostics
    return str(diagnostic)


def test_each_value_knows_its_place() -> None:
    document = parse(b"a: 1\nb:\n  c: [x, {y: z}]\n  d:\n")
    assert document.data == {"a": 1, "b": {"c": ["x", {"y": "z"}], "d": None}}
    assert document.place(("a",)) == (1, 4)
    assert document.place(("b", "c", 1, "y")) == (3, 14)
    assert document.place(("b",)) == (2, 1), "a block is placed at its key"
    assert document.place(("b", "d")) == (4, 3), "nothing is placed at its key"
    assert document.place(("b", "missing", "deep")) == (2, 1), "what is not there: the nearest that is"
    assert document.place(("nowhere",)) == (1, 1)
    assert document.key_place(("b", "c")) == (3, 3)


@pytest.mark.parametrize(
    ("raw", "data"),
    [
        (b"on: x\n8317: y\n~: z\n", {"on": "x", "8317": "y", "~": "z"}),
        (b"\xef\xbb\xbfa: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
        (b"base: &b {k: 1, l: 2}\nx:\n  <<: *b\n  l: 3\n", {"base": {"k": 1, "l": 2}, "x": {"l": 3, "k": 1}}),
        (b"a: &a {k: 1}\nb: {<<: [*a, {k: 2, l: 2}]}\n", {"a": {"k": 1}, "b": {"k": 1, "l": 2}}),
        (b"a: !!str 1\nc: 'No'\n", {"a": "1", "c": "No"}),
        ("ключ: значение 😀\n".encode(), {"ключ": "значение 😀"}),
        (b"{}\n", {}),
    ],
)  # fmt: skip
def test_ordinary_yaml(raw: bytes, data: dict[str, object]) -> None:
    document = parse(raw)
    assert document.diagnostics == ()
    assert document.data == data


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "config.yaml:1:1: error: config.yaml is empty"),
        (b"   \n# x\n", "config.yaml:1:1: error: config.yaml is empty"),
        (b"~\n", "config.yaml:1:1: error: config.yaml contains no configuration"),
        (b"just text\n", "config.yaml:1:1: error: expected keys and values, got a single value"),
        ("a: b\n".encode("utf-16"), "config.yaml:1:1: error: config.yaml is UTF-16 (save it as UTF-8)"),
        (b"a: b\nc: d\xff\n", "config.yaml:2:5: error: config.yaml is not valid UTF-8"),
        (b"a: b\nc: \x00\n", "config.yaml:2:4: error: config.yaml has a control character (NUL)"),
        (b"a: \x1b[31m\n", "config.yaml:1:4: error: config.yaml has a control character (U+001B)"),
        (b"a: 1\r\nb: 2\r\na: 3\r\n", "config.yaml:3:1: error: `a` appears twice, first on line 1"),
        (b"sk-planted-key: 1\nsk-planted-key: 2\n", "config.yaml:2:1: error: a key of 14 characters appears twice"),
        (b"a: {b: 1, b: 2}\n", "config.yaml:1:11: error: `b` appears twice, first on line 1"),
        (b"a: !secret x\n", "config.yaml:1:4: error: custom YAML tags are not supported"),
        (b"a: !!binary eA==\n", "config.yaml:1:4: error: custom YAML tags are not supported"),
        (b"[" * 65, "config.yaml:1:65: error: nested more than 64 levels deep"),
        (b"a: &r [*r]\n", "config.yaml:1:8: error: a YAML alias that contains itself"),
        (b"<<: 3\n", "config.yaml:1:5: error: << takes a mapping"),
        (b"a: !!int x\n", "config.yaml:1:4: error: YAML cannot read this as a number"),
        (b"a: " + b"9" * 5000 + b"\n", "config.yaml:1:4: error: YAML cannot read this as a number"),
        (b"a:\n  - b\n c: d\n", "config.yaml:3:2: error: not valid YAML"),
        (b"%YAML 3.0\n---\na: 1\n", "config.yaml:1:1: error: not valid YAML"),
        (b"a: [" + b"*x, " * 101 + b"]\n", "config.yaml:1:5: error: a YAML alias without an anchor"),
        (b"x: &x 1\na: [" + b"*x, " * 101 + b"]\n", "more than 100 YAML aliases"),
        (b"a: 1\n" * 3_400_000, "config.yaml is larger than 16 MiB"),
    ],
)
def test_what_is_refused_is_told_with_its_place(raw: bytes, words: str) -> None:
    assert words in problem(raw)


def test_a_bomb_of_aliases_is_refused_by_arithmetic() -> None:
    rows = [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 11)]
    assert "more than 2000000 values" in problem("\n".join(["a0: &a0 [x, x, x]", *rows]).encode())


@pytest.mark.parametrize("bracket", ["[", "{a: ", "- ", "? "])
def test_deep_nesting_never_reaches_the_composer(bracket: str) -> None:
    """In a process of its own: the C composer would end it with a segmentation fault."""
    code = f"from daemon.config.document import parse; print(parse({bracket!r}.encode() * 30000).diagnostics[0])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "nested more than 64 levels deep" in done.stdout


def test_depth_64_is_fine() -> None:
    assert parse(b"a: " + b"[" * 63 + b"]" * 63).diagnostics == ()


def test_the_collector_is_left_as_it_was() -> None:
    parse(b"a: 1\n")
    assert gc.isenabled()
    gc.disable()
    try:
        parse(b"a: [\n")
        assert not gc.isenabled()
    finally:
        gc.enable()


@given(st.binary(max_size=200))
def test_random_bytes_never_raise(raw: bytes) -> None:
    assert isinstance(parse(raw), Document)


@given(st.text(st.sampled_from("ab:-[]{}?&*!|>'\"\n #,<%@`1~"), max_size=60))
def test_random_yaml_never_raises(text: str) -> None:
    assert isinstance(parse(text.encode()), Document)
