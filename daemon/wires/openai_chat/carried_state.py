"""What a Chat server wants back with an answer of its own, beside the text that is shown: signatures, encrypted
reasoning, reasoning in a form of its own.

The hub has one place for it, the signature of a thinking block (``Reasoning.signature``). Thinking that is text alone
is signed with the name of its field, anything else with a JSON object (``CarriedState``). The gateway seals both with
the core auth, so that they go back to the upstream that made them, and to no other. Who sends what:

- ``reasoning_content`` (DeepSeek, Kimi, GLM, vLLM), ``reasoning`` (OpenRouter, vLLM, Groq), ``thinking`` (Ollama's
  relays): text. Some send an object under the last two names.
- ``reasoning_text`` and ``reasoning_opaque`` (GitHub Copilot): text, and a token that may come behind it, also after
  the answer's own text has begun (opencode#46022, 2026).
- ``reasoning_details`` (OpenRouter, MiniMax), ``thinking_blocks`` (LiteLLM): lists of pieces, some encrypted, which go
  back whole and in their order. In a stream a text grows piece by piece; MiniMax says it from the beginning each time.
- ``extra_content.google.thought_signature`` (Gemini 3) of the first call of each answer, or of the message: without it
  the next turn is refused. LiteLLM has it in ``provider_specific_fields``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from daemon.inference.events import OBJECT
from daemon.wires.json import NOT_JSON, encode
from daemon.wires.openai_chat.schema import CallPart, Delta
from daemon.wires.sse_decoder import MOST_BLOCKS, BlockWriter, too_many

TEXT_FIELDS: Final = ("reasoning_content", "reasoning", "reasoning_text", "thinking")
"""Fields of a message whose text is shown, and goes back in the same field. Servers that send two say the same in
both: the first of these counts."""

LISTS: Final = ("reasoning_details", "thinking_blocks")
TOKENS: Final = ("reasoning_opaque", "extra_content")
MESSAGE_FIELDS: Final = (*TEXT_FIELDS, *LISTS, *TOKENS)
"""All fields of a message that hold what goes back."""
OF_CALLS: Final = ("extra_content", "thought_signature", "provider_specific_fields")

MOST_LEVELS: Final = 8
"""Objects inside each other in which a signature is looked for."""
_TEXTS: Final = ("text", "summary", "thinking", "content", "reasoning")
"""What the text of a piece is called."""
_LEAST_REPEATED: Final = 16
"""Characters. A fragment that begins with all the text so far, if that is at least so long, is the text once more."""

Json = dict[str, Any]


class CarriedState(Struct, frozen=True, omit_defaults=True):
    """``field``: where the block's text stood, '' for nowhere. ``message``: fields of the message that go back as they
    are, ``call`` those of the call behind the block, ``last_call`` those of the call before it."""

    field: str = ""
    message: Mapping[str, Any] = {}
    call: Mapping[str, Any] = {}
    last_call: Mapping[str, Any] = {}

    def signature(self) -> str:
        """As the hub carries it."""
        only_text = not (self.message or self.call or self.last_call)
        return self.field if only_text else encode(self).decode()


_carried = msgspec.json.Decoder(CarriedState).decode


def carried_in(signature: str | None) -> CarriedState:
    """What a signature holds; nothing where it is none of this wire's."""
    if not signature:
        return CarriedState()
    if not signature.startswith("{"):
        return CarriedState(field=signature)
    try:
        return _carried(signature)
    except NOT_JSON:
        return CarriedState()


def state_of_call(part: CallPart) -> Json:
    """What a fragment of a call brings that has to go back with it."""
    found = {name: value for name in OF_CALLS if (value := getattr(part, name))}
    return {name: value for name, value in found.items() if isinstance(value, str) or is_signed(value)}


def is_signed(value: object, levels: int = MOST_LEVELS) -> bool:
    """Whether an object holds a signature at some depth: its other parts describe the answer, and are not asked for."""
    if not isinstance(value, dict) or not levels:
        return False
    return any(("signature" in name and bool(inner)) or is_signed(inner, levels - 1) for name, inner in value.items())


def write_carrier(writer: BlockWriter, signature: str) -> None:
    """A block that has nothing to show."""
    writer.end(writer.start("reasoning"), signature, redacted=True)


class AnswerState:
    """What has come of one answer and is not yet in a block."""

    __slots__ = ("_fields", "_grown", "_writer")

    def __init__(self, writer: BlockWriter) -> None:
        self._writer = writer
        self._fields: Json = {}
        self._grown = 0

    @property
    def waits(self) -> bool:
        return bool(self._fields)

    def take(self, delta: Delta) -> tuple[str, str]:
        """(field, text) of the thinking in ``delta``; what has another form than text is laid aside."""
        shown = ("", "")
        for name in (*TEXT_FIELDS, *LISTS):
            value = getattr(delta, name)
            if not value:
                continue
            text = value if isinstance(value, str) else self._pieces(name, value)
            if text and not shown[0]:
                shown = (name, text)
        for name in TOKENS:
            value = getattr(delta, name)
            if value and (name != "extra_content" or is_signed(value)):
                self._fields[name] = value
                self._grows(len(encode(value)))
        return shown

    def signature(self, field: str) -> str:
        """Of the block whose text came in ``field``: with all that waits."""
        fields = {name: _written(value) for name, value in self._fields.items()}
        self._fields = {}
        self._writer.kept -= self._grown
        self._grown = 0
        return CarriedState("" if field in fields else field, fields).signature()

    def _grows(self, size: int) -> None:
        self._grown += size + OBJECT
        self._writer.kept += size + OBJECT

    def _pieces(self, name: str, value: Any) -> str:
        """Puts pieces of thinking to those of earlier events; the text that they bring. A server has a list of objects,
        or one object."""
        listed = isinstance(value, list)
        pieces = [piece for piece in (value if listed else [value]) if isinstance(piece, dict)]
        if not listed:
            pieces = [piece for piece in pieces if _says_something(piece)]
        if not pieces:
            return ""
        known: list[Json] = self._fields.get(name) or []
        earlier = tuple(known)  # those of one event are whole beside each other
        text = "".join(self._add(known, earlier, piece) for piece in pieces)
        if len(known) > MOST_BLOCKS:
            raise too_many()
        self._fields[name] = known if name in LISTS or listed else _OneOf(known)
        return text

    def _add(self, pieces: list[Json], earlier: Sequence[Json], piece: Json) -> str:
        grown = next((each for each in reversed(earlier) if _goes_on(each, piece)), None)
        if grown is None:
            pieces.append({name: _Text(value) if _is_text(name, value) else value for name, value in piece.items()})
            self._grows(len(encode(piece)))
            return _text_of(piece)
        text = ""
        for name, value in piece.items():
            so_far = grown.get(name)
            if isinstance(so_far, _Text) and isinstance(value, str):
                more = so_far.add(value)
                text = text or more
                self._grows(len(more))
            elif value is not None:
                grown[name] = _Text(value) if _is_text(name, value) else value
                text = text or _text_of({name: value})
        return text


class _OneOf(list[Json]):
    """The pieces of an object that is not in a list: there is one."""


class _Text:
    """A text that grows. Its end is found without a copy of it for each piece."""

    __slots__ = ("_head", "_length", "_parts")

    def __init__(self, text: str) -> None:
        self._parts = [text]
        self._head = text[:_LEAST_REPEATED]
        self._length = len(text)

    def add(self, text: str) -> str:
        """What of ``text`` is new."""
        if self._length >= _LEAST_REPEATED and len(text) >= self._length and text.startswith(self._head):
            so_far = str(self)
            if text.startswith(so_far):
                text = text[self._length :]
        self._parts.append(text)
        self._length += len(text)
        self._head = (self._head + text)[:_LEAST_REPEATED] if len(self._head) < _LEAST_REPEATED else self._head
        return text

    def __str__(self) -> str:
        whole = "".join(self._parts)
        self._parts = [whole]
        return whole


def _is_text(name: str, value: object) -> bool:
    return name in _TEXTS and isinstance(value, str)


def _text_of(piece: Json) -> str:
    return next((value for name in _TEXTS if isinstance(value := piece.get(name), str)), "")


def _says_something(piece: Json) -> bool:
    """Whether an object is thinking at all: under the same name some servers repeat how much they were asked to do."""
    return bool(_text_of(piece)) or any("signature" in name or name in ("data", "encrypted") for name in piece)


def _goes_on(before: Json, piece: Json) -> bool:
    """Whether ``piece`` is more of an earlier one. Encrypted pieces are whole."""
    if "data" in before or "data" in piece:
        return before == piece
    return before.get("type") == piece.get("type") and all(
        before.get(name) == piece.get(name) or None in (before.get(name), piece.get(name)) for name in ("index", "id")
    )


def _written(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    pieces = [{name: str(each) if isinstance(each, _Text) else each for name, each in piece.items()} for piece in value]
    return pieces[0] if isinstance(value, _OneOf) else pieces


def with_more(field: str, value: Any, more: Any) -> Any:
    """A field's value with that of a later block of the same answer, or of an answer that is one message with it. The
    last token counts."""
    if field in TEXT_FIELDS and isinstance(value, str) and isinstance(more, str):
        return f"{value}\n\n{more}"
    if isinstance(value, list) and isinstance(more, list):
        return _put_together(value, more)
    return more


def _put_together(pieces: Sequence[Any], more: Sequence[Any]) -> list[Json]:
    """A signature that came later than its text goes to that."""
    out = [dict(piece) for piece in pieces if isinstance(piece, dict)]
    for piece in (each for each in more if isinstance(each, dict)):
        before = next((each for each in reversed(out) if _goes_on(each, piece)), None)
        if before is None or _text_of(piece):
            out.append(dict(piece))
        else:
            before.update({name: value for name, value in piece.items() if value not in ("", None)})
    return out
