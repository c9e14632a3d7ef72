"""What both OpenAI APIs write in the same way of documents, foreign parts and failed tools."""

from __future__ import annotations

from typing import Final

from daemon.inference.blocks import File

ERROR_MARK: Final = "[tool error]"
"""Neither API has a field for a tool that failed: the model reads this before the result."""
SAME_PARTS: Final = frozenset({"input_audio"})
"""Types of parts that both APIs write in exactly the same form."""

FILES_OF_OPENAI: Final = frozenset({"chat", "responses"})
"""Wires whose clients name files of one and the same store."""

_EXTENSIONS: Final = {"application/pdf": "pdf", "text/plain": "txt", "text/csv": "csv", "text/html": "html"}


def titled(file: File, text: str) -> str:
    """A document's text under its title and context, for which the APIs have no fields."""
    head = [f"{word}: {value}" for word, value in (("Document", file.filename), ("Context", file.context)) if value]
    return "\n".join(head) + ("\n\n" if head and text else "") + text


def inline_data(file: File) -> tuple[str, str]:
    """(file name, data URL) of a document whose bytes travel in the request; both are required."""
    media_type = file.media_type or "application/pdf"
    filename = file.filename or f"document.{_EXTENSIONS.get(media_type, 'bin')}"
    return filename, f"data:{media_type};base64,{file.data or ''}"
