"""What makes demand of parameters, by the model that is asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from daemon.simulate.answer import CHARS_PER_TOKEN
from daemon.simulate.demand import Asked, Demand
from daemon.simulate.rules.envelopes import Envelope
from daemon.simulate.rules.rule import facts, filled, messages, rule

_NO_LEVELS = ((), ("none",))
"""The levels of models that do not think."""
LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")


def known_model(
    says: Envelope,
    words: str,
    *,
    status: int = 404,
    kind: str = "invalid_request_error",
    code: str | None = None,
    param: str | None = None,
) -> Demand:
    """A model that the make does not have."""

    def complaint(asked: Asked) -> str | None:
        return filled(words, asked) if asked.model is None and asked.body.get("model") else None

    return rule("model", complaint, says, status=status, kind=kind, code=code, param=param)


def unknown_names(
    names: tuple[str, ...], says: Envelope, words: str, *, status: int = 400, code: str | None = None
) -> Demand:
    """``{name}`` is the first of them that a request has."""

    def complaint(asked: Asked) -> str | None:
        found = next((name for name in names if name in asked.body), None)
        return None if found is None else filled(words, asked, name=found)

    return rule("parameters", complaint, says, status=status, code=code)


def most_tokens(says: Envelope, words: str, *, code: str | None = None) -> Demand:
    """``{sent}`` is the limit that was asked for, ``{limit}`` the model's, ``{name}`` the parameter."""

    def complaint(asked: Asked) -> str | None:
        limit = facts(asked).output
        name, sent = limit_of(asked)
        return filled(words, asked, sent=sent, limit=limit, name=name) if 0 < limit < sent else None

    return rule("max-tokens", complaint, says, code=code)


def context(
    says: Envelope,
    words: str,
    with_answer: str = "",
    *,
    kind: str = "invalid_request_error",
    code: str | None = None,
) -> Demand:
    """``words`` of a prompt that is too long, ``with_answer`` of one beside which the answer does not fit.
    ``{prompt}`` and ``{answer}`` are their tokens, ``{sum}`` both, ``{limit}`` those of the model."""

    def complaint(asked: Asked) -> str | None:
        limit = facts(asked).context
        if not limit:
            return None
        prompt = len(msgspec.json.encode(asked.body)) // CHARS_PER_TOKEN
        answer = limit_of(asked)[1]
        places = {"prompt": prompt, "answer": answer, "sum": prompt + answer, "limit": limit}
        if prompt > limit:
            return filled(words, asked, **places)
        return filled(with_answer, asked, **places) if with_answer and prompt + answer > limit else None

    return rule("context", complaint, says, kind=kind, code=code, param=None)


def limit_of(asked: Asked) -> tuple[str, int]:
    """The parameter that limits the answer, and its value; 0 where there is none."""
    name = next((name for name in LIMITS if asked.body.get(name)), LIMITS[0])
    return name, int(asked.body.get(name) or 0)


def renamed(name: str, successor: str, says: Envelope) -> Demand:
    """OpenAI's models that reason: ``max_tokens`` has another name."""
    words = f"Unsupported parameter: '{name}' is not supported with this model. Use '{successor}' instead."

    def complaint(asked: Asked) -> str | None:
        return words if name in asked.body and not facts(asked).plain else None

    return rule("parameters", complaint, says, code="unsupported_parameter", param=name)


def sampling(names: tuple[str, ...], says: Envelope, words: str, *, code: str | None = None) -> Demand:
    """Models that reason have one temperature alone. ``{name}``, and ``{sent}`` for its value."""

    def complaint(asked: Asked) -> str | None:
        if facts(asked).plain:
            return None
        found = next((name for name in names if asked.body.get(name, 1) != 1), None)
        return None if found is None else filled(words, asked, name=found, sent=asked.body[found])

    return rule("sampling", complaint, says, code=code)


def not_with_reasoning(names: tuple[str, ...], says: Envelope, words: str, *, code: str | None = None) -> Demand:
    """Parameters that models that reason do not have. ``{name}`` is the first one."""

    def complaint(asked: Asked) -> str | None:
        found = next((name for name in names if name in asked.body and not facts(asked).plain), None)
        return None if found is None else filled(words, asked, name=found)

    return rule("parameters", complaint, says, code=code)


def efforts(
    says: Envelope, words: str, refused: str = "", *, code: str | None = None, refused_code: str | None = None
) -> tuple[Demand, ...]:
    """``words`` of a level that the model does not have, ``refused`` of a model that has none. ``{effort}`` is the
    level; ``{efforts}`` are the model's, in double quotes, ``{ticks}`` in backquotes, ``{quotes}`` in single ones;
    ``{name}`` is the parameter."""

    def wrong(asked: Asked) -> str | None:
        levels, (name, effort) = facts(asked).efforts, effort_of(asked)
        odd = levels not in (None, *_NO_LEVELS) and effort not in ("", *(levels or ()))
        return _leveled(words, asked, name, effort, levels or ()) if odd else None

    def none_at_all(asked: Asked) -> str | None:
        levels, (name, effort) = facts(asked).efforts, effort_of(asked)
        odd = levels in _NO_LEVELS and effort not in ("", *(levels or ()))
        return _leveled(refused, asked, name, effort, ()) if odd else None

    found = (rule("effort", wrong, says, code=code),)
    return found if not refused else (*found, rule("effort", none_at_all, says, code=refused_code))


def _leveled(words: str, asked: Asked, name: str, effort: str, levels: tuple[str, ...]) -> str:
    def listed(mark: str, last: str) -> str:
        quoted = [f"{mark}{level}{mark}" for level in levels]
        return ", ".join(quoted[:-1]) + last + quoted[-1] if len(quoted) > 1 else "".join(quoted)

    places = {"efforts": listed('"', ", or "), "ticks": listed("`", ", or "), "quotes": listed("'", ", and ")}
    return filled(words, asked, name=name, effort=effort, **places)


def effort_of(asked: Asked) -> tuple[str, str]:
    """The parameter by which effort is asked for, and the level; empty where it is not."""
    body = asked.body
    for name, value in (
        ("reasoning_effort", body.get("reasoning_effort")),
        ("reasoning.effort", (body.get("reasoning") or {}).get("effort")),
        ("output_config.effort", (body.get("output_config") or {}).get("effort")),
    ):
        if value:
            return name, str(value)
    return "", ""


def thinking_types(says: Envelope, words: Mapping[str, str]) -> Demand:
    """What is said of each value of ``thinking.type`` that the model does not take."""

    def complaint(asked: Asked) -> str | None:
        kind = str((asked.body.get("thinking") or {}).get("type", ""))
        return filled(words[kind], asked) if kind in words and kind not in facts(asked).thinking else None

    return rule("thinking", complaint, says, param=None)


def only_value(name: str, value: float, says: Envelope, words: str) -> Demand:
    """Kimi (nofx#1415, opencode#10811)."""
    return rule(f"only-{name}", lambda asked: words if asked.body.get(name, value) != value else None, says, param=None)


def free_tool_choice(says: Envelope, words: str, *, code: str | None = None) -> Demand:
    """Makes at which the model alone decides: GLM (``auto``), Qwen while it thinks."""

    def complaint(asked: Asked) -> str | None:
        return words if asked.body.get("tool_choice", "auto") not in ("auto", "none", None) else None

    return rule("tool-choice", complaint, says, code=code, param=None)


def word_of_tool_choice(says: Envelope, words: str) -> Demand:
    """LM Studio: no object."""
    return rule(
        "tool-choice",
        lambda asked: words if isinstance(asked.body.get("tool_choice"), dict) else None,
        says,
        param=None,
    )


def streamed(says: Envelope, words: str, *, above: int = 0) -> Demand:
    """Answers that come streamed alone, or all those longer than ``above`` tokens (Fireworks: 4096)."""

    def complaint(asked: Asked) -> str | None:
        return words if not asked.body.get("stream") and limit_of(asked)[1] > above else None

    return rule("stream", complaint, says, code="BAD_REQUEST")


def limit_needed(says: Envelope) -> Demand:
    """Anthropic."""
    words = "max_tokens: Field required"
    return rule("max-tokens", lambda asked: None if asked.body.get("max_tokens") else words, says, param=None)


def tool_names(says: Envelope) -> Demand:
    """OpenAI's pattern, which most have."""

    def complaint(asked: Asked) -> str | None:
        for number, tool in enumerate(asked.body.get("tools") or ()):
            function = tool.get("function") or {}
            if not re.fullmatch("[a-zA-Z0-9_-]{1,64}", str(function.get("name", "x"))):
                return (
                    f"Invalid 'tools[{number}].function.name': string does not match pattern. Expected a string that"
                    " matches the pattern '^[a-zA-Z0-9_-]+$'."
                )
        return None

    return rule("tool-names", complaint, says, code="invalid_value")


def tools_with_effort(says: Envelope) -> Demand:
    """OpenAI, from gpt-5.4 on: tools and an effort together want the other API."""

    def complaint(asked: Asked) -> str | None:
        if facts(asked).plain or not asked.body.get("tools") or effort_of(asked)[1] in ("", "none"):
            return None
        name = asked.body.get("model")
        return (
            f"Function tools with reasoning_effort are not supported for {name} in /v1/chat/completions. Please use"
            " /v1/responses instead."
        )

    return rule("tools-with-effort", complaint, says, param="reasoning_effort")


def no_prefill(says: Envelope) -> Demand:
    """Claude since Opus 4.6."""
    words = "This model does not support assistant message prefill. The conversation must end with a user message."

    def complaint(asked: Asked) -> str | None:
        last = [message for message in messages(asked) if message.get("role") != "system"][-1:]
        return words if last and last[0].get("role") == "assistant" and not facts(asked).plain else None

    return rule("prefill", complaint, says, param=None)
