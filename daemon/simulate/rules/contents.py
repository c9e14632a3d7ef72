"""What makes demand of what a message holds: text or media, ids of calls, and the thinking that comes back."""

from __future__ import annotations

import re

from daemon.simulate.answer import unseal
from daemon.simulate.conversation import Json
from daemon.simulate.demand import Asked, Demand
from daemon.simulate.rules.envelopes import Envelope
from daemon.simulate.rules.rule import calls, facts, filled, listed, messages, parts, rule
from daemon.simulate.rules.thinking import is_off

TEXTS = ("text", "thinking", "redacted_thinking", "tool_use", "tool_result", "input_text", "output_text", "refusal")
IMAGES = ("image", "image_url", "input_image", "video_url")


def only_types(
    types: tuple[str, ...], says: Envelope, words: str, *, status: int = 400, code: str | None = None
) -> Demand:
    """Servers that know these types of parts alone. ``{index}`` is the message's number, ``{type}`` the first other
    one."""
    known = frozenset(types)

    def complaint(asked: Asked) -> str | None:
        found = next(((number, part["type"]) for number, part in parts(asked) if part.get("type") not in known), None)
        return found and filled(words, asked, index=found[0], type=found[1])

    return rule("types", complaint, says, status=status, code=code, param=None)


def text_only(says: Envelope, words: str, *, status: int = 400, code: str | None = None) -> Demand:
    """Models that cannot see, and read no files either. ``{index}`` and ``{type}`` as for ``only_types``."""
    blind = only_types(TEXTS, says, words, status=status, code=code)

    def complaint(asked: Asked) -> str | None:
        return None if facts(asked).images else blind.complaint(asked, "")

    return rule("text-only", complaint, says, status=status, code=code, param=None)


def content_not_null(says: Envelope, words: str) -> Demand:
    """LM Studio (vercel/ai#13744)."""

    def complaint(asked: Asked) -> str | None:
        return words if any(message.get("content") is None for message in messages(asked)) else None

    return rule("content", complaint, says, param=None)


def content_not_empty(says: Envelope, words: str, *, code: str | None = None) -> Demand:
    """``{index}`` is the message's number, ``{role}`` its role. Kimi (kimi-code#1985), Mistral, Anthropic."""

    def complaint(asked: Asked) -> str | None:
        for number, message in enumerate(messages(asked)):
            if not message.get("content") and not calls(message) and message.get("role") != "tool":
                return filled(words, asked, index=number, role=message.get("role"))
        return None

    return rule("empty-content", complaint, says, code=code, param=None)


# --- ids of calls -----------------------------------------------------------------------------------


def nine_letters(says: Envelope) -> Demand:
    """Mistral (opencode#1680, ironclaw#1241)."""

    def complaint(asked: Asked) -> str | None:
        for message in messages(asked):
            for call in calls(message):
                if not re.fullmatch("[a-zA-Z0-9]{9}", str(call.get("id"))):
                    return f"Tool call id was {call.get('id')} but must be a-z, A-Z, 0-9, with a length of 9."
        return None

    return rule("call-ids", complaint, says, code="3280", param=None)


def short_ids(says: Envelope, most: int = 40) -> Demand:
    """OpenAI."""

    def complaint(asked: Asked) -> str | None:
        for number, message in enumerate(messages(asked)):
            for place, call in enumerate(calls(message)):
                if (length := len(str(call.get("id")))) > most:
                    return (
                        f"Invalid 'messages[{number}].tool_calls[{place}].id': string too long. Expected a string with"
                        f" maximum length {most}, but got a string with length {length} instead."
                    )
        return None

    return rule("call-ids", complaint, says, code="string_above_max_length")


def unique_ids(says: Envelope) -> Demand:
    """Two calls of one id (hermes-agent#111443)."""

    def complaint(asked: Asked) -> str | None:
        ids = [call.get("id") for message in messages(asked) for call in calls(message)]
        twice = next((each for each in ids if ids.count(each) > 1), None)
        return None if twice is None else f"Duplicate value for 'tool_call_id' of {twice} in 'messages'"

    return rule("unique-ids", complaint, says)


def anthropic_ids(says: Envelope) -> Demand:
    """Anthropic's pattern, and its words for two blocks of one id."""

    def complaint(asked: Asked) -> str | None:
        seen: set[str] = set()
        for number, part in parts(asked):
            if part.get("type") != "tool_use":
                continue
            if not re.fullmatch("[a-zA-Z0-9_-]+", str(part.get("id"))):
                return f"messages.{number}.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"
            if part["id"] in seen:
                return f"messages.{number}.content.0: `tool_use` ids must be unique"
            seen.add(part["id"])
        return None

    return rule("call-ids", complaint, says)


# --- thinking that comes back -----------------------------------------------------------------------


def thinking_back(says: Envelope, words: str, *, code: str | None = None) -> Demand:
    """DeepSeek (CLIProxyAPI#5991), Kimi (new-api#3121, opencode#10996): while it thinks, its thinking comes back with
    each call. ``{index}`` is the message's number."""

    def complaint(asked: Asked) -> str | None:
        if is_off(asked.body) or not facts(asked).thinks:
            return None
        for number, message in enumerate(messages(asked)):
            if calls(message) and not message.get("reasoning_content"):
                return filled(words, asked, index=number)
        return None

    return rule("thinking-back", complaint, says, code=code, param=None)


def thinking_blocks_back(says: Envelope, words: str) -> Demand:
    """DeepSeek's Messages API (qwen-code#3786): a message with calls begins with its thinking."""

    def complaint(asked: Asked) -> str | None:
        if is_off(asked.body) or not facts(asked).thinks:
            return None
        for number, message in enumerate(messages(asked)):
            kinds = _kinds(message)
            if "tool_use" in kinds and "thinking" not in kinds:
                return filled(words, asked, index=number)
        return None

    return rule("thinking-back", complaint, says, param=None)


def reasoning_items_back(says: Envelope, words: str) -> Demand:
    """Responses servers that think in plain text (bifrost#7320, sub2api#7283): before the calls of an answer stands
    its reasoning."""

    def complaint(asked: Asked) -> str | None:
        items = asked.body.get("input")
        if not isinstance(items, list) or is_off(asked.body) or not facts(asked).thinks:
            return None
        thought = False
        for item in items:
            kind = item.get("type", "message")
            if kind == "function_call" and not thought:
                return words
            goes_on = kind == "function_call" or item.get("role") == "assistant"
            thought = (kind == "reasoning" and bool(item.get("content"))) or (thought and goes_on)
        return None

    return rule("thinking-back", complaint, says, param=None)


def no_reasoning_content(says: Envelope) -> Demand:
    """Groq (freellmapi#1070, jan#8136)."""

    def complaint(asked: Asked) -> str | None:
        found = next((number for number, each in enumerate(messages(asked)) if "reasoning_content" in each), None)
        if found is None:
            return None
        about = f"('messages.{found}' : property 'reasoning_content' is unsupported)"
        return f"'messages.{found}' : for 'role:assistant' the following must be satisfied[{about}]"

    return rule("reasoning-content", complaint, says, param=None)


def signatures_back(says: Envelope, skips: str = "skip_thought_signature_validator") -> Demand:
    """Gemini 3 (paws#103, 5ire#405): since the user's last words, the first call of each answer has the signature that
    it came with. ``skips`` in its place is taken for answers of other models (ai.google.dev: thought signatures)."""

    def complaint(asked: Asked) -> str | None:
        if not facts(asked).seals:
            return None
        turns = messages(asked)
        last = max((number for number, message in enumerate(turns) if message.get("role") == "user"), default=0)
        for number, message in enumerate(turns[last:], last):
            for call in calls(message)[:1]:
                signature = _signature(call)
                if not signature:
                    name = (call.get("function") or {}).get("name")
                    return (
                        "Function call is missing a thought_signature in functionCall parts. This is required for tools"
                        " to work correctly, and missing thought_signature may lead to degraded model performance."
                        f" Additional data, function call `default_api:{name}` , position {number + 1}. Please refer to"
                        " https://ai.google.dev/gemini-api/docs/thought-signatures for more details."
                    )
                if signature != skips and unseal(signature, asked.key) is None:
                    return "Thought signature is not valid."
        return None

    return rule("signatures", complaint, says)


def own_seals(says: Envelope, words: str) -> Demand:
    """What is sealed comes back to who has sealed it: Copilot's ``reasoning_opaque``, encrypted pieces of OpenRouter's
    ``reasoning_details``."""

    def complaint(asked: Asked) -> str | None:
        foreign = any(unseal(piece, asked.key) is None for message in messages(asked) for piece in _seals(message))
        return words if foreign else None

    return rule("seals", complaint, says, param=None)


def _signature(call: Json) -> str:
    google = (call.get("extra_content") or {}).get("google") or {}
    return str(google.get("thought_signature") or "")


def _seals(message: Json) -> list[str]:
    pieces = [
        message.get("reasoning_opaque"),
        *(piece.get("data") for piece in listed(message.get("reasoning_details"))),
    ]
    return [str(piece) for piece in pieces if piece]


def _kinds(message: Json) -> list[object]:
    return [part.get("type") for part in listed(message.get("content"))]
