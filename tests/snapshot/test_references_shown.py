"""What a reference stands for is in no diagnostic and in no line of a summary, whichever key it is written at."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
import yaml

from daemon.config.schema import Config, ModelEntry
from daemon.config.schema_base import Base
from daemon.config.shape import Shape, fields
from daemon.snapshot.diff import diff
from daemon.snapshot.snapshot import build
from daemon.snapshot.summary import lines
from tests.config.world import loaded

FOX: dict[str, Any] = {"name": "fox", "enabled": False, "base-url": "https://fox.example/v1", "api-key": "sk-fox"}


def leaves(section: type[Base], path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Shape]]:
    """Every place of config.yaml that takes a text or a number, with an item of each list."""
    for key, field in fields(section).items():
        shape, at = field.shape, (*path, key)
        if shape.kind in ("list", "models", "globs") and shape.item is not None:
            shape, at = shape.item, (*at, 0)
        if shape.kind in ("table", "aliases"):
            at = (*at, "x-name")
        if shape.section is not None and shape.section is not ModelEntry:
            yield from leaves(shape.section, at)
        else:
            yield at, shape


LEAVES = list(leaves(Config))


def document(path: tuple[str | int, ...], value: str, *, enabled: bool) -> str:
    data: dict[str, Any] = {"packycode": {"enabled": enabled}, "tppc": {"providers": [FOX | {"enabled": enabled}]}}
    node: Any = data
    for key, following in pairwise(path):
        empty: Any = [] if isinstance(following, int) else {}
        if isinstance(key, int):
            if not node:
                node.append(empty)
            node = node[key]
        else:
            node = node.setdefault(key, empty)
    if isinstance(node, list):
        node.append(value)
    else:
        node[path[-1]] = value
    return yaml.safe_dump(data, sort_keys=False)


@pytest.mark.parametrize(
    "hidden",
    [
        "planted",
        "https://planted.example/planted",
        "http://u:planted@planted#1@h",
        "-7",
        "${PLANTED}",
        "planted\nx",
    ],
)
@pytest.mark.parametrize("enabled", [False, True], ids=["off", "on"])
def test_what_a_reference_stands_for_is_never_shown(hidden: str, enabled: bool) -> None:
    """Walks the schema, so that a key that is added is looked at as well."""
    before = build(_usable("{}"), generation=1)
    for path, _ in LEAVES:
        fragment = loaded(document(path, "env:HIDDEN", enabled=enabled), {"env:HIDDEN": hidden})
        said = [str(each) for each in fragment.diagnostics]
        if fragment.settings is not None:
            after = build(fragment, generation=2)
            said += lines(diff(before, after))
            said += lines(diff(after, before))
            literal = loaded(document(path, "x", enabled=enabled))
            if literal.settings is not None:
                said += lines(diff(after, build(literal, generation=3)))
        whole = "\n".join(said)
        for piece in ("planted", "PLANTED", "got -7", '"-7"', " -7 "):
            assert piece not in whole, path


def test_the_walk_finds_the_keys() -> None:
    found = {".".join(map(str, path)) for path, _ in LEAVES}
    assert {"host", "logging.file", "tppc.providers.0.wire-api", "packycode.headers.x-name"} <= found
    assert len(found) >= 70


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("host: env:A", "host: 127.0.0.9", "host: env:A -> 127.0.0.9 (restart needed)"),
        ("host: 127.0.0.9", "host: env:A", "host: 127.0.0.9 -> env:A (restart needed)"),
        ("logging: {file: env:A}", "logging: {file: env:B}", "logging.file: env:A -> env:B"),
        ("proxy-url: env:URL", "proxy-url: direct", "proxy-url: env:URL -> direct"),
        ("port: env:PORT", "port: 1", "port: env:PORT -> 1 (restart needed)"),
        ("debug: env:YES", "debug: false", "debug: env:YES -> false"),
    ],
)
def test_the_reference_is_shown_in_its_place(old: str, new: str, expected: str) -> None:
    env = {"env:A": "a", "env:B": "b", "env:URL": "http://planted.example:1", "env:PORT": "7", "env:YES": "true"}
    snapshots = [build(loaded(each, env), generation=1) for each in (old, new)]
    assert list(lines(diff(*snapshots))) == [expected]


def test_another_text_behind_the_same_reference_is_an_update() -> None:
    snapshots = [build(loaded("logging: {file: env:A}", {"env:A": each}), generation=1) for each in ("a", "b")]
    assert list(lines(diff(*snapshots))) == ["logging.file: updated"]


def _usable(text: str) -> Any:
    fragment = loaded(text)
    assert fragment.settings is not None
    return fragment
