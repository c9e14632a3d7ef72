"""Edits of files that people wrote: what was asked for and nothing else, or a refusal with a reason."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.config.document import parse
from daemon.config.edit.render import same
from daemon.config.edit.rewrite import NotEditable
from daemon.config.edit.rewrite import rewrite as rewrite_document
from tests.config.edited_files import FILES, PLAIN


def rewrite(raw: bytes, wanted: Data) -> bytes:
    return rewrite_document(parse(raw), wanted).raw


Data = dict[str, Any]
LYNX = {"name": "lynx", "enabled": True, "base-url": "https://lynx.example", "api-key": "sk # lynx: 'x'"}


def packycode(data: Data) -> Data:
    block: Data = data.get("packycode") or {}
    data["packycode"] = block
    return block


def providers(data: Data) -> list[Data]:
    block: Data = data.get("tppc") or {}
    entries: list[Data] = block.get("providers") or []
    data["tppc"], block["providers"] = block, entries
    return entries


def toggled(data: Data) -> None:
    packycode(data)["enabled"] = packycode(data).get("enabled") is not True


def with_other_url(data: Data) -> None:
    packycode(data)["base-url"] = "https://new.example/v1?a=b#c"


def with_nested(data: Data) -> None:
    packycode(data)["privacy"] = {"disable-response-storage": False}


def with_odd_key(data: Data) -> None:
    packycode(data)["credentials"] = {"openai-api-key": 'no: it\'s "odd" # \u00e9\U0001f511'}


def with_port(data: Data) -> None:
    data["port"] = 9000


def without_debug(data: Data) -> None:
    data.pop("debug", None)


def with_provider(data: Data) -> None:
    providers(data).append(dict(LYNX))


def without_first(data: Data) -> None:
    del providers(data)[:1]


def without_all(data: Data) -> None:
    providers(data).clear()


def switched_second(data: Data) -> None:
    for each in providers(data)[1:]:
        each["enabled"] = True


def with_models(data: Data) -> None:
    for each in providers(data)[:1]:
        each["models"] = ["a", {"name": "b", "alias": "c"}]


def with_section(data: Data) -> None:
    data["timeouts"] = {"connect": 2.5, "idle": "5m"}


OPERATIONS: dict[Callable[[Data], None], int] = {
    toggled: 1,
    with_other_url: 1,
    with_nested: 2,
    with_odd_key: 2,
    with_port: 1,
    without_debug: 1,
    with_provider: 5,
    without_first: 5,
    without_all: 10,
    switched_second: 1,
    with_models: 4,
    with_section: 3,
}
"""Each with how many lines of YAML its change is about; at most four more may be touched."""


REFUSED: dict[tuple[str, Callable[[Data], None]], str] = {
    ("anchors", without_first): "anchor",
    ("flow over lines", without_first): "comment",
    ("flow over lines", without_all): "comment",
    ("comments only", without_debug): "is empty",
}
"""The edits that are refused, and a word of the reason."""


def changed_lines(before: bytes, after: bytes) -> int:
    old, new = (text.decode("utf-8-sig").splitlines(keepends=True) for text in (before, after))
    return sum(line[0] in "+-" for line in difflib.ndiff(old, new) if line[0] in "+-")


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.__name__)
@pytest.mark.parametrize("name", FILES)
def test_an_edit_is_right_and_small_or_refused(name: str, operation: Callable[[Data], None]) -> None:
    raw = FILES[name]
    wanted = copy.deepcopy(parse(raw).data)
    operation(wanted)
    if reason := REFUSED.get((name, operation)):
        with pytest.raises(NotEditable, match=reason):
            rewrite(raw, wanted)
        return
    after = rewrite(raw, wanted)
    assert same(parse(after).data, wanted)
    assert parse(after).diagnostics == ()
    assert changed_lines(raw, after) <= 4 + OPERATIONS[operation]
    assert after.startswith(b"\xef\xbb\xbf") == raw.startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("name", FILES)
def test_what_it_says_already_changes_no_byte(name: str) -> None:
    if parse(FILES[name]).diagnostics:
        pytest.skip("not a configuration yet")
    assert rewrite(FILES[name], parse(FILES[name]).data) == FILES[name]


@pytest.mark.parametrize(
    "name", ["plain", "crlf", "byte order mark", "no final newline", "emoji", "start and end marks"]
)
def test_a_switch_there_and_back_restores_every_byte(name: str) -> None:
    raw = FILES[name]
    wanted = copy.deepcopy(parse(raw).data)
    toggled(wanted)
    assert rewrite(rewrite(raw, wanted), parse(raw).data) == raw


@pytest.mark.parametrize(
    "raw, expected",
    [
        (b"", b"port: 1\n"),
        (b"{}\n", b"port: 1\n"),
        (b"# mine", b"# mine\n\nport: 1\n"),
        (b"# use {}\r\n{ }  # so far\r\n\r\n", b"# use {}\r\n# so far\r\n\r\nport: 1\r\n"),
        (b"\xef\xbb\xbf# mine\n{}\n# yours\n", b"\xef\xbb\xbf# mine\n\n# yours\n\nport: 1\n"),
    ],
)
def test_the_first_setting_goes_below_the_comments(raw: bytes, expected: bytes) -> None:
    assert rewrite(raw, {"port": 1}) == expected


@pytest.mark.parametrize(
    "raw, wanted, expected",
    [
        (b"# mine\na: 1   # x\nb:\n  - 2\n# yours\n", {}, b"# mine\n{}\n# yours\n"),
        (b"a: 1\n# yours\n", {"b": {"c": 2}}, b"b:\n  c: 2\n# yours\n"),
    ],
)
def test_the_last_setting_goes_without_the_comments(raw: bytes, wanted: Data, expected: bytes) -> None:
    assert rewrite(raw, wanted) == expected


def test_a_new_name_is_no_new_item() -> None:
    wanted = copy.deepcopy(parse(PLAIN.encode()).data)
    providers(wanted)[0]["name"] = "vixen"
    assert rewrite(PLAIN.encode(), wanted).decode() == PLAIN.replace("name: fox", "name: vixen")


@pytest.mark.parametrize(
    "raw",
    [b"a: 1\na: 2\n", b"packycode: [\n", b"a: !python/object:x {}\n", b"\xff\xfe", b"---\n", b"~\n"],
    ids=["twice", "cut", "tag", "bytes", "mark", "null"],
)
def test_a_file_with_an_error_is_refused_with_the_reason(raw: bytes) -> None:
    with pytest.raises(NotEditable) as refusal:
        rewrite(raw, {"port": 1})
    assert refusal.value.message


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(value=VALUES, name=st.sampled_from(sorted(FILES)), place=st.sampled_from(["base-url", "new", "credentials"]))
@settings(max_examples=200, deadline=None)
def test_any_value_is_written_as_it_was_meant_or_refused(value: object, name: str, place: str) -> None:
    wanted = copy.deepcopy(parse(FILES[name]).data)
    packycode(wanted)[place] = value
    try:
        after = rewrite(FILES[name], wanted)
    except NotEditable:
        return
    assert same(parse(after).data, wanted)


@given(value=st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60))
@settings(max_examples=200, deadline=None)
def test_no_printable_text_is_refused_in_a_plain_file(value: str) -> None:
    wanted = copy.deepcopy(parse(PLAIN.encode()).data)
    packycode(wanted)["base-url"] = value
    after = rewrite(PLAIN.encode(), wanted)
    assert same(parse(after).data, wanted)
    assert changed_lines(PLAIN.encode(), after) <= 4
