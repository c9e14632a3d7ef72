"""Editing JSON with comments: a member is put in or taken out, every other byte stays.

A member that is put in stands on a line of its own, indented like those before it; in an object that is written on one
line it follows on that line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from daemon.cli.clients.file_text import NotChangeable, Path, Raw
from daemon.cli.clients.json_scanner import JsonMember, JsonValue, after_blank, scanned
from daemon.config.foreign_text import Unparsable, place_of

_REST_OF_LINE: Final = re.compile(r"[ \t]*,?[ \t]*(?://[^\n\r]*|/\*[^\n\r]*?\*/[ \t]*)?(?=\r?\n|$)")
_INDENT: Final = "  "


class JsonText:
    def data(self, text: str) -> Mapping[str, object]:
        return _data(self._root(text))

    def raw(self, text: str, path: Path) -> Raw | None:
        value: JsonValue | None = self._root(text)
        for key in path:
            member = value.member(key) if value else None
            value = member.value if member else None
        return text[value.start : value.end] if value else None

    def encode(self, value: object) -> Raw:
        return json.dumps(value, ensure_ascii=False, indent=2)

    def put(self, text: str, path: Path, raw: Raw) -> str:
        value = self._root(text)
        for depth, key in enumerate(path):
            if value.kind != "object":
                line, column = place_of(text[: value.start])
                raise NotChangeable(f"{line}:{column}: {'.'.join(path[:depth])} is not an object")
            member = value.member(key)
            if member is None:
                return _inserted(text, value, path[depth:], raw)
            value = member.value
        return text[: value.start] + raw + text[value.end :]

    def remove(self, text: str, path: Path) -> str:
        value = self._root(text)
        for key in path[:-1]:
            member = value.member(key)
            if member is None:
                return text
            value = member.value
        member = value.member(path[-1])
        return text if member is None else _without(text, value, member)

    def _root(self, text: str) -> JsonValue:
        """A file of blanks and comments alone is as good as ``{}``."""
        if after_blank(text, 0) == len(text):
            return JsonValue("object", len(text), len(text), {})
        root = scanned(text)
        if root.kind != "object":
            raise Unparsable("an object is expected", "write {} for no settings", place_of(text[: root.start]))
        return root


def _data(root: JsonValue) -> Mapping[str, object]:
    assert isinstance(root.data, dict)
    return root.data


def _inserted(text: str, parent: JsonValue, path: Path, raw: Raw) -> str:
    """The member, inside objects for all but the last of ``path``."""
    eol = "\r\n" if "\r\n" in text else "\n"
    if parent.start == parent.end:  # no object yet
        before = text if not text or text.endswith("\n") else text + eol
        return f"{before}{{{eol}{_member(path, raw, _INDENT, _INDENT, eol)}{eol}}}{eol}"
    outer = _indent_at(text, parent.start)
    if not parent.members:
        inside = text[parent.start + 1 : parent.end - 1].rstrip()
        unit = outer if outer.startswith("\t") else _INDENT
        member = _member(path, raw, outer + unit, unit, eol)
        return f"{text[: parent.start + 1]}{inside}{eol}{member}{eol}{outer}{text[parent.end - 1 :]}"
    first, last = parent.members[0], parent.members[-1]
    if "\n" not in text[parent.start : first.start]:
        return f"{text[: last.value.end]}, {_compact(path, raw)}{text[last.value.end :]}"
    indent = _indent_at(text, first.start)
    unit = indent[len(outer) :] if indent.startswith(outer) and indent != outer else _INDENT
    end = last.value.end
    comma_at = after_blank(text, end)
    has_comma = text.startswith(",", comma_at)
    if has_comma and "\n" in text[end:comma_at]:
        end = comma_at
    rest = _REST_OF_LINE.match(text, end)
    line_end = rest.end() if rest else comma_at + 1 if has_comma else end
    head = text[:end] + ("" if has_comma else ",") + text[end:line_end]
    return f"{head}{eol}{_member(path, raw, indent, unit, eol)}{',' if has_comma else ''}{text[line_end:]}"


def _member(path: Path, raw: Raw, indent: str, unit: str, eol: str) -> str:
    """On lines of their own."""
    key, *rest = path
    if not rest:
        value = raw.replace("\n", f"{eol}{indent}")
        return f"{indent}{json.dumps(key, ensure_ascii=False)}: {value}"
    inner = _member(tuple(rest), raw, indent + unit, unit, eol)
    return f"{indent}{json.dumps(key, ensure_ascii=False)}: {{{eol}{inner}{eol}{indent}}}"


def _compact(path: Path, raw: Raw) -> str:
    key, *rest = path
    value = f"{{{_compact(tuple(rest), raw)}}}" if rest else raw
    return f"{json.dumps(key, ensure_ascii=False)}: {value}"


def _indent_at(text: str, at: int) -> str:
    """The blanks that the line of this place begins with."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _without(text: str, parent: JsonValue, member: JsonMember) -> str:
    """Whole lines where it has them to itself."""
    end = member.value.end
    comma = after_blank(text, end)
    is_last = member is parent.members[-1]
    has_comma = text.startswith(",", comma)
    start, stop = member.start, comma + 1 if has_comma else end
    line_start = text.rfind("\n", 0, start) + 1
    rest = _REST_OF_LINE.match(text, stop)
    has_lines = bool(not text[line_start:start].strip() and rest and line_start)
    if has_lines and rest:
        start, stop = line_start, rest.end()
        stop += 2 if text.startswith("\r\n", stop) else 1 if text.startswith("\n", stop) else 0
    elif has_comma:
        stop += len(text[stop:]) - len(text[stop:].lstrip(" \t"))
    if is_last and not has_comma and len(parent.members) > 1:
        dangling = after_blank(text, parent.members[-2].value.end)
        kept = text[dangling + 1 : max(start, dangling + 1)] if has_lines else ""
        return text[:dangling] + kept + text[stop:]
    return text[:start] + text[stop:]
