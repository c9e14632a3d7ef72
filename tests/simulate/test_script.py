"""What the scripted model answers, without any wire."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daemon.simulate.conversation import Answered, Called, Conversation, Entry, Returned, Said, Tool
from daemon.simulate.example import MARKER
from daemon.simulate.script import CLOSING, SUMMARY, Action, Call, Say, decide, find_script

FILE_TASK = "Create a file a.txt containing hi-1"
PATH_AND_CONTENT = {"type": "object", "properties": {"target_path": {}, "content": {}}}
WRITE = Tool("Write", {})
EXEC = Tool("exec_command", {})
UNKNOWN = Tool("save_document", PATH_AND_CONTENT)
CODE_MODE = Tool("exec", {}, "custom", "functions")
SHELL = "printf %s hi-1 > a.txt && cat a.txt"
TITLE = {"type": "object", "properties": {"title": {"type": "string"}}}


def conversation(*entries: Entry | str, **fields: Any) -> Conversation:
    turns = tuple(Said(entry) if isinstance(entry, str) else entry for entry in entries)
    return Conversation(model="gpt-5", stream=False, entries=turns, **fields)


def only(actions: tuple[Action, ...]) -> Action:
    assert len(actions) == 1
    return actions[0]


def said(actions: tuple[Action, ...]) -> str:
    action = only(actions)
    assert isinstance(action, Say)
    return action.text


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        (WRITE, {"file_path": "/work/a.txt", "content": "hi-1"}),
        (Tool("write", {}), {"filePath": "/work/a.txt", "content": "hi-1"}),
        (EXEC, {"cmd": SHELL}),
        (Tool("Bash", {}), {"command": SHELL, "description": "Create the file"}),
        (Tool("shell", {}), {"command": ["bash", "-lc", SHELL]}),
        (Tool("local_shell", {}, "local_shell"), {"command": ["bash", "-lc", SHELL]}),
        (UNKNOWN, {"target_path": "/work/a.txt", "content": "hi-1"}),
    ],
    ids=lambda value: value.name if isinstance(value, Tool) else "",
)
def test_a_file_is_made_with_the_tool_at_hand(tool: Tool, arguments: dict[str, Any]) -> None:
    asked = conversation(FILE_TASK, system="Primary working directory: /work\n", tools=(Tool("Other", {}), tool))
    call = only(decide(asked))
    assert isinstance(call, Call)
    assert (call.name, call.kind, json.loads(call.arguments)) == (tool.name, tool.kind, arguments)


def test_a_gateways_stand_ins_are_known() -> None:
    """Flat names for a namespace's tools, and a custom tool as a function with one text."""
    shell = Tool("multi__exec_command", {})
    code = Tool("functions__exec", {"properties": {"input": {"type": "string"}}})
    call = only(decide(conversation(FILE_TASK, tools=(shell,))))
    assert isinstance(call, Call) and json.loads(call.arguments) == {"cmd": SHELL}
    call = only(decide(conversation(FILE_TASK, tools=(code,))))
    assert isinstance(call, Call) and call.name == code.name
    assert "tools.exec_command" in json.loads(call.arguments)["input"]


def test_code_mode_gets_javascript_in_its_namespace() -> None:
    call = only(decide(conversation(FILE_TASK, tools=(CODE_MODE,))))
    assert isinstance(call, Call)
    assert (call.kind, call.namespace) == ("custom", "functions")
    assert "tools.exec_command(" in call.arguments


def test_the_tools_output_is_quoted_when_the_task_is_done() -> None:
    done = conversation(FILE_TASK, Called("Write"), Returned("File created"), "<system-reminder>x", tools=(WRITE,))
    assert said(decide(done)) == f"TOOL-OUTPUT<<File created>> {CLOSING}"


def test_a_new_task_is_begun_after_the_last_was_answered() -> None:
    again = conversation(
        FILE_TASK,
        Called("Write"),
        Returned("ok"),
        Answered(CLOSING),
        "Create a file b.txt containing two",
        tools=(WRITE,),
    )
    call = only(decide(again))
    assert isinstance(call, Call)
    assert json.loads(call.arguments) == {"file_path": "b.txt", "content": "two"}


def test_small_talk_after_a_task_is_echoed_and_calls_nothing() -> None:
    thanks = conversation(FILE_TASK, Called("Write"), Returned("ok"), Answered(CLOSING), "thank you", tools=(WRITE,))
    assert "“thank you”" in said(decide(thanks))


def test_what_a_subagent_in_the_background_returned_is_quoted_like_a_tools_output() -> None:
    done = "<system-reminder>\n<task-notification>the agent is done</task-notification>\n</system-reminder>"
    talk = conversation(FILE_TASK, Called("Agent"), Returned("launched"), Answered(CLOSING), done, tools=(WRITE,))
    assert said(decide(talk)) == f"TOOL-OUTPUT<<{done}>> {CLOSING}"


NEWS = (
    "<system-reminder>\n<task-notification>\n<task-id>a1</task-id>\n<result>TOOL-OUTPUT&lt;&lt;made&gt;&gt; done"
    "</result>\n</task-notification>\n</system-reminder>"
)


def test_of_what_a_subagent_says_its_result_is_quoted() -> None:
    talk = conversation(FILE_TASK, Called("Agent"), Returned("launched"), Answered(CLOSING), NEWS, tools=(WRITE,))
    assert said(decide(talk)) == f"TOOL-OUTPUT<<TOOL-OUTPUT<<made>> done>> {CLOSING}"


@pytest.mark.parametrize(
    "turns",
    [
        (FILE_TASK, NEWS),
        (FILE_TASK, Called("Agent"), Returned("launched"), Answered(CLOSING), FILE_TASK, NEWS),
        (f"{NEWS}\n\n{FILE_TASK}",),
        (f"{FILE_TASK}\n\n{NEWS}",),
    ],
    ids=["behind the task", "behind the next task", "in one text with the task", "in one text, behind the task"],
)
def test_a_subagent_that_ends_before_a_task_has_begun_does_not_end_the_task(turns: tuple[Entry | str, ...]) -> None:
    assert isinstance(only(decide(conversation(*turns, tools=(WRITE,)))), Call)


def test_a_subagent_that_ends_in_the_middle_of_a_script_is_no_step_of_it() -> None:
    asked = 'SCRIPT=[{"tool": "Agent"}, {"tool": "Write"}]'
    launched = (asked, Called("Agent"), Returned("launched"), NEWS)
    assert only(decide(conversation(*launched, tools=(WRITE,)))).name == "Write"  # type: ignore[union-attr]
    done = conversation(*launched, Called("Write"), Returned("written"), NEWS, tools=(WRITE,))
    assert said(decide(done)) == f"TOOL-OUTPUT<<written>> {CLOSING}"


def test_a_question_about_the_progress_of_a_subagent_calls_nothing() -> None:
    asks = "Describe your most recent action in 3-5 words using present tense (-ing). Do not use tools."
    assert MARKER in said(decide(conversation(FILE_TASK, Called("Read"), Returned("x"), asks, tools=(WRITE,))))


def test_what_clients_inject_is_not_taken_for_the_users_words() -> None:
    assert "“hi”" in said(decide(conversation("hi", "<system-reminder>be brief</system-reminder>")))


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        ((), [Call("A", '{"x":1}')]),
        ((Called("A"), Returned("one")), [Call("B", "{}"), Call("Ghost", "{}")]),
        ((Called("A"), Returned("one"), Called("B"), Called("Ghost"), Returned("two")), [Say("three")]),
    ],
    ids=["first step", "parallel step", "text step"],
)
def test_a_script_is_played_one_step_per_turn(turns: tuple[Entry, ...], expected: list[Action]) -> None:
    steps = [{"tool": "A", "input": {"x": 1}}, {"parallel": [{"tool": "B"}, {"tool": "Ghost"}]}, {"text": "three"}]
    asked = conversation(f"Do it. SCRIPT={json.dumps(steps)} please", *turns, tools=(Tool("A", {}), Tool("B", {})))
    assert list(decide(asked)) == expected


def test_a_step_may_have_a_text_and_a_call() -> None:
    asked = conversation('SCRIPT=[{"text": "I look.", "tool": "A"}]', tools=(Tool("A", {}),))
    assert list(decide(asked)) == [Say("I look."), Call("A", "{}")]


def test_after_the_last_step_comes_the_closing_text() -> None:
    asked = conversation('SCRIPT=[{"tool": "A"}]', Called("A"), Returned("out"), tools=(Tool("A", {}),))
    assert said(decide(asked)) == f"TOOL-OUTPUT<<out>> {CLOSING}"


@pytest.mark.parametrize("text", ["no script", "SCRIPT=[{", "SCRIPT=7"])
def test_what_is_no_script_is_not_played(text: str) -> None:
    assert find_script(text) is None


@pytest.mark.parametrize(
    "words",
    [
        "CRITICAL: Respond with TEXT ONLY.",
        "CONTEXT CHECKPOINT COMPACTION please",
        "This is too long to go on, and a summary that you write now will take its place.",
    ],
)
def test_a_summary_is_given_and_ends_what_came_before(words: str) -> None:
    history = (FILE_TASK, Called("Write"), Returned("ok"), Answered(CLOSING))
    summary = said(decide(conversation(*history, words, tools=(WRITE,))))
    assert SUMMARY in summary and MARKER in summary
    assert MARKER in said(decide(conversation(FILE_TASK, f"Another model wrote: {summary}", tools=(WRITE,))))


@pytest.mark.parametrize("between", ["\n\n", "\n\nAnother model wrote:\n<summary>\n"])
def test_a_summary_counts_inside_of_a_text_too(between: str) -> None:
    """A gateway puts what the user says into one message where an upstream wants that; a new task may stand behind."""
    settled = f"{FILE_TASK}{between}{SUMMARY}: all is done.</summary>"
    assert MARKER in said(decide(conversation(settled, tools=(WRITE,))))
    call = only(decide(conversation(f"{settled}\n\n{FILE_TASK.replace('a.txt', 'b.txt')}", tools=(WRITE,))))
    assert isinstance(call, Call) and "b.txt" in call.arguments


@pytest.mark.parametrize(
    ("forced", "name"), [("", "Write"), ("Other", "Other"), (None, None)], ids=["any", "named", "free"]
)
def test_a_forced_choice_is_obeyed(forced: str | None, name: str | None) -> None:
    action = only(decide(conversation("go", tools=(WRITE, Tool("Other", {})), forced=forced)))
    assert (action.name if isinstance(action, Call) else None) == name


def test_a_forced_choice_is_fulfilled_once() -> None:
    asked = conversation("go", Called("Write"), Returned("ok"), tools=(WRITE,), forced="")
    assert MARKER in said(decide(asked))


WEATHER = Tool("get_weather", {})
TIME = Tool("get_time", {})


@pytest.mark.parametrize(
    ("called", "words", "tools"),
    [
        (True, "What's the weather like in Paris?", (WEATHER,)),
        (True, "Which WEATHER is it?", (Tool("currentWeather", {}),)),
        (False, "What's the weather like in Paris?", (WEATHER, TIME)),
        (False, "What's the time?", (WEATHER,)),
        (False, "Nice weather.", (WEATHER,)),
        (False, "Which weather is it?", (Tool("weather", {}, "custom"),)),
    ],
)
def test_a_question_about_the_only_tool_calls_it(called: bool, words: str, tools: tuple[Tool, ...]) -> None:
    assert isinstance(only(decide(conversation(words, tools=tools))), Call) is called
    answered = conversation(words, Called("get_weather"), Returned("18 °C"), tools=tools)
    assert MARKER in said(decide(answered))


@pytest.mark.parametrize("tools", [(), (Tool("Other", {}),)], ids=["without tools", "with a tool"])
def test_an_answer_fits_the_schema_asked_for(tools: tuple[Tool, ...]) -> None:
    assert json.loads(said(decide(conversation("A title", schema=TITLE, tools=tools)))) == {"title": MARKER}


def test_nothing_said_is_answered_too() -> None:
    assert MARKER in said(decide(conversation()))
