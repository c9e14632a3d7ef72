"""The first settings of a file that has none yet: below its comments, where its ``{}`` goes."""

from __future__ import annotations

import re
from collections.abc import Mapping

from daemon.config.edit_pieces import LINE_END, Lines
from daemon.config.edit_render import mapping

NO_SETTINGS = re.compile(r"^\{[ \t]*\}[ \t]*(?=#|\r?$)", re.MULTILINE)
INDENT = 2


def begun(text: str, wanted: Mapping[str, object]) -> str | None:
    """``text`` with ``wanted`` at its end; None where it holds more than comments, blanks and one ``{}``."""
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
    return comments + "".join(line + eol for line in mapping(wanted, step=INDENT, offset=INDENT))
