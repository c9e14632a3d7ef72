"""Changes to what the messages of a request hold, on its way to a Chat upstream that takes less than OpenAI does:
placeholders where it wants something said, strings for lists, ids in its own form. See ``request_changes``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from msgspec import Raw

from daemon.wires.added_text import NOT_KEPT
from daemon.wires.base import Fields
from daemon.wires.json import NULL, RawObject, encode, fields_of, first_byte, items_of, object_of, string_of
from daemon.wires.naming import fitted_id
from daemon.wires.openai_chat.carried_state import is_signed
from daemon.wires.openai_chat.encode_blocks import REASONING_FIELDS
from daemon.wires.openai_chat.message_objects import (
    Messages,
    change_messages,
    content_of,
    has_calls,
    messages_of,
    only_text,
    raw_text,
    role_of,
)

_NO_SIGNATURE: Final = b'{"thought_signature":"skip_thought_signature_validator"}'
_PLACEHOLDERS: Final = frozenset({" ", "", NOT_KEPT})


def _each(fields: Fields, change: Callable[[RawObject], RawObject | None]) -> Sequence[str]:
    """``change`` gives a message back, another one for it, or None to leave it out."""

    def changed(messages: Messages) -> Messages:
        return [new for message in messages if (new := change(message)) is not None]

    change_messages(fields, changed)
    return ()


# --- reasoning -----------------------------------------------------------------------------------


def _reasoning(fields: Fields, name: str, placeholder: str) -> Sequence[str]:
    """Every answer of the assistant has reasoning in the field ``name``: what it has under another name, or else
    ``placeholder``. DeepSeek asks for it in all of them, once one has called a tool (openclaw#73417)."""
    name = name.lower() if name.lower() in REASONING_FIELDS else REASONING_FIELDS[0]
    names = (name, *(other for other in REASONING_FIELDS if other != name))
    missing = raw_text(placeholder)

    def change(message: RawObject) -> RawObject:
        if role_of(message) != "assistant":
            return message
        known = (message[field] for field in names if field in message and _says(message[field]))
        return message | {name: next(known, missing)}

    return _each(fields, change)


def _says(reasoning: Raw) -> bool:
    return string_of(reasoning) not in _PLACEHOLDERS


def blank_reasoning(fields: Fields, name: str = "") -> Sequence[str]:
    """A blank: DeepSeek V4 and Kimi refuse the empty string (hermes-agent#17341, litellm)."""
    return _reasoning(fields, name, " ")


def empty_reasoning(fields: Fields, name: str = "") -> Sequence[str]:
    """The empty string: what others send (opencode, openclaw)."""
    return _reasoning(fields, name, "")


def worded_reasoning(fields: Fields, name: str = "") -> Sequence[str]:
    """Words: for servers that strip what they check."""
    return _reasoning(fields, name, NOT_KEPT)


def signed_calls(fields: Fields, _: str = "") -> Sequence[str]:
    """The first call of each answer has a thought signature: Gemini 3 wants one there. For a call that another model
    made, or whose signature is gone, Google names a word that stands for it (ai.google.dev, thought signatures)."""

    def change(message: RawObject) -> RawObject:
        listed = message.get("tool_calls", NULL)
        calls = items_of(listed) if role_of(message) == "assistant" and first_byte(listed) == b"[" else []
        if not calls:
            return message
        first, *rest = calls
        if any(is_signed(msgspec.json.decode(call)) for call in (first, *rest)):
            return message
        extra = object_of(fields_of(first).get("extra_content")) | {"google": Raw(_NO_SIGNATURE)}
        signed = Raw(encode(fields_of(first) | {"extra_content": Raw(encode(extra))}))
        return message | {"tool_calls": Raw(encode([signed, *rest]))}

    return _each(fields, change)


# --- content -------------------------------------------------------------------------------------


def empty_content(fields: Fields, _: str = "") -> Sequence[str]:
    """``""`` where content is null or missing (LM Studio, mistral-common)."""
    return _each(fields, lambda each: each | {"content": raw_text("")} if content_of(each) == NULL else each)


def null_content(fields: Fields, _: str = "") -> Sequence[str]:
    """Null where the assistant only calls tools (NIM, Bedrock); one who has no text and calls nothing is left out."""

    def change(message: RawObject) -> RawObject | None:
        if role_of(message) != "assistant" or (only_text(content_of(message)) or "").strip():
            return message
        if only_text(content_of(message)) is None:
            return message
        return message | {"content": NULL} if has_calls(message) else None

    return _each(fields, change)


def blank_content(fields: Fields, _: str = "") -> Sequence[str]:
    """A blank where content is null or empty, for servers that take neither."""
    return _each(fields, lambda each: each if only_text(content_of(each)) != "" else each | {"content": raw_text(" ")})


def text_content(fields: Fields, _: str = "") -> Sequence[str]:
    """A string where content is a list of texts."""

    def change(message: RawObject) -> RawObject:
        content = content_of(message)
        text = only_text(content) if bytes(content).startswith(b"[") else None
        return message if text is None else message | {"content": raw_text(text)}

    return _each(fields, change)


def calls_without_text(fields: Fields, _: str = "") -> Sequence[str]:
    """Who calls a tool says nothing beside it (Mistral's older tokenizers, Cohere)."""
    lost = [
        f"messages[{number}].text"
        for number, each in enumerate(messages_of(fields))
        if has_calls(each) and only_text(content_of(each)) != ""
    ]
    _each(fields, lambda each: each | {"content": NULL} if has_calls(each) else each)
    return lost


# --- calls ---------------------------------------------------------------------------------------


def call_ids(fields: Fields, form: str) -> Sequence[str]:
    """The ids of calls and results in ``form`` (``naming.fitted_id``), the same in both."""

    def change(message: RawObject) -> RawObject:
        if "tool_call_id" in message:
            return _with_id(message, "tool_call_id", form)
        calls = message.get("tool_calls", NULL)
        if not bytes(calls).startswith(b"["):
            return message
        before = [fields_of(call) for call in items_of(calls)]
        after = [_with_id(call, "id", form) for call in before]
        return message if after == before else message | {"tool_calls": Raw(encode(after))}

    return _each(fields, change)


def _with_id(holder: RawObject, name: str, form: str) -> RawObject:
    identifier = string_of(holder.get(name, NULL))
    fitted = fitted_id(identifier, form) if identifier else ""
    return holder if fitted == identifier else holder | {name: raw_text(fitted)}


def automatic_tool_choice(fields: Fields, _: str = "") -> Sequence[str]:
    """The model chooses whether it calls a tool."""
    if bytes(fields.get("tool_choice", NULL)) in (b"null", b'"auto"', b'"none"'):
        return ()
    fields["tool_choice"] = raw_text("auto")
    return ("tool_choice",)


def tool_choice_in_a_word(fields: Fields, _: str = "") -> Sequence[str]:
    """``required`` where one tool is named, with that tool alone on offer: what is asked for stays the same."""
    choice = _object(fields.get("tool_choice", NULL))
    name = _object(choice.get("function", NULL)).get("name", NULL)
    if name == NULL:
        return ()
    tools = items_of(fields.get("tools", NULL))
    named = [tool for tool in tools if _object(_object(tool).get("function", NULL)).get("name") == name]
    fields["tool_choice"] = raw_text("required")
    if named:
        fields["tools"] = Raw(encode(named))
    return ()


def _object(raw: Raw) -> RawObject:
    return fields_of(raw) if bytes(raw).startswith(b"{") else {}
