"""``Create a file NAME containing TEXT``: reading that sentence, and the call that fulfils it."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Callable, Iterable

import msgspec
from msgspec import Struct

from daemon.simulate.conversation import Json, Tool

_SENTENCE = re.compile(
    r"file (?:named |called )?[`'\"]?(?P<name>[\w./-]+\.\w+)[`'\"]? "
    r"(?:containing|with (?:the )?content)(?: exactly)?:? [`'\"]?(?P<content>[\w-]+)"
)
_DIRECTORY = re.compile(r"orking directory: (\S+)|<cwd>([^<]+)</cwd>|\bcwd: (\S+)")
_PATH_WORDS = ("path", "file")
_CONTENT_WORDS = ("content", "text", "data")


class FileTask(Struct, frozen=True):
    """A file to make. ``path`` is absolute where the conversation names the working directory."""

    name: str
    path: str
    content: str

    @property
    def shell(self) -> str:
        """One shell line that makes the file and shows it."""
        return f"printf %s {shlex.quote(self.content)} > {shlex.quote(self.name)} && cat {shlex.quote(self.name)}"


def find(text: str, surroundings: Iterable[str] = ()) -> FileTask | None:
    """The task that ``text`` states, None when it states none."""
    match = _SENTENCE.search(text)
    if match is None:
        return None
    name = match["name"]
    working = next((m for place in surroundings if (m := _DIRECTORY.search(place))), None)
    directory = next(filter(None, working.groups())) if working else ""
    return FileTask(name, posixpath.join(directory, name), match["content"])


def call(task: FileTask, tools: Iterable[Tool]) -> tuple[Tool, str] | None:
    """The offered tool that can write the file, and its arguments as JSON (or as plain input)."""
    offered = list(tools)
    for known, build in _KNOWN.items():
        for tool in offered:
            if (tool.kind, tool.name) == known:
                return tool, build(task)
    for (kind, name), build in _KNOWN.items():
        for tool in offered:
            if _stands_for(tool, kind, name):
                return tool, _json(input=build(task)) if kind == "custom" else build(task)
    for tool in offered:
        if tool.kind == "function" and (arguments := _by_schema(task, tool.schema)):
            return tool, arguments
    return None


def _stands_for(tool: Tool, kind: str, name: str) -> bool:
    """Where an API has neither namespaces nor custom tools, a gateway offers ``NAMESPACE__NAME`` and a
    function that takes one text, ``input``."""
    plain = tool.name.rpartition("__")[2] == name and tool.kind == "function"
    return plain and (kind == "function" or list(tool.schema.get("properties") or {}) == ["input"])


def _json(**arguments: object) -> str:
    return msgspec.json.encode(arguments).decode()


def _by_schema(task: FileTask, schema: Json) -> str | None:
    """Arguments for an unknown function that takes a path and a content."""
    properties = schema.get("properties") or {}
    path = next((p for p in properties if any(word in p.lower() for word in _PATH_WORDS)), None)
    content = next((p for p in properties if p != path and any(word in p.lower() for word in _CONTENT_WORDS)), None)
    return _json(**{path: task.path, content: task.content}) if path and content else None


def _javascript(task: FileTask) -> str:
    """Codex' code mode: the only tool runs JavaScript, which has the others as functions."""
    return f"const r = await tools.exec_command({_json(cmd=task.shell)});\ntext(r.output ?? JSON.stringify(r));\n"


def _patch(task: FileTask) -> str:
    return f"*** Begin Patch\n*** Add File: {task.name}\n+{task.content}\n*** End Patch\n"


# The tools of the coding agents, best first. Claude Code, opencode; Codex CLI; any agent's shell; code mode.
_KNOWN: dict[tuple[str, str], Callable[[FileTask], str]] = {
    ("function", "Write"): lambda task: _json(file_path=task.path, content=task.content),
    ("function", "write"): lambda task: _json(filePath=task.path, content=task.content),
    ("function", "exec_command"): lambda task: _json(cmd=task.shell),
    ("function", "shell_command"): lambda task: _json(command=task.shell),
    ("function", "Bash"): lambda task: _json(command=task.shell, description="Create the file"),
    ("function", "bash"): lambda task: _json(command=task.shell, description="Create the file"),
    ("function", "shell"): lambda task: _json(command=["bash", "-lc", task.shell]),
    ("custom", "exec"): _javascript,
    ("local_shell", "local_shell"): lambda task: _json(command=["bash", "-lc", task.shell]),
    ("custom", "apply_patch"): _patch,
}
