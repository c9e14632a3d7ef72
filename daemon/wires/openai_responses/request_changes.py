"""Changes to the body of a request on its way to a Responses upstream that takes less than OpenAI does.

Relays in front of ChatGPT accounts (new-api, sub2api, claude-relay-service and their kin) refuse what
Codex never sends. Each change here is a pure function over the body's top-level fields: it changes them
in place and returns the names of what the request loses by it. Input items that a change does not concern
keep their bytes. Which change an upstream needs is known from its profile, from its settings, or from what
it refused (``upstream.amendments``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from msgspec import Raw, Struct

from daemon.wires.added_text import reminder
from daemon.wires.base import Fields
from daemon.wires.json import NOT_JSON, NULL, encode, fields_of, first_byte, list_of, string_of
from daemon.wires.openai_responses.encode_request import SEARCH_SOURCES
from daemon.wires.openai_responses.schema import InputMessage, InputText

NEUTRAL_INSTRUCTIONS: Final = "You are a helpful assistant."
"""For upstreams that insist on ``instructions`` where the request has no system text at all."""

_CALLS: Final = frozenset({"function_call", "custom_tool_call"})
_BLANK_CONTENT: Final = b'[{"type":"reasoning_text","text":" "}]'
_BLANK_REASONING: Final = Raw(b'{"type":"reasoning","summary":[],"content":%b}' % _BLANK_CONTENT)
_CODEX_TIERS: Final = frozenset({"priority"})
_USUAL_TIERS: Final = frozenset({"auto", "default"})
_SYSTEM: Final = frozenset({"system", "developer"})
_TEXT_PARTS: Final = frozenset({"input_text", "text", "output_text"})


class _Head(Struct, gc=False):
    """What an input item is known by. A field of another type than the API's reads as absent (``_head``)."""

    type: str | None = None
    role: str | None = None
    id: str | None = None
    encrypted_content: str | None = None


class _Part(Struct, gc=False):
    type: str = ""
    text: str | None = None


class _Content(Struct):
    content: str | list[_Part] | None = None


_read_head = msgspec.json.Decoder(_Head).decode
_content = msgspec.json.Decoder(_Content).decode


def codex_shape(fields: Fields, _: str = "") -> Sequence[str]:
    """The shape in which Codex sends the same: ``instructions`` is there, ``input`` is a list, its messages
    say that they are messages, and system text is the developer's. To OpenAI all four mean the same."""
    if fields.get("instructions", NULL) == NULL:
        fields["instructions"] = Raw(b'""')
    items = fields.get("input", NULL)
    if first_byte(items) == b'"':
        fields["input"] = Raw(encode([InputMessage("user", [InputText(string_of(items))])]))
        return ()
    _each_item(fields, _as_codex)
    return ()


def _as_codex(raw: Raw) -> Raw | None:
    head = _head(raw)
    if head.role is None or (head.role != "system" and head.type is not None):
        return raw
    item = fields_of(raw)
    if head.role == "system":
        item["role"] = Raw(b'"developer"')
    return Raw(encode(item if head.type is not None else {"type": Raw(b'"message"')} | item))


def blank_reasoning(fields: Fields, _: str = "") -> Sequence[str]:
    """Each answer of the assistant has reasoning in its own words, a blank where nobody has kept any: before its
    first item, and in reasoning that only another upstream could read. DeepSeek asks for it once a tool was called."""
    if not any(_head(raw).type in _CALLS for raw in _items(fields)):
        return ()
    out: list[Raw] = []
    thought = False  # whether the answer that runs has reasoning
    for raw in _items(fields):
        head = _head(raw)
        if head.type == "reasoning":
            thought = True
            raw = _with_text(raw)
        elif head.type in _CALLS or head.role == "assistant":
            if not thought:
                out.append(_BLANK_REASONING)
            thought = True
        else:
            thought = False
        out.append(raw)
    if out != _items(fields):
        fields["input"] = Raw(encode(out))
    return ()


def _with_text(raw: Raw) -> Raw:
    item = fields_of(raw)
    if item.get("content", NULL) not in (NULL, Raw(b"[]")):
        return raw
    return Raw(encode(item | {"content": Raw(_BLANK_CONTENT)}))


def codex_tier(fields: Fields, _: str = "") -> Sequence[str]:
    """``service_tier`` is left out unless it is the one that Codex asks for."""
    tier = fields.get("service_tier", NULL)
    if tier == NULL or string_of(tier) in _CODEX_TIERS:
        return ()
    del fields["service_tier"]
    return () if string_of(tier) in _USUAL_TIERS else ("service_tier",)


def store_false(fields: Fields, _: str = "") -> Sequence[str]:
    """Nothing is kept by the upstream. What the client would look up there later is its loss."""
    stores = fields.get("store", NULL) == Raw(b"true")
    fields["store"] = Raw(b"false")
    return ("store",) if stores else ()


def system_as_instructions(fields: Fields, _: str = "") -> Sequence[str]:
    """The system text that opens the input goes into ``instructions``, behind what is there."""
    texts, rest = _opening_system_text(fields)
    if texts:
        instructions = string_of(fields.get("instructions", NULL))
        fields["instructions"] = Raw(encode("\n\n".join(text for text in (instructions, *texts) if text.strip())))
        fields["input"] = Raw(encode(rest))
    return ()


def filled_instructions(fields: Fields, _: str = "") -> Sequence[str]:
    """``instructions`` is never blank: the system text, or else one sentence that asks for nothing."""
    if not string_of(fields.get("instructions", NULL)).strip():
        system_as_instructions(fields)
    if not string_of(fields.get("instructions", NULL)).strip():
        fields["instructions"] = Raw(encode(NEUTRAL_INSTRUCTIONS))
    return ()


def fixed_instructions(fields: Fields, text: str) -> Sequence[str]:
    """``instructions`` is ``text``; what the client wrote there becomes a developer message that opens the input."""
    instructions = string_of(fields.get("instructions", NULL))
    if instructions.startswith(text):
        return ()
    if instructions.strip():
        codex_shape(fields)
        own = Raw(encode(InputMessage("developer", [InputText(instructions)])))
        fields["input"] = Raw(encode([own, *_items(fields)]))
    fields["instructions"] = Raw(encode(text))
    return ()


def no_system_role(fields: Fields, _: str = "") -> Sequence[str]:
    """Neither system nor developer messages: what opens the input goes into ``instructions``, and what comes
    later is marked user text, as toward all upstreams that have no place for it."""
    codex_shape(fields)
    system_as_instructions(fields)
    _each_item(fields, _as_reminder)
    return ()


def _as_reminder(raw: Raw) -> Raw | None:
    if _head(raw).role not in _SYSTEM:
        return raw
    text = _only_text(raw)
    if text is None:
        return Raw(encode(fields_of(raw) | {"role": Raw(b'"user"')}))
    return Raw(encode(InputMessage("user", [InputText(reminder(text))])))


def only_what_is_said(fields: Fields, _: str = "") -> Sequence[str]:
    """Nothing refers to what the upstream would have had to keep: references and reasoning without its
    encrypted content are left out, all other items without the ids of the upstream's own making."""
    lost: list[str] = []
    for number, raw in enumerate(_items(fields)):
        head = _head(raw)
        if head.type == "item_reference" or (head.type == "reasoning" and not head.encrypted_content):
            lost.append(f"input[{number}].{head.type}")
    _each_item(fields, _said)
    return lost


def _said(raw: Raw) -> Raw | None:
    head = _head(raw)
    if head.type == "item_reference" or (head.type == "reasoning" and not head.encrypted_content):
        return None
    return _without(raw, "id")


def without_ids(fields: Fields, _: str = "") -> Sequence[str]:
    """Items without ids: another server made them, and this one knows its own by their beginning."""
    _each_item(fields, lambda raw: raw if _head(raw).type == "item_reference" else _without(raw, "id"))
    return ()


def without_sources(fields: Fields, _: str = "") -> Sequence[str]:
    """``include`` without the pages of web searches, which no client asked for in these words."""
    names = [raw for raw in list_of(fields.get("include", NULL)) if string_of(raw) != SEARCH_SOURCES]
    if names:
        fields["include"] = Raw(encode(names))
    else:
        fields.pop("include", None)
    return ()


# --- items ---------------------------------------------------------------------------------------


def _items(fields: Fields) -> list[Raw]:
    """The input's items; none where it is no list."""
    return list_of(fields.get("input", NULL))


def _each_item(fields: Fields, change: Callable[[Raw], Raw | None]) -> None:
    """``change`` gives an item back, another one for it, or None to leave it out."""
    items = _items(fields)
    changed = [change(raw) for raw in items]
    if any(new is not old for new, old in zip(changed, items, strict=True)):
        fields["input"] = Raw(encode([item for item in changed if item is not None]))


def _opening_system_text(fields: Fields) -> tuple[list[str], list[Raw]]:
    """(the texts of the system messages that open the input, the items after them)."""
    texts: list[str] = []
    items = _items(fields)
    for raw in items:
        text = _only_text(raw) if _head(raw).role in _SYSTEM else None
        if text is None:
            break
        texts.append(text)
    return texts, items[len(texts) :]


def _only_text(raw: Raw) -> str | None:
    """The text of a message that holds nothing else."""
    try:
        content = _content(raw).content
    except NOT_JSON:
        return None
    if isinstance(content, str):
        return content
    if content is None or any(part.type not in _TEXT_PARTS for part in content):
        return None
    return "\n\n".join(part.text or "" for part in content)


def _without(raw: Raw, name: str) -> Raw:
    item = fields_of(raw) if b'"%b"' % name.encode() in bytes(raw) else {}
    if name not in item:
        return raw
    del item[name]
    return Raw(encode(item))


def _head(raw: Raw) -> _Head:
    try:
        return _read_head(raw)
    except NOT_JSON:
        return _Head()
