"""Editing YAML of one level (aider's), with the editor of config.yaml. A value is kept as JSON, which YAML includes."""

from __future__ import annotations

import json
from collections.abc import Mapping

from daemon.cli.clients.file_text import NotChangeable, Path, Raw, value_at, with_value
from daemon.config.document import Document, parse
from daemon.config.edit.rewrite import NotEditable, rewrite
from daemon.config.foreign_text import Unparsable


class YamlText:
    def data(self, text: str) -> Mapping[str, object]:
        return _document(text).data

    def raw(self, text: str, path: Path) -> Raw | None:
        value = value_at(_document(text).data, path)
        return None if value is None else self.encode(value)

    def encode(self, value: object) -> Raw:
        return json.dumps(value, ensure_ascii=False, default=str)

    def put(self, text: str, path: Path, raw: Raw) -> str:
        document = _document(text)
        return _rewritten(document, with_value(document.data, path, json.loads(raw)))

    def remove(self, text: str, path: Path) -> str:
        document = _document(text)
        return _rewritten(document, with_value(document.data, path, None))


def _document(text: str) -> Document:
    """Raises Unparsable; a file of blanks and comments alone is fine."""
    document = parse(text.encode(), keep_tokens=True)
    for each in document.diagnostics:
        if each.code != "empty":
            raise Unparsable(each.message, each.hint, each.place)
    return document


def _rewritten(document: Document, data: dict[str, object]) -> str:
    try:
        return rewrite(document, data).raw.decode()
    except NotEditable as refusal:
        raise NotChangeable(str(refusal)) from None
