"""What makes demand of the order of turns: templates that a conversation is put through, and checks before them."""

from __future__ import annotations

import itertools

from daemon.simulate.demand import Asked, Demand
from daemon.simulate.rules.envelopes import Envelope
from daemon.simulate.rules.rule import calls, facts, filled, messages, rule

SYSTEM = ("system", "developer")


def system_first(
    says: Envelope, words: str = "System message must be at the beginning.", *, status: int = 400
) -> Demand:
    """Qwen's template (litellm#39852, hermes-studio#2688, llama.cpp#27367)."""

    def complaint(asked: Asked) -> str | None:
        late = any(message.get("role") in SYSTEM for message in messages(asked)[1:])
        return words if late and facts(asked).template == "system first" else None

    return rule("system-first", complaint, says, status=status, param=None)


def alternating(says: Envelope, words: str, *, status: int = 400) -> Demand:
    """Templates of Mistral and Gemma: behind a system message user and assistant by turns, calls and results aside
    (lemonade#1420, theia#17104, mistral-vibe#1006)."""

    def complaint(asked: Asked) -> str | None:
        if facts(asked).template != "alternating":
            return None
        wanted = "user"
        for number, message in enumerate(messages(asked)):
            role = message.get("role")
            if (role == "system" and number == 0) or role == "tool" or calls(message):
                continue
            if role != wanted:
                return words
            wanted = "assistant" if role == "user" else "user"
        return None

    return rule("alternating", complaint, says, status=status, param=None)


def no_role(role: str, says: Envelope, words: str, *, code: str | None = None) -> Demand:
    """``{index}`` is the number of the message."""

    def complaint(asked: Asked) -> str | None:
        found = next((number for number, each in enumerate(messages(asked)) if each.get("role") == role), None)
        return None if found is None else filled(words, asked, index=found)

    return rule("roles", complaint, says, code=code, param=None)


def no_user_after_tool(says: Envelope) -> Demand:
    """Mistral (litellm#17761, onyx#6458, zed#37021)."""

    def complaint(asked: Asked) -> str | None:
        roles = [message.get("role") for message in messages(asked)]
        return "Unexpected role 'user' after role 'tool'" if ("tool", "user") in itertools.pairwise(roles) else None

    kind = "invalid_request_message_order"
    return rule("message-order", complaint, says, kind=kind, code="3230", param=None)


def one_leading_system(says: Envelope, words: str) -> Demand:
    """MiniMax: at most one system message (openclaw#19386)."""

    def complaint(asked: Asked) -> str | None:
        return words if sum(message.get("role") in SYSTEM for message in messages(asked)) > 1 else None

    return rule("one-system", complaint, says, param=None)


def user_last(says: Envelope, words: str, *, kind: str = "invalid_request_error", code: str | None = None) -> Demand:
    """No answer that the client has begun. ``{role}`` is the role of the last message."""

    def complaint(asked: Asked) -> str | None:
        last = messages(asked)[-1:]
        begun = bool(last) and last[0].get("role") == "assistant" and not last[0].get("prefix")
        return filled(words, asked, role="assistant") if begun else None

    return rule("user-last", complaint, says, kind=kind, code=code, param=None)


def answered_calls(says: Envelope, words: str, *, code: str | None = None) -> Demand:
    """Each call is answered by the messages right behind it; ``{id}`` is the first that is not."""

    def complaint(asked: Asked) -> str | None:
        turns = messages(asked)
        for number, message in enumerate(turns):
            behind = itertools.takewhile(lambda each: each.get("role") == "tool", turns[number + 1 :])
            results = {result.get("tool_call_id") for result in behind}
            missing = next((call.get("id") for call in calls(message) if call.get("id") not in results), None)
            if missing is not None:
                return filled(words, asked, id=missing)
        return None

    return rule("answered-calls", complaint, says, code=code, param=None)


def single_calls(says: Envelope) -> Demand:
    """Llama 3's template (vllm#25108)."""
    words = "This model only supports single tool-calls at once!"

    def complaint(asked: Asked) -> str | None:
        several = any(len(calls(message)) > 1 for message in messages(asked))
        return words if several and facts(asked).template == "single calls" else None

    return rule("single-calls", complaint, says, status=500, param=None)
