"""What makes refuse of a request, each in its own words and shape.

The sentences are those of the makes, from ``../shared/reference/field-*.md``, their documentation, or the public report
that a comment names.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any

from daemon.simulate.demand import Asked, Demand

Json = dict[str, Any]
Shape = Callable[[str], Json]


# --- the bodies that they come in ------------------------------------------------------------------


def openai(sentence: str) -> Json:
    return {"error": {"message": sentence, "type": "invalid_request_error", "param": None, "code": None}}


def vllm(sentence: str) -> Json:
    return {"error": {"message": sentence, "type": "BadRequestError", "param": None, "code": 400}}


def bare(sentence: str) -> Json:
    """SGLang, older vLLM."""
    return {"object": "error", "message": sentence, "type": "BadRequestError", "param": None, "code": 400}


def llama_cpp(sentence: str) -> Json:
    message = f"\n------------\nWhile executing CallExpression at line 189, column 32 in source:\nError: {sentence}"
    return {"error": {"code": 500, "message": message, "type": "server_error"}}


def mistral(sentence: str) -> Json:
    return {"object": "error", "message": sentence, "type": "invalid_request_message_order", "code": "3230"}


def mistral_extra(name: str) -> Json:
    detail = {"type": "extra_forbidden", "loc": ["body", name], "msg": "Extra inputs are not permitted", "input": "x"}
    return {"object": "error", "message": {"detail": [detail]}, "type": "invalid_request_error", "code": None}


def gemini(sentence: str) -> Any:
    return [{"error": {"code": 400, "message": sentence, "status": "INVALID_ARGUMENT"}}]


def openrouter(sentence: str) -> Json:
    raw = {"raw": sentence, "provider_name": "Provider"}
    return {"error": {"message": "Provider returned error", "code": 400, "metadata": raw}, "user_id": "user_1"}


def xai(sentence: str) -> Json:
    return {"code": "Client specified an invalid argument", "error": sentence}


def glm(sentence: str) -> Json:
    return {"error": {"code": "1210", "message": sentence}}


def anthropic(sentence: str) -> Json:
    return {"type": "error", "error": {"type": "invalid_request_error", "message": sentence}, "request_id": "req_1"}


# --- what they look at -----------------------------------------------------------------------------


def messages(asked: Asked) -> list[Json]:
    found: list[Json] = asked.body.get("messages") or []
    return found


def parts(asked: Asked) -> Iterator[tuple[int, Json]]:
    """The content parts of all messages, with the message's number; also those inside tool results."""
    for number, message in enumerate(messages(asked)):
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            yield number, part
            inner = part.get("content")
            yield from ((number, each) for each in (inner if isinstance(inner, list) else ()))


def demand(
    name: str, complaint: Callable[[Asked], str | None], shape: Callable[[str], Any] = openai, status: int = 400
) -> Demand:
    return Demand(name=name, complaint=lambda asked, _: complaint(asked), shape=shape, status=status)


# --- of Chat ---------------------------------------------------------------------------------------


def system_first(
    shape: Shape = vllm, words: str = "System message must be at the beginning.", status: int = 400
) -> Demand:
    """Qwen's template (litellm#39852, hermes-studio#2688, llama.cpp#27367)."""

    def complaint(asked: Asked) -> str | None:
        late = any(message["role"] in ("system", "developer") for message in messages(asked)[1:])
        return words if late else None

    return demand("system-first", complaint, shape, status)


def alternating(shape: Shape, words: str, status: int = 400) -> Demand:
    """Templates of Mistral and Gemma: after a system message user and assistant by turns, calls and results aside
    (lemonade#1420, theia#17104, mistral-vibe#1006)."""

    def complaint(asked: Asked) -> str | None:
        wanted = "user"
        for number, message in enumerate(messages(asked)):
            role = message["role"]
            if (role == "system" and number == 0) or role == "tool" or message.get("tool_calls"):
                continue
            if role != wanted:
                return words
            wanted = "assistant" if role == "user" else "user"
        return None

    return demand("alternating", complaint, shape, status)


def thinking_back(words: str) -> Demand:
    """DeepSeek (CLIProxyAPI#5991), Kimi (new-api#3121, opencode#10996): while it thinks, its thinking comes back with
    each call."""

    def complaint(asked: Asked) -> str | None:
        if (asked.body.get("thinking") or {}).get("type") == "disabled":
            return None
        for number, message in enumerate(messages(asked)):
            if message.get("tool_calls") and not message.get("reasoning_content"):
                return words.replace("{index}", str(number))
        return None

    return demand("thinking-back", complaint)


def no_role(role: str, words: str, shape: Shape = openai) -> Demand:
    return demand("roles", lambda asked: words if any(m["role"] == role for m in messages(asked)) else None, shape)


def text_only(words: str, shape: Callable[[str], Any] = openai) -> Demand:
    """``{index}`` in the words is the message's number, ``{type}`` the type of the part."""

    def complaint(asked: Asked) -> str | None:
        found = next(((n, part["type"]) for n, part in parts(asked) if part.get("type") not in TEXTS), None)
        return found and words.replace("{index}", str(found[0])).replace("{type}", found[1])

    return demand("text-only", complaint, shape)


def only_types(types: tuple[str, ...], words: str, shape: Callable[[str], Any] = openai, status: int = 400) -> Demand:
    """Servers that read images, but no documents."""
    known = frozenset(types)
    return demand(
        "types", lambda asked: None if known.issuperset(p["type"] for _, p in parts(asked)) else words, shape, status
    )


TEXTS = ("text", "tool_use", "tool_result", "thinking", "redacted_thinking")


def most_tokens(limit: int, words: str, shape: Shape = openai) -> Demand:
    def complaint(asked: Asked) -> str | None:
        sent = max(asked.body.get(name) or 0 for name in ("max_tokens", "max_completion_tokens", "max_output_tokens"))
        return words.replace("{sent}", str(sent)) if sent > limit else None

    return demand("max-tokens", complaint, shape)


def unknown_names(
    names: tuple[str, ...], words: str, shape: Callable[[str], Any] = openai, status: int = 400
) -> Demand:
    """``{name}`` in the words is the first of them that a request has."""

    def complaint(asked: Asked) -> str | None:
        found = next((name for name in names if name in asked.body), None)
        return None if found is None else words.replace("{name}", found)

    return demand("parameters", complaint, shape, status)


def only_one(name: str, value: float, words: str) -> Demand:
    """Kimi (nofx#1415, opencode#10811)."""
    return demand(f"only-{name}", lambda asked: words if asked.body.get(name, value) != value else None)


def nine_letters() -> Demand:
    """Mistral (opencode#1680, ironclaw#1241)."""

    def complaint(asked: Asked) -> str | None:
        for message in messages(asked):
            for call in message.get("tool_calls") or ():
                if not re.fullmatch("[a-zA-Z0-9]{9}", call["id"]):
                    return f"Tool call id was {call['id']} but must be a-z, A-Z, 0-9, with a length of 9."
        return None

    return demand("call-ids", complaint, mistral)


def no_user_after_tool() -> Demand:
    """Mistral (litellm#17761, onyx#6458, zed#37021)."""

    def complaint(asked: Asked) -> str | None:
        roles = [message["role"] for message in messages(asked)]
        return "Unexpected role 'user' after role 'tool'" if ("tool", "user") in itertools.pairwise(roles) else None

    return demand("message-order", complaint, mistral)


def text_content(words: str) -> Demand:
    """LM Studio (vercel/ai#13744): no null."""
    return demand(
        "content",
        lambda asked: words if any(m.get("content") is None for m in messages(asked)) else None,
        lambda sentence: {"error": sentence},
    )


def no_reasoning_content() -> Demand:
    """Groq (freellmapi#1070, jan#8136)."""

    def complaint(asked: Asked) -> str | None:
        found = next((n for n, m in enumerate(messages(asked)) if "reasoning_content" in m), None)
        if found is None:
            return None
        about = f"('messages.{found}' : property 'reasoning_content' is unsupported)"
        return f"'messages.{found}' : for 'role:assistant' the following must be satisfied[{about}]"

    return demand("reasoning-content", complaint)


def single_calls(shape: Shape) -> Demand:
    """Llama 3's template (vllm#25108)."""
    words = "This model only supports single tool-calls at once!"

    def complaint(asked: Asked) -> str | None:
        return words if any(len(m.get("tool_calls") or ()) > 1 for m in messages(asked)) else None

    return demand(SINGLE_CALLS, complaint, shape, 500)


SINGLE_CALLS = "single-calls"


def unique_ids() -> Demand:
    """A call that is answered twice, or two calls of one id (hermes-agent#111443)."""

    def complaint(asked: Asked) -> str | None:
        ids = [call["id"] for message in messages(asked) for call in message.get("tool_calls") or ()]
        twice = next((each for each in ids if ids.count(each) > 1), None)
        return None if twice is None else f"Duplicate value for 'tool_call_id' of {twice} in 'messages'"

    return demand("unique-ids", complaint)


# --- of Messages -----------------------------------------------------------------------------------


def max_tokens_needed() -> Demand:
    missing = "max_tokens: Field required"
    return demand("max-tokens", lambda asked: None if asked.body.get("max_tokens") else missing, anthropic)


def plain_ids() -> Demand:
    """Anthropic's pattern, and its word for two blocks of one id."""

    def complaint(asked: Asked) -> str | None:
        seen: set[str] = set()
        for number, part in parts(asked):
            if part.get("type") != "tool_use":
                continue
            if not re.fullmatch("[a-zA-Z0-9_-]+", part["id"]):
                return f"messages.{number}.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"
            if part["id"] in seen:
                return f"messages.{number}.content.0: `tool_use` ids must be unique"
            seen.add(part["id"])
        return None

    return demand("call-ids", complaint, anthropic)


def no_adaptive(words: str) -> Demand:
    """Messages servers that know ``enabled`` alone (claude-code#33506, #29531)."""
    adaptive = {"type": "adaptive"}.items()
    return demand(
        "thinking",
        lambda asked: words if adaptive <= (asked.body.get("thinking") or {}).items() else None,
        anthropic,
    )
