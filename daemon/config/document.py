"""YAML bytes become plain data, and every value remembers where it was written.

    bytes ─ decode ─▶ text ─ scan (limits) ─▶ compose (C) ─▶ Builder ─▶ data + positions + diagnostics

PyYAML keeps the last of two equal keys in silence and has no positions in its data, so the plain
data is built here from the composed nodes. Keys are always text, as written (``on:`` is ``"on"``).
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

import yaml
from msgspec import Struct
from yaml.constructor import ConstructorError, SafeConstructor
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from daemon.config.diagnostics import Diagnostic, Path
from daemon.config.lookalikes import Place, lookalike_hint
from daemon.config.scan import ScanError, scan

MAX_BYTES = 16 * 1024 * 1024
LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
EMPTY_HINT = "write one with: tppcd init; {} stands for the defaults"
UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Token(Struct, frozen=True):
    """One YAML event as text: ``start`` and ``end`` are offsets into the decoded text, properties (``&a``)
    included. ``style`` is the quote or block indicator of a scalar, ``{`` or ``[`` of a flow collection."""

    kind: Literal["scalar", "alias", "map", "list", "end"]
    start: int
    end: int
    style: str = ""
    anchor: str = ""
    text: str = ""


class Document(Struct, frozen=True, kw_only=True):
    """The text, and the same as data. ``positions`` has the (line, column) of each value, ``keys`` of each key,
    ``plain`` the text of each unquoted scalar that YAML did not read as text (``No``, ``017``, a date).
    ``tokens`` are empty unless they were requested and nothing is wrong with the text."""

    data: dict[str, object]
    positions: Mapping[Path, Place]
    raw: bytes = b""
    keys: Mapping[Path, Place] = {}
    plain: Mapping[Path, str] = {}
    diagnostics: tuple[Diagnostic, ...] = ()
    source: str = "config.yaml"
    tokens: tuple[Token, ...] = ()

    @property
    def text(self) -> str:
        """What ``tokens`` have offsets into: decoded, without a byte order mark."""
        return self.raw.decode("utf-8-sig")

    def line(self, number: int) -> str:
        """The text of a line, counted from 1."""
        lines = LINE_END.split(self.text)
        return lines[number - 1] if 0 < number <= len(lines) else ""

    def place(self, path: Path) -> Place:
        """Where the value of ``path`` is written, or its nearest ancestor; (1, 1) for the whole."""
        while path:
            if path in self.positions:
                return self.positions[path]
            path = path[:-1]
        return 1, 1

    def key_place(self, path: Path) -> Place:
        return self.keys.get(path) or self.place(path)


def parse(raw: bytes, source: str = "config.yaml", *, keep_tokens: bool = False) -> Document:
    """Read YAML bytes. Whatever is wrong with them is a diagnostic; this never raises.

    ``keep_tokens`` is for a text that is to be edited; a configuration of 10,000 providers has 300,000 of them.
    """
    tokens: list[Token] = []
    try:
        with _collector_paused():
            root = _compose(_decode(raw), tokens if keep_tokens else None)
            builder = Builder()
            data = builder.root(root)
    except ScanError as error:
        return Document(raw=raw, data={}, positions={}, diagnostics=(_diagnostic(error, source),), source=source)
    return Document(
        raw=raw,
        data=data,
        positions=builder.positions,
        keys=builder.keys,
        plain=builder.plain,
        diagnostics=tuple(_diagnostic(error, source) for error in builder.errors),
        source=source,
        tokens=tuple(tokens),
    )


def _diagnostic(error: ScanError, source: str) -> Diagnostic:
    line, column = error.place
    return Diagnostic(
        severity="error",
        code=error.code,
        message=error.message.replace("the file", source.rpartition("/")[2], 1),
        line=line,
        column=column,
        source=source,
        hint=error.hint,
    )


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Millions of young nodes make the collector walk them over and over: four times slower at 10,000 providers."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _decode(raw: bytes) -> str:
    if len(raw) > MAX_BYTES:
        limit = MAX_BYTES // 1024 // 1024
        raise ScanError("too-large", f"the file is larger than {limit} MiB", (1, 1), "split or shorten it")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ScanError("encoding", "the file is UTF-16", (1, 1), "save it as UTF-8")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = _place_of(raw[: error.start].decode("utf-8-sig", "replace"))
        raise ScanError("encoding", "the file is not valid UTF-8", place, "save it as UTF-8") from None
    if match := UNPRINTABLE.search(text):
        name = "NUL" if match[0] == "\0" else f"U+{ord(match[0]):04X}"
        place = _place_of(text[: match.start()])
        raise ScanError(
            "encoding", f"the file has a control character ({name})", place, "remove it; in quotes write an escape"
        )
    return text


def _place_of(before: str) -> Place:
    """The place right after this text, counting line ends as YAML does."""
    lines = LINE_END.split(before)
    return len(lines), len(lines[-1]) + 1


def _compose(text: str, tokens: list[Token] | None) -> Node:
    try:
        scan(text, None if tokens is None else lambda event: _keep(event, tokens))
        root: Node | None = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError:
        raise ScanError("yaml-syntax", "not valid YAML", (1, 1)) from None
    if root is None:
        raise ScanError("empty", "the file is empty", (1, 1), EMPTY_HINT)
    return root


class Builder:
    """Composed nodes -> plain data, positions and what is wrong with keys and scalars."""

    def __init__(self) -> None:
        self.positions: dict[Path, Place] = {}
        self.keys: dict[Path, Place] = {}
        self.plain: dict[Path, str] = {}
        self.errors: list[ScanError] = []
        self._scalars = SafeConstructor()

    def root(self, node: Node) -> dict[str, object]:
        if not isinstance(node, MappingNode):
            kind = "a list" if isinstance(node, SequenceNode) else "a single value"
            if isinstance(node, ScalarNode) and node.tag.endswith(":null"):
                raise ScanError("empty", "the file contains no configuration", _place(node), EMPTY_HINT)
            alike = lookalike_hint(node.value, is_key=True) if isinstance(node, ScalarNode) else ""
            hint = alike or "write 'key: value'"
            raise ScanError("top-level", f"expected keys and values, got {kind}", _place(node), hint)
        return self.mapping(node, ())

    def value(self, node: Node, path: Path) -> object:
        if isinstance(node, MappingNode):
            return self.mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.item(child, (*path, index)) for index, child in enumerate(node.value)]
        assert isinstance(node, ScalarNode)
        return self.scalar(node, path)

    def item(self, node: Node, path: Path) -> object:
        self.positions[path] = _place(node)
        return self.value(node, path)

    def mapping(self, node: MappingNode, path: Path) -> dict[str, object]:
        data: dict[str, object] = {}
        first: dict[str, int] = {}
        merged: list[Node] = []
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                merged.append(value_node)
            elif key := self.key(key_node, first):
                self.entry(data, key, (key_node, value_node), path)
        for value_node in merged:
            self.merge(data, value_node, path)
        return data

    def key(self, node: Node, first: dict[str, int]) -> str | None:
        """The key's text, None if it cannot be one. ``first`` is the line each key was seen on."""
        line, _ = place = _place(node)
        if not isinstance(node, ScalarNode) or not node.value:
            self.errors.append(ScanError("yaml-key", "a key must be text", place, "put it in quotes"))
            return None
        key: str = node.value
        if key in first:
            message = f"{nameable(key)} appears twice, first on line {first[key]}"
            self.errors.append(ScanError("duplicate-key", message, place, "remove one of them"))
            return None
        first[key] = line
        return key

    def entry(self, data: dict[str, object], key: str, pair: tuple[Node, Node], path: Path) -> None:
        key_node, value_node = pair
        below = (*path, key)
        self.keys[below] = _place(key_node)
        # A block mapping's own mark is its first key, a line too far for "something is missing here";
        # an empty value has no text at all.
        block = isinstance(value_node, MappingNode) and not value_node.flow_style
        empty = isinstance(value_node, ScalarNode) and value_node.start_mark.index == value_node.end_mark.index
        self.positions[below] = _place(key_node if block or empty else value_node)
        data[key] = self.value(value_node, below)

    def merge(self, data: dict[str, object], node: Node, path: Path) -> None:
        """``<<: *base``: keys that are not given here come from there, the first of several wins."""
        for source in node.value if isinstance(node, SequenceNode) else (node,):
            if not isinstance(source, MappingNode):
                self.errors.append(ScanError("yaml-merge", "<< takes a mapping", _place(source), "name an anchor"))
                continue
            inherited = Builder()
            values = {key: value for key, value in inherited.mapping(source, path).items() if key not in data}
            data.update(values)
            self.adopt(inherited, len(path), frozenset(values))

    def adopt(self, other: Builder, depth: int, keys: frozenset[str]) -> None:
        """Take over what was recorded for the inherited ``keys``, which are at ``depth`` of their paths."""
        for mine, theirs in ((self.positions, other.positions), (self.keys, other.keys)):
            mine.update({at: place for at, place in theirs.items() if at[depth] in keys})
        self.plain.update({at: text for at, text in other.plain.items() if at[depth] in keys})

    def scalar(self, node: ScalarNode, path: Path) -> object:
        kind = node.tag.rpartition(":")[2]
        if kind == "str":
            return node.value
        if not node.style:
            self.plain[path] = node.value
        try:
            return CONSTRUCTORS[kind](self._scalars, node)
        except (ValueError, OverflowError, KeyError, IndexError, AttributeError, ConstructorError):
            message = f"YAML cannot read this as {KIND_WORDS.get(kind, kind)}"
            self.errors.append(ScanError("yaml-value", message, _place(node), "put it in quotes"))
            return None


KIND_WORDS = {"int": "a number", "float": "a number", "timestamp": "a date", "bool": "true or false"}
CONSTRUCTORS = {
    "null": SafeConstructor.construct_yaml_null,
    "bool": SafeConstructor.construct_yaml_bool,
    "int": SafeConstructor.construct_yaml_int,
    "float": SafeConstructor.construct_yaml_float,
    "timestamp": SafeConstructor.construct_yaml_timestamp,
    "value": SafeConstructor.construct_yaml_str,
    "merge": SafeConstructor.construct_yaml_str,
}


def nameable(key: str) -> str:
    """A key's name as it may be shown: a key in the wrong place of the file must not be printed."""
    if re.fullmatch(r"[A-Za-z0-9_.*/-]{1,40}", key) and not looks_secret(key):
        return f"`{key}`"
    return f"a key of {len(key)} characters"


def looks_secret(text: str) -> bool:
    """Whether a text in a place for no secret looks like one all the same."""
    if re.search(r"\b(sk|pk|rk)[-_][A-Za-z0-9_-]{4,}", text):
        return True
    return any(re.search("[0-9]", run) and re.search("[A-Za-z]", run) for run in re.findall("[A-Za-z0-9+=]{20,}", text))


def _place(node: Node) -> Place:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _keep(event: yaml.Event, tokens: list[Token]) -> None:
    token = _token(event)
    if token is not None:
        tokens.append(token)


def _token(event: yaml.Event) -> Token | None:
    start = event.start_mark.index if event.start_mark else 0
    end = event.end_mark.index if event.end_mark else start
    match event:
        case yaml.ScalarEvent():
            return Token("scalar", start, end, event.style or "", event.anchor or "", event.value)
        case yaml.AliasEvent():
            return Token("alias", start, end, anchor=event.anchor or "")
        case yaml.MappingStartEvent():
            return Token("map", start, end, "{" if event.flow_style else "", event.anchor or "")
        case yaml.SequenceStartEvent():
            return Token("list", start, end, "[" if event.flow_style else "", event.anchor or "")
        case yaml.CollectionEndEvent():
            return Token("end", start, end)
    return None
