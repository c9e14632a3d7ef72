"""What any wire's request says, as far as the scripted model listens."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

Json = dict[str, Any]
"""A decoded JSON object. The simulator reads foreign bodies loosely, so their values stay untyped."""

ToolKind = Literal["function", "custom", "local_shell"]


class Tool(Struct, frozen=True):
    """A tool the client offers. ``schema`` is the JSON Schema of a function's arguments."""

    name: str
    schema: Json
    kind: ToolKind = "function"
    namespace: str | None = None


class Said(Struct, frozen=True):
    """One text block of the user."""

    text: str


class Answered(Struct, frozen=True):
    """A text of the assistant."""

    text: str


class Called(Struct, frozen=True):
    """A tool call of the assistant; neighbours belong to one turn."""

    name: str


class Returned(Struct, frozen=True):
    """What a tool gave back."""

    text: str


Entry = Said | Answered | Called | Returned


class Conversation(Struct, frozen=True, kw_only=True):
    """A request, read.

    ``forced`` is the tool that must be called (``""`` = any of them), None when the model may choose.
    ``schema`` is the JSON Schema the answer must follow. ``max_tokens`` limits the answer.
    ``summary`` asks for visible reasoning, ``sealed`` for reasoning the client hands back unread.
    ``thinks`` says whether the model thinks, None where its name decides.
    ``compaction`` asks for one opaque compaction item instead of an answer.
    ``cache_key`` is what its prompt is remembered under, None where it is not remembered.
    """

    model: str
    stream: bool
    system: str = ""
    entries: tuple[Entry, ...] = ()
    tools: tuple[Tool, ...] = ()
    forced: str | None = None
    schema: Json | None = None
    max_tokens: int | None = None
    summary: bool = False
    sealed: bool = False
    thinks: bool | None = None
    compaction: bool = False
    cache_key: str | None = ""


class Refused(Exception):
    """The simulated API refuses the request, in the words of the real one."""

    def __init__(self, message: str, *, status: int = 400, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.param = param


def missing(parameter: str) -> Refused:
    """What both OpenAI APIs say of a parameter that must be there."""
    message = f"Missing required parameter: '{parameter}'."
    return Refused(message, code="missing_required_parameter", param=parameter)


def json_schema(kind: object, schema: Json | None) -> Json | None:
    """The schema of OpenAI's structured output: a format ``json_object`` allows any, ``text`` has none."""
    return {"json_schema": schema or {}, "json_object": {}}.get(str(kind))


def texts(content: object, *kinds: str) -> list[str]:
    """The text blocks of a ``content`` value: a string, or parts of which those with ``text`` count.

    A part without text stands as ``[kind]``, so that an image is seen to have arrived. With
    ``kinds`` only parts of these types are read.
    """
    if isinstance(content, str):
        return [content]
    if not isinstance(content, list):
        return []
    parts = [part for part in content if isinstance(part, dict) and (not kinds or part.get("type") in kinds)]
    return [part["text"] if isinstance(part.get("text"), str) else f"[{part.get('type')}]" for part in parts]
