"""The scripted model: what it answers to a conversation. Deterministic, so that tests can predict it.

1. Asked to summarise (Claude Code's ``/compact``, Codex' compaction, and a gateway's), it gives a summary.
2. ``SCRIPT=[…]`` in a user's text is played, one step per turn: ``{"tool": NAME, "input": {…}}``,
   ``{"parallel": [step, …]}`` or ``{"text": "…"}``, which may stand beside a call; after the last step comes the
   closing text.
3. ``Create a file NAME containing TEXT`` calls a tool that can; then comes the closing text, which
   quotes what the tool returned.
4. A tool choice that forces a call, and a JSON Schema for the answer, are obeyed.
5. A question about what the only tool on offer is called by ("weather", ``get_weather``) calls that.
6. Everything else is answered with a friendly echo.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Sequence

import msgspec
from msgspec import Struct

from daemon.simulate import filetask
from daemon.simulate.conversation import Answered, Called, Conversation, Entry, Json, Returned, Said, Tool, ToolKind
from daemon.simulate.example import MARKER, example

SUMMARY = "SUMMARY-BY-SIMULATOR"
CLOSING = f"Everything asked for is done ✓ (café, 漢字, 🚀). {MARKER}"
QUOTED = 400
"""How many characters of a tool's output, or of the user's words, an answer repeats."""

_ASKS_SUMMARY = re.compile(
    r"Respond with TEXT ONLY|CONTEXT CHECKPOINT COMPACTION|summary that you write now will take its place"
)
_SCRIPT = "SCRIPT=["
_WORD = re.compile(r"[A-Z]?[a-z]{3,}")
_INJECTED = ("<system-reminder>", "<environment_context>", "<user_instructions>", "# AGENTS.md")
"""How text begins that a client adds to what the user wrote."""
_NOTIFICATION = re.compile(r"<(?:task-|subagent_)notification>(?:.*?<result>(?P<result>.*?)</result>)?", re.DOTALL)
"""Claude Code (2.1.332), Codex (0.171.0): what a subagent in the background has returned."""
_ASKS_PROGRESS = "Describe your most recent action"
"""Claude Code, of a subagent that has been running for a while: words for the user, and no call."""


class Say(Struct, frozen=True):
    """A text of the answer. ``refusal`` makes it the model's refusal."""

    text: str
    refusal: bool = False


class Call(Struct, frozen=True):
    """A tool call of the answer; ``arguments`` is JSON for functions and plain text for custom tools."""

    name: str
    arguments: str
    kind: ToolKind = "function"
    namespace: str | None = None


Action = Say | Call
Actions = tuple[Action, ...]


class Notified(Struct, frozen=True):
    """What a subagent in the background returned, said in a turn of the user's at any time."""

    text: str


class Progress(Struct, frozen=True):
    """Where the newest task stands: its steps so far, and what the last tool or subagent returned."""

    task: str
    steps: int
    output: str | None
    returned: bool
    """A tool has returned something."""
    settled: bool
    """The task was answered, or summarised away, before the user's newest words."""


def decide(conversation: Conversation) -> Actions:
    """What the model does now: one text, or one or more tool calls."""
    progress = _progress([part for entry in conversation.entries for part in _parted(entry)])
    for rule in _RULES:
        actions = rule(conversation, progress)
        if actions is not None:
            return actions
    return _echo(conversation)


def _summarise(conversation: Conversation, _: Progress) -> Actions | None:
    if not any(_ASKS_SUMMARY.search(text) for text in _newest_words(conversation.entries)):
        return None
    return (Say(f"<summary>{SUMMARY}: all earlier requests are complete. {MARKER}</summary>"),)


def _report_progress(conversation: Conversation, _: Progress) -> Actions | None:
    asked = any(_ASKS_PROGRESS in text for text in _newest_words(conversation.entries))
    return (Say(f"Working on the task {MARKER}"),) if asked else None


def _without_tools(conversation: Conversation, _: Progress) -> Actions | None:
    """Side requests (titles, structured output) repeat the prompt, but offer nothing to call."""
    if conversation.tools or conversation.schema is None:
        return None
    return (_structured(conversation.schema),)


def _play(conversation: Conversation, progress: Progress) -> Actions | None:
    steps = find_script(progress.task)
    if steps is None or progress.settled:
        return None
    if progress.steps >= len(steps):
        return (_closing(progress.output),)
    step = steps[progress.steps]
    said = (Say(step["text"]),) if "text" in step else ()
    calls = [one for one in step.get("parallel", [step]) if "tool" in one]
    if not calls:
        return said or None
    if not conversation.tools:
        return None
    offered = {tool.name: tool for tool in conversation.tools}
    return (*said, *(_as_call(one["tool"], one.get("input", {}), offered) for one in calls))


def _close(conversation: Conversation, progress: Progress) -> Actions | None:
    begun = progress.steps or progress.returned or not progress.task
    if progress.settled or (progress.output is None and not progress.steps) or not begun:
        return None
    if conversation.schema is not None:
        return (_structured(conversation.schema),)
    return (_closing(progress.output),)


def _obey_choice(conversation: Conversation, progress: Progress) -> Actions | None:
    forced = conversation.forced
    if forced is None or not conversation.tools:
        return None
    allowed = [tool for tool in conversation.tools if forced in ("", tool.name)]
    task = filetask.find(progress.task, _surroundings(conversation))
    if task and (call := filetask.call(task, allowed)):
        return (_call(*call),)
    tool = next((tool for tool in allowed if tool.kind == "function"), None)
    return (_call(tool, _encode(example(tool.schema))),) if tool else None


def _fit_schema(conversation: Conversation, _: Progress) -> Actions | None:
    return None if conversation.schema is None else (_structured(conversation.schema),)


def _make_file(conversation: Conversation, progress: Progress) -> Actions | None:
    task = None if progress.settled else filetask.find(progress.task, _surroundings(conversation))
    call = filetask.call(task, conversation.tools) if task else None
    return (_call(*call),) if call else None


def _ask_the_tool(conversation: Conversation, _: Progress) -> Actions | None:
    tool = conversation.tools[0] if len(conversation.tools) == 1 else None
    asked = " ".join(_newest_words(conversation.entries)).lower()
    if tool is None or tool.kind != "function" or "?" not in asked:
        return None
    names = {word.lower() for word in _WORD.findall(tool.name)}
    return (_call(tool, _encode(example(tool.schema))),) if names & set(_WORD.findall(asked)) else None


# The first rule that has an answer gives it.
_RULES: tuple[Callable[[Conversation, Progress], Actions | None], ...] = (
    _summarise,
    _report_progress,
    _without_tools,
    _play,
    _close,
    _obey_choice,
    _fit_schema,
    _make_file,
    _ask_the_tool,
)


def _echo(conversation: Conversation) -> Actions:
    words = [text for text in _newest_words(conversation.entries) if not text.lstrip().startswith(_INJECTED)]
    text = words[-1].strip()[:QUOTED] if words else ""
    reply = f"You wrote: “{text}”." if text else "You wrote nothing."
    return (Say(f"Hello from tppcd simulate (café, 漢字, 🚀). {reply} {MARKER}"),)


def find_script(text: str) -> list[Json] | None:
    """The steps after the last ``SCRIPT=`` in ``text``; None where there is none, or it is not JSON."""
    start = text.rfind(_SCRIPT)
    if start < 0:
        return None
    try:
        steps, _ = json.JSONDecoder().raw_decode(text, start + len(_SCRIPT) - 1)
    except ValueError:
        return None
    return [step for step in steps if isinstance(step, dict)]


def _progress(entries: Sequence[Entry | Notified]) -> Progress:
    """Steps are counted from the newest task on; without a task, from the beginning."""
    tasks = [number for number, entry in enumerate(entries) if isinstance(entry, Said) and _is_task(entry.text)]
    start = tasks[-1] if tasks else -1
    since = entries[start + 1 :]
    # Calls in a row are one step.
    neighbours = zip((None, *since), since, strict=False)
    steps = sum(isinstance(entry, Called) and not isinstance(before, Called) for before, entry in neighbours)
    task = entries[start] if start >= 0 else None
    return Progress(
        task=task.text if isinstance(task, Said) else "",
        steps=steps,
        output=_output(since),
        returned=any(isinstance(entry, Returned) for entry in since),
        settled=_is_settled(since),
    )


def _output(since: Sequence[Entry | Notified]) -> str | None:
    """What a tool returned since the last answer, else what a subagent did, else what the last tool returned."""
    newest = since[_last_answer(since) + 1 :]
    for kind, entries in ((Returned, newest), (Notified, newest), (Returned, since)):
        found = next((entry.text for entry in reversed(entries) if isinstance(entry, kind)), None)
        if found is not None:
            return found
    return None


def _parted(entry: Entry) -> tuple[Entry | Notified, ...]:
    """A text of the user's by what it says: a gateway puts neighbours into one where its upstream's roles must
    alternate. What stands before a summary, and the summary with what follows; what a subagent returned, and a task
    beside it."""
    if not isinstance(entry, Said):
        return (entry,)
    if SUMMARY in entry.text:
        before, _, after = entry.text.partition(SUMMARY)
        return Said(before), Said(SUMMARY + after)
    found = _NOTIFICATION.search(entry.text)
    if found is None:
        return (entry,)
    result = found["result"]
    parts: tuple[Said | Notified, ...] = (
        Said(entry.text[: found.start()]),
        Notified(entry.text if result is None else html.unescape(result)),
        Said(entry.text[found.end() :]),
    )
    return tuple(part for part in parts if isinstance(part, Notified) or _is_task(part.text))


def _is_task(text: str) -> bool:
    return find_script(text) is not None or filetask.find(text) is not None


def _is_settled(since: Sequence[Entry | Notified]) -> bool:
    last = _last_answer(since)
    summarised = any(isinstance(entry, Said) and SUMMARY in entry.text for entry in since)
    news = any(isinstance(entry, Returned | Notified) for entry in since[last + 1 :])
    return summarised or (last >= 0 and not news)


def _last_answer(since: Sequence[Entry | Notified]) -> int:
    """Its place; -1 where nothing has been answered."""
    return max((number for number, entry in enumerate(since) if isinstance(entry, Answered)), default=-1)


def _newest_words(entries: Sequence[Entry]) -> list[str]:
    """The user's texts after the last entry of the assistant or of a tool."""
    words: list[str] = []
    for entry in reversed(entries):
        if not isinstance(entry, Said):
            break
        words.insert(0, entry.text)
    return words


def _surroundings(conversation: Conversation) -> list[str]:
    return [conversation.system, *(entry.text for entry in conversation.entries if isinstance(entry, Said))]


def _closing(output: str | None) -> Say:
    return Say(CLOSING if output is None else f"TOOL-OUTPUT<<{output[:QUOTED]}>> {CLOSING}")


def _structured(schema: Json) -> Say:
    return Say(_encode(example(schema)))


def _as_call(name: str, value: object, offered: dict[str, Tool]) -> Call:
    """A scripted step; a tool that nobody offered is called too, to see what the client makes of it."""
    tool = offered.get(name, Tool(name, {}))
    if tool.kind == "custom":
        plain = value.get("input", value) if isinstance(value, dict) else value
        return _call(tool, plain if isinstance(plain, str) else _encode(plain))
    # A function takes an object: where a gateway offers a custom tool as one, its text is the one argument.
    return _call(tool, _encode({"input": value} if isinstance(value, str) else value))


def _call(tool: Tool, arguments: str) -> Call:
    return Call(tool.name, arguments, tool.kind, tool.namespace)


def _encode(value: object) -> str:
    return msgspec.json.encode(value).decode()
