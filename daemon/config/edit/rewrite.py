"""Changing config.yaml: the new data goes in, the same text with the fewest changes comes out.

    raw ─ tokens ─ tree (``pieces``) ─ Plan (``plan``, ``items``, ``render``) ─ splices
        ─▶ new text ─ parse ─ compare with the data ─▶ raw

1. The result has been parsed again and equals the data that was asked for, or ``NotEditable`` is raised.
2. Every byte outside the splices stays: comments, order, quotes, indentation, line ends, BOM.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Mapping

from daemon.config.document import Document, parse
from daemon.config.edit.pieces import LINE_END, Lines, NotEditable, tree
from daemon.config.edit.plan import Plan, Slot, Splice
from daemon.config.edit.render import mapping, same

__all__ = ["NotEditable", "refuse_broken", "rewrite"]

MOST_MOVES = 16
"""Lists of one file whose items change places, nested ones one after the other."""
NO_SETTINGS = re.compile(r"^\{[ \t]*\}[ \t]*(?=#|\r?$)", re.MULTILINE)
FIRST_INDENT = 2
"""Spaces of the first settings of a file that has none yet."""


def rewrite(document: Document, data: Mapping[str, object]) -> Document:
    """The file ``document`` so that its data equals ``data``, read again; ``document`` itself where it does already.

    A file of nothing but comments gets ``data`` below them.

    Raises NotEditable: for a file that is not valid YAML, and for a change that would touch more than
    was asked for (a value that an alias repeats, a key that comes from ``<<``).
    """
    if data and _has_nothing(document) and (text := _begun(document.text, data)) is not None:
        return _confirmed(document, _encoded(document.raw, text), dict(data))
    refuse_broken(document)
    if same(document.data, dict(data)):
        return document
    refusals: list[NotEditable] = []
    for bare in (False, True):
        try:
            return _rewritten(document, dict(data), bare=bare)
        except NotEditable as refusal:
            refusals.append(refusal)
    raise refusals[0]


def refuse_broken(document: Document) -> None:
    """Raises NotEditable for a file that is empty or has an error."""
    if document.diagnostics:
        first = document.diagnostics[0]
        hint = "write it again" if first.code == "empty" else "fix it first"
        raise NotEditable(f"the file already has an error: {first.message}", hint, first.line)


def _has_nothing(document: Document) -> bool:
    return not document.data and all(each.code == "empty" for each in document.diagnostics)


def _begun(text: str, data: Mapping[str, object]) -> str | None:
    """``text`` with ``data`` at its end; None where it holds more than comments, blanks and one ``{}``."""
    comments = NO_SETTINGS.sub("", text, count=1)
    lines = [line.strip() for line in LINE_END.split(comments)]
    if any(line and not line.startswith("#") for line in lines):
        return None
    eol = Lines(text).eol
    if not any(lines):
        comments = ""
    elif lines[-1]:
        comments += eol * 2
    elif lines[-2]:
        comments += eol
    return comments + "".join(line + eol for line in mapping(data, step=FIRST_INDENT, offset=FIRST_INDENT))


def _rewritten(document: Document, data: dict[str, object], *, bare: bool) -> Document:
    before = document if document.tokens else parse(document.raw, document.source, keep_tokens=True)
    for _ in range(MOST_MOVES):
        plan = _planned(before, data, bare=bare)
        raw = _encoded(before.raw, _applied(plan.text, plan.moves or plan.splices))
        if not plan.moves:
            break
        before = parse(raw, document.source, keep_tokens=True)
    return _confirmed(document, raw, data)


def _confirmed(document: Document, raw: bytes, data: dict[str, object]) -> Document:
    result = parse(raw, document.source)
    if result.diagnostics or not same(result.data, data):
        raise NotEditable("the change affects values that share an anchor, an alias or a tag")
    return result


def _planned(document: Document, data: dict[str, object], *, bare: bool) -> Plan:
    text = document.text
    root = tree(text, document.tokens)
    plan = Plan(Lines(text), root, bare=bare)
    plan.change(Slot(root, root.start, 0, root.flow), document.data, data)
    return plan


def _applied(text: str, splices: Iterable[Splice]) -> str:
    parts: list[str] = []
    at = 0
    for splice in sorted(splices, key=lambda each: (each.start, each.end)):
        if splice.start < at:
            raise NotEditable("two changes affect the same place")
        parts += (text[at : splice.start], splice.text)
        at = splice.end
    return "".join((*parts, text[at:]))


def _encoded(before: bytes, text: str) -> bytes:
    mark = codecs.BOM_UTF8 if before.startswith(codecs.BOM_UTF8) else b""
    try:
        return mark + text.encode()
    except UnicodeEncodeError:
        raise NotEditable("a text contains half of a surrogate pair", "send valid Unicode") from None
