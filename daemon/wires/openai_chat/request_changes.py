"""Changes to the turns of a request on its way to a Chat upstream whose template is stricter than OpenAI's API.

vLLM, SGLang, llama.cpp, Ollama and LM Studio put a conversation through the Jinja template of its model, and Qwen's,
Gemma's and Mistral's refuse what they have no form for. A translated request has that form from the start
(``encode_blocks``), what passes through after a refusal. Each change here is a pure function over the body's top-level
fields, as in ``openai_responses.request_changes``; what one message holds is changed in ``message_changes``.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Raw

from daemon.wires.added_text import CONTINUE, UNDERSTOOD, is_reminder, reminder
from daemon.wires.base import Fields
from daemon.wires.json import FALSE, NULL, TRUE, RawObject, encode, fields_of, items_of, string_of
from daemon.wires.openai_chat.encode_blocks import REASONING_FIELDS
from daemon.wires.openai_chat.message_objects import (
    RESULTS,
    SYSTEM,
    Messages,
    change_messages,
    content_of,
    has_calls,
    joined,
    messages_of,
    only_text,
    raw_text,
    role_of,
    text_message,
    together,
)


def system_first(fields: Fields, _: str = "") -> Sequence[str]:
    """One system message, the first: the system and developer texts that open the conversation. Later ones are marked
    user text where they stand, never between a call and its results."""
    change_messages(fields, _system_first)
    return ()


def _system_first(messages: Messages) -> Messages:
    roles = [role_of(message) for message in messages]
    if SYSTEM.isdisjoint(roles[1:]) and roles[0] != "developer":
        return messages
    opening = next((number for number, role in enumerate(roles) if role not in SYSTEM), len(roles))
    turns = _opening_system(messages[:opening])
    waiting: Messages = []
    for message, role in zip(messages[opening:], roles[opening:], strict=True):
        if role in SYSTEM:
            waiting.append(_as_reminder(message))
            continue
        said = bool(waiting) and role not in RESULTS
        if said:
            _say(turns, waiting)
        if said and role == "user" and _is_reminder(turns[-1]):
            turns[-1] = turns[-1] | {"content": together(content_of(turns[-1]), content_of(message))}
        else:
            turns.append(message)
    _say(turns, waiting)
    return turns


def _opening_system(messages: Messages) -> Messages:
    texts = [only_text(content_of(message)) for message in messages]
    if not messages or (len(messages) == 1 and role_of(messages[0]) == "system"):
        return messages
    if any(text is None for text in texts):  # what is no text stays as it came, in one message
        content = content_of(messages[0])
        for message in messages[1:]:
            content = together(content, content_of(message))
        return [messages[0] | {"role": raw_text("system"), "content": content}]
    return [messages[0] | text_message("system", joined([text for text in texts if text]))]


def _say(turns: Messages, waiting: Messages) -> None:
    """What waits becomes the user's, together with what the user has just said."""
    for message in waiting:
        if turns and role_of(turns[-1]) == "user":
            turns[-1] = turns[-1] | {"content": together(content_of(turns[-1]), content_of(message))}
        else:
            turns.append(message)
    waiting.clear()


def _as_reminder(message: RawObject) -> RawObject:
    text = only_text(content_of(message))
    if text is None:
        return message | {"role": raw_text("user")}
    return text_message("user", reminder(text))


def _is_reminder(message: RawObject) -> bool:
    return role_of(message) == "user" and is_reminder(only_text(content_of(message)) or "")


def no_system_role(fields: Fields, _: str = "") -> Sequence[str]:
    """No system message at all (Gemma 2, early Mistral): its text opens what the user says first."""
    change_messages(fields, _no_system_role)
    return ()


def _no_system_role(messages: Messages) -> Messages:
    turns = _system_first(messages)
    if not turns or role_of(turns[0]) != "system":
        return turns
    system, rest = turns[0], turns[1:]
    if rest and role_of(rest[0]) == "user":
        return [rest[0] | {"content": together(content_of(system), content_of(rest[0]))}, *rest[1:]]
    return [system | {"role": raw_text("user")}, *rest]


def no_developer_role(fields: Fields, _: str = "") -> Sequence[str]:
    """``developer`` is called ``system``, as it was before."""

    def change(messages: Messages) -> Messages:
        return [each | {"role": raw_text("system")} if role_of(each) == "developer" else each for each in messages]

    change_messages(fields, change)
    return ()


def alternating(fields: Fields, _: str = "") -> Sequence[str]:
    """User and assistant take turns behind the one system message, the user first. Neighbours of one role are one
    message. Between a tool's result and the user's next word the model says that it has understood (Mistral:
    "Unexpected role 'user' after role 'tool'"); what Claude Code adds there, marked text, is the result's."""
    change_messages(fields, lambda messages: _alternating(_system_first(messages)))
    return ()


def _alternating(messages: Messages) -> Messages:
    turns: Messages = []
    last = ""  # the role of the last turn
    for message in messages:
        role = role_of(message)
        if turns and role == last and role not in RESULTS and not has_calls(turns[-1]):
            turns[-1] = _one_message(turns[-1], message)
        elif role == "user" and (last in RESULTS or (last == "assistant" and has_calls(turns[-1]))):
            if last in RESULTS and _is_reminder(message):
                turns[-1] = turns[-1] | {"content": together(content_of(turns[-1]), content_of(message))}
                continue
            turns += [text_message("assistant", UNDERSTOOD), message]
        elif role == "assistant" and last in ("", "system"):
            turns += [text_message("user", CONTINUE), message]
        else:
            turns.append(message)
        last = role
    return turns


def _one_message(first: RawObject, second: RawObject) -> RawObject:
    whole = second | first
    contents = content_of(first), content_of(second)
    if NULL not in contents:
        whole["content"] = together(*contents)
    else:
        whole["content"] = contents[1] if contents[0] == NULL else contents[0]
    if has_calls(second):
        whole |= {name: second[name] for name in ("tool_calls", "function_call") if name in second}
    for field in REASONING_FIELDS:
        if thoughts := joined([string_of(each.get(field, NULL)) for each in (first, second)]):
            whole[field] = raw_text(thoughts)
    return whole


def one_call_at_a_time(fields: Fields, _: str = "") -> Sequence[str]:
    """Each call is a message of its own with its result behind it, for templates that know one call per message (those
    of Llama 3 in vLLM, NIM and llama.cpp). What is said beside the calls stays with the first."""
    change_messages(fields, _one_call_at_a_time)
    if fields.get("parallel_tool_calls") == TRUE:
        fields["parallel_tool_calls"] = FALSE
    return ()


def _one_call_at_a_time(messages: Messages) -> Messages:
    groups: list[Messages] = []  # a message with the results behind it
    for message in messages:
        if groups and role_of(message) in RESULTS:
            groups[-1].append(message)
        else:
            groups.append([message])
    return [turn for message, *results in groups for turn in _split(message, results)]


def _split(message: RawObject, results: Messages) -> Messages:
    """``message`` and the ``results`` behind it, as one message for each call."""
    calls = items_of(message["tool_calls"]) if has_calls(message) and "tool_calls" in message else []
    if len(calls) < 2:
        return [message, *results]
    rest = {"role": message["role"], "content": NULL if content_of(message) == NULL else raw_text("")}
    turns: Messages = []
    for call in calls:
        turns.append((rest if turns else message) | {"tool_calls": Raw(encode([call]))})
        identifier = fields_of(call).get("id", NULL)
        turns += [each for each in results if each.get("tool_call_id") == identifier]
    return turns + [each for each in results if each not in turns]


def assistant_prefix(fields: Fields, _: str = "") -> Sequence[str]:
    """An answer that the client has begun says so, in Mistral's word for it."""

    def change(messages: Messages) -> Messages:
        last = messages[-1]
        return (
            messages if role_of(last) != "assistant" or has_calls(last) else [*messages[:-1], last | {"prefix": TRUE}]
        )

    change_messages(fields, change)
    return ()


def user_last(fields: Fields, _: str = "") -> Sequence[str]:
    """The user says something at all, and has the last word where the assistant has it."""
    change_messages(fields, _user_last)
    return ()


def _user_last(messages: Messages) -> Messages:
    word = text_message("user", CONTINUE)
    opening = next((number for number, each in enumerate(messages) if role_of(each) not in SYSTEM), len(messages))
    if all(role_of(message) != "user" for message in messages):
        messages = [*messages[:opening], word, *messages[opening:]]
    last = messages[-1]
    if role_of(last) != "assistant" or has_calls(last):
        return messages
    last = {name: value for name, value in last.items() if name != "prefix"}
    return [*messages[:-1], last, word]


def tools_as_text(fields: Fields, _: str = "") -> Sequence[str]:
    """Calls and results as text, for templates that know users and assistants alone."""
    lost = [
        f"messages[{number}].{'tool_result' if role_of(each) in RESULTS else 'tool_calls'}"
        for number, each in enumerate(messages_of(fields))
        if role_of(each) in RESULTS or has_calls(each)
    ]
    change_messages(fields, lambda messages: _alternating(_system_first([_as_text(each) for each in messages])))
    return lost


def _as_text(message: RawObject) -> RawObject:
    if role_of(message) in RESULTS:
        result = raw_text("[result of a tool]")
        return {"role": raw_text("user"), "content": together(result, content_of(message))}
    if not has_calls(message):
        return message
    calls = message.get("tool_calls", NULL)
    named = [f"[tool call] {bytes(call).decode()}" for call in items_of(calls)] if calls != NULL else ["[tool call]"]
    rest = {name: value for name, value in message.items() if name not in ("tool_calls", "function_call")}
    return rest | {"content": together(content_of(message), Raw(encode("\n".join(named))))}
