"""Any change of any file: what was asked for, every remark where it was, and few lines touched."""

from __future__ import annotations

import copy
import difflib
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from daemon.config.document import parse
from daemon.config.edit.render import same
from daemon.config.edit.rewrite import NotEditable, rewrite
from tests.config.random_files import KEYS, SCALARS, VALUES, File, files

REFUSED = {"remove": "first key beside a dash", "reverse": "^$"}
"""What may be refused, and why."""
Path = tuple[str | int, ...]


class Change(Struct, frozen=True):
    """``kind`` is what is done to the value at ``path``; ``value`` is the new one, or what is added below."""

    kind: str
    path: Path
    value: Any = None


@st.composite
def changes(draw: Any) -> tuple[File, Change]:
    file = draw(files())
    places = list(walk(file.data, ()))
    inner = [path for path, value in places if isinstance(value, dict)]
    leaves = [path for path, value in places if path and not isinstance(value, dict | list)]
    options = [
        st.builds(Change, st.just("add"), st.sampled_from(inner), st.tuples(KEYS.map("new{}".format), VALUES).map(list))
    ]
    if named := [path for path in leaves if path[-1] == "name"]:
        options.append(st.builds(Change, st.just("set"), st.sampled_from(named), st.just("renamed")))
    if others := [path for path in leaves if path[-1] != "name"]:
        options.append(st.builds(Change, st.just("set"), st.sampled_from(others), SCALARS))
    if removable := [path for path, _ in places if path and path[-1] != "name"]:  # without it, it is another item
        options.append(st.builds(Change, st.just("remove"), st.sampled_from(removable)))
    if lists := [path for path, value in places if isinstance(value, list) and len(value) > 1]:
        options.append(st.builds(Change, st.just("reverse"), st.sampled_from(lists)))
    return file, draw(st.one_of(options))


def walk(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    yield path, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from walk(item, (*path, key))


def made(data: Any, change: Change) -> Any:
    """The data after the change."""
    data = holder = copy.deepcopy(data)
    for step in change.path if change.kind == "add" else change.path[:-1]:
        holder = holder[step]
    match change.kind:
        case "add":
            holder.update([change.value])
        case "set":
            holder[change.path[-1]] = change.value
        case "remove":
            del holder[change.path[-1]]
        case "reverse":
            holder[change.path[-1]].reverse()
    return data


def at(data: Any, path: Path) -> Any:
    for step in path:
        data = data[step]
    return data


def size(value: Any) -> int:
    """How many lines a value may fill."""
    return sum(1 for _ in walk(value, ()))


def remarks(raw: bytes) -> list[int]:
    return [int(number) for number in re.findall(rb"# remark-(\d+)\.", raw)]


def touched(before: bytes, after: bytes) -> int:
    """How many lines went or came, blank ones left out."""
    old, new = (raw.decode("utf-8-sig").splitlines() for raw in (before, after))
    diff = list(difflib.unified_diff(old, new, n=0, lineterm=""))[2:]
    return sum(line[:1] in "+-" and bool(line[1:].strip()) for line in diff)


def check(file: File, change: Change) -> None:
    wanted = made(file.data, change)
    try:
        after = rewrite(parse(file.raw), wanted).raw
    except NotEditable as refusal:
        assert re.search(REFUSED.get(change.kind, "^$"), refusal.message), refusal.message
        return
    found = parse(after)
    assert (found.diagnostics, same(found.data, wanted)) == ((), True)
    before, kept = remarks(file.raw), remarks(after)
    if change.kind == "reverse":
        assert sorted(kept) == before
        return
    lost = [each for each in before if each not in kept]
    assert kept == [each for each in before if each not in lost]
    if change.kind == "remove":
        assert not lost or lost == list(range(lost[0], lost[-1] + 1))
        assert touched(file.raw, after) <= 2 + size(at(file.data, change.path)) + len(lost)
    else:
        assert lost == []
        assert touched(file.raw, after) <= 2 + 2 * size(change.value)


@given(changes())
@settings(max_examples=150, deadline=None)
def test_a_change_of_any_file(given: tuple[File, Change]) -> None:
    check(*given)


@pytest.mark.soak
@given(changes())
@settings(max_examples=5_000, deadline=None, suppress_health_check=list(HealthCheck))
def test_many_changes_of_any_file(given: tuple[File, Change]) -> None:
    check(*given)
