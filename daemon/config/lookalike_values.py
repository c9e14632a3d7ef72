"""What diagnostics say of values that have a lookalike in them: the error names it, and else a warning does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec import structs

from daemon.config.diagnostics import Diagnostic, Path
from daemon.config.document import Document
from daemon.config.lookalikes import in_value, lookalike_hint
from daemon.config.references import is_reference

NAME_LISTS: Final = frozenset(("models", "exclude-models"))


def with_lookalikes(
    document: Document, diagnostics: Iterable[Diagnostic], texts: Mapping[Path, str]
) -> Iterator[Diagnostic]:
    """``texts`` are the values that are read as text and are not ASCII, as they are written."""
    wrong = set()
    for each in diagnostics:
        text = texts.get(each.path, "")
        if each.severity == "error" and text:
            wrong.add(each.path)
            hint = lookalike_hint(text)
            yield structs.replace(each, hint=hint) if hint else each
        else:
            yield each
    for path, text in texts.items():
        if (
            path not in wrong
            and not is_reference(text)
            and (found := in_value(text, of_list=not NAME_LISTS.isdisjoint(path)))
        ):
            line, column = _place(document, path, text, found[0])
            yield Diagnostic(
                severity="warning",
                code="lookalike",
                message="is not what it looks like",
                path=path,
                line=line,
                column=column,
                source=document.source,
                hint=found[1],
            )


def _place(document: Document, path: Path, text: str, at: int) -> tuple[int, int]:
    """Of the character itself, where the file has the whole text on one line."""
    line, column = document.place(path)
    written = document.line(line)[column - 1 :]
    quote = written[:1] if written[:1] in ("'", '"') else ""
    return line, column + len(quote) + at if written.startswith(quote + text) else column
